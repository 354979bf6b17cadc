"""`tamis trigger` and `tamis retrain` as somebody runs them, with the real pipeline."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from components.registry.aliases import Registry
from pipelines.trigger.ledger import Ledger, Run
from serving.transformer.identity import new_ids
from serving.transformer.journal.keyring import create_keys
from serving.transformer.journal.settings import JournalSettings
from serving.transformer.model_identity import ModelIdentity
from serving.transformer.prediction import Answered
from tests.conftest import reviews, write_csv
from tests.pipelines.trigger.parts import ids, notification
from tests.serving.transformer.journal.answers import opened

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(1_200)]
PATIENCE_S = 400.0
TOKEN = "a-token-of-some-length"
NAMES = {"0": "negative", "1": "positive"}
PARAMETERS = {
    "source": {"uri": "reviews.csv", "label_names": {0: "negative", 1: "positive"}},
    "tokenizers": {"bpe": {"strategy": "bpe", "vocab_size": 2_000}},
    "architectures": {"logistic": {"hash_bits": 14}},
    "evaluate": {"bootstrap": 100},
    "register": {"floor": 0.3},
    "retrain": {"minimum_labels": 400, "cooldown_s": 3_600, "margin": 0.2},
    "seed": 13,
}


class Laptop:
    """A folder with a champion, a journal with labels, and the commands there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with contextlib.ExitStack() as stack:
            probes = [stack.enter_context(socket.socket()) for _ in range(2)]
            for probe in probes:
                probe.bind(("127.0.0.1", 0))
            self.port, self.metrics_port = (probe.getsockname()[1] for probe in probes)
        self.registry = Registry(f"sqlite:///{folder / '.tamis' / 'mlflow.db'}", "tamis")
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / ".tamis" / "trigger" / "ledger.db")

    def tamis(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("tamis")), *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def start(self) -> subprocess.Popen[bytes]:
        command = [str(Path(sys.executable).with_name("tamis")), "trigger"]
        ports = ["--port", str(self.port), "--metrics-port", str(self.metrics_port)]
        environment = {**os.environ, "TAMIS_TRIGGER_TOKEN": TOKEN}
        with (self.folder / "trigger.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, *ports], cwd=self.folder, env=environment, stdout=log, stderr=log
            )
        self.processes.append(process)
        until(lambda: self.get(self.port, "/ready") is not None or process.poll() is not None)
        assert process.poll() is None, (self.folder / "trigger.log").read_text()
        return process

    def kill(self, process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
        process.send_signal(number)
        process.wait(60)

    def post(self) -> str:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/alerts",
            notification(),
            {"Authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)["code"])

    @staticmethod
    def get(port: int, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return str(answer.read().decode())
        except (OSError, urllib.error.HTTPError):
            return None

    def the_run(self) -> Run:
        (run_id,) = ids(self.ledger)
        run = self.ledger.run(run_id)
        assert run is not None
        return run


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def fill_journal(folder: Path, champion: str) -> None:
    """Sentences that the champion answered and users labelled."""
    rows = reviews("rotten_tomatoes", each=400)
    settings = JournalSettings(str(folder / "journal.db"), str(folder / "journal.keys"))
    create_keys(folder / "journal.keys")
    texts = [text for text, _ in rows]
    answered = Answered(
        list(islice(new_ids(), len(rows))),
        texts,
        "somebody",
        ModelIdentity("tamis", "1", champion),
        ("negative", "positive"),
        np.full((len(rows), 2), 0.5, np.float32),
        np.ones(len(rows), np.int64),
        np.zeros(len(rows), np.bool_),
        None,
    )

    async def keep() -> None:
        await journal.record(answered)
        for identity, (_, label) in zip(answered.ids, rows, strict=True):
            await journal.feedback(identity, NAMES[label])

    with opened(settings) as journal:
        asyncio.run(keep())


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    folder = tmp_path_factory.mktemp("laptop")
    write_csv(folder / "reviews.csv", reviews("imdb", each=250))
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMETERS))
    one = Laptop(folder)
    done = one.tamis("run")
    assert done.returncode == 0, done.stderr
    champion = one.registry.resolve("champion")
    assert champion is not None
    fill_journal(folder / ".tamis", champion.bundle_digest)
    yield one
    for process in one.processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def test_killed_in_the_middle_of_the_pipeline_it_goes_on_with_the_same_run(laptop: Laptop) -> None:
    first = laptop.start()
    codes = [laptop.post() for _ in range(20)]
    assert codes == ["accepted", *["duplicate"] * 19]
    until(lambda: laptop.the_run().state == "started")
    laptop.kill(first)
    assert laptop.the_run().outcome is None
    # The run's own process goes on. It is killed too, with what it has started.
    folder = laptop.folder / ".tamis" / "trigger" / "runs" / laptop.the_run().id
    until(lambda: (folder / "session").exists())
    os.kill(int((folder / "session").read_text()), signal.SIGKILL)
    second = laptop.start()
    assert laptop.post() == "duplicate"
    until(lambda: laptop.the_run().attempts == 2)
    laptop.kill(second)
    third = laptop.start()
    until(lambda: laptop.the_run().state == "ended")
    run = laptop.the_run()
    assert run.outcome in ("promoted", "refused"), run.message
    assert run.attempts == 2, "the third trigger adopted what the second had started"
    assert run.details["fresh"] == run.details["rows"] == 800
    assert set(run.summary["stages"]) == {
        "ingest", "tokenize-bpe", "train-logistic", "evaluate-logistic", "register",
    }  # fmt: skip
    shown = laptop.get(laptop.metrics_port, "/metrics")
    assert shown is not None
    assert f'tamis_retrain_runs_total{{outcome="{run.outcome}"}} 1.0' in shown
    assert 'tamis_pipeline_accuracy{architecture="logistic"}' in shown
    assert 'tamis_pipeline_stage_seconds{stage="ingest"}' in shown
    assert "tamis_retrain_last_success_timestamp_seconds" in shown
    assert "tamis_retrain_running 0.0" in shown
    laptop.kill(third, signal.SIGTERM)
    assert third.returncode == 0
    challenger = laptop.registry.resolve("challenger")
    assert challenger is not None
    assert challenger.number == "2", "one version for the run, whatever was killed"


def test_by_hand_the_same_rules_hold(laptop: Laptop) -> None:
    """Runs after the test above, whose run it is too soon after."""
    done = laptop.tamis("retrain")
    assert done.returncode == 1
    assert done.stderr.startswith("cooldown: ")
    done = laptop.tamis("retrain", "--force")
    assert done.returncode == 1
    assert done.stderr.startswith("too_few_labels: 0 fresh labels")
    assert len(ids(laptop.ledger)) == 1


def test_what_stops_the_trigger_is_one_sentence(laptop: Laptop, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short")
    for arguments, code in (
        (("--token-file", str(tmp_path / "token")), "weak_token"),
        (("--token-file", str(tmp_path / "missing")), "not_found"),
        (("--params", str(tmp_path / "missing.yaml")), "not_found"),
    ):
        done = laptop.tamis("trigger", *arguments)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith(f"{code}: ")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = laptop.tamis("trigger", "--port", port, "--metrics-port", str(laptop.metrics_port))
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("bad_address: ")
        done = laptop.tamis("trigger", "--port", str(laptop.port), "--metrics-port", port)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("bad_address: ")
