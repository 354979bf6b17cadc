"""Whether an API server that knows an object's kind would take it, unknown fields included."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import jsonschema
import kubernetes_validate

from tests.deploy.typed import unknown_fields
from tests.manifests.rendered import Object
from tests.manifests.schemas import SCHEMAS

KUBERNETES = ("1.30.0", "1.37.0")
"""The oldest release that KServe 0.15 runs on and the newest that there are schemas of."""
MODELS = {
    "cert-manager.io/v1": "cloudcoil.models.cert_manager.v1",
    "monitoring.coreos.com/v1": "cloudcoil.models.prometheus_operator.v1",
    "monitoring.coreos.com/v1alpha1": "cloudcoil.models.prometheus_operator.v1alpha1",
}


def errors(item: Object) -> list[str]:
    """What is wrong with an object; empty when nothing is."""
    group = item["apiVersion"]
    if group == "serving.kserve.io/v1beta1":
        return list(unknown_fields(item, "V1beta1InferenceService"))
    if group in MODELS:
        return list(_by_model(item, MODELS[group]))
    if item["kind"] in SCHEMAS:
        validator = jsonschema.Draft202012Validator(SCHEMAS[item["kind"]])
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(item)]
    return list(_by_kubernetes(item))


def _by_kubernetes(item: Object) -> Iterator[str]:
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(item, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{version}: {error.message}"


def _by_model(item: Object, module: str) -> Iterator[str]:
    """A typed model drops what it doesn't know, so what comes back must be what went in."""
    model: Any = getattr(importlib.import_module(module), item["kind"])
    try:
        back = model.model_validate(item).model_dump(by_alias=True, exclude_unset=True, mode="json")
    except ValueError as error:
        yield str(error)
        return
    yield from _differences(item, back)


def _differences(item: Any, back: Any, where: str = "$") -> Iterator[str]:
    if isinstance(item, dict) and isinstance(back, dict):
        for key in item.keys() | back.keys():
            yield from _differences(item.get(key), back.get(key), f"{where}.{key}")
    elif isinstance(item, list) and isinstance(back, list) and len(item) == len(back):
        for i, (one, other) in enumerate(zip(item, back, strict=True)):
            yield from _differences(one, other, f"{where}[{i}]")
    elif item != back:
        yield f"{where}: {item!r} is not known"
