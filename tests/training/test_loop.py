import dataclasses
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from components import catalogue
from components.contract.artifact import read_manifest, verify
from components.contract.errors import TamisError
from components.contract.onnx_session import Frame
from components.contract.settings import build
from components.contract.tokens import Tokens
from components.tokenize.settings import TokenizerSettings
from components.tokenize.tokenize import tokenize
from components.train_lstm.network import LstmNetwork
from components.training.batches import TokenRows
from components.training.checkpoint import Checkpoint
from components.training.device import training_device
from components.training.learner import Arrays
from components.training.loop import History, Plan, Training
from components.training.schedule import warmup_linear
from components.training.torch_learner import TorchLearner
from tests.conftest import ROOT

SMALL = {"embedding": 8, "hidden": 8, "max_tokens": 32, "batch_rows": 16}
PLAN = {"stage": "test", "seed": 1, "epochs": 2, "batch_rows": 32, "patience": 9}


class KilledError(Exception):
    """Raised where a test's training is cut short."""


class Fragile(Checkpoint):
    """A checkpoint whose process dies right after a given number of saves."""

    def __init__(self, out: Path, saves: int) -> None:
        super().__init__(out, "key")
        self.left = saves

    def save(self, name: str, state: Mapping[str, Any], **arrays: Arrays) -> None:
        super().save(name, state, **arrays)
        self.left -= name == "latest"
        if self.left == 0:
            raise KilledError


def fit(
    tokens: Path,
    checkpoint: Checkpoint,
    rate: float = 5e-3,
    dropout: float = 0.3,
    validation: int | None = None,
    **changed: Any,
) -> tuple[LstmNetwork, History]:
    encoded = Tokens.open(tokens)
    with training_device() as found:
        device = dataclasses.replace(found, bf16=False)  # what is compared here is exact
        torch.manual_seed(0)
        network = LstmNetwork(encoded.vocab_size, 2, 8, 8, dropout)
        learner = TorchLearner(
            network,
            torch.optim.AdamW(network.parameters(), rate),
            Frame(32, 0),
            TokenRows(encoded, "train"),
            TokenRows(encoded, "validation", validation),
            1.0,
            device,
        )
        plan = Plan(**{**PLAN, **changed})
        return network, Training(learner, warmup_linear(), plan, checkpoint).run()


def weights(network: torch.nn.Module) -> dict[str, Any]:
    return {name: value.numpy() for name, value in network.state_dict().items()}


def merit(entry: Mapping[str, float]) -> tuple[float, float]:
    return entry["validation_accuracy"], -entry["validation_loss"]


def assert_equal_weights(left: torch.nn.Module, right: torch.nn.Module) -> None:
    for name, value in weights(left).items():
        np.testing.assert_array_equal(value, weights(right)[name], err_msg=name)


def test_it_learns_the_training_rows(tokens: Path, tmp_path: Path) -> None:
    _, history = fit(tokens, Checkpoint(tmp_path / "out", "key"), rate=2e-2, dropout=0.0, epochs=8)
    assert history[-1]["train_loss"] < 0.5 * history[0]["train_loss"]
    assert [entry["epoch"] for entry in history] == list(range(1, 9))


@pytest.mark.parametrize("saves", [1, 7, 20])
def test_a_resumed_training_ends_with_the_very_same_weights(
    tokens: Path, tmp_path: Path, saves: int
) -> None:
    uninterrupted, expected = fit(tokens, Checkpoint(tmp_path / "a", "key"), evaluations=2)
    with pytest.raises(KilledError):
        fit(tokens, Fragile(tmp_path / "b", saves), evaluations=2, checkpoint_seconds=0)
    resumed, history = fit(tokens, Checkpoint(tmp_path / "b", "key"), evaluations=2)
    assert_equal_weights(resumed, uninterrupted)
    assert history == expected


def test_accumulated_batches_make_the_step_of_one_large_batch(tokens: Path, tmp_path: Path) -> None:
    rows = len(TokenRows(Tokens.open(tokens), "train"))
    at_once, _ = fit(
        tokens, Checkpoint(tmp_path / "a", "key"), dropout=0.0, epochs=1, batch_rows=rows
    )
    in_parts, _ = fit(
        tokens,
        Checkpoint(tmp_path / "b", "key"),
        dropout=0.0,
        epochs=1,
        batch_rows=7,
        accumulate=10**6,
    )
    for name, value in weights(at_once).items():
        np.testing.assert_allclose(value, weights(in_parts)[name], atol=2e-5, err_msg=name)


