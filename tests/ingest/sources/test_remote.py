from __future__ import annotations

import gzip
import http.client
import http.server
import io
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from components.contract.errors import InputError
from components.ingest.ingest import ingest
from components.ingest.settings import IngestSettings, SourceSettings
from components.ingest.sources import open_source
from components.ingest.sources.remote import find_remote, open_filesystem
from components.inspect.survey import survey
from tests.object_store import S3

CSV = "text,label\n" + "".join(f"row {i},{i % 2}\n" for i in range(3_000))


def texts(uri: str) -> list[str]:
    return [row["text"] for row in open_source(SourceSettings(uri)).rows()]


def test_a_web_server(web: tuple[str, Path]) -> None:
    address, folder = web
    (folder / "a.csv").write_text(CSV)
    (folder / "a.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    table = pa.table({"text": [f"row {i}" for i in range(3_000)], "label": [0] * 3_000})
    parquet.write_table(table, folder / "a.parquet")
    expected = [f"row {i}" for i in range(3_000)]
    for name in ("a.csv", "a.csv.gz", "a.parquet", "a.csv?version=2"):
        assert texts(f"{address}/{name}") == expected


def test_a_web_server_without_checksums_is_fingerprinted_by_content(web: tuple[str, Path]) -> None:
    address, folder = web
    (folder / "a.csv").write_text(CSV)
    source = open_source(SourceSettings(f"{address}/a.csv"))
    before = source.fingerprint()
    assert before == source.fingerprint()
    modified = (folder / "a.csv").stat().st_mtime
    (folder / "a.csv").write_text(CSV.replace("row 7,", "row 8,"))
    os.utime(folder / "a.csv", (modified, modified))  # same size, same date, other content
    assert source.fingerprint() != before


def test_a_web_page_that_is_not_there(web: tuple[str, Path]) -> None:
    source = open_source(SourceSettings(f"{web[0]}/a.csv"))
    for use in (source.fingerprint, lambda: list(source.rows())):
        with pytest.raises(InputError) as caught:
            use()
        assert caught.value.code == "not_found"


def test_a_download_that_breaks_off() -> None:
    class Breaking(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CSV) + 1))
            self.end_headers()
            self.wfile.write(CSV.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Breaking) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with pytest.raises(InputError) as caught:
                texts(f"http://127.0.0.1:{server.server_port}/a.csv")
        finally:
            server.shutdown()
            thread.join()
    assert caught.value.code == "unreadable_source"


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        source = open_source(SourceSettings(f"http://127.0.0.1:{unused.getsockname()[1]}/a.csv"))
        with pytest.raises(InputError) as caught:
            list(source.rows())
    assert caught.value.code in {"unreadable_source", "not_found"}
    assert "\n" not in str(caught.value)


def test_the_hub_is_addressed_through_its_own_file_system() -> None:
    filesystem, path = open_filesystem("hf://datasets/owner/name@v1/data/train.parquet")
    assert type(filesystem).__name__ == "HfFileSystem"
    assert path == "datasets/owner/name@v1/data/train.parquet"


def test_a_hub_that_does_not_answer(web: tuple[str, Path]) -> None:
    # In its own process, because the hub's address is read when its client is imported.
    code = (
        "from components.contract.errors import InputError\n"
        "from components.ingest.sources.remote import find_remote\n"
        "try: find_remote('hf://datasets/owner/name/train.csv')\n"
        "except InputError as error: print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_ENDPOINT": web[0], "HF_HUB_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() in {"not_found", "unreadable_source"}, done.stderr


@pytest.mark.parametrize(
    ("uri", "kind", "path"),
    [
        ("s3://bucket/a.csv", "S3FileSystem", "bucket/a.csv"),
        ("https://x.example/a.csv", "HTTPFileSystem", "https://x.example/a.csv"),
    ],
)
def test_other_stores_are_addressed_through_theirs(uri: str, kind: str, path: str) -> None:
    filesystem, found = open_filesystem(uri)
    assert type(filesystem).__name__ == kind
    assert found == path


@pytest.fixture(scope="module")
def bucket(s3: S3) -> Iterator[Any]:
    """A bucket, through the environment that s3fs reads."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**s3.variables, "AWS_ENDPOINT_URL": s3.endpoint}.items():
            patch.setenv(name, value)
        filesystem, _ = open_filesystem("s3://tests")
        filesystem.mkdir("tests")
        yield filesystem
        filesystem.rm("tests", recursive=True)


@pytest.mark.service
def test_an_object_store(bucket: Any) -> None:
    bucket.pipe("tests/data/b.csv", CSV.encode())
    bucket.pipe("tests/data/a.csv.gz", gzip.compress(CSV.encode()))
    bucket.pipe("tests/data/README.md", b"no data")
    expected = [f"row {i}" for i in range(3_000)]
    assert texts("s3://tests/data/b.csv") == expected
    assert texts("s3://tests/data/*.csv") == expected
    assert texts("s3://tests/data") == expected * 2

    source = open_source(SourceSettings("s3://tests/data/b.csv"))
    before = source.fingerprint()
    assert before == source.fingerprint()
    assert before.startswith("ETag:")
    bucket.pipe("tests/data/b.csv", CSV.replace("row 7,", "row 8,").encode())
    assert source.fingerprint() != before


@pytest.mark.service
def test_a_prefix_of_many_files_as_data_lakes_have_them(bucket: Any, tmp_path: Path) -> None:
    """Parts in folders, a marker of success, a marker of a folder: the rows of all parts, once."""
    for part in range(12):
        rows = [{"text": f"row {part * 100 + i} of the lake", "label": i % 2} for i in range(100)]
        stream = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(rows), stream)
        folder = f"tests/lake/year={2020 + part // 6}/month={part % 6 + 1}"
        bucket.pipe(f"{folder}/part-{part:05}.snappy.parquet", stream.getvalue())
    bucket.pipe("tests/lake/_SUCCESS", b"")
    bucket.pipe("tests/lake/year=2020/.part-0.crc", b"crc")
    expected = [f"row {row} of the lake" for row in range(1_200)]
    for uri in ("s3://tests/lake", "s3://tests/lake/", "s3://tests/lake/**/*.parquet"):
        assert texts(uri) == expected
    assert texts("s3://tests/lake/year=2021") == expected[600:]
    settings = IngestSettings(SourceSettings("s3://tests/lake/"))
    source = open_source(settings.source)
    facts = ingest(source, tmp_path / "dataset", settings).facts
    assert facts["rows_in"] == 1_200
    (tmp_path / "scratch").mkdir()
    found = survey(source, settings, tmp_path / "scratch")
    assert (found.files, found.rows, found.refusal) == (12, 1_200, "")


@pytest.mark.service
def test_an_object_that_is_not_there(bucket: Any) -> None:
    for uri in ("s3://tests/none.csv", "s3://none/a.csv", "s3://tests/none/*.csv"):
        with pytest.raises(InputError) as caught:
            find_remote(uri)
        assert caught.value.code in {"not_found", "unreadable_source"}


@pytest.mark.service
def test_an_object_store_that_refuses(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.pipe("tests/secret/a.csv", CSV.encode())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(InputError) as caught:
        texts("s3://tests/secret/a.csv")
    assert caught.value.code == "unreadable_source"
    assert "\n" not in str(caught.value)
