"""Bad bodies as data: the protocol, the body, and the code and field that the refusal names."""

from __future__ import annotations

import json
from typing import Any

from serving.predictor.limits import ID_CHARACTERS, TEXT_CHARACTERS, TEXTS

Row = tuple[str, bytes, str, str]


def tensor(**changes: Any) -> dict[str, Any]:
    """A good input tensor with some members changed; None leaves one out."""
    made = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["a", "b"], **changes}
    return {name: value for name, value in made.items() if value is not Ellipsis}


def infer(**changes: Any) -> bytes:
    """A good version 2 body with some members changed."""
    made = {"inputs": [tensor()], **changes}
    return json.dumps({n: v for n, v in made.items() if v is not Ellipsis}).encode()


def predict(instances: Any, **more: Any) -> bytes:
    return json.dumps({"instances": instances, **more}).encode()


NOT_TEXT: dict[str, Any] = {
    "null": None,
    "number": 1,
    "float": 1.5,
    "flag": True,
    "list": ["a"],
    "object": {"a": "b"},
}
NO_JSON: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "cut": b'{"inputs": [{"name": "text", "sh',
    "cut string": b'{"instances": ["a',
    "two documents": b"{}{}",
    "NaN": b'{"instances": [NaN]}',
    "infinity": b'{"instances": [-Infinity]}',
    "huge number": b'{"instances": [1e999]}',
    "deep": b'{"instances": ' + b"[" * 2_000 + b"]" * 2_000 + b"}",
    "very deep": b"[" * 100_000,
    "lone high surrogate": b'{"instances": ["\\ud83d"]}',
    "lone low surrogate": b'{"instances": ["\\ude00"]}',
    "swapped surrogates": b'{"instances": ["\\ude00\\ud83d"]}',
    "bytes that are no UTF-8": b'{"instances": ["\xff\xfe"]}',
    "overlong UTF-8": b'{"instances": ["\xc0\xaf"]}',
    "UTF-16": '{"instances": ["a"]}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"instances": ["a"]}',
    "raw NUL": b'{"instances": ["\x00"]}',
    "single quotes": b"{'instances': ['a']}",
    "trailing comma": b'{"instances": ["a",]}',
    "comment": b'{"instances": ["a"] /* no */}',
    "form": b"instances=a&instances=b",
    "XML": b"<instances><text>a</text></instances>",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
}
NO_OBJECT: dict[str, bytes] = {
    "list": b"[]",
    "string": b'"text"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
}


def _both() -> list[Row]:
    rows: list[Row] = []
    for protocol in ("v1", "v2"):
        rows += [(protocol, body, "bad_json", "body") for body in NO_JSON.values()]
        rows += [(protocol, body, "bad_type", "body") for body in NO_OBJECT.values()]
        rows.append(
            (protocol, b"{}", "missing_field", "instances" if protocol == "v1" else "inputs")
        )
    return rows


def _v1() -> list[Row]:
    rows: list[Row] = [
        ("v1", predict([]), "no_texts", "instances"),
        ("v1", predict(["a"] * (TEXTS + 1)), "too_many_texts", "instances"),
        ("v1", predict(["a", "b" * (TEXT_CHARACTERS + 1)]), "text_too_large", "instances[1]"),
        ("v1", predict(["a"], instance=["b"]), "unknown_field", "instance"),
        ("v1", predict(["a"], truncate="yes"), "bad_type", "body.truncate"),
        ("v1", predict(["a"], truncate=0), "bad_type", "body.truncate"),
        ("v1", predict([{}]), "missing_field", "instances[0].text"),
        ("v1", predict(["a", {"txt": "b"}]), "unknown_field", "instances[1].txt"),
        ("v1", predict([{"text": "a", "id": 1}]), "unknown_field", "instances[0].id"),
    ]
    for value in NOT_TEXT.values():
        if not isinstance(value, list):
            rows.append(("v1", predict(value), "bad_type", "instances"))
        if not isinstance(value, dict):
            rows.append(("v1", predict(["a", value]), "bad_type", "instances[1]"))
        rows.append(("v1", predict([{"text": value}]), "bad_type", "instances[0]"))
    return rows


