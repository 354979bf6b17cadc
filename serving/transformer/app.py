"""The composition root: the one place where the transformer's parts meet."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from serving.tls import TlsFiles, client_context, expires
from serving.transformer.auth.dependency import requires
from serving.transformer.auth.gate import Gate
from serving.transformer.auth.issuer import Issuer
from serving.transformer.auth.issuer_routes import issuer_routes
from serving.transformer.auth.issuer_settings import IssuerSettings, Profile
from serving.transformer.auth.roles import Verb
from serving.transformer.auth.settings import open_gate
from serving.transformer.classification import Classification
from serving.transformer.drifting import Drift
from serving.transformer.forward import Forwarder
from serving.transformer.journal.journal import Journal
from serving.transformer.measured_gate import MeasuredGate
from serving.transformer.metrics import TransformerMetrics
from serving.transformer.model_identity import ModelIdentity
from serving.transformer.observe import Observe, handlers
from serving.transformer.open_gate import anyone
from serving.transformer.openapi import document
from serving.transformer.routes.classify import classify_routes
from serving.transformer.routes.drift import drift_routes
from serving.transformer.routes.feedback import Outcome, feedback_routes
from serving.transformer.routes.health import health_routes
from serving.transformer.routes.inference import inference_routes
from serving.transformer.settings import TransformerSettings

DESCRIPTION = "Classifies texts, takes feedback, and watches for drift."


@dataclass(frozen=True)
class Transformer:
    """An application with what its process needs of it.

    Attributes:
        app: The ASGI application, to be served.
        metrics: Its metrics, to be exposed on a port of their own.
    """

    app: Any
    metrics: TransformerMetrics


def build(settings: TransformerSettings, draining: Callable[[], bool]) -> Transformer:
    """Put the transformer together; nothing is opened before it starts.

    Args:
        settings: What to serve, for whom.
        draining: Whether the process is on its way out.

    Returns:
        The application.

    Raises:
        TamisError: When settings, keys or certificates can't be used.
    """
    metrics = TransformerMetrics()
    for use, file in (("server", settings.tls.cert), ("client", settings.tls.predictor_cert)):
        if file:
            metrics.certificate(use, expires(Path(file)))
    issuer = _issuer(settings)
    gate = None if settings.open_to_all else open_gate(settings.auth, settings.model, issuer)
    forwarder = _forwarder(settings)
    journal = Journal.open(settings.journal, metrics.registry) if settings.feedback else None
    drift = Drift(settings.drift, forwarder.reference, metrics.registry)

    def new_model(model: ModelIdentity) -> None:
        metrics.show_model(model)
        drift.served(model.bundle_digest)

    classification = Classification(forwarder, journal, drift.tap, metrics, new_model)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(forwarder)
            if journal is not None:
                stack.push_async_callback(journal.close)
            if gate is not None:
                stack.push_async_callback(gate.close)
                await gate.start()
            await stack.enter_async_context(drift)
            yield

    app = FastAPI(
        title="Tamis",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be to whatever the Host header says
        exception_handlers=handlers(metrics),
    )
    app.state.gate = gate and MeasuredGate(gate, metrics)

    def may(verb: Verb) -> Any:
        return anyone if gate is None else requires(verb)

    app.include_router(health_routes(draining, _ready(forwarder, gate)))
    app.include_router(classify_routes(classification, may("predict")))
    app.include_router(
        inference_routes(classification, may("predict"), settings.model, forwarder.ready)
    )
    if drift.monitor is not None:
        app.include_router(drift_routes(drift.report, may("drift:read")))
    if journal is not None:

        def given(outcome: Outcome) -> None:
            metrics.feedback.labels(str(outcome.correct).lower()).inc()
            drift.feedback(outcome.correct, outcome.model.bundle_digest)

        app.include_router(feedback_routes(journal, may("feedback"), given))
    if issuer is not None:
        app.include_router(issuer_routes(issuer))
    app.openapi = document(app)  # type: ignore[method-assign]  # as FastAPI's manual says
    return Transformer(Observe(app, metrics, draining), metrics)


def _issuer(settings: TransformerSettings) -> Issuer | None:
    if settings.open_to_all or settings.auth.issuer:
        return None
    profile: Profile = "production" if settings.profile == "production" else "local"
    scheme = "https" if settings.tls.cert else "http"
    url = f"{scheme}://localhost:{settings.port}"
    state = Path(settings.issuer_state)
    return Issuer(IssuerSettings(state, url, settings.auth.audience, profile=profile))


def _forwarder(settings: TransformerSettings) -> Forwarder:
    tls = settings.tls
    context = None
    if settings.predictor.startswith("https://"):
        context = client_context(
            TlsFiles(_path(tls.predictor_cert), _path(tls.predictor_key), _path(tls.predictor_ca))
        )
    wanted = settings.drift.detectors != "off"
    return Forwarder(settings.predictor, settings.model, wanted, settings.deadline_s, context)


def _path(name: str) -> Path | None:
    return Path(name) if name else None


def _ready(forwarder: Forwarder, gate: Gate | None) -> Any:
    async def ready() -> bool:
        return (gate is None or gate.ready) and await forwarder.ready()

    return ready
