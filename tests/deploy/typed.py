"""Whether a document is what KServe's and Kubernetes' own models say, field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import kserve
from kubernetes import client as k8s


def unknown_fields(document: Any, model: str, where: str = "") -> Iterator[str]:
    """Paths in a document that its model doesn't have, or whose value is of another kind."""
    collection = re.fullmatch(r"(list\[|dict\(str, )(.+)[\])]", model)
    if collection:
        wanted = list if model.startswith("list") else dict
        if not isinstance(document, wanted):
            yield f"{where}: not a {wanted.__name__}"
            return
        items = enumerate(document) if wanted is list else document.items()
        for key, item in items:
            yield from unknown_fields(item, collection[2], f"{where}[{key}]")
        return
    cls = getattr(kserve, model, None) or getattr(k8s, model, None)
    if cls is None:
        kinds = {"str": str, "int": int, "bool": bool, "float": (int, float)}
        if model in kinds and not isinstance(document, kinds[model]):
            yield f"{where}: {document!r} is no {model}"
        return
    if not isinstance(document, dict):
        if model not in ("IntOrString", "ResourceQuantity"):
            yield f"{where}: not an object"
        return
    fields = {cls.attribute_map[name]: kind for name, kind in cls.openapi_types.items()}
    for key, value in document.items():
        if key not in fields:
            yield f"{where}.{key}: {model} has no such field"
        else:
            yield from unknown_fields(value, fields[key], f"{where}.{key}")
