"""Answering texts: score, give ids, record, watch; the one path behind every predicting route."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

from serving.transformer.identity import new_ids
from serving.transformer.metrics import TransformerMetrics
from serving.transformer.model_identity import ModelIdentity
from serving.transformer.prediction import Answered
from serving.transformer.problems import RefusalError
from serving.transformer.scored import Scored


class Scorer(Protocol):
    """Scores texts; the forwarder does."""

    async def ask(self, texts: Sequence[str]) -> Scored:
        """Scores of n texts in their order."""
        ...


class Recorder(Protocol):
    """Keeps predictions; the journal does."""

    async def record(self, answered: Answered) -> None:
        """Return when they would survive a kill of this process."""
        ...


class Watcher(Protocol):
    """Looks at predictions in passing; drift scoring does."""

    def offer(self, answered: Answered) -> None:
        """Take what it can and never wait."""
        ...


class Classification:
    """Turns texts into answers.

    Args:
        scorer: Where scores come from.
        recorder: Where predictions are kept; None keeps none, and there is no feedback.
        watcher: Who watches for drift; None for nobody.
        metrics: Where it counts.
        new_model: Told when another bundle answers than before.
    """

    def __init__(
        self,
        scorer: Scorer,
        recorder: Recorder | None,
        watcher: Watcher | None,
        metrics: TransformerMetrics,
        new_model: Callable[[ModelIdentity], None],
    ) -> None:
        self._scorer, self._recorder, self._watcher = scorer, recorder, watcher
        self._metrics, self._new_model = metrics, new_model
        self._served: ModelIdentity | None = None
        self._ids = new_ids()

    async def answer(
        self, texts: Sequence[str], truncate: bool, subject: str, field: str = "texts"
    ) -> Answered:
        """Classify texts.

        Args:
            texts: n texts, n at least 1.
            truncate: Whether a text that the model can't see whole may be cut.
            subject: Who asks.
            field: Where in the request the texts are, for a refusal.

        Returns:
            The answers, recorded.

        Raises:
            RefusalError: As `Forwarder.ask`; 422 `too_long` when `truncate` is false.
        """
        started = time.perf_counter()
        scored = await self._scorer.ask(texts)
        predicted = time.perf_counter()
        if not truncate and scored.truncated.any():
            place = int(scored.truncated.argmax())
            raise RefusalError(
                422,
                "too_long",
                f"Text {place} has {int(scored.tokens[place])} tokens, more than the model sees; "
                "shorten it or say truncate: true.",
                f"{field}[{place}]",
            )
        answered = Answered(
            list(islice(self._ids, len(texts))),
            texts,
            subject,
            scored.model,
            scored.labels,
            scored.probabilities,
            scored.tokens,
            scored.truncated,
            scored.features,
        )
        if self._recorder is not None:
            await self._recorder.record(answered)
        if self._watcher is not None:
            self._watcher.offer(answered)
        self._count(answered, predicted - started, time.perf_counter() - predicted)
        return answered

    def _count(self, answered: Answered, predict_s: float, journal_s: float) -> None:
        metrics = self._metrics
        metrics.predict_seconds.observe(predict_s)
        metrics.journal_seconds.observe(journal_s)
        metrics.texts.observe(len(answered.texts))
        for label, confidence in zip(answered.best, answered.scores, strict=True):
            metrics.predictions.labels(answered.labels[label]).inc()
            metrics.confidence.observe(confidence)
        cut = int(answered.truncated.sum())
        if cut:
            metrics.truncated.inc(cut)
        if answered.model != self._served:
            self._served = answered.model
            self._new_model(answered.model)
