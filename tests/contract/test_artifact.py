import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from components.contract.artifact import (
    MANIFEST,
    MEASURED,
    publish,
    read_manifest,
    replace_json,
    verify,
)
from components.contract.errors import InputError, IntegrityError, TamisError


def make(out: Path, text: str = "one", **facts: object) -> None:
    with publish(out, "dataset") as draft:
        (draft.path / "inner").mkdir()
        (draft.path / "inner" / "a.txt").write_text(text)
        draft.facts.update(facts)


def leftovers(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.name.startswith(".")]


def test_what_is_published_can_be_verified(tmp_path: Path) -> None:
    make(tmp_path / "out", labels=["a", "b"])
    manifest = verify(tmp_path / "out", "dataset")
    assert manifest.facts == {"labels": ["a", "b"]}
    assert list(manifest.files) == ["inner/a.txt"]
    assert {"wall_s", "cpu_s", "peak_rss_mb"} <= manifest.measured.keys()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("content", [None, "", "[]", "{"])
def test_a_result_without_its_cost_is_still_sound(tmp_path: Path, content: str | None) -> None:
    make(tmp_path / "out")
    (tmp_path / "out" / MEASURED).unlink()
    if content is not None:
        (tmp_path / "out" / MEASURED).write_text(content)
    assert verify(tmp_path / "out", "dataset").measured == {}


def test_digest_depends_on_content_and_facts_alone(tmp_path: Path) -> None:
    make(tmp_path / "a", x=1)
    make(tmp_path / "b", x=1)
    make(tmp_path / "c", x=2)
    make(tmp_path / "d", "other", x=1)
    digests = [read_manifest(tmp_path / n, "dataset").digest for n in "abcd"]
    assert digests[0] == digests[1]
    assert (tmp_path / "a" / MANIFEST).read_bytes() == (tmp_path / "b" / MANIFEST).read_bytes()
    assert len(set(digests)) == 3


def test_an_error_leaves_the_old_result(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")

    def fail() -> None:
        with publish(tmp_path / "out", "dataset") as draft:
            (draft.path / "b.txt").write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (tmp_path / "out" / "inner" / "a.txt").read_text() == "old"
    assert leftovers(tmp_path) == []


def test_publishing_again_replaces_everything(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    with publish(tmp_path / "out", "dataset") as draft:
        (draft.path / "b.txt").write_text("new")
    assert list(verify(tmp_path / "out", "dataset").files) == ["b.txt"]
    assert not (tmp_path / "out" / "inner").exists()


# Each place where a publication may die: the old result or the new one is read afterwards.
@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ("artifact._seal = lambda *a: die()", "old"),
        ("artifact._swap = lambda *a: die()", "old"),
        ("between renames", "old"),
        ("artifact.shutil.rmtree = lambda p, **k: die() if p.name.endswith('.old') else 0", "new"),
    ],
)
def test_kill_leaves_old_or_new(tmp_path: Path, patch: str, expected: str) -> None:
    make(tmp_path / "out", "old")
    if patch == "between renames":
        patch = textwrap.dedent("""
            rename = Path.rename
            def once(self, target):
                rename(self, target)
                if str(target).endswith(".old"): die()
            Path.rename = once
        """)
    script = f"""
import os, signal
from pathlib import Path
from components.contract import artifact
def die():
    os.kill(os.getpid(), signal.SIGKILL)
{patch}
with artifact.publish(Path({str(tmp_path / "out")!r}), "dataset") as draft:
    (draft.path / "inner").mkdir()
    (draft.path / "inner" / "a.txt").write_text("new")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=Path.cwd(), check=False)
    assert done.returncode == -signal.SIGKILL
    verify(tmp_path / "out", "dataset")
    assert (tmp_path / "out" / "inner" / "a.txt").read_text() == expected
    make(tmp_path / "out", "again")
    assert leftovers(tmp_path) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    script = f"""
import resource, signal
from pathlib import Path
from components.contract.artifact import publish
from components.contract.errors import TamisError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with publish(Path({str(tmp_path / "out")!r}), "dataset") as draft:
        (draft.path / "a").write_bytes(bytes(5000))
except TamisError as error:
    print(error.code)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "disk_full"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (lambda p: (p / "inner" / "a.txt").write_text("0ne"), IntegrityError),
        (lambda p: (p / "inner" / "a.txt").unlink(), IntegrityError),
        (lambda p: (p / MANIFEST).write_text("{"), IntegrityError),
        (lambda p: (p / MANIFEST).write_text("[]"), IntegrityError),
        (lambda p: (p / MANIFEST).write_bytes(b"\xff\xfe"), IntegrityError),
        (lambda p: (p / MANIFEST).unlink(), InputError),
        (lambda p: edit(p, lambda d: d["facts"].update(x=2)), IntegrityError),
        (lambda p: edit(p, lambda d: d["files"].update({"../secret": "0"})), IntegrityError),
        (lambda p: edit(p, lambda d: d.update(schema=99)), IntegrityError),
    ],
)
def test_altered_bytes_are_refused(tmp_path: Path, harm: object, error: type[TamisError]) -> None:
    make(tmp_path / "out", x=1)
    harm(tmp_path / "out")  # type: ignore[operator]
    with pytest.raises(error):
        verify(tmp_path / "out", "dataset")


def edit(path: Path, change: object) -> None:
    document = json.loads((path / MANIFEST).read_text())
    change(document)  # type: ignore[operator]
    (path / MANIFEST).write_text(json.dumps(document))


def test_another_kind_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "out")
    with pytest.raises(InputError) as caught:
        read_manifest(tmp_path / "out", "bundle")
    assert caught.value.code == "wrong_kind"


def test_replace_json_is_atomic_for_readers(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    replace_json(file, {"a": 1})
    replace_json(file, {"a": 2})
    assert json.loads(file.read_text()) == {"a": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
