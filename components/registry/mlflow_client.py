"""MLflow's own client: imported only when the registry's quick look-ups are not enough."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.contract.errors import TamisError
from components.registry.aliases import Registry, Version


def quiet_mlflow() -> Any:
    """The `mlflow` module, imported without telemetry and without its chatter."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


@contextmanager
def mlflow_told() -> Iterator[None]:
    """MLflow's failures as ours."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        first = str(error.message).splitlines()[0][:300]
        raise TamisError(
            "tracking_failed", f"MLflow refused: {first}", "Check MLFLOW_TRACKING_URI."
        ) from error


def experiment_id(client: Any, uri: str, name: str) -> str:
    """An experiment's id; it is created when there is none.

    Args:
        client: An `MlflowClient`.
        uri: MLflow's address.
        name: The experiment's name.

    Returns:
        The id.
    """
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    location, database = None, Registry(uri, "").database
    if database is not None:  # else MLflow would write into ./mlruns
        location = (database.resolve().parent / "mlartifacts" / name).as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def download_artifacts(registry: Registry, version: Version, directory: Path) -> Path:
    """Download what a registered model carries besides its code: the bundle.

    The version is resolved here rather than by a `models:/` address, which MLflow looks up in the
    process's own registry, whatever it is told.

    Args:
        registry: The MLflow to ask.
        version: The version.
        directory: Where the files are written.

    Returns:
        The folder that holds them.

    Raises:
        TamisError: `tracking_failed`.
    """
    mlflow = quiet_mlflow()
    with mlflow_told():
        client = mlflow.MlflowClient(registry.uri, registry.uri)
        address = client.get_model_version_download_uri(registry.model, version.number)
        return Path(
            mlflow.artifacts.download_artifacts(
                artifact_uri=f"{address.rstrip('/')}/artifacts",
                dst_path=str(directory),
                tracking_uri=registry.uri,
            )
        )
