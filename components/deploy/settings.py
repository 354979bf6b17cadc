"""The parameters of deployment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from components.contract.errors import InputError
from components.contract.settings import require

NAME_CHARACTERS = 36
"""`<name>-canary-transformer` and a revision's suffix have to fit a DNS label's 63."""

_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
_URIS = {"s3": re.compile(r"s3://[^/]+(/.+)?"), "pvc": re.compile(r"pvc://[a-z0-9.-]+(/.+)?")}
_SAFE = re.compile(r"https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/]")
KNATIVE = ("Serverless", "Knative")
"""KServe's names, before and from 0.16 on, for pods that Knative runs."""


@dataclass(frozen=True)
class ContainerResources:
    """What a container asks for and may use, in Kubernetes' own notation."""

    cpu_request: str = "500m"
    cpu_limit: str = "2"
    memory_request: str = "512Mi"
    memory_limit: str = "2Gi"
    ephemeral_request: str = "512Mi"
    ephemeral_limit: str = "2Gi"


@dataclass(frozen=True)
class SmokeSettings:
    """The predictions that a new version has to get right before it is promoted.

    Attributes:
        texts: Golden rows of the bundle that are sent through the transformer.
        url: The transformer's address, `{name}` and `{namespace}` standing for the
            InferenceService's; empty takes the address that KServe reports, or with
            `transformer_tls` its Service's, since KServe knows nothing of TLS inside pods.
        ca: PEM file of the authorities that vouch for it; empty takes the system's. The pipeline
            mounts the secret `tamis-smoke-ca` at /etc/tamis-smoke-ca if there is one.
        token_url: The issuer's token endpoint (OAuth 2.0 client credentials, RFC 6749, section
            4.4); empty sends no token, for a service without authentication.
        service_account: A service account of the service's namespace, whose token Kubernetes is
            asked for instead, where the cluster itself is the service's issuer
            (https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/).
        scope: Scopes to ask for.
        audience: The `resource` to ask for (RFC 8707); empty for the issuer's default. With
            `service_account` the token's audience.
        timeout_s: Seconds within which the answers have to be right.
    """

    texts: int = 8
    url: str = ""
    ca: str = ""
    token_url: str = ""
    service_account: str = ""
    scope: str = "predict"
    audience: str = ""
    timeout_s: float = 300.0

    def check(self) -> None:
        """Refuse values that can't work; raises `InputError` `bad_parameter`."""
        require(1 <= self.texts <= 64, "texts", f"must be 1 to 64, not {self.texts}")
        require(self.timeout_s > 0, "timeout_s", "must be above 0")
        require(
            not self.token_url or _SAFE.match(self.token_url) is not None,
            "deploy.smoke.token_url",
            f"must be https://, since a secret is sent there, not {self.token_url!r}",
        )
        require(
            not (self.service_account and self.token_url),
            "deploy.smoke.service_account",
            "can't be given with token_url: one of them issues the token",
        )
        require(
            not self.service_account or bool(self.audience),
            "deploy.smoke.audience",
            "must be given with service_account: without it the token would be Kubernetes' own",
        )


