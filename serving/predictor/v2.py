"""The Open Inference Protocol, version 2, with its binary tensor data extension.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from serving.predictor import binary
from serving.predictor.engine import Answer
from serving.predictor.errors import bad_request
from serving.predictor.fields import (
    a_list,
    an_object,
    flag,
    known_keys,
    optional_object,
    parse,
    request_id,
    required,
    some_texts,
)
from serving.predictor.request import ScoreRequest

INPUT = "text"
FEATURES = "features"
OUTPUTS = {
    "label": "BYTES",
    "score": "FP32",
    "probabilities": "FP32",
    "labels": "BYTES",
    "tokens": "INT64",
    "truncated": "BOOL",
    FEATURES: "FP32",
}
"""Output tensors and their datatypes."""

CONTENT_TYPE = "content_type"
"""What some clients add to say that their strings are strings; it changes nothing here."""


def decode(body: bytes, header: str | None) -> ScoreRequest:
    """Read a request.

    Args:
        body: The request's body.
        header: What `binary.HEADER` says; None when there is none.

    Returns:
        The request.

    Raises:
        RequestError: 400, naming the field.
    """
    head, tail = (body, b"") if header is None else binary.split(body, header)
    document = parse(head)
    known_keys(
        document, ("id", "model_name", "model_version", "parameters", "inputs", "outputs"), ""
    )
    parameters = optional_object(document, "parameters", "parameters")
    known_keys(parameters, ("truncate", FEATURES, "binary_data_output", CONTENT_TYPE), "parameters")
    raw = flag(parameters, "binary_data_output", False, "parameters")
    features = flag(parameters, FEATURES, False, "parameters")
    return ScoreRequest(
        _texts(document, tail),
        flag(parameters, "truncate", True, "parameters"),
        request_id(document),
        _outputs(document, features, raw),
    )


def encode(answer: Answer, name: str, request: ScoreRequest) -> tuple[bytes, int | None]:
    """An answer as JSON, with raw tensors behind it when they were asked for.

    Args:
        answer: The answer.
        name: The served model's name.
        request: What was asked.

    Returns:
        The body, and the length of its JSON when there are raw tensors.
    """
    values = _values(answer)
    tensors, tails = [], []
    for output, raw in request.outputs.items():
        value, shape = values[output]
        tensor: dict[str, Any] = {"name": output, "shape": shape, "datatype": OUTPUTS[output]}
        if raw:
            tail = value.tobytes() if isinstance(value, np.ndarray) else binary.pack(value)
            tensor["parameters"] = {"binary_data_size": len(tail)}
            tails.append(tail)
        else:
            tensor["data"] = value
        tensors.append(tensor)
    document = {
        "model_name": name,
        "model_version": answer.served.version,
        **({"id": request.id} if request.id else {}),
        "parameters": {
            "bundle_digest": answer.served.digest,
            "architecture": answer.served.architecture,
        },
        "outputs": tensors,
    }
    head = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return (b"".join([head, *tails]), len(head)) if tails else (head, None)


def metadata(name: str, version: str, architecture: str, labels: int) -> dict[str, Any]:
    """What the protocol's metadata say of a model; -1 stands for any size."""
    shapes = {"probabilities": [-1, labels], "labels": [labels], FEATURES: [-1, -1]}
    return {
        "name": name,
        "versions": [version],
        "platform": f"tamis_{architecture}",
        "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": output, "datatype": datatype, "shape": shapes.get(output, [-1])}
            for output, datatype in OUTPUTS.items()
        ],
    }


def _texts(document: Mapping[str, Any], tail: bytes) -> Sequence[str]:
    inputs = a_list(required(document, "inputs", ""), "inputs")
    if len(inputs) != 1:
        raise bad_request("bad_inputs", "inputs", f"must hold one tensor, not {len(inputs)}.")
    field = "inputs[0]"
    tensor = an_object(inputs[0], field)
    known_keys(tensor, ("name", "shape", "datatype", "parameters", "data"), field)
    if required(tensor, "name", field) != INPUT:
        raise bad_request("bad_inputs", f"{field}.name", f"must be {INPUT!r}.")
    if required(tensor, "datatype", field) != "BYTES":
        raise bad_request("bad_datatype", f"{field}.datatype", "must be 'BYTES'.")
    size = _size(required(tensor, "shape", field), f"{field}.shape")
    parameters = optional_object(tensor, "parameters", f"{field}.parameters")
    known_keys(parameters, ("binary_data_size", CONTENT_TYPE), f"{field}.parameters")
    where = f"{field}.data"
    if "binary_data_size" in parameters:
        where = f"{field}.parameters.binary_data_size"
        if parameters["binary_data_size"] != len(tail) or "data" in tensor:
            raise bad_request(
                "bad_tensor", where, f"must be the {len(tail)} bytes behind the JSON, without data."
            )
        values = binary.texts(tail, where)
    elif tail:
        raise bad_request("bad_tensor", where, "must not be given beside bytes behind the JSON.")
    else:
        values = a_list(required(tensor, "data", field), where)
    some_texts(values, where)
    if size != len(values):
        raise bad_request(
            "bad_shape", f"{field}.shape", f"says {size} texts and the data are {len(values)}."
        )
    return values


def _size(shape: object, field: str) -> int:
    sizes = a_list(shape, field)
    if (
        len(sizes) not in (1, 2)
        or any(type(size) is not int or size < 0 for size in sizes)
        or sizes[1:] not in ([], [1])
    ):
        raise bad_request("bad_shape", field, "must be [n] or [n, 1] for n texts.")
    return math.prod(sizes)


def _outputs(document: Mapping[str, Any], features: bool, raw: bool) -> dict[str, bool]:
    """Output name -> whether as raw bytes; a JSON null counts as left out, as clients write it."""
    asked = document.get("outputs")
    if asked is None or asked == []:
        return {name: raw for name in OUTPUTS if features or name != FEATURES}
    wanted: dict[str, bool] = {}
    for i, output in enumerate(a_list(asked, "outputs")):
        field = f"outputs[{i}]"
        known_keys(an_object(output, field), ("name", "parameters"), field)
        name = required(output, "name", field)
        if not isinstance(name, str) or name not in OUTPUTS or name in wanted:
            raise bad_request(
                "bad_outputs", f"{field}.name", f"must be one of {', '.join(OUTPUTS)}, once."
            )
        parameters = optional_object(output, "parameters", f"{field}.parameters")
        known_keys(parameters, ("binary_data", CONTENT_TYPE), f"{field}.parameters")
        wanted[name] = flag(parameters, "binary_data", raw, f"{field}.parameters")
    return wanted


def _values(
    answer: Answer,
) -> dict[str, tuple[npt.NDArray[Any] | Sequence[str], list[int]]]:
    """Each output's values, flat in row-major order, and its shape."""
    labels, probabilities = answer.served.classifier.labels, answer.probabilities
    n, k = probabilities.shape
    best = probabilities.argmax(axis=1)
    return {
        "label": ([labels[at] for at in best.tolist()], [n]),
        "score": (probabilities[np.arange(n), best], [n]),
        "probabilities": (probabilities.reshape(-1), [n, k]),
        "labels": (labels, [k]),
        "tokens": (answer.tokens, [n]),
        "truncated": (answer.truncated, [n]),
        FEATURES: (answer.features.reshape(-1), list(answer.features.shape)),
    }
