"""DVC's data on S3: pushed, pulled, and read by the ingest stage as a cluster's pod would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import WSGIRequestHandlerLogger, WSGIServerLogger, make_server, make_wsgi_chain

from tests.conftest import reviews, write_csv
from tests.object_store import S3

pytestmark = pytest.mark.service
FILE = "data/reviews.csv"


@dataclass(frozen=True)
class Repository:
    """A Git repository whose data is tracked by DVC, on S3.

    Attributes:
        folder: A working tree.
        environment: What its commands run with.
    """

    folder: Path
    environment: Mapping[str, str]

    def run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the working tree."""
        return subprocess.run(
            command,
            cwd=folder or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def dvc(self, *arguments: str, folder: Path | None = None) -> str:
        """Run DVC."""
        done = self.run(sys.executable, "-m", "dvc", *arguments, folder=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def git(self, *arguments: str) -> None:
        """Run Git."""
        done = self.run("git", "-c", "user.name=t", "-c", "user.email=t@t.example", *arguments)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def repository(s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Two revisions of real reviews, pushed; the commands are those of docs/dvc-remote.md."""
    s3.client().create_bucket(Bucket="tamis-data")
    home = tmp_path_factory.mktemp("home")
    folder = tmp_path_factory.mktemp("repository")
    environment = {
        **os.environ,
        **s3.variables,
        "DVC_NO_ANALYTICS": "true",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "HOME": str(home),
    }
    made = Repository(folder, environment)
    made.git("init", "-q")
    made.dvc("init", "-q")
    made.dvc("remote", "add", "--default", "store", "s3://tamis-data/dvc")
    made.dvc("remote", "modify", "store", "endpointurl", s3.endpoint)
    (folder / "data").mkdir()
    for tag, each in (("v1", 150), ("v2", 200)):
        write_csv(folder / FILE, reviews(each=each))
        made.dvc("add", "-q", FILE)
        made.git("add", "-A")
        made.git("commit", "-qm", tag)
        made.git("tag", tag)
    made.dvc("push", "--all-tags")
    return made


def test_objects_are_named_by_their_content(repository: Repository, s3: S3) -> None:
    recorded = yaml.safe_load((repository.folder / f"{FILE}.dvc").read_text(encoding="utf-8"))
    md5 = recorded["outs"][0]["md5"]
    names = s3.names("tamis-data")
    assert f"dvc/files/md5/{md5[:2]}/{md5[2:]}" in names
    assert len(names) == 2


def test_no_key_is_in_the_repository(repository: Repository, s3: S3) -> None:
    config = (repository.folder / ".dvc" / "config").read_text(encoding="utf-8")
    assert s3.endpoint in config
    assert s3.secret_key not in config


def test_a_clone_pulls_what_was_pushed(repository: Repository, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    repository.git("clone", "-q", str(repository.folder), str(clone))
    assert not (clone / FILE).exists()
    repository.dvc("pull", folder=clone)
    assert (clone / FILE).read_bytes() == (repository.folder / FILE).read_bytes()


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """A Git server on loopback, as a forge would be: smart HTTP."""
    backend = DictBackend({"/reviews.git": Repo(str(folder))})
    server = make_server(
        "127.0.0.1",
        0,
        make_wsgi_chain(backend),
        handler_class=WSGIRequestHandlerLogger,
        server_class=WSGIServerLogger,
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/reviews.git"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _ingest(
    address: str, variables: Mapping[str, str], scratch: Path
) -> subprocess.CompletedProcess[str]:
    """The ingest stage as in its pod: no Git program, no repository, its home under /tmp."""
    home = scratch / "home"
    home.mkdir()
    params = scratch / "params.yaml"
    source = {"uri": address, "label_names": {0: "negative", 1: "positive"}}
    params.write_text(yaml.safe_dump({"source": source}), encoding="utf-8")
    environment = {
        "PATH": str(scratch / "nothing"),
        "HOME": str(home),
        "DVC_NO_ANALYTICS": "true",
        "DVC_SITE_CACHE_DIR": str(home / "dvc"),
        "GIT_CONFIG_SYSTEM": os.devnull,
        **variables,
    }
    command = [sys.executable, "-m", "components.ingest", "--params", str(params)]
    return subprocess.run(
        [*command, "--out", str(scratch / "dataset")],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("revision", "rows"), [("v1", 300), ("v2", 400)])
def test_ingest_reads_a_revision_without_git(
    repository: Repository, s3: S3, tmp_path: Path, revision: str, rows: int
) -> None:
    with _served(repository.folder) as forge:
        done = _ingest(f"dvc://{forge}@{revision}#{FILE}", s3.variables, tmp_path)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "dataset" / "manifest.json").read_text(encoding="utf-8"))
    facts = manifest["facts"]
    counted = sum(sum(split.values()) for split in facts["rows"].values())
    assert counted + sum(facts["rejected"].values()) == rows


@pytest.mark.parametrize("case", ["wrong secret", "no keys", "no such revision", "no such file"])
def test_what_cannot_be_read_is_one_sentence(
    repository: Repository, s3: S3, tmp_path: Path, case: str
) -> None:
    variables = dict(s3.variables)
    revision, file = "v1", FILE
    if case == "wrong secret":
        variables["AWS_SECRET_ACCESS_KEY"] = "not-the-secret"
    elif case == "no keys":
        variables = {"AWS_EC2_METADATA_DISABLED": "true"}
    elif case == "no such revision":
        revision = "v9"
    else:
        file = "data/nothing.csv"
    with _served(repository.folder) as forge:
        done = _ingest(f"dvc://{forge}@{revision}#{file}", variables, tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "dataset").exists()
    (last,) = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert last.partition(":")[0] in {"unreadable_source", "not_found"}
    assert s3.secret_key not in done.stderr