def _tensors() -> list[Row]:
    def one(code: str, field: str, **changes: Any) -> Row:
        return ("v2", infer(inputs=[tensor(**changes)]), code, f"inputs[0]{field}")

    rows = [
        one("missing_field", ".name", name=...),
        one("missing_field", ".shape", shape=...),
        one("missing_field", ".datatype", datatype=...),
        one("missing_field", ".data", data=...),
        one("unknown_field", ".dtype", dtype="BYTES"),
        one("bad_inputs", ".name", name="texts"),
        one("bad_inputs", ".name", name="TEXT"),
        one("bad_datatype", ".datatype", datatype="bytes"),
        one("bad_datatype", ".datatype", datatype="FP32", data=[1.0, 2.0]),
        one("bad_datatype", ".datatype", datatype="STRING"),
        one("no_texts", ".data", shape=[0], data=[]),
        one("too_many_texts", ".data", shape=[TEXTS + 1], data=["a"] * (TEXTS + 1)),
        one("text_too_large", ".data[1]", data=["a", "b" * (TEXT_CHARACTERS + 1)]),
        one("bad_type", ".data[0]", shape=[2, 1], data=[["a"], ["b"]]),
        one("bad_type", ".parameters", parameters=[]),
        one("bad_type", ".parameters", parameters=False),
        one("unknown_field", ".parameters.binary", parameters={"binary": 4}),
        one("bad_tensor", ".parameters.binary_data_size", parameters={"binary_data_size": 9}),
        one("bad_tensor", ".parameters.binary_data_size", parameters={"binary_data_size": -1}),
        one("bad_tensor", ".parameters.binary_data_size", parameters={"binary_data_size": "0"}),
    ]
    shapes: list[Any] = [[], [1], [3], [0], [-2], [-1], [2, 2], [1, 2], [2, 1, 1], [2.0], ["2"]]
    shapes += [[True], [None], [[2]], [2, -1], [2, 0], [2**70], [10**30]]
    rows += [one("bad_shape", ".shape", shape=shape) for shape in shapes]
    rows += [one("bad_type", ".shape", shape=shape) for shape in (2, "2", None, {}, True)]
    for value in NOT_TEXT.values():
        rows.append(one("bad_type", ".data[1]", data=["a", value]))
        rows.append(one("bad_inputs", ".name", name=value))
        rows.append(one("bad_datatype", ".datatype", datatype=value))
        if not isinstance(value, list):
            rows.append(one("bad_type", ".data", data=value))
    return rows


def _v2() -> list[Row]:
    rows: list[Row] = [
        ("v2", infer(inputs=[]), "bad_inputs", "inputs"),
        ("v2", infer(inputs=[tensor(), tensor()]), "bad_inputs", "inputs"),
        ("v2", infer(input=[tensor()]), "unknown_field", "input"),
        ("v2", infer(id=7), "bad_id", "id"),
        ("v2", infer(id=["7"]), "bad_id", "id"),
        ("v2", infer(id="7" * (ID_CHARACTERS + 1)), "bad_id", "id"),
        ("v2", infer(parameters=[]), "bad_type", "parameters"),
        ("v2", infer(parameters="truncate"), "bad_type", "parameters"),
        ("v2", infer(parameters={"truncat": False}), "unknown_field", "parameters.truncat"),
        ("v2", infer(outputs={}), "bad_type", "outputs"),
        ("v2", infer(outputs="label"), "bad_type", "outputs"),
        ("v2", infer(outputs=["label"]), "bad_type", "outputs[0]"),
        ("v2", infer(outputs=[{}]), "missing_field", "outputs[0].name"),
        ("v2", infer(outputs=[{"name": "logits"}]), "bad_outputs", "outputs[0].name"),
        ("v2", infer(outputs=[{"name": ["label"]}]), "bad_outputs", "outputs[0].name"),
        ("v2", infer(outputs=[{"name": "label"}] * 2), "bad_outputs", "outputs[1].name"),
        (
            "v2",
            infer(outputs=[{"name": "label", "parameters": {"binary_data": 1}}]),
            "bad_type",
            "outputs[0].parameters.binary_data",
        ),
        (
            "v2",
            infer(outputs=[{"name": "label", "parameters": {"classification": 2}}]),
            "unknown_field",
            "outputs[0].parameters.classification",
        ),
    ]
    for name in ("truncate", "features", "binary_data_output"):
        rows += [
            ("v2", infer(parameters={name: value}), "bad_type", f"parameters.{name}")
            for value in (0, 1, "true", None, [], {})
        ]
    for value in NOT_TEXT.values():
        if not isinstance(value, list):
            rows.append(("v2", infer(inputs=value), "bad_type", "inputs"))
        if not isinstance(value, dict):
            rows.append(("v2", infer(inputs=[value]), "bad_type", "inputs[0]"))
    return rows


BAD = [*_both(), *_v1(), *_tensors(), *_v2()]
