"""The transformer's Prometheus metrics; every label has a bounded set of values."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from serving.transformer.model_identity import ModelIdentity

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
CONFIDENCE = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class TransformerMetrics:
    """One registry's metrics; made once a process by the composition root."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "tamis_requests",
            "Requests by route (a path that nobody serves is `none`) and status",
            ["route", "status"],
            registry=registry,
        )
        self.errors = Counter("tamis_errors", "Refusals by code", ["code"], registry=registry)
        self.latency = Histogram(
            "tamis_request_seconds",
            "Latency of requests",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        phase = Histogram(
            "tamis_phase_seconds",
            "Where a prediction's time goes",
            ["phase"],
            buckets=SECONDS,
            registry=registry,
        )
        self.auth_seconds = phase.labels("auth")
        self.predict_seconds = phase.labels("predict")
        self.journal_seconds = phase.labels("journal")
        self.texts = Histogram(
            "tamis_request_texts", "Texts in a request", buckets=TEXTS, registry=registry
        )
        self.in_flight = Gauge("tamis_requests_in_flight", "Requests under way", registry=registry)
        self.predictions = Counter(
            "tamis_predictions", "Predictions by label", ["label"], registry=registry
        )
        self.confidence = Histogram(
            "tamis_prediction_confidence",
            "Calibrated probability of the predicted label",
            buckets=CONFIDENCE,
            registry=registry,
        )
        self.truncated = Counter(
            "tamis_truncated_texts", "Texts of which the model saw head and tail", registry=registry
        )
        self.feedback = Counter(
            "tamis_feedback",
            "Feedback by whether the prediction was right",
            ["right"],
            registry=registry,
        )
        for right in ("true", "false"):  # from 0 on, or a first burst would be no increase
            self.feedback.labels(right)
        self.decisions = Counter(
            "tamis_auth_decisions", "Admissions by outcome", ["outcome"], registry=registry
        )
        self._model = Gauge(
            "tamis_served_model",
            "1 for the model that answered last",
            ["name", "version", "bundle_digest"],
            registry=registry,
        )

        self._expiry = Gauge(
            "tamis_certificate_expiry_timestamp_seconds",
            "When the certificate ends that this process loaded when it started",
            ["use"],
            registry=registry,
        )

    def certificate(self, use: str, expires: float) -> None:
        """Tell when a certificate ends: `server`'s, or as `client` of the predictor."""
        self._expiry.labels(use).set(expires)

    def show_model(self, model: ModelIdentity) -> None:
        """Say which model answers now; an earlier one's series goes."""
        self._model.clear()
        self._model.labels(model.name, model.version, model.bundle_digest).set(1)
