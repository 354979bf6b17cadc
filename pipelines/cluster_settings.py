"""What a cluster gives each stage: images, resources, retries, secrets, accelerators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from components.contract.errors import InputError
from components.contract.image import TENSORFLOW_IMAGE, TRAIN_IMAGE
from components.contract.settings import require

_CPU = re.compile(r"[0-9]+m|[0-9]+(\.[0-9]+)?")
_SIZE = re.compile(r"[0-9]+(\.[0-9]+)?(K|Ki|M|Mi|G|Gi|T|Ti)?")
_IMAGE = re.compile(r"[\w.\-/:]+(@sha256:[0-9a-f]{64})?")
_DURATION = re.compile(r"[0-9]+[smh]")
_VERSION = re.compile(r"2\.[0-9]+")
COLLECTED = 14
"""The minor version of KFP 2 whose back end first resolves `dsl.Collected`
(https://github.com/kubeflow/pipelines/pull/11725)."""
SHARDS = 100
"""Before each task KFP's driver lists a run's executions, and each part is two pods; on Vertex no
more than 100 artifacts can be collected."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Resources:
    """What a stage's container asks for and may use, in Kubernetes' own notation.

    Attributes:
        cpu_request: Cores that the scheduler keeps for it.
        cpu_limit: Cores that it may use.
        memory_request: Memory that the scheduler keeps for it.
        memory_limit: Memory beyond which it is killed.
        scratch: Most that it may write under /tmp.
    """

    cpu_request: str = "500m"
    cpu_limit: str = "2"
    memory_request: str = "1Gi"
    memory_limit: str = "4Gi"
    scratch: str = "4Gi"

    def check(self) -> None:
        """Refuse what Kubernetes would; raises `InputError` `bad_parameter`."""
        for name in ("cpu_request", "cpu_limit"):
            value = getattr(self, name)
            require(_CPU.fullmatch(value) is not None, name, f"can't be {value!r}")
        for name in ("memory_request", "memory_limit", "scratch"):
            value = getattr(self, name)
            require(_SIZE.fullmatch(value) is not None, name, f"can't be {value!r}")


STAGES: Mapping[str, Resources] = {
    "ingest": Resources("1", "2", "1Gi", "4Gi", "20Gi"),
    "ingest-plan": Resources("250m", "1", "512Mi", "2Gi", "4Gi"),
    "tokenize": Resources("1", "2", "1Gi", "4Gi", "20Gi"),
    "train": Resources("2", "4", "4Gi", "8Gi", "20Gi"),
    "train-logistic": Resources("1", "2", "1Gi", "4Gi", "8Gi"),
    "launch": Resources("250m", "1", "512Mi", "2Gi", "20Gi"),
    "evaluate": Resources("1", "2", "1Gi", "4Gi", "8Gi"),
    "register": Resources("500m", "1", "1Gi", "2Gi", "4Gi"),
    "deploy": Resources("250m", "1", "512Mi", "2Gi", "4Gi"),
    "drift": Resources("500m", "1", "1Gi", "2Gi", "4Gi"),
    "tune": Resources("250m", "1", "512Mi", "2Gi", "4Gi"),
}
"""By a task's name, or the part before its first hyphen; `launch` waits for a training on several
nodes. Peaks measured on ten times the demo's rows are below 600 MB: requests leave room for the
largest shard, limits for long reviews."""


@dataclass(frozen=True)
class SecretVariables:
    """Environment variables that come from a Kubernetes secret.

    Attributes:
        secret: The secret's name.
        variables: The secret's key -> the variable.
        stages: Stages that get them, by task name or its part before the first hyphen; no other
            stage sees them.
        optional: Whether a stage starts without the secret.
    """

    secret: str
    variables: dict[str, str]
    stages: tuple[str, ...]
    optional: bool = True

    def check(self) -> None:
        """Refuse names that can't be variables; raises `InputError` `bad_parameter`."""
        for name in self.variables.values():
            require(_VARIABLE.fullmatch(name) is not None, "variables", f"can't hold {name!r}")


@dataclass(frozen=True)
class Toleration:
    """A taint that a stage's pod puts up with."""

    key: str = ""
    operator: Literal["Equal", "Exists"] = "Exists"
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""


@dataclass(frozen=True)
class TrainBert:
    """Where the encoder is fine-tuned.

    Attributes:
        gpus: Accelerators in its pod, or in each node's of several; 0 trains on CPUs.
        accelerator: The resource that they are, as the device plugin calls it.
        node_selector: Labels of the nodes that it may run on.
        tolerations: Taints of such nodes.
        nodes: Pods that train together; more than one needs Kubeflow Trainer and `state_claim`.
        runtime: The Trainer's TrainingRuntime, in the pipeline's namespace.
    """

    gpus: int = 0
    accelerator: str = "nvidia.com/gpu"
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    nodes: int = 1
    runtime: str = "tamis-torch"

    def check(self) -> None:
        """Refuse values that can't work; raises `InputError` `bad_parameter`."""
        require(0 <= self.gpus <= 64, "gpus", f"must be 0 to 64, not {self.gpus}")
        require(1 <= self.nodes <= 256, "nodes", f"must be 1 to 256, not {self.nodes}")


SECRETS = (
    SecretVariables(
        "mlflow-client",
        {"username": "MLFLOW_TRACKING_USERNAME", "password": "MLFLOW_TRACKING_PASSWORD"},
        ("register", "deploy"),
    ),
    SecretVariables(
        "s3-client",
        {"access_key": "AWS_ACCESS_KEY_ID", "secret_key": "AWS_SECRET_ACCESS_KEY"},
        ("ingest", "deploy"),
    ),
    SecretVariables(
        "tamis-smoke-client",
        {"client_id": "TAMIS_CLIENT_ID", "client_secret": "TAMIS_CLIENT_SECRET"},
        ("deploy",),
    ),
)


@dataclass(frozen=True)
class ClusterSettings:
    """How the compiled pipeline's tasks run.

    Attributes:
        image: Every stage's image, by tag or, better, by digest: KFP's cache keys on this string.
        tensorflow_image: The image of a stage whose settings say `framework: tensorflow`.
        image_pull_policy: When a node fetches an image.
        image_pull_secrets: Secrets that open its registry.
        kfp_version: The oldest back end that takes what is compiled. Before 2.16 it refuses a
            pipeline that sets a security context, so below that the image's own user is all there
            is; before 2.5 it refuses more.
        run_as_user: User and group of each stage's process.
        resources: Task, or its part before the first hyphen -> resources; see `STAGES`.
        retries: How often a failed task is started again.
        backoff: Wait before the first retry.
        backoff_factor: What each further wait is multiplied by.
        timeout_s: Seconds after which a task's pod is stopped.
        tracking_uri: MLflow's address in the cluster.
        variables: Further environment variables of every stage.
        secrets: Variables that come from secrets.
        state_claim: A ReadWriteMany volume claim that keeps checkpoints between retries, and what
            several nodes share; empty for none.
        train_bert: Accelerators and nodes.
        shards: Tasks that share the work of ingest, and of each tokenize; 1 for no fan-out.
    """

    image: str = TRAIN_IMAGE
    tensorflow_image: str = TENSORFLOW_IMAGE
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    kfp_version: str = "2.16"
    run_as_user: int = 10_001
    resources: dict[str, Resources] = field(default_factory=dict)
    retries: int = 2
    backoff: str = "60s"
    backoff_factor: float = 2.0
    timeout_s: int = 86_400
    tracking_uri: str = "http://mlflow.tamis.svc.cluster.local:5000"
    variables: dict[str, str] = field(default_factory=dict)
    secrets: tuple[SecretVariables, ...] = SECRETS
    state_claim: str = ""
    train_bert: TrainBert = field(default_factory=TrainBert)
    shards: int = 1

    def check(self) -> None:
        """Refuse values that can't work; raises `InputError` `bad_parameter`."""
        for name in ("image", "tensorflow_image"):
            value = getattr(self, name)
            require(_IMAGE.fullmatch(value) is not None, name, f"can't be {value!r}")
        version = self.kfp_version
        require(
            _VERSION.fullmatch(version) is not None and self.minor >= 5,
            "kfp_version",
            f"must be 2.5 or later, as in 2.16, not {version!r}",
        )
        require(self.run_as_user >= 1, "run_as_user", "must not be root's 0")
        require(0 <= self.retries <= 10, "retries", f"must be 0 to 10, not {self.retries}")
        require(
            _DURATION.fullmatch(self.backoff) is not None,
            "backoff",
            f"must be a duration such as 60s, not {self.backoff!r}",
        )
        require(self.backoff_factor >= 1, "backoff_factor", "must be at least 1")
        require(self.timeout_s >= 60, "timeout_s", "must be at least 60")
        for name in self.variables:
            require(_VARIABLE.fullmatch(name) is not None, "variables", f"can't hold {name!r}")
        require(1 <= self.shards <= SHARDS, "shards", f"must be 1 to {SHARDS}, not {self.shards}")
        require(
            self.shards == 1 or self.minor >= COLLECTED,
            "shards",
            f"above 1 needs a kfp_version of 2.{COLLECTED} or later, not {version}",
        )
        if self.train_bert.nodes > 1 and not self.state_claim:
            raise InputError(
                "missing_parameter",
                "cluster.train_bert.nodes above 1 needs cluster.state_claim.",
                "Name a ReadWriteMany claim, which the nodes share.",
            )

    @property
    def minor(self) -> int:
        """`kfp_version`'s second number."""
        return int(self.kfp_version.partition(".")[2] or 0)

    def stage(self, task: str) -> Resources:
        """The resources of a task.

        Args:
            task: Its name, e.g. `train-bert`.

        Returns:
            What this section says of it or of its kind, else what `STAGES` does.
        """
        for table in (self.resources, STAGES):
            for name in (task, task.partition("-")[0]):
                if name in table:
                    return table[name]
        return Resources()
