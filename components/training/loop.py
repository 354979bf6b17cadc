"""The epoch loop that every PyTorch architecture shares."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional

from components.contract import logs
from components.contract.errors import TamisError
from components.contract.onnx_session import Frame
from components.training.batches import Rows, TokenRows, epoch_batches, groups, shard_batches
from components.training.checkpoint import Checkpoint
from components.training.device import Device
from components.training.evaluation import evaluate
from components.training.schedule import Schedule

History = list[dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """How long to train and how often to look.

    Attributes:
        stage: The stage's name in the logs.
        seed: Decides the batches and the dropout.
        epochs: Passes over the training rows.
        batch_rows: Rows in a batch.
        clip: Largest norm of a step's gradient (Pascanu et al. 2013,
            https://arxiv.org/abs/1211.5063).
        patience: Evaluations without a better accuracy before training stops.
        accumulate: Batches whose gradients make one step.
        evaluations: Evaluations an epoch.
        checkpoint_seconds: Least time between two checkpoints.
    """

    stage: str
    seed: int
    epochs: int
    batch_rows: int
    clip: float
    patience: int
    accumulate: int = 1
    evaluations: int = 1
    checkpoint_seconds: float = 60.0


class Training:
    """One training run, from its first step or from a checkpoint.

    A step's dropout is seeded by its number and its batches by the epoch's, so that a resumed run
    ends with the very weights of an uninterrupted one.

    Args:
        network: Takes ids (b, t) int64 and lengths (b,) int64, gives logits (b, k).
        optimizer: Its groups' learning rates are the peaks of the schedule.
        schedule: Factor on them by progress.
        frame: How rows of ids become rectangles.
        rows: The training rows.
        validation: The rows that choose the best weights; with none, the last weights are kept.
        plan: How long and how often.
        device: Where.
        checkpoint: Where states are kept.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        frame: Frame,
        rows: TokenRows,
        validation: TokenRows,
        plan: Plan,
        device: Device,
        checkpoint: Checkpoint,
    ) -> None:
        self._network, self._optimizer, self._schedule = network, optimizer, schedule
        self._frame, self._rows, self._validation = frame, rows, validation
        self._plan, self._device, self._checkpoint = plan, device, checkpoint
        self._peaks = [group["lr"] for group in optimizer.param_groups]
        batches = -(-len(rows) // plan.batch_rows)
        self._epoch_steps = -(-batches // (device.processes * plan.accumulate))
        self._total = self._epoch_steps * plan.epochs
        self._step, self._stale = 0, 0
        self._best: list[float] = []
        self._loss, self._seen = 0.0, 0
        self._history: History = []

    def run(self) -> History:
        """Train; afterwards the main process's network holds the best weights.

        Returns:
            Metrics by evaluation: `epoch`, `step`, `train_loss`, `validation_loss` (nats, after
            calibration), `validation_accuracy`.

        Raises:
            TamisError: `diverged` when the loss is no longer a number.
        """
        self._resume()
        model = self._parallel()
        progress = logs.Progress(self._plan.stage, self._total)
        saved = time.monotonic()
        for group in self._remaining():
            loss = self._update(model, group)
            self._step += 1
            if self._device.main:
                progress.update(self._step, loss=round(loss, 4))
            if self._due() and self._evaluate():
                break
            if time.monotonic() - saved >= self._plan.checkpoint_seconds:
                self._save()
                saved = time.monotonic()
        if self._device.main:
            self._restore_best()
        return self._history

    def _remaining(self) -> Iterator[list[Rows]]:
        """Groups of batches from the current step to the end of the last epoch."""
        first, skip = divmod(self._step, self._epoch_steps)
        lengths = np.minimum(self._rows.lengths, self._frame.max_tokens)
        for epoch in range(first, self._plan.epochs):
            batches = epoch_batches(lengths, self._plan.batch_rows, self._plan.seed, epoch)
            share = shard_batches(batches, self._device.rank, self._device.processes)
            yield from list(groups(share, self._plan.accumulate))[skip:]
            skip = 0

    def _update(self, model: torch.nn.Module, group: list[Rows]) -> float:
        """One optimizer step over a group of batches; returns their mean loss."""
        seeds = np.random.SeedSequence([self._plan.seed, self._step, self._device.rank])
        torch.manual_seed(int(seeds.generate_state(1)[0]))
        factor = self._schedule((self._step + 0.5) / self._total)
        for part, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            part["lr"] = peak * factor
        model.train()
        rows = sum(len(batch) for batch in group)
        total = 0.0
        for batch in group:
            if self._device.processes > 1:  # gradients travel once, with the last batch
                model.require_backward_grad_sync = batch is group[-1]
            with self._device.autocast():
                logits = model(*self._rows.rectangle(batch, self._frame, self._device.torch))
            targets = self._rows.targets(batch, self._device.torch)
            loss = functional.cross_entropy(logits.float(), targets, reduction="sum") / rows
            loss.backward()
            total += loss.item()
        if not math.isfinite(total):
            raise TamisError(
                "diverged",
                f"The training loss became {total} at step {self._step + 1}.",
                "Lower the learning rate.",
            )
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._plan.clip)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._loss += total * rows
        self._seen += rows
        return total

    def _due(self) -> bool:
        """Whether the step just done is one to evaluate after; an epoch's last always is."""
        done = (self._step - 1) % self._epoch_steps + 1
        share = self._plan.evaluations / self._epoch_steps
        return math.floor(done * share) > math.floor((done - 1) * share) or (
            done == self._epoch_steps
        )

    def _evaluate(self) -> bool:
        """Measure on the validation rows, keep the best weights; whether to stop early."""
        loss, share = evaluate(self._network, self._validation, self._frame, self._device)
        sums = torch.tensor([self._loss, self._seen], dtype=torch.float64)
        sums = self._device.sum(sums.to(self._device.torch)).tolist()
        self._loss, self._seen = 0.0, 0
        entry = {
            "epoch": round(self._step / self._epoch_steps, 4),
            "step": self._step,
            "train_loss": round(sums[0] / sums[1], 6),
            "validation_loss": round(loss, 6),
            "validation_accuracy": share,
        }
        self._history.append(entry)
        logs.event("evaluated", stage=self._plan.stage, **entry)
        score = [share, -loss]  # accuracy; among equals (a rare label, few rows) the loss
        if score > self._best or not len(self._validation):
            self._best, self._stale = score, 0
            if self._device.main:
                self._checkpoint.save("best", {}, network=self._network.state_dict())
        else:
            self._stale += 1
        return self._stale >= self._plan.patience

    def _parallel(self) -> torch.nn.Module:
        """The network, averaging gradients over the processes when there are several."""
        if self._device.processes == 1:
            return self._network
        ids = [self._device.torch.index] if self._device.torch.type == "cuda" else None
        return torch.nn.parallel.DistributedDataParallel(self._network, device_ids=ids)

    def _resume(self) -> None:
        found = self._checkpoint.load("latest")
        if found is not None:
            state, tensors = found
            self._network.load_state_dict(tensors["network"])
            moments: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in tensors["optimizer"].items():
                number, _, name = key.partition(".")
                moments.setdefault(int(number), {})[name] = value
            groups = self._optimizer.state_dict()["param_groups"]
            self._optimizer.load_state_dict({"state": moments, "param_groups": groups})
            self._step, self._stale = state["step"], state["stale"]
            self._best = list(state["best"])
            self._loss, self._seen = state["loss"], state["seen"]
            self._history = list(state["history"])
            logs.event("resumed", stage=self._plan.stage, step=self._step, total=self._total)
        steps = self._device.sum(torch.tensor(self._step, device=self._device.torch))
        if int(steps) != self._step * self._device.processes:
            raise TamisError(
                "checkpoint_not_shared",
                f"Process {self._device.rank} is at step {self._step}, others are not.",
                "Give all processes the same output directory.",
            )

    def _save(self) -> None:
        if not self._device.main:
            return
        moments = {
            f"{number}.{name}": value
            for number, kept in self._optimizer.state_dict()["state"].items()
            for name, value in kept.items()
        }
        state = {
            "step": self._step,
            "stale": self._stale,
            "best": self._best,
            "loss": self._loss,
            "seen": self._seen,
            "history": self._history,
        }
        self._checkpoint.save(
            "latest", state, network=self._network.state_dict(), optimizer=moments
        )

    def _restore_best(self) -> None:
        found = self._checkpoint.load("best")
        if found is not None:
            self._network.load_state_dict(found[1]["network"])
