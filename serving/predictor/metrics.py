"""The predictor's Prometheus metrics; every label has a bounded set of values."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from serving.predictor.queue import Batch
from serving.predictor.served import Served
from serving.predictor.tokens import Tokenised

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
TOKENS = (16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768)


class PredictorMetrics:
    """One registry's metrics; made once a process by the composition root."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "tamis_predictor_requests",
            "Requests by protocol and by the error's code, `ok` when there was none",
            ["protocol", "code"],
            registry=registry,
        )
        phase = Histogram(
            "tamis_predictor_phase_seconds",
            "Where time goes: tokenise by request, queue by text, infer by batch",
            ["phase"],
            buckets=SECONDS,
            registry=registry,
        )
        self._tokenise, self._wait, self._infer = map(phase.labels, ("tokenise", "queue", "infer"))
        self._rows = Histogram(
            "tamis_predictor_batch_rows", "Texts in a batch", buckets=ROWS, registry=registry
        )
        self._tokens = Histogram(
            "tamis_predictor_batch_tokens",
            "Tokens in a batch, padding counted",
            buckets=TOKENS,
            registry=registry,
        )
        self._queued = Gauge(
            "tamis_predictor_queue_texts", "Texts that wait to be scored", registry=registry
        )
        self._seen = Counter(
            "tamis_predictor_tokens", "Tokens in the texts asked about", registry=registry
        )
        self._cut = Counter(
            "tamis_predictor_truncated_texts", "Texts that were cut", registry=registry
        )
        self._model = Gauge(
            "tamis_model_info",
            "1 for the model in service",
            ["name", "version", "bundle_digest", "architecture"],
            registry=registry,
        )
        self._failures = Counter(
            "tamis_reload_failures",
            "Attempts to load a newer model that failed, by the error's code",
            ["code"],
            registry=registry,
        )
        self._loaded = Gauge(
            "tamis_reload_success_timestamp_seconds",
            "When the model in service was loaded, or last found to be the newest",
            registry=registry,
        )

        self._expiry = Gauge(
            "tamis_certificate_expiry_timestamp_seconds",
            "When the certificate ends that this process loaded when it started",
            ["use"],
            registry=registry,
        )

    def certificate(self, use: str, expires: float) -> None:
        """Tell when a certificate ends: `server`'s."""
        self._expiry.labels(use).set(expires)

    def watch_queue(self, waiting: Callable[[], int]) -> None:
        """Read the queue's length when asked for metrics."""
        self._queued.set_function(waiting)

    def answered(self, protocol: str, code: str) -> None:
        """Count a request: `v1` or `v2`, and `ok` or an error's code."""
        self._requests.labels(protocol, code).inc()

    def tokenised(self, seconds: float, tokenised: Tokenised) -> None:
        """Count a request's tokens and what they took."""
        self._tokenise.observe(seconds)
        self._seen.inc(sum(tokenised.tokens.tolist()))  # most requests have one text
        if cut := sum(tokenised.truncated.tolist()):
            self._cut.inc(cut)

    def scored(self, batch: Batch, seconds: float) -> None:
        """Count a batch and what it took."""
        self._infer.observe(seconds)
        rows = len(batch.items)
        self._rows.observe(rows)
        self._tokens.observe(rows * max(item.cost for item in batch.items))
        for waited in batch.waited:
            self._wait.observe(waited)

    def serves(self, name: str, served: Served) -> None:
        """Name the model in service."""
        self._model.clear()  # or each version ever served would stay a time series
        self._model.labels(name, served.version, served.digest, served.architecture).set(1)
        self.fresh()

    def fresh(self) -> None:
        """Note that the model in service is the newest."""
        self._loaded.set(time.time())

    def reload_failed(self, code: str) -> None:
        """Count a failed attempt."""
        self._failures.labels(code).inc()
