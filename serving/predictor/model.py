"""The model as KServe knows it."""

from __future__ import annotations

from typing import Any

from kserve import Model

from serving.predictor import v2
from serving.predictor.engine import Answer, Engine
from serving.predictor.request import ScoreRequest
from serving.predictor.served import Served


class TextModel(Model):  # type: ignore[misc]
    """A text classifier behind a name.

    Args:
        name: The name in the URL.
        engine: What scores.
    """

    def __init__(self, name: str, engine: Engine) -> None:
        super().__init__(name)
        self._engine = engine
        self.ready = True  # the engine's model was opened and its golden rows replayed

    @property
    def served(self) -> Served:
        """The bundle in service."""
        return self._engine.served

    async def predict(self, payload: ScoreRequest, deadline: float) -> Answer:
        """Score a request's texts.

        Args:
            payload: The request.
            deadline: When its answer is of no use any more, `time.monotonic()`.

        Returns:
            The answer.

        Raises:
            RequestError: As `Engine.score`.
        """
        return await self._engine.score(payload.texts, payload.truncate, deadline)

    def metadata(self) -> dict[str, Any]:
        """The Open Inference Protocol's metadata."""
        served = self.served
        labels = served.classifier.labels
        return v2.metadata(self.name, served.version, served.architecture, len(labels))
