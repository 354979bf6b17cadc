"""`tamis serve | token | journal` as somebody types them."""

from __future__ import annotations

import base64
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.local import free_port
from serving.transformer.auth.issuer import Issuer
from serving.transformer.auth.issuer_settings import IssuerSettings
from tests.serving.processes import Process, alive, own_environment, wait_until

TAMIS = [sys.executable, "-c", "from pipelines.cli import main; main()"]


def tamis(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TAMIS, *arguments],
        cwd=folder,
        env=own_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


class Served:
    """A running `tamis serve`."""

    def __init__(self, folder: Path, bundle: Path, *options: str) -> None:
        self.folder, self.port, self.metrics_port = folder, free_port(), free_port()
        ports = ["--port", str(self.port), "--metrics-port", str(self.metrics_port)]
        command = [*TAMIS, "serve", "--bundle", str(bundle), *ports, *options]
        self.process = Process(command, folder, "serve")

    def start(self) -> None:
        self.process.start()
        self.process.wait_until(lambda: "\ncurl " in self.process.text(), "the curl command")

    @property
    def curl(self) -> str:
        lines = self.process.text().splitlines()
        (line,) = [line for line in lines if line.startswith("curl ")]
        return line

    def children(self) -> list[int]:
        """Processes that the service started, and theirs."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                more = list(map(int, task.read_text().split()))
                found += more
                waiting += more
        return found

    def paste(self) -> Any:
        """What the printed command answers in a shell."""
        proxies = {"http_proxy": "", "https_proxy": "", "all_proxy": ""}
        done = subprocess.run(
            ["bash", "-c", f"{self.curl} --silent --show-error --fail-with-body"],
            cwd=self.folder,
            env={**os.environ, **proxies},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Served]:
    service = Served(tmp_path_factory.mktemp("served"), bundle, "--drift", "own")
    try:
        service.start()
        yield service
    finally:
        service.process.end()


def gone(pids: list[int]) -> bool:
    return not any(map(alive, pids))


class TestServe:
    def test_the_printed_command_works(self, served: Served) -> None:
        (row,) = served.paste()
        assert row["label"] in ("negative", "positive")
        assert row["model"] == "tamis"
        words = shlex.split(served.curl)
        assert words[:2] == ["curl", f"http://localhost:{served.port}/classify"]

    def test_its_token_may_predict_judge_and_look(self, served: Served) -> None:
        header = shlex.split(served.curl)[-1]
        name, _, value = header.partition(": ")
        url, headers = f"http://127.0.0.1:{served.port}", {name: value}
        (row,) = served.paste()
        body = {"id": row["id"], "label": row["label"]}
        told = httpx.post(f"{url}/feedback", json=body, headers=headers, trust_env=False)
        assert told.json()["right"] is True
        assert httpx.get(f"{url}/drift", headers=headers, trust_env=False).status_code == 200
        without = httpx.post(f"{url}/classify", json={"texts": ["x"]}, trust_env=False)
        assert without.status_code == 401

    def test_metrics_are_where_it_says(self, served: Served) -> None:
        address = f"http://127.0.0.1:{served.metrics_port}/metrics"
        assert address in served.process.text()
        assert "tamis_requests_total" in httpx.get(address, trust_env=False).text

    def test_everything_listens_on_loopback_alone(self, served: Served) -> None:
        inodes = set()
        for pid in served.children():
            for file in Path(f"/proc/{pid}/fd").iterdir():
                target = str(file.readlink())
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
        listening = []
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    listening.append(fields[1].partition(":")[0])
        assert len(listening) >= 3  # requests, metrics, predictor
        assert set(listening) == {"0100007F"}

    def test_secrets_are_its_owners_alone(self, served: Served) -> None:
        state = served.folder / ".tamis"
        for file in (state / "journal.keys", state / "journal.db", *(state / "issuer").iterdir()):
            assert file.stat().st_mode & 0o077 == 0, file

    def test_a_taken_port_is_told_before_anything_starts(
        self, served: Served, bundle: Path, tmp_path: Path
    ) -> None:
        done = tamis(tmp_path, "serve", "--bundle", str(bundle), "--port", str(served.port))
        assert done.returncode == 2
        assert done.stderr.startswith(f"bad_address: Port {served.port} can't be listened at: ")
        assert done.stdout == ""

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (["--tls-cert", "x.pem"], "--tls-cert and --tls-key must be given together"),
            (["--port", "0"], "--port"),
            (["--port", "70000"], "--port"),
            (["--drift", "magic"], "--drift"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, tmp_path: Path, options: list[str], told: str
    ) -> None:
        done = tamis(tmp_path, "serve", "--bundle", "nowhere", *options)
        assert done.returncode == 2
        assert told in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_bundle_that_is_none_is_told(self, tmp_path: Path) -> None:
        ports = ["--port", str(free_port()), "--metrics-port", str(free_port())]
        options = ["--bundle", "nowhere", "--drift", "off", *ports]
        done = tamis(tmp_path, "serve", *options)
        assert done.returncode != 0
        assert "not_started: The predictor ended; see its last line." in done.stderr
        assert "nowhere" in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
class TestEnds:
    def test_with_tls_and_by_ctrl_c(self, bundle: Path, tmp_path: Path) -> None:
        service = Served(tmp_path, bundle, "--tls", "--drift", "off")
        try:
            service.start()
            assert "--cacert" in service.curl
            assert f"https://localhost:{service.port}/classify" in service.curl
            (row,) = service.paste()
            assert row["label"] in ("negative", "positive")
            with socket.create_connection(("127.0.0.1", service.port)) as plain:
                plain.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
                assert not plain.recv(100).startswith(b"HTTP")
            pids = service.children()
            assert len(pids) == 3  # the journal among them
            service.process.signal(signal.SIGINT)
            assert service.process.ended() == 0
            assert gone(pids)
            assert len(service.process.events("stopped")) == 2
        finally:
            service.process.end()

    def test_without_tokens_and_journal_and_by_sigterm(self, bundle: Path, tmp_path: Path) -> None:
        options = ["--no-auth", "--no-feedback", "--drift", "off"]
        service = Served(tmp_path, bundle, *options)
        try:
            service.start()
            assert "Authorization" not in service.curl
            (row,) = service.paste()
            url = f"http://127.0.0.1:{service.port}"
            body = {"id": row["id"], "label": row["label"]}
            assert httpx.post(f"{url}/feedback", json=body, trust_env=False).status_code == 404
            assert httpx.get(f"{url}/drift", trust_env=False).status_code == 404
            assert not (tmp_path / ".tamis" / "journal.db").exists()
            pids = service.children()
            assert service.process.stop() == 0
            assert len(pids) == 2
            assert gone(pids)
        finally:
            service.process.end()

    def test_killed_it_leaves_nobody_behind(self, bundle: Path, tmp_path: Path) -> None:
        service = Served(tmp_path, bundle, "--drift", "own")
        try:
            service.start()
            service.paste()
            pids = service.children()
            assert len(pids) >= 2
            service.process.kill()
            wait_until(lambda: gone(pids), "the children's end")
        finally:
            service.process.end()


class TestToken:
    def test_it_is_for_what_it_says(self, tmp_path: Path) -> None:
        done = tamis(tmp_path, "token", "--scope", "predict feedback", "--ttl", "60")
        assert done.returncode == 0, done.stderr
        claims = read(done.stdout.strip())
        assert set(claims["scope"].split()) == {"predict", "feedback"}
        assert claims["aud"] == "tamis"
        assert claims["exp"] - claims["iat"] == 60

    def test_it_may_be_for_one_model(self, tmp_path: Path) -> None:
        done = tamis(tmp_path, "token", "--model", "sentiment")
        assert read(done.stdout.strip())["scope"] == "predict/sentiment"

    def test_a_running_service_takes_it(self, served: Served) -> None:
        url = f"http://127.0.0.1:{served.port}/classify"
        for scope, status in (("predict", 200), ("feedback", 403)):
            bearer = tamis(served.folder, "token", "--scope", scope).stdout.strip()
            headers = {"authorization": f"Bearer {bearer}"}
            answer = httpx.post(url, json={"texts": ["x"]}, headers=headers, trust_env=False)
            assert answer.status_code == status

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            (["--scope", "everything"], "scope"),
            (["--scope", ""], "scope"),
            (["--ttl", "0"], "ttl"),
            (["--ttl", "1e9"], "ttl"),
            (["--model", "no such name"], "model"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, tmp_path: Path, options: list[str], named: str
    ) -> None:
        done = tamis(tmp_path, "token", *options)
        assert done.returncode == 2
        assert named in done.stderr
        assert done.stdout == ""
        assert len(done.stderr.strip().splitlines()) == 1


def read(token: str) -> dict[str, Any]:
    header, payload, signature = token.split(".")
    assert header
    assert signature
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class TestJournal:
    """On the journal of a service that runs, and of one that has been."""

    @staticmethod
    def say(folder: Path, *arguments: str) -> Any:
        done = tamis(folder, "journal", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @pytest.mark.slow
    def test_from_predictions_to_training_rows_and_oblivion(self, served: Served) -> None:
        folder, url = served.folder, f"http://127.0.0.1:{served.port}"
        before = self.say(folder, "status")
        bearer = tamis(folder, "token", "--scope", "predict feedback").stdout.strip()
        texts = ["a wonderful film", "dull and far too long", "nothing was said of this one"]
        with httpx.Client(
            base_url=url, headers={"authorization": f"Bearer {bearer}"}, trust_env=False
        ) as client:
            rows = client.post("/classify", json={"texts": texts}).json()
            for row, label in zip(rows, ("positive", "negative"), strict=False):
                told = client.post("/feedback", json={"id": row["id"], "label": label})
                assert told.status_code == 200
        status = self.say(folder, "status")
        assert status["predictions"] - before["predictions"] == 3
        assert status["feedback"] - before["feedback"] == 2

        exported = self.say(folder, "export", "labelled.jsonl")
        lines = (folder / "labelled.jsonl").read_text(encoding="utf-8").splitlines()
        assert exported["rows"] == len(lines) == status["feedback"]
        labelled = {(row["text"], row["label"]) for row in map(json.loads, lines)}
        assert {(texts[0], "positive"), (texts[1], "negative")} <= labelled
        assert texts[2] not in {text for text, _ in labelled}

        rotated = self.say(folder, "rotate")
        assert rotated["active"] == self.say(folder, "status")["active_key"] != status["active_key"]
        (row,) = served.paste()  # the running service goes on, under the new key
        assert row["id"]

        erased = self.say(folder, "erase", "--subject", "developer")
        assert erased["predictions"] >= 3
        nothing = tamis(folder, "journal", "export", "nothing.jsonl")
        assert nothing.returncode == 2
        assert nothing.stderr == "nothing_labelled: No prediction with feedback matches.\n"
        assert self.say(folder, "erase", "--subject", "nobody")["predictions"] == 0

        pruned = self.say(folder, "prune", "--older-than", "2100-01-01")
        assert pruned["predictions"] >= 3
        assert self.say(folder, "status")["predictions"] == 0

    def test_a_journal_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        for arguments in (["status"], ["export", "x.jsonl"], ["erase", "--subject", "x"]):
            done = tamis(tmp_path, "journal", *arguments)
            assert done.returncode != 0
            assert "Traceback" not in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1
        assert not (tmp_path / ".tamis").exists()
        assert not list(tmp_path.iterdir())


def test_a_client_of_the_laptops_issuer_can_be_registered(served: Served) -> None:
    """Client credentials: the flow that services use, against what `tamis serve` started."""
    url = f"http://localhost:{served.port}"
    issuer = Issuer(IssuerSettings(served.folder / ".tamis" / "issuer", url))
    secret = issuer.clients.register("batch", frozenset({"predict"}))
    answer = httpx.post(
        f"{url}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=("batch", secret),
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    bearer = answer.json()["access_token"]
    told = httpx.post(
        f"{url}/classify",
        json={"texts": ["x"]},
        headers={"authorization": f"Bearer {bearer}"},
        trust_env=False,
    )
    assert told.status_code == 200
