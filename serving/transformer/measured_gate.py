"""The gate with a stopwatch: how long admission takes, and how it ends."""

from __future__ import annotations

import time

from serving.transformer.auth.errors import AuthError
from serving.transformer.auth.gate import Gate
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.roles import Verb
from serving.transformer.metrics import TransformerMetrics

ALLOWED = "allowed"


class MeasuredGate:
    """What `requires` takes for a gate.

    Args:
        gate: The real one.
        metrics: Where it counts.
    """

    def __init__(self, gate: Gate, metrics: TransformerMetrics) -> None:
        self._gate, self._metrics = gate, metrics
        self._allowed = metrics.decisions.labels(ALLOWED)

    async def admit(
        self, authorization: str | None, verb: Verb, model: str | None = None, request_id: str = ""
    ) -> Principal:
        """As `Gate.admit`."""
        started, outcome = time.perf_counter(), self._allowed
        try:
            return await self._gate.admit(authorization, verb, model, request_id)
        except AuthError as error:
            outcome = self._metrics.decisions.labels(error.code)
            raise
        finally:
            self._metrics.auth_seconds.observe(time.perf_counter() - started)
            outcome.inc()

    def refuse(
        self, error: AuthError, verb: Verb, model: str | None = None, request_id: str = ""
    ) -> AuthError:
        """As `Gate.refuse`."""
        self._metrics.decisions.labels(error.code).inc()
        return self._gate.refuse(error, verb, model, request_id)
