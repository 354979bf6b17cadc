"""What the predictor can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from components.contract.settings import require
from serving.predictor.limits import DEADLINE_S, TEXTS, WAIT_MS
from serving.tls import TlsFiles


@dataclass(frozen=True)
class BatchSettings:
    """How concurrent requests become batches.

    Attributes:
        rows: Most texts in a batch; 0 takes what suits the model.
        tokens: Most tokens in a batch, padding counted; 0 takes what suits the model.
        wait_ms: How long a batch that isn't full waits for company, in milliseconds.
        queue_texts: Most texts that wait at once.
        workers: Threads that score; 0 takes the cores that the process may use.
    """

    rows: int = 0
    tokens: int = 0
    wait_ms: float = 0.0
    queue_texts: int = 2_048
    workers: int = 0

    def check(self) -> None:
        """Refuse values that can't work; raises `InputError` `bad_parameter`."""
        require(self.rows >= 0, "rows", f"must be 0 or more, not {self.rows}")
        require(self.tokens >= 0, "tokens", f"must be 0 or more, not {self.tokens}")
        require(
            0 <= self.wait_ms <= WAIT_MS, "wait_ms", f"must be 0 to {WAIT_MS}, not {self.wait_ms}"
        )
        require(
            self.queue_texts >= TEXTS,
            "queue_texts",
            f"must be at least {TEXTS}, the largest request, not {self.queue_texts}",
        )
        require(0 <= self.workers <= 256, "workers", f"must be 0 to 256, not {self.workers}")


@dataclass(frozen=True)
class PredictorSettings:
    """Where the model comes from and how it is served.

    Attributes:
        bundle: A bundle's directory; None takes the registry's model.
        model: `NAME@alias` in the registry.
        model_name: The name in the URL; empty takes the registry's, or `tamis` for a directory.
        host: Address to listen at.
        port: Port for requests; 0 takes a free one.
        metrics_port: Port for metrics and health alone; None serves them on `port`.
        reload_s: Seconds between looks for a newer model; 0 for none.
        deadline_s: Longest that a request may take, in seconds.
        drain_s: How long requests are still accepted after SIGTERM, in seconds, until whoever
            routes them has seen that the server is not ready.
        grace_s: How long requests under way may then take, in seconds.
        batch: How requests become batches.
        tls: Serve HTTPS with these files; with an authority, clients must show a certificate of
            it. None for HTTP.
    """

    bundle: Path | None = None
    model: str = "tamis@champion"
    model_name: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    metrics_port: int | None = None
    reload_s: float = 30.0
    deadline_s: float = 30.0
    drain_s: float = 0.0
    grace_s: float = 30.0
    batch: BatchSettings = field(default_factory=BatchSettings)
    tls: TlsFiles | None = None

    def check(self) -> None:
        """Refuse values that can't work; raises `InputError` `bad_parameter`."""
        self.batch.check()
        name = self.served_name
        require(
            bool(name) and name.isascii() and name.replace("-", "").replace("_", "").isalnum(),
            "model_name",
            f"must be letters, digits, - and _, not {name!r}",
        )
        for parameter, port in (("port", self.port), ("metrics_port", self.metrics_port or 0)):
            require(0 <= port < 65_536, parameter, f"must be 0 to 65535, not {port}")
        require(
            0 < self.deadline_s <= DEADLINE_S,
            "deadline_s",
            f"must be above 0 and at most {DEADLINE_S}, not {self.deadline_s}",
        )
        for parameter in ("reload_s", "drain_s", "grace_s"):
            value = getattr(self, parameter)
            require(0 <= value < 86_400, parameter, f"must be 0 to a day, not {value}")

    @property
    def served_name(self) -> str:
        """The name that requests call the model by."""
        if self.model_name:
            return self.model_name
        return "tamis" if self.bundle else self.model.partition("@")[0]
