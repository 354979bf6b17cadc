from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.contract.errors import InputError
from components.ingest.settings import SourceSettings
from components.ingest.sources import open_source
from components.ingest.sources.revision import find_revision

FIRST = "text,label\nfirst,1\n"
SECOND = "text,label\nsecond,0\n"


def texts(uri: str) -> list[str]:
    return [row["text"] for row in open_source(SourceSettings(uri)).rows()]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real DVC repository: `data/a.csv` and the folder `more` at tags v1 and v2."""
    folder = tmp_path_factory.mktemp("repository")
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "true",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "HOME": str(folder),
    }

    def run(*command: str) -> None:
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)

    def dvc(*arguments: str) -> None:
        run(sys.executable, "-m", "dvc", *arguments)

    def commit(tag: str) -> None:
        run("git", "add", "-A")
        run("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", tag)
        run("git", "tag", tag)

    run("git", "init", "-q")
    dvc("init", "-q")
    (folder / "data").mkdir()
    (folder / "more").mkdir()
    for tag, content in (("v1", FIRST), ("v2", SECOND)):
        (folder / "data" / "a.csv").write_text(content)
        (folder / "more" / "b.csv").write_text(content)
        (folder / "more" / "c.csv").write_text(FIRST)
        (folder / "plain.csv").write_text(content)
        dvc("add", "-q", "data/a.csv", "more")
        commit(tag)
    return folder


def test_a_file_at_a_revision(repository: Path) -> None:
    assert texts(f"dvc://{repository}@v1#data/a.csv") == ["first"]
    assert texts(f"dvc://{repository}@v2#data/a.csv") == ["second"]


def test_folders_and_globs(repository: Path) -> None:
    assert texts(f"dvc://{repository}@v1#more") == ["first", "first"]
    assert texts(f"dvc://{repository}@v2#more/*.csv") == ["second", "first"]


def test_the_fingerprint_is_what_dvc_records(repository: Path) -> None:
    first = open_source(SourceSettings(f"dvc://{repository}@v1#data/a.csv")).fingerprint()
    second = open_source(SourceSettings(f"dvc://{repository}@v2#data/a.csv")).fingerprint()
    recorded = (repository / "data" / "a.csv.dvc").read_text()
    assert first != second
    assert second.startswith("md5:")
    assert second.removeprefix("md5:") in recorded


def test_a_file_that_git_alone_tracks(repository: Path) -> None:
    sources = [
        open_source(SourceSettings(f"dvc://{repository}@{v}#plain.csv")) for v in ("v1", "v2")
    ]
    assert [next(iter(s.rows()))["text"] for s in sources] == ["first", "second"]
    assert sources[0].fingerprint() != sources[1].fingerprint()


@pytest.mark.parametrize("uri", ["dvc://repo#a.csv", "dvc://repo@v1", "dvc://@v1#a.csv", "dvc://x"])
def test_an_address_lacks_a_part(uri: str) -> None:
    with pytest.raises(InputError) as caught:
        find_revision(uri)
    assert caught.value.code == "bad_uri"
    assert "dvc://<repository>@<revision>#<path" in caught.value.hint


@pytest.mark.parametrize(
    ("tail", "code"),
    [("@v1#data/none.csv", "not_found"), ("@v9#data/a.csv", "unreadable_source")],
)
def test_what_the_repository_lacks(repository: Path, tail: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        find_revision(f"dvc://{repository}{tail}")
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


def test_a_repository_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_revision(f"dvc://{tmp_path / 'none'}@v1#a.csv")
    assert caught.value.code in {"not_found", "unreadable_source"}


def test_content_that_is_in_no_cache(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(repository), str(clone)], check=True)
    source = open_source(SourceSettings(f"dvc://{clone}@v1#data/a.csv"))
    with pytest.raises(InputError) as caught:
        list(source.rows())
    assert caught.value.code in {"not_found", "unreadable_source"}