@dataclass(frozen=True)
class DeploySettings:
    """What is deployed, where and how carefully.

    Attributes:
        enabled: Whether the pipeline ends with this stage.
        name: The InferenceService, and the model's name in the URL; the pipeline takes the
            registered model's where the parameters say nothing.
        namespace: Its namespace; empty takes that of the service account that acts.
        mode: KServe's deployment mode as its annotation spells it. `RawDeployment` and
            `Serverless` are understood by every release from 0.15 on, `Standard` and `Knative` are
            their names from 0.16 on.
        storage: How pods get the bundle: `mlflow` by an init container from the registry, `s3`
            and `pvc` by KServe from where this stage put it.
        uri: For `s3` and `pvc`: `s3://bucket/prefix` or `pvc://claim/prefix`; a folder a bundle,
            named by its digest, lies below.
        tracking_uri: MLflow's address for that init container; empty takes the stage's own.
        predictor_image: The predictor's image.
        transformer_image: The transformer's image.
        image_pull_secrets: Secrets that open their registry.
        pinned: Whether images must be named by digest.
        service_account: The pods' service account; KServe reads storage credentials from it.
        config_map: Holds the transformer's `serving.yaml`.
        keys_secret: The journal's keys, mounted at /etc/tamis-keys.
        env_secret: Further variables of the transformer, such as PGPASSWORD.
        mlflow_secret: Holds `username` and `password` for the init container.
        predictor_tls: A cert-manager secret; the predictor then serves HTTPS and asks for client
            certificates of its `ca.crt`.
        transformer_tls: A cert-manager secret of the transformer, mounted at /etc/tamis-tls;
            its `serving.yaml` names the files, the predictor's authority and the certificate to
            show there. Needed as soon as the predictor has one.
        service_port: The port of KServe's Services: 80, or 8080 where KServe's
            configuration makes Services headless (`serviceClusterIPNone`).
        min_replicas: Pods of each at least.
        max_replicas: Pods of each at most.
        predictor: The predictor's resources.
        transformer: The transformer's resources.
        canary_percent: Share of requests that a canary answers in `Knative` mode.
        ready_s: Seconds within which pods have to be ready.
        smoke: The predictions that decide.
    """

    enabled: bool = False
    name: str = "tamis"
    namespace: str = "tamis"
    mode: Literal["RawDeployment", "Standard", "Serverless", "Knative"] = "RawDeployment"
    storage: Literal["mlflow", "s3", "pvc"] = "mlflow"
    uri: str = ""
    tracking_uri: str = ""
    predictor_image: str = "tamis-predictor:latest"
    transformer_image: str = "tamis-transformer:latest"
    image_pull_secrets: tuple[str, ...] = ()
    pinned: bool = False
    service_account: str = "tamis-serving"
    config_map: str = "tamis-serving"
    keys_secret: str = "tamis-journal-keys"  # noqa: S105 - a name
    env_secret: str = "tamis-transformer"  # noqa: S105 - a name
    mlflow_secret: str = "mlflow-client"  # noqa: S105 - a name
    predictor_tls: str = ""
    transformer_tls: str = ""
    service_port: int = 80
    min_replicas: int = 1
    max_replicas: int = 3
    predictor: ContainerResources = field(default_factory=ContainerResources)
    transformer: ContainerResources = field(default_factory=ContainerResources)
    canary_percent: int = 10
    ready_s: float = 900.0
    smoke: SmokeSettings = field(default_factory=SmokeSettings)

    @property
    def knative(self) -> bool:
        """Whether Knative runs the pods."""
        return self.mode in KNATIVE

    def check(self) -> None:
        """Refuse values that KServe or Knative would; raises `InputError`."""
        require(
            _NAME.fullmatch(self.name) is not None and len(self.name) <= NAME_CHARACTERS,
            "deploy.name",
            f"must be a DNS label of at most {NAME_CHARACTERS} characters, not {self.name!r}",
        )
        if self.storage in _URIS:
            require(
                _URIS[self.storage].fullmatch(self.uri) is not None,
                "deploy.uri",
                f"must be an address such as {self.storage}://name/prefix, not {self.uri!r}",
            )
        require(0 < self.canary_percent < 100, "deploy.canary_percent", "must be 1 to 99")
        require(self.ready_s > 0, "deploy.ready_s", "must be above 0")
        require(
            1 <= self.min_replicas <= self.max_replicas,
            "deploy.max_replicas",
            "must be at least min_replicas, and that at least 1",
        )
        require(
            bool(self.transformer_tls) or not self.predictor_tls,
            "deploy.transformer_tls",
            "must be given with predictor_tls: the predictor asks for a client certificate",
        )
        if self.pinned:
            for name in ("predictor_image", "transformer_image"):
                image = getattr(self, name)
                require(
                    _DIGEST.fullmatch(image) is not None,
                    f"deploy.{name}",
                    f"must end in @sha256:<digest> where deploy.pinned is set, not {image!r}",
                )
        if self.knative:
            self._check_knative()

    def _check_knative(self) -> None:
        if self.storage == "mlflow":
            raise InputError(
                "bad_parameter",
                "deploy.storage: mlflow needs an init container, which stock Knative refuses.",
                "Use s3 or pvc, or deploy.mode: RawDeployment.",
            )
        if self.predictor_tls or self.transformer_tls:
            raise InputError(
                "bad_parameter",
                "TLS inside the pods can't be had in Knative, whose proxy speaks plain HTTP to"
                " them.",
                "Use its own encryption, or deploy.mode: RawDeployment.",
            )
