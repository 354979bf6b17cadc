import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.contract import cache
from components.contract.artifact import Manifest, publish, read_manifest, verify
from components.contract.environment import environment
from components.contract.errors import TamisError


@dataclass(frozen=True)
class Settings:
    size: int = 1


@dataclass(frozen=True)
class Source:
    content: str
    name: str = ""

    def fingerprint(self) -> str:
        return self.content


RUNS: list[str] = []


@cache.cached("work", kind="dataset", code=("contract",), ignore=("note",))
def work(source: Source, out: Path, settings: Settings, note: str = "") -> Manifest:
    RUNS.append("work")
    with publish(out, "dataset") as draft:
        (draft.path / "a.txt").write_text(f"{source.content} {settings.size}")
    return read_manifest(out, "dataset")


@cache.cached("follow", kind="dataset", code=("contract",))
def follow(dataset: Path, parts: dict[str, Path], out: Path) -> Manifest:
    RUNS.append("follow")
    with publish(out, "dataset") as draft:
        (draft.path / "b.txt").write_text("b")
    return read_manifest(out, "dataset")


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))
    environment.cache_clear()
    RUNS.clear()
    return tmp_path / "cache"


def test_equal_content_is_not_worked_on_twice(tmp_path: Path) -> None:
    first = work(Source("x"), tmp_path / "1", Settings())
    second = work(Source("x", "renamed"), tmp_path / "2", Settings(), note="ignored")
    assert RUNS == ["work"]
    assert first == second == verify(tmp_path / "2", "dataset")


@pytest.mark.parametrize(
    ("source", "settings"), [(Source("y"), Settings()), (Source("x"), Settings(2))]
)
def test_other_content_or_settings_work_again(
    tmp_path: Path, source: Source, settings: Settings
) -> None:
    work(Source("x"), tmp_path / "1", Settings())
    work(source, tmp_path / "2", settings)
    assert RUNS == ["work", "work"]


def test_other_code_works_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work(Source("x"), tmp_path / "1", Settings())
    monkeypatch.setattr(cache, "code_digest", lambda code: "changed")
    work(Source("x"), tmp_path / "2", Settings())
    assert RUNS == ["work", "work"]


def test_inputs_count_by_content_not_by_path(tmp_path: Path) -> None:
    for name, content in (("1", "x"), ("2", "x"), ("3", "y")):
        work(Source(content), tmp_path / name, Settings())
    RUNS.clear()
    follow(tmp_path / "1", {"p": tmp_path / "1"}, tmp_path / "a")
    follow(tmp_path / "2", {"p": tmp_path / "2"}, tmp_path / "b")
    assert RUNS == ["follow"]
    follow(tmp_path / "2", {"p": tmp_path / "3"}, tmp_path / "c")
    assert RUNS == ["follow", "follow"]


def test_a_damaged_entry_is_made_again(tmp_path: Path, cache_folder: Path) -> None:
    work(Source("x"), tmp_path / "1", Settings())
    file = next(cache_folder.rglob("a.txt"))
    file.unlink()
    file.write_text("altered")
    work(Source("x"), tmp_path / "2", Settings())
    assert RUNS == ["work", "work"]
    assert (tmp_path / "2" / "a.txt").read_text() == "x 1"


def test_without_a_cache_every_call_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAMIS_CACHE")
    environment.cache_clear()
    work(Source("x"), tmp_path / "1", Settings())
    work(Source("x"), tmp_path / "1", Settings())
    assert RUNS == ["work", "work"]


def test_code_digest_covers_every_source_of_a_folder() -> None:
    assert cache.code_digest(("contract",)) != cache.code_digest(("contract", "tokenize"))
    assert cache.code_digest(("catalogue.py",)) == cache.code_digest(("catalogue.py",))


def test_an_encoder_counts_by_its_content(tmp_path: Path) -> None:
    from components.train_bert.settings import BertSettings

    for name, content in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_text(content)
    prints = [BertSettings(encoder=str(tmp_path / n)).fingerprint() for n in "abc"]
    assert prints[0] == prints[1] != prints[2]
    assert BertSettings(epochs=2, encoder=str(tmp_path / "a")).fingerprint() != prints[0]


def test_what_was_used_longest_ago_is_pruned_first(tmp_path: Path, cache_folder: Path) -> None:
    for number, content in enumerate("abc"):
        work(Source(content), tmp_path / content, Settings())
        key = max((cache_folder / "work").iterdir(), key=lambda entry: entry.stat().st_mtime_ns)
        os.utime(key, (number, number))
    work(Source("a"), tmp_path / "again", Settings())  # used anew
    size = sum(f.stat().st_size for f in cache_folder.rglob("*") if f.is_file())
    assert cache.prune(cache_folder, size) == 0
    assert cache.prune(cache_folder, size // 2) == 2
    RUNS.clear()
    for content in "abc":
        work(Source(content), tmp_path / f"then-{content}", Settings())
    assert RUNS == ["work", "work"]


def test_processes_that_train_together_keep_one_result(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    materialise = cache._materialise

    def beaten(source: Path, target: Path) -> None:
        materialise(source, target)  # the other process was quicker
        raise TamisError("storage_failed", "The directory is not empty.")

    monkeypatch.setattr(cache, "_materialise", beaten)
    work(Source("x"), tmp_path / "1", Settings())
    monkeypatch.undo()
    assert len(list((cache_folder / "work").iterdir())) == 1
