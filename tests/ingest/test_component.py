from __future__ import annotations

import ast
import inspect
from pathlib import Path

import yaml
from kfp import compiler

from components.contract.image import TRAIN_IMAGE
from components.ingest import component as module


def test_it_compiles_and_installs_nothing(tmp_path: Path) -> None:
    target = tmp_path / "ingest.yaml"
    compiler.Compiler().compile(module.component, str(target))
    document = yaml.safe_load(target.read_text())
    inputs = document["components"]["comp-ingest"]["inputDefinitions"]["parameters"]
    outputs = document["components"]["comp-ingest"]["outputDefinitions"]
    assert set(inputs) == {"uri", "text_column", "label_column", "source", "settings"}
    assert set(outputs["artifacts"]) == {"dataset"}
    assert outputs["parameters"]["Output"]["parameterType"] == "STRING"
    container = document["deploymentSpec"]["executors"]["exec-ingest"]["container"]
    assert container["image"] == TRAIN_IMAGE
    assert "pip" not in str(container["command"])


def test_its_body_is_one_import_and_one_call() -> None:
    tree = ast.parse(inspect.getsource(module))
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    statements = function.body[1:]  # behind the docstring
    assert [type(statement) for statement in statements] == [ast.ImportFrom, ast.Return]
