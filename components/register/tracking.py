"""MLflow's side of registration: one run and one model version a candidate.

Everything here imports MLflow, so it is imported only when something has to be registered.
"""

from __future__ import annotations

import importlib
import json
import math
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import components
from components.contract.bundle import HISTORY_FILE, Bundle
from components.registry.aliases import Registry, Version
from components.registry.mlflow_client import experiment_id, mlflow_told, quiet_mlflow

PARAMETER_CHARACTERS = 500
"""MLflow refuses longer parameter values on some of its databases."""
PLOTS = ("confusion.png", "reliability.png", "roc.png")
INFERENCE = ("mlflow", "numpy", "pandas", "safetensors", "tokenizers")


class Tracking:
    """A connection to MLflow.

    Args:
        registry: Which MLflow, which registered model.
        experiment: The experiment that runs are kept in; created when there is none.
    """

    def __init__(self, registry: Registry, experiment: str) -> None:
        self._registry, self._experiment = registry, experiment
        mlflow = quiet_mlflow()
        with mlflow_told():
            self.client = mlflow.MlflowClient(registry.uri, registry.uri)

    def version_of(self, bundle_digest: str) -> Version | None:
        """The version that holds a bundle, if there is one: a second run adds no second one."""
        with mlflow_told():
            found = self.client.search_model_versions(
                f"name = '{self._registry.model}' and tags.bundle_digest = '{bundle_digest}'"
            )
        ready = sorted((v for v in found if v.status == "READY"), key=lambda v: int(v.version))
        return Version(str(ready[0].version), dict(ready[0].tags)) if ready else None

    def register(self, bundle: Bundle, evaluation: Path, tags: Mapping[str, str]) -> Version:
        """Log a candidate as a run with its model and register that as a version.

        Args:
            bundle: The candidate's bundle.
            evaluation: Its published evaluation.
            tags: The version's tags; set in the same call that creates it.

        Returns:
            The new version.
        """
        with mlflow_told():
            run = self.client.create_run(
                experiment_id(self.client, self._registry.uri, self._experiment),
                run_name=bundle.architecture,
                tags=dict(tags),
            )
            run_id = run.info.run_id
            try:
                self._log_numbers(run_id, bundle, evaluation)
                for name in (*PLOTS, "report.html", "metrics.json"):
                    self.client.log_artifact(run_id, str(evaluation / name))
                with tempfile.TemporaryDirectory() as directory:
                    model = Path(directory) / "model"
                    save_model(bundle, model)
                    self.client.log_artifacts(run_id, str(model), "model")
                created = self._create_version(run_id, dict(tags))
            except BaseException:
                self.client.set_terminated(run_id, "FAILED")
                raise
            self.client.set_terminated(run_id)
        return Version(str(created.version), dict(tags))

    def point(self, alias: str, version: Version) -> None:
        """Let an alias point to a version; one atomic call."""
        with mlflow_told():
            self.client.set_registered_model_alias(self._registry.model, alias, version.number)

    def record(self, version: Version, decision: Mapping[str, Any]) -> None:
        """Keep a gate's decision: tags on the version, `decision.json` on its run."""
        with mlflow_told():
            found = self.client.get_model_version(self._registry.model, version.number)
            if found.run_id:
                self.client.log_dict(found.run_id, dict(decision), "decision.json")
        self.tag(version, {"gate": decision["outcome"], "gate_reason": decision["reason"]})

    def tag(self, version: Version, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        with mlflow_told():
            for key, value in tags.items():
                self.client.set_model_version_tag(self._registry.model, version.number, key, value)

    def _create_version(self, run_id: str, tags: dict[str, str]) -> Any:
        from mlflow.exceptions import MlflowException

        model = self._registry.model
        try:
            self.client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        return self.client.create_model_version(
            model, f"runs:/{run_id}/model", run_id=run_id, tags=tags
        )

    def _log_numbers(self, run_id: str, bundle: Bundle, evaluation: Path) -> None:
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        history = json.loads((bundle.path / HISTORY_FILE).read_text(encoding="utf-8"))
        metrics = json.loads((evaluation / "metrics.json").read_text(encoding="utf-8"))
        logged = [
            Metric(name, float(value), now, int(row.get("epoch", step)))
            for step, row in enumerate(history, 1)
            for name, value in numbers(row)
            if name != "epoch"
        ]
        logged += [Metric(f"test_{name}", float(v), now, 0) for name, v in numbers(metrics)]
        logged += [
            Metric(f"validation_{name}", float(value), now, len(history))
            for name, value in numbers(metrics["validation"])
        ]
        parameters = [Param(name, value) for name, value in flattened(bundle.manifest.facts)]
        for start in range(0, len(logged), 1_000):  # the most that one call may hold
            self.client.log_batch(run_id, metrics=logged[start : start + 1_000])
        self.client.log_batch(run_id, params=parameters[:100])


def save_model(bundle: Bundle, path: Path) -> None:
    """Write a bundle as an MLflow pyfunc model with its code; see `pyfunc_model`.

    Args:
        bundle: The bundle.
        path: The directory to write, which mustn't exist.
    """
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    pyfunc = _import_pyfunc()
    outputs = [ColSpec("string", "label"), ColSpec("double", "score")]
    outputs += [ColSpec("double", f"p_{label}") for label in bundle.labels]
    pyfunc.save_model(
        path=str(path),
        python_model=str(Path(__file__).with_name("pyfunc_model.py")),
        artifacts={"bundle": str(bundle.path)},
        code_paths=[str(Path(components.__path__[0]))],
        signature=ModelSignature(Schema([ColSpec("string", "text")]), Schema(outputs)),
        input_example=pd.DataFrame({"text": ["A text to classify."]}),
        pip_requirements=requirements(bundle),
    )


def _import_pyfunc() -> Any:
    quiet_mlflow()
    with warnings.catch_warnings():
        # MLflow warns of its own classes' annotations when this part of it is first imported.
        warnings.filterwarnings("ignore", ".*type hint is inferred as AnyType", UserWarning)
        return importlib.import_module("mlflow.pyfunc")


def requirements(bundle: Bundle) -> list[str]:
    """What scoring with a bundle needs, pinned to what is installed here."""
    onnx = any(name.endswith(".onnx") for name in bundle.manifest.files)
    words = bundle.manifest.facts["tokenizer"] == "spacy"
    extra = [*(["onnxruntime"] if onnx else []), *(["spacy"] if words else [])]
    names: Sequence[str] = (*INFERENCE, *extra)
    return [f"{name}=={installed(name).partition('+')[0]}" for name in names]


def numbers(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The finite numbers of a mapping; MLflow's databases refuse the others."""
    for name, value in row.items():
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if numeric and math.isfinite(value):
            yield name, float(value)


def flattened(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A bundle's settings as MLflow parameters: `name` or `group.name` -> text."""

    def walk(prefix: str, mapping: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name, value in mapping.items():
            if isinstance(value, Mapping):
                yield from walk(f"{prefix}{name}.", value)
            else:
                yield f"{prefix}{name}", str(value)[:PARAMETER_CHARACTERS]

    yield "architecture", str(facts["architecture"])
    yield "tokenizer_strategy", str(facts["tokenizer"])
    yield from walk("", facts["settings"])
