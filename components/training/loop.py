"""The epoch loop that every network shares, whatever framework it trains in."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.contract import logs
from components.contract.errors import TamisError
from components.training.batches import Rows, epoch_batches, groups, shard_batches
from components.training.checkpoint import Checkpoint
from components.training.learner import Learner
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
        patience: Evaluations without a better accuracy before training stops.
        accumulate: Batches whose gradients make one step.
        evaluations: Evaluations an epoch.
        checkpoint_seconds: Least time between two checkpoints.
    """

    stage: str
    seed: int
    epochs: int
    batch_rows: int
    patience: int
    accumulate: int = 1
    evaluations: int = 1
    checkpoint_seconds: float = 60.0


class Training:
    """One training run, from its first step or from a checkpoint.

    A step's dropout is seeded by its number and its batches by the epoch's, so that a resumed run
    ends with the very weights of an uninterrupted one.

    Args:
        learner: The network; without validation rows its last weights are kept.
        schedule: Factor on its learning rates by progress.
        plan: How long and how often.
        checkpoint: Where states are kept.
    """

    def __init__(
        self, learner: Learner, schedule: Schedule, plan: Plan, checkpoint: Checkpoint
    ) -> None:
        self._learner, self._schedule = learner, schedule
        self._plan, self._checkpoint = plan, checkpoint
        batches = -(-len(learner.lengths) // plan.batch_rows)
        self._epoch_steps = -(-batches // (learner.processes * plan.accumulate))
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
        progress = logs.Progress(self._plan.stage, self._total)
        saved = time.monotonic()
        for group in self._remaining():
            loss = self._update(group)
            self._step += 1
            if self._main:
                progress.update(self._step, loss=round(loss, 4))
            if self._due() and self._evaluate():
                break
            if time.monotonic() - saved >= self._plan.checkpoint_seconds:
                self._save()
                saved = time.monotonic()
        if self._main:
            self._restore_best()
        return self._history

    @property
    def _main(self) -> bool:
        return self._learner.rank == 0

    def _remaining(self) -> Iterator[list[Rows]]:
        """Groups of batches from the current step to the end of the last epoch."""
        first, skip = divmod(self._step, self._epoch_steps)
        learner, plan = self._learner, self._plan
        for epoch in range(first, plan.epochs):
            batches = epoch_batches(learner.lengths, plan.batch_rows, plan.seed, epoch)
            share = shard_batches(batches, learner.rank, learner.processes)
            yield from list(groups(share, plan.accumulate))[skip:]
            skip = 0

    def _update(self, group: list[Rows]) -> float:
        """One step over a group of batches; returns their mean loss."""
        seeds = np.random.SeedSequence([self._plan.seed, self._step, self._learner.rank])
        factor = self._schedule((self._step + 0.5) / self._total)
        total = self._learner.step(group, factor, int(seeds.generate_state(1)[0]))
        if not math.isfinite(total):
            raise TamisError(
                "diverged",
                f"The training loss became {total} at step {self._step + 1}.",
                "Lower the learning rate.",
            )
        rows = sum(len(batch) for batch in group)
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
        loss, share = self._learner.evaluate()
        total, seen = self._learner.sum(self._loss, self._seen)
        self._loss, self._seen = 0.0, 0
        entry = {
            "epoch": round(self._step / self._epoch_steps, 4),
            "step": self._step,
            "train_loss": round(total / seen, 6),
            "validation_loss": round(loss, 6),
            "validation_accuracy": share,
        }
        self._history.append(entry)
        logs.event("evaluated", stage=self._plan.stage, **entry)
        score = [share, -loss]  # accuracy; among equals (a rare label, few rows) the loss
        if score > self._best or not self._learner.validates:
            self._best, self._stale = score, 0
            if self._main:
                self._checkpoint.save("best", {}, network=self._learner.weights())
        else:
            self._stale += 1
        return self._stale >= self._plan.patience

    def _resume(self) -> None:
        found = self._checkpoint.load("latest")
        if found is not None:
            state, arrays = found
            self._learner.restore(arrays["network"], arrays["optimizer"])
            self._step, self._stale = state["step"], state["stale"]
            self._best = list(state["best"])
            self._loss, self._seen = state["loss"], state["seen"]
            self._history = list(state["history"])
            logs.event("resumed", stage=self._plan.stage, step=self._step, total=self._total)
        (steps,) = self._learner.sum(self._step)
        if steps != self._step * self._learner.processes:
            raise TamisError(
                "checkpoint_not_shared",
                f"Process {self._learner.rank} is at step {self._step}, others are not.",
                "Give all processes the same output directory.",
            )

    def _save(self) -> None:
        if not self._main:
            return
        state = {
            "step": self._step,
            "stale": self._stale,
            "best": self._best,
            "loss": self._loss,
            "seen": self._seen,
            "history": self._history,
        }
        self._checkpoint.save(
            "latest", state, network=self._learner.weights(), optimizer=self._learner.moments()
        )

    def _restore_best(self) -> None:
        found = self._checkpoint.load("best")
        if found is not None:
            self._learner.restore(found[1]["network"])
