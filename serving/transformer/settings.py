"""What the transformer can be told; a YAML file's sections and a few flags."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from components.contract.errors import InputError
from components.contract.settings import require
from serving.transformer.auth.settings import AuthSettings
from serving.transformer.drift.settings import DriftSettings
from serving.transformer.journal.settings import JournalSettings


@dataclass(frozen=True)
class TlsSettings:
    """Files in PEM form; empty for none.

    Attributes:
        cert: This server's certificate chain; empty serves plain HTTP.
        key: Its private key.
        client_ca: Authorities whose certificates clients must show.
        predictor_ca: Authorities that vouch for the predictor; empty takes the system's.
        predictor_cert: The certificate to show to the predictor.
        predictor_key: Its private key.
    """

    cert: str = ""
    key: str = ""
    client_ca: str = ""
    predictor_ca: str = ""
    predictor_cert: str = ""
    predictor_key: str = ""

    def check(self) -> None:
        """Refuse halves of a pair; raises `InputError` `bad_parameter`."""
        require(bool(self.cert) == bool(self.key), "tls", "needs cert and key together")
        require(bool(self.cert) or not self.client_ca, "tls", "needs cert and key for client_ca")
        require(
            bool(self.predictor_cert) == bool(self.predictor_key),
            "tls",
            "needs predictor_cert and predictor_key together",
        )


@dataclass(frozen=True)
class TransformerSettings:
    """The transformer's parameters.

    Attributes:
        profile: `production` refuses what is only sound on a laptop: the embedded issuer, open
            doors, an issuer without TLS.
        model: The name that requests call the model by; the predictor's too.
        predictor: The predictor's base URL.
        host: Address to listen on.
        port: Port for requests; 0 takes a free one.
        metrics_port: Port for metrics alone; None for none.
        deadline_s: Longest that a request waits for the predictor, in seconds.
        drain_s: Seconds between "not ready" and "no more connections" after SIGTERM.
        grace_s: Longest wait for requests under way after that, in seconds.
        open_to_all: Let everyone do everything, as `anonymous`, without a token.
        auth: Whose tokens are taken; without an issuer, the embedded one's.
        issuer_state: The embedded issuer's folder: its keys and clients.
        feedback: Whether predictions are kept, so that feedback can be given.
        journal: Where they are kept.
        drift: How drift is scored.
        tls: Certificates.
    """

    profile: Literal["development", "production"] = "development"
    model: str = "tamis"
    predictor: str = "http://127.0.0.1:8081"
    host: str = "127.0.0.1"
    port: int = 8080
    metrics_port: int | None = None
    deadline_s: float = 10.0
    drain_s: float = 0.0
    grace_s: float = 20.0
    open_to_all: bool = False
    issuer_state: str = ".tamis/issuer"
    auth: AuthSettings = field(default_factory=AuthSettings)
    feedback: bool = True
    journal: JournalSettings = field(default_factory=JournalSettings)
    drift: DriftSettings = field(default_factory=DriftSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)

    def check(self) -> None:
        """Refuse values that can't work; raises `InputError`."""
        scheme = self.predictor.partition("://")[0]
        require(scheme in ("http", "https"), "predictor", f"must be a URL, not {self.predictor!r}")
        for name, port in (("port", self.port), ("metrics_port", self.metrics_port or 0)):
            require(0 <= port < 65_536, name, f"must be 0 to 65535, not {port}")
        require(0 < self.deadline_s <= 600, "deadline_s", "must be above 0 and at most 600")
        for name in ("drain_s", "grace_s"):
            value = getattr(self, name)
            require(0 <= value <= 3_600, name, f"must be 0 to 3600, not {value}")
        if self.profile == "production":
            self._check_production()

    def _check_production(self) -> None:
        if self.open_to_all:
            raise InputError("not_in_production", "open_to_all leaves the service open to anyone.")
        if not self.auth.issuer:
            raise InputError(
                "not_in_production",
                "The embedded issuer is for a laptop.",
                "Give auth.issuer the address of an identity provider.",
            )
        if not self.auth.issuer.startswith("https://"):
            raise InputError(
                "not_in_production", f"auth.issuer must be https://, not {self.auth.issuer!r}."
            )
