"""When a retraining may start, what it is made of, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from components.contract.settings import require

BUCKETS = ("s3://", "gs://")


@dataclass(frozen=True)
class KfpSettings:
    """Where runs start when they start on a cluster; as the options of `tamis submit`.

    Attributes:
        host: The API server of Kubeflow Pipelines.
        namespace: The profile's namespace; empty in an installation without profiles.
        token_file: A file with a bearer token; empty sends none.
        ca: PEM file of the server's authority; empty takes the usual ones.
        experiment: KFP's experiment.
        service_account: What the pods run as; empty for the installation's own.
    """

    host: str = ""
    namespace: str = ""
    token_file: str = ""
    ca: str = ""
    experiment: str = "tamis"
    service_account: str = ""


@dataclass(frozen=True)
class RetrainingSettings:
    """The parameter file's section `retrain`.

    Attributes:
        minimum_labels: Fewest labels, of texts that the present champion answered, that must have
            come since the last run.
        cooldown_s: Seconds between a run's end and the next one's start.
        runs_per_day: Most runs that may start within 24 hours.
        holdout: Share of the fresh rows that the gate compares on instead of training on them.
        margin: Accuracy that the old test rows may lose, in shares.
        fresh_rows: Fewest held-out fresh rows that the gate decides on.
        store: Where feedback is kept as data versions: a folder, `s3://…`, `gs://…`, or
            `dvc://<folder of a repository>` to commit each to DVC.
        runner: `local` runs the pipeline in a process here, `kfp` on a cluster.
        attempts: How often a run whose process died is taken up again before it has failed.
        kfp: Where that cluster is.
    """

    minimum_labels: int = 200
    cooldown_s: float = 3_600.0
    runs_per_day: int = 4
    holdout: float = 0.4
    margin: float = 0.02
    fresh_rows: int = 100
    store: str = ".tamis/feedback"
    runner: Literal["local", "kfp"] = "local"
    attempts: int = 3
    kfp: KfpSettings = field(default_factory=KfpSettings)

    def check(self) -> None:
        """Refuse values that can't work; raises `InputError` `bad_parameter`."""
        for name, least, most in (
            ("minimum_labels", 1, 10**9),
            ("cooldown_s", 0, 30 * 86_400),
            ("runs_per_day", 1, 1_000),
            ("holdout", 0.1, 0.9),
            ("margin", 0, 0.5),
            ("fresh_rows", 1, 10**9),
            ("attempts", 1, 100),
        ):
            value = getattr(self, name)
            require(
                least <= value <= most,
                f"retrain.{name}",
                f"must be between {least:g} and {most:g}, not {value:g}",
            )
        require(bool(self.store.strip()), "retrain.store", "must not be empty")
        require(
            self.runner != "kfp" or bool(self.kfp.host),
            "retrain.kfp.host",
            "must be given where retrain.runner is 'kfp'",
        )
        require(
            self.runner != "kfp" or self.store.startswith(BUCKETS),
            "retrain.store",
            f"must be a bucket ({' or '.join(BUCKETS)}) where retrain.runner is 'kfp': pods read "
            f"nothing of this machine's, such as {self.store!r}",
        )
