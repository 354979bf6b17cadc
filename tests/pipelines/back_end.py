"""Runs tasks of a compiled pipeline in this process, from what the file says of them alone.

It resolves inputs, loops and collected outputs as KFP's driver does
(https://github.com/kubeflow/pipelines/blob/master/backend/src/v2/driver/resolve.go) and calls the
code that is embedded for the pods, through the SDK's own executor.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kfp.dsl.executor import Executor

Outputs = dict[str, dict[str, Any]]
"""A task's: `parameters` and `artifacts` by name; collected ones are lists."""


class BackEnd:
    """Runs tasks of one compiled pipeline.

    Args:
        pipeline: The file's first document.
        folder: Where artifacts are put.
    """

    def __init__(self, pipeline: Mapping[str, Any], folder: Path) -> None:
        self._pipeline, self._folder = pipeline, folder
        self._numbers = itertools.count()
        self.calls: list[str] = []

    def run(self, wanted: Iterable[str]) -> dict[str, Outputs]:
        """Run tasks of the root graph, those that they depend on first among them.

        Args:
            wanted: Their names, in an order in which each can run.

        Returns:
            Each task's outputs.
        """
        root = self._pipeline["root"]
        given = {
            name: spec.get("defaultValue")
            for name, spec in root["inputDefinitions"]["parameters"].items()
        }
        done: dict[str, Outputs] = {}
        for name in wanted:
            task = root["dag"]["tasks"][name]
            assert set(task.get("dependentTasks", [])) <= set(done), name
            done[name] = self._run(name, task, {"parameters": given, "artifacts": {}}, done)
        return done

    def _run(self, name: str, task: Any, given: Outputs, done: dict[str, Outputs]) -> Outputs:
        component = self._pipeline["components"][task["componentRef"]["name"]]
        inputs = {
            kind: {
                key: _resolved(spec, given, done)
                for key, spec in task.get("inputs", {}).get(kind, {}).items()
            }
            for kind in ("parameters", "artifacts")
        }
        if "dag" not in component:
            return self._call(name, component["executorLabel"], inputs, component)
        iterator = task["parameterIterator"]
        rounds = []
        for item in json.loads(iterator["items"]["raw"]):
            own = {**inputs["parameters"], iterator["itemInput"]: item}
            inside: dict[str, Outputs] = {}
            for inner, spec in component["dag"]["tasks"].items():
                inside[inner] = self._run(
                    inner, spec, {"parameters": own, "artifacts": inputs["artifacts"]}, inside
                )
            rounds.append(inside)
        outputs = component["dag"]["outputs"]
        return {
            "parameters": {
                key: [_picked(r, spec["valueFromParameter"]) for r in rounds]
                for key, spec in outputs.get("parameters", {}).items()
            },
            "artifacts": {
                key: [_picked(r, spec["artifactSelectors"][0]) for r in rounds]
                for key, spec in outputs.get("artifacts", {}).items()
            },
        }

    def _call(self, name: str, label: str, inputs: Outputs, component: Any) -> Outputs:
        self.calls.append(name)
        folder = self._folder / f"{next(self._numbers)}-{name}"
        folder.mkdir(parents=True)
        container = self._pipeline["deploymentSpec"]["executors"][label]["container"]
        source = folder / "ephemeral_component.py"
        source.write_text(container["command"][-1])
        spec = importlib.util.spec_from_file_location(f"ephemeral_{folder.name}", source)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        arguments = container["args"]
        function = getattr(module, arguments[arguments.index("--function_to_execute") + 1])
        made = {
            key: _artifact(folder / key, value["artifactType"])
            for key, value in component["outputDefinitions"]["artifacts"].items()
        }
        call = {
            "inputs": {
                "parameterValues": inputs["parameters"],
                "artifacts": {
                    key: {"artifacts": value if isinstance(value, list) else [value]}
                    for key, value in inputs["artifacts"].items()
                },
            },
            "outputs": {
                "parameters": {"Output": {"outputFile": str(folder / "Output")}},
                "artifacts": {key: {"artifacts": [value]} for key, value in made.items()},
                "outputFile": str(folder / "executor_output.json"),
            },
        }
        told = Executor(json.loads(json.dumps(call)), function).execute()
        output = json.loads(Path(str(told)).read_text())
        return {"parameters": output["parameterValues"], "artifacts": made}


def _resolved(spec: Mapping[str, Any], given: Outputs, done: Mapping[str, Outputs]) -> Any:
    if "runtimeValue" in spec:
        return spec["runtimeValue"]["constant"]
    if "componentInputParameter" in spec:
        return given["parameters"][spec["componentInputParameter"]]
    if "componentInputArtifact" in spec:
        return given["artifacts"][spec["componentInputArtifact"]]
    if "taskOutputParameter" in spec:
        wanted = spec["taskOutputParameter"]
        return done[wanted["producerTask"]]["parameters"][wanted["outputParameterKey"]]
    wanted = spec["taskOutputArtifact"]
    return done[wanted["producerTask"]]["artifacts"][wanted["outputArtifactKey"]]


def _picked(inside: Mapping[str, Outputs], spec: Mapping[str, str]) -> Any:
    own = inside[spec["producerSubtask"]]
    if "outputParameterKey" in spec:
        return own["parameters"][spec["outputParameterKey"]]
    return own["artifacts"][spec["outputArtifactKey"]]


def _artifact(path: Path, kind: Mapping[str, str]) -> dict[str, Any]:
    return {"name": path.name, "uri": str(path), "type": dict(kind), "metadata": {}}
