"""Where labelled rows are kept, each store read back by the ingest stage."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from components.contract.errors import InputError, TamisError
from components.ingest.settings import SourceSettings
from components.ingest.sources import open_source
from pipelines.feedback_store import open_store
from pipelines.retraining import FeedbackVersion, keep_version
from pipelines.trigger.labels import LabelledRow
from tests.object_store import S3

ROWS = [
    LabelledRow("a wonderful film", "positive", "new"),
    LabelledRow("dull", "negative", "old"),
    LabelledRow("lone \ud800 surrogate", "negative", "new"),
]


def texts(version: FeedbackVersion) -> list[tuple[str, str]]:
    settings = SourceSettings(version.uri, slices=("origin",))
    return [(row["text"], row["origin"]) for row in open_source(settings).rows()]


def test_a_version_is_named_by_its_content(tmp_path: Path) -> None:
    store = tmp_path / "kept"
    first = keep_version(ROWS, "new", str(store))
    assert (first.rows, first.fresh) == (3, 2)
    assert texts(first) == [
        ("a wonderful film", "fresh"), ("dull", "feedback"), ("lone \ud800 surrogate", "fresh"),
    ]  # fmt: skip
    assert keep_version(ROWS, "new", str(store)) == first
    assert len(list(store.iterdir())) == 1
    assert keep_version(ROWS[:2], "new", str(store)).uri != first.uri
    assert keep_version(ROWS, "old", str(store)).uri != first.uri, "other rows are fresh"
    assert stat.S_IMODE(Path(first.uri).stat().st_mode) == 0o600


def test_nothing_labelled_is_no_version(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        keep_version([], "new", str(tmp_path / "kept"))
    assert caught.value.code == "nothing_labelled"
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TamisError):
        keep_version(ROWS, "new", str(tmp_path / "file" / "kept"))


@pytest.mark.parametrize("uri", ["ftp://host/x", "https://host/x", "hf://datasets/x"])
def test_addresses_that_cannot_be_written_to(uri: str) -> None:
    with pytest.raises(InputError):
        open_store(uri)


@pytest.mark.service
def test_a_bucket_keeps_versions(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**s3.variables, "AWS_ENDPOINT_URL": s3.endpoint}.items():
        monkeypatch.setenv(name, value)
    bucket = f"feedback-{uuid4().hex[:8]}"
    s3.client().create_bucket(Bucket=bucket)
    version = keep_version(ROWS, "new", f"s3://{bucket}/retraining")
    assert keep_version(ROWS, "new", f"s3://{bucket}/retraining") == version
    assert s3.names(bucket) == [version.uri.removeprefix(f"s3://{bucket}/")]
    assert texts(version)[1] == ("dull", "feedback")


@pytest.mark.service
def test_a_bucket_that_lets_nobody_in_is_told(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"AWS_SECRET_ACCESS_KEY": "wrong", "AWS_ENDPOINT_URL": s3.endpoint}
    for name, value in {**s3.variables, **wrong}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TamisError) as caught:
        keep_version(ROWS, "new", "s3://bucket/x")
    assert caught.value.code == "store_failed"


def test_dvc_keeps_each_version_as_a_commit(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    commands = [
        ["git", "init", "-q"],
        ["git", "config", "user.name", "t"],
        ["git", "config", "user.email", "t@t.example"],
        [sys.executable, "-m", "dvc", "init", "-q"],
        ["git", "commit", "-q", "-m", "Data"],
    ]
    for command in commands:
        done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    first = keep_version(ROWS[:2], "new", f"dvc://{repository}")
    second = keep_version(ROWS, "new", f"dvc://{repository}")
    again = keep_version(ROWS, "new", f"dvc://{repository}")
    assert again == second, "the same rows are the same commit"
    assert first.uri != second.uri
    assert len(texts(first)) == 2
    assert len(texts(second)) == 3