def test_the_best_weights_are_kept(tokens: Path, tmp_path: Path) -> None:
    # far too high a rate: later epochs are worse than the best one
    network, history = fit(
        tokens, Checkpoint(tmp_path / "a", "key"), rate=3e-2, dropout=0.0, epochs=6
    )
    best = history.index(max(history, key=merit))
    assert best < len(history) - 1
    kept = Checkpoint(tmp_path / "a", "key").load("best")
    assert kept is not None
    for name, value in weights(network).items():
        np.testing.assert_array_equal(value, kept[1]["network"][name])


def test_it_stops_early_without_progress(tokens: Path, tmp_path: Path) -> None:
    _, history = fit(
        tokens, Checkpoint(tmp_path / "a", "key"), rate=3e-2, dropout=0.0, epochs=30, patience=2
    )
    assert len(history) < 30
    assert history.index(max(history, key=merit)) == len(history) - 3


def test_without_validation_rows_the_last_weights_are_kept(tokens: Path, tmp_path: Path) -> None:
    _, history = fit(tokens, Checkpoint(tmp_path / "a", "key"), validation=0, patience=1)
    assert len(history) == 2
    assert history[-1]["validation_accuracy"] == 0.0


@pytest.mark.parametrize(("evaluations", "expected"), [(1, 2), (3, 6), (10**6, 8)])
def test_evaluations_an_epoch(
    tokens: Path, tmp_path: Path, evaluations: int, expected: int
) -> None:
    rows = len(TokenRows(Tokens.open(tokens), "train"))
    _, history = fit(
        tokens,
        Checkpoint(tmp_path / "a", "key"),
        evaluations=evaluations,
        patience=99,
        batch_rows=-(-rows // 4),  # four steps an epoch
    )
    assert len(history) == expected
    assert history[-1]["step"] == 8


def test_a_loss_that_is_no_number_is_told(tokens: Path, tmp_path: Path) -> None:
    with pytest.raises(TamisError) as caught:
        fit(tokens, Checkpoint(tmp_path / "a", "key"), rate=1e30)
    assert caught.value.code == "diverged"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lstm", "bert"])
def test_a_killed_process_goes_on_from_its_checkpoint(
    name: str, dataset: Path, tokens: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"epochs": 3, "checkpoint_seconds": 0.3, **SMALL}
    if name == "bert":
        tokens = tmp_path / "tokens"
        tokenize(dataset, tokens, TokenizerSettings("wordpiece", encoder=str(tiny_encoder)))
        settings = {"epochs": 8, "checkpoint_seconds": 0.1, "patience": 99, "max_tokens": 32}
        settings["encoder"] = str(tiny_encoder)
    params = tmp_path / "params.yaml"
    params.write_text(json.dumps({"seed": 5, "architectures": {name: settings}}))
    command = [sys.executable, "-m", f"components.train_{name}", "--dataset", str(dataset)]
    command += ["--tokens", str(tokens), "--out", str(tmp_path / "out"), "--params", str(params)]
    first = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    latest = tmp_path / ".out.checkpoint" / "latest" / "manifest.json"
    deadline = time.monotonic() + 120
    while not latest.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert not (tmp_path / "out").exists()

    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    events = [json.loads(line) for line in second.stderr.splitlines() if line.startswith("{")]
    resumed = [event for event in events if event["event"] == "resumed"]
    assert len(resumed) == 1, second.stderr
    assert resumed[0]["step"] > 0
    assert not (tmp_path / ".out.checkpoint").exists()
    verify(tmp_path / "out", "bundle")

    # and the result is what an uninterrupted training gives
    entry = catalogue.architecture(name)
    chosen = build(entry.load_settings(), {**settings, "seed": 5}, name)
    entry.load_train()(dataset, tokens, tmp_path / "whole", chosen)
    assert read_manifest(tmp_path / "whole").digest == read_manifest(tmp_path / "out").digest
