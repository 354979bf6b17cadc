"""One suite over every source: lazily read, rows are mappings, content has an identity."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import zstandard

from components.contract.cache import Fingerprinted
from components.ingest.settings import SourceSettings
from components.ingest.sources import Source, open_source

Rows = list[tuple[str, int]]
Maker = Callable[[Rows], Source]

FIRST: Rows = [(f"text {i}", i % 2) for i in range(3_000)]
SECOND: Rows = [("other", 1), *FIRST[1:]]


def csv_bytes(rows: Rows, delimiter: str = ",") -> bytes:
    return f"text{delimiter}label\n".encode() + b"".join(
        f"{text}{delimiter}{label}\n".encode() for text, label in rows
    )


def jsonl_bytes(rows: Rows) -> bytes:
    return b"".join(json.dumps({"text": t, "label": n}).encode() + b"\n" for t, n in rows)


def parquet_bytes(rows: Rows) -> bytes:
    sink = pa.BufferOutputStream()
    texts, labels = zip(*rows, strict=True)
    parquet.write_table(pa.table({"text": list(texts), "label": list(labels)}), sink)
    return bytes(sink.getvalue())


FILES: dict[str, Callable[[Rows], bytes]] = {
    "a.csv": csv_bytes,
    "a.tsv": lambda rows: csv_bytes(rows, "\t"),
    "a.jsonl": jsonl_bytes,
    "a.parquet": parquet_bytes,
    "a.csv.gz": lambda rows: gzip.compress(csv_bytes(rows), mtime=0),
    "a.jsonl.zst": lambda rows: zstandard.compress(jsonl_bytes(rows)),
}


class InMemory:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(self._rows).encode()).hexdigest()

    def rows(self) -> Iterator[Mapping[str, Any]]:
        return ({"text": text, "label": label} for text, label in self._rows)


def _file(name: str, folder: Path, rows: Rows) -> Source:
    (folder / name).write_bytes(FILES[name](rows))
    return open_source(SourceSettings(str(folder / name)))


def _folder(folder: Path, rows: Rows) -> Source:
    for number, part in enumerate((rows[:1_000], rows[1_000:])):
        (folder / f"{number}.csv").write_bytes(csv_bytes(part))
    return open_source(SourceSettings(str(folder)))


def _package(folder: Path, rows: Rows) -> Source:
    package = folder / "packaged_reviews"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "a.csv").write_bytes(csv_bytes(rows))
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return open_source(SourceSettings("package://packaged_reviews/a.csv"))


def _revision(folder: Path, rows: Rows) -> Source:
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "true",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "HOME": str(folder),
    }
    tag = f"v{len(list(folder.glob('v*'))) + 1}"
    (folder / "a.csv").write_bytes(csv_bytes(rows))
    python = sys.executable
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (
        *([] if tag != "v1" else [["git", "init", "-q"], [python, "-m", "dvc", "init", "-q"]]),
        [python, "-m", "dvc", "add", "-q", "a.csv"],
        ["git", "add", "a.csv.dvc", ".dvc", ".gitignore"],
        ["git", *identity, "commit", "-qm", tag],
        ["git", "tag", tag],
    ):
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    (folder / tag).touch()
    return open_source(SourceSettings(f"dvc://{folder}@{tag}#a.csv"))


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=[*FILES, "folder", "package", "memory", "http", "dvc"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    """Make a source of a kind, whose content is these rows."""
    kind: str = request.param
    makers: dict[str, Maker] = {
        **{name: functools.partial(_file, name, tmp_path) for name in FILES},
        "folder": functools.partial(_folder, tmp_path),
        "package": functools.partial(_package, tmp_path),
        "dvc": functools.partial(_revision, tmp_path),
        "memory": InMemory,
    }
    if kind != "http":
        yield makers[kind]
        if str(tmp_path) in sys.path:
            sys.path.remove(str(tmp_path))
        return
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def over_http(rows: Rows) -> Source:
            (tmp_path / "a.csv").write_bytes(csv_bytes(rows))
            return open_source(SourceSettings(f"http://127.0.0.1:{server.server_port}/a.csv"))

        yield over_http
        server.shutdown()
        thread.join()


def test_a_source_keeps_its_contract(make: Maker) -> None:
    source = make(FIRST)
    assert isinstance(source, Source)
    assert isinstance(source, Fingerprinted)

    # rows are mappings with the settings' columns, in order, all of them
    rows = list(source.rows())
    assert all(isinstance(row, Mapping) and set(row) == {"text", "label"} for row in rows)
    assert [(row["text"], int(row["label"])) for row in rows] == FIRST

    # read lazily, and again from the start
    iterator = source.rows()
    assert iter(iterator) is iterator
    assert [row["text"] for row in itertools.islice(iterator, 2)] == ["text 0", "text 1"]
    assert next(iter(source.rows()))["text"] == "text 0"
    del iterator

    # the fingerprint stays with the content and changes with it
    before = source.fingerprint()
    assert before == source.fingerprint()
    if not_dvc(source):
        assert make(FIRST).fingerprint() == before
    assert make(SECOND).fingerprint() != before


def not_dvc(source: Source) -> bool:
    """Committing the same content twice is refused by Git."""
    return not str(getattr(getattr(source, "settings", None), "uri", "")).startswith("dvc:")
