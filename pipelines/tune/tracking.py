"""A search in MLflow: a parent run, and a nested run a trial."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from components.registry.mlflow_client import experiment_id, mlflow_told, quiet_mlflow
from pipelines.tune.process import Outcome

STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED", "stopped": "KILLED"}


class TuneTracking:
    """The runs of one study.

    Args:
        uri: MLflow's address.
        experiment: The experiment; created when there is none.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        mlflow = quiet_mlflow()
        with mlflow_told():
            self._client = mlflow.MlflowClient(uri, uri)
            self._experiment = experiment_id(self._client, uri, experiment)
        self.parent = ""

    def open(self, parent: str, name: str, tags: Mapping[str, str]) -> str:
        """Go on with a parent run, or begin one.

        Args:
            parent: The run of an earlier session, or nothing.
            name: A new run's name.
            tags: A new run's tags.

        Returns:
            The run's id.
        """
        with mlflow_told():
            if parent and self._known(parent):
                self._client.update_run(parent, status="RUNNING")
                self.parent = parent
            else:
                run = self._client.create_run(self._experiment, run_name=name, tags=dict(tags))
                self.parent = str(run.info.run_id)
        return self.parent

    def begin(self, name: str, settings: Mapping[str, Any]) -> str:
        """Begin a trial's run.

        Args:
            name: The run's name.
            settings: The trial's settings, logged as parameters.

        Returns:
            The run's id.
        """
        from mlflow.entities import Param

        with mlflow_told():
            run = self._client.create_run(
                self._experiment, run_name=name, tags={"mlflow.parentRunId": self.parent}
            )
            parameters = [Param(key, str(value)[:500]) for key, value in settings.items()]
            self._client.log_batch(run.info.run_id, params=parameters[:100])
        return str(run.info.run_id)

    def end(self, run: str, outcome: Outcome) -> None:
        """Log a trial's outcome and end its run."""
        from mlflow.entities import Metric, RunTag

        now = int(time.time() * 1000)
        metrics = [Metric("look", score, now, step) for step, score in outcome.looks.items()]
        metrics += [
            Metric(f"validation_{name}", float(value), now, 0)
            for name, value in outcome.scores.items()
            if value is not None
        ]
        tags = [RunTag("state", outcome.state), RunTag("reason", outcome.reason[:500])]
        with mlflow_told():
            self._client.log_batch(run, metrics=metrics, tags=tags)
            self._client.set_terminated(run, STATUS[outcome.state])

    def abandon(self, run: str) -> None:
        """End the run of a trial that was killed with the search."""
        with mlflow_told():
            if self._known(run):
                self._client.set_terminated(run, "FAILED")

    def close(self, scores: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
        """End the parent run with the best trial's scores and settings."""
        from mlflow.entities import Metric, RunTag

        now = int(time.time() * 1000)
        metrics = [
            Metric(f"best_{name}", float(value), now, 0)
            for name, value in scores.items()
            if value is not None
        ]
        tags = [RunTag(f"best.{name}", str(value)) for name, value in changes.items()]
        with mlflow_told():
            self._client.log_batch(self.parent, metrics=metrics, tags=tags)
            self._client.set_terminated(self.parent)

    def _known(self, run: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            self._client.get_run(run)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        return True
