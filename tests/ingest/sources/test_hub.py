"""`hf://` through the hub's real client, against a server that speaks what reading needs of its API
(https://huggingface.co/docs/hub/api): the hub itself is out of a test's reach."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest

from tests.conftest import ROOT

REPOSITORY = "owner/reviews"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "data/train-0.jsonl": b"".join(
        json.dumps({"review": {"text": f"row {i}"}, "text": f"row {i}", "label": i % 2}).encode()
        + b"\n"
        for i in range(500)
    ),
    "data/train-1.jsonl": b'{"text": "the last row", "label": 1}\n',
    "README.md": b"# Reviews\n",
}
READ = """
import sys
from components.contract.errors import TamisError
from components.ingest.settings import SourceSettings
from components.ingest.sources import open_source
try:
    source = open_source(SourceSettings(sys.argv[1]))
    rows = [row["text"] for row in source.rows()]
    print(len(rows), rows[0], rows[-1], len(source.fingerprint()), sep="|")
except TamisError as error:
    print(error.code)
"""


def entry(name: str) -> dict[str, Any]:
    content = FILES[name]
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return {"type": "file", "path": name, "size": len(content), "oid": blob}


def tree(prefix: str, recursive: bool) -> list[dict[str, Any]]:
    """What a folder of the repository holds."""
    inside = [name for name in FILES if name.startswith(prefix)]
    folders = {
        name.removeprefix(prefix).partition("/")[0] for name in inside if "/" in name[len(prefix) :]
    }
    found = [entry(name) for name in inside if recursive or "/" not in name[len(prefix) :]]
    return found + [
        {"type": "directory", "path": prefix + f, "oid": "0" * 40, "size": 0}
        for f in sorted(folders)
    ]


class Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        if path.startswith(f"/api/datasets/{REPOSITORY}/tree/"):
            folder = path.removeprefix(f"/api/datasets/{REPOSITORY}/tree/").partition("/")[2]
            self.answer(tree(f"{folder}/" if folder else "", "recursive=true" in self.path.lower()))
        elif path in (f"/api/datasets/{REPOSITORY}", f"/api/datasets/{REPOSITORY}/revision/main"):
            self.answer({"id": REPOSITORY, "sha": COMMIT, "siblings": []})
        elif found := re.fullmatch(rf"/datasets/{REPOSITORY}/resolve/[^/]+/(.+)", path):
            self.send_content(found[1])
        else:
            self.answer({"error": "Repository not found"}, 404, "RepoNotFound")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"])).decode()
        form = json.loads(raw) if raw.startswith("{") else parse_qs(raw)
        if not self.path.startswith(f"/api/datasets/{REPOSITORY}/paths-info/"):
            self.answer({"error": "Repository not found"}, 404, "RepoNotFound")
            return
        folders = [p for p in form["paths"] if any(n.startswith(f"{p}/") for n in FILES)]
        found: list[dict[str, Any]] = [entry(p) for p in form["paths"] if p in FILES]
        found += [{"type": "directory", "path": p, "oid": "0" * 40, "size": 0} for p in folders]
        self.answer(found)

    def send_content(self, name: str) -> None:
        if name not in FILES:
            self.answer({"error": "Entry not found"}, 404, "EntryNotFound")
            return
        content, start, end = FILES[name], 0, len(FILES[name])
        if part := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", "")):
            start, end = int(part[1]), min(int(part[2] or end) + 1, end)
        self.send_response(206 if "range" in self.headers else 200)
        self.send_header("etag", f'"{entry(name)["oid"]}"')
        self.send_header("x-repo-commit", COMMIT)
        self.send_header("content-length", str(end - start))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[start:end])

    def answer(self, document: Any, status: int = 200, code: str = "") -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        if code:
            self.send_header("x-error-code", code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet: what is asked for is seen in the answers."""


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def read(hub: str, uri: str, home: Path) -> str:
    """What reading an address prints, in a Python whose hub is that server."""
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0", "HF_HOME": str(home)}
    command = [sys.executable, "-c", READ, uri]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


def test_a_file_a_folder_and_a_glob_of_a_hubs_dataset(hub: str, tmp_path: Path) -> None:
    one = read(hub, f"hf://datasets/{REPOSITORY}/data/train-0.jsonl", tmp_path)
    assert one == "500|row 0|row 499|48"
    for uri in (
        f"hf://datasets/{REPOSITORY}",
        f"hf://datasets/{REPOSITORY}/data",
        f"hf://datasets/{REPOSITORY}/data/*.jsonl",
    ):
        assert read(hub, uri, tmp_path).startswith("501|row 0|the last row|")


def test_what_a_hub_does_not_have_is_one_sentence(hub: str, tmp_path: Path) -> None:
    for uri in (f"hf://datasets/{REPOSITORY}/none.jsonl", "hf://datasets/no/body/a.jsonl"):
        assert read(hub, uri, tmp_path) == "not_found"
