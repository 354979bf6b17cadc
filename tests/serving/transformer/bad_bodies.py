"""Bad requests as data: where they go, what they say, and the status and field of their refusal."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from serving.transformer.limits import BODY_BYTES, TEXT_CHARACTERS, TEXTS

CLASSIFY, V1, V2, FEEDBACK = (
    "/classify",
    "/v1/models/tamis:predict",
    "/v2/models/tamis/infer",
    "/feedback",
)
JSON = "application/json"


@dataclass(frozen=True)
class Bad:
    """A request that must be refused.

    Attributes:
        name: What is wrong with it.
        path: Where it goes.
        body: Its raw body.
        status: The refusal's status.
        field: The field that the refusal names.
        content_type: Its content type; None sends none.
        headers: More headers.
    """

    name: str
    path: str
    body: bytes
    status: int
    field: str
    content_type: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def tensor(**changes: Any) -> dict[str, Any]:
    """A good input tensor with some members changed; `...` leaves one out."""
    made = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["a", "b"], **changes}
    return {name: value for name, value in made.items() if value is not ...}


def infer(**changes: Any) -> bytes:
    """A good v2 body with some members changed."""
    made = {"inputs": [tensor()], **changes}
    return dumped({name: value for name, value in made.items() if value is not ...})


GOOD: dict[str, bytes] = {
    CLASSIFY: dumped({"texts": ["a", "b"]}),
    V1: dumped({"instances": ["a", {"text": "b"}]}),
    V2: infer(),
    FEEDBACK: dumped({"id": "A" * 22, "label": "positive"}),
}
"""Bodies that would be read; the feedback's id was never issued."""
TEXT_AT = {
    CLASSIFY: (b'{"texts": ["a", %s]}', "texts[1]"),
    V1: (b'{"instances": ["a", {"text": %s}]}', "instances[1].text"),
    V2: (
        b'{"inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": ["a", %s]}]}',
        "inputs[0].data[1]",
    ),
    FEEDBACK: (b'{"id": "x", "label": %s}', "label"),
}
"""A body with a place for a text's JSON, and the place's name."""
NOT_TEXT = {
    "null": b"null",
    "true": b"true",
    "zero": b"0",
    "minus one": b"-1",
    "float": b"1.5",
    "huge int": b"9" * 400,
    "int beyond int64": b"9223372036854775808",
    "NaN": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "beyond a double": b"1e999",
    "list": b'["a"]',
    "list of lists": b'[["a"]]',
    "object": b'{"a": "b"}',
    "empty list": b"[]",
    "empty object": b"{}",
    "empty text": b'""',
    "depth 120": b"[" * 120 + b"]" * 120,
    "objects 120 deep": b'{"a":' * 120 + b"1" + b"}" * 120,
    "a text too long": b'"' + b"x" * (TEXT_CHARACTERS + 1) + b'"',
    "1 MiB": b'"' + b"x" * 2**20 + b'"',
    "1 MiB of four-byte characters": b'"' + "🎬".encode() * 2**18 + b'"',
}
BROKEN_TEXT = {
    "raw NUL": b'"a\x00b"',
    "raw newline": b'"a\nb"',
    "raw tab": b'"a\tb"',
    "lone high surrogate": b'"\\ud83d"',
    "lone low surrogate": b'"\\ude00"',
    "swapped surrogates": b'"\\ude00\\ud83d"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "a byte that is no UTF-8": b'"\xff"',
    "a cut UTF-8 sequence": b'"\xe7\x94"',
    "overlong UTF-8": b'"\xc0\xaf"',
    "beyond Unicode": b'"\xf4\x90\x80\x80"',
    "latin-1": '"é"'.encode("latin-1"),
    "a bad escape": b'"\\x41"',
    "a cut escape": b'"\\u00"',
    "an open text": b'"a',
    "single quotes": b"'a'",
    "a bare word": b"fine",
    "an int of 5,000 digits": b"9" * 5_000,
    "a leading zero": b"01",
    "hexadecimal": b"0x1",
    "depth 100,000": b"[" * 100_000,
    "depth 100,000, closed": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects deep": b'{"a":' * 100_000,
}
NO_JSON = {
    "empty": b"",
    "blank": b" \r\n\t",
    "one brace": b"{",
    "closing brace": b"}",
    "NUL": b"\x00",
    "NULs": b"\x00" * 100,
    "deep": b"[" * 100_000,
    "form": b"texts=a&instances=b&id=c",
    "XML": b"<texts><text>a</text></texts>",
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "YAML": b"texts:\n- a\n",
    "undefined": b"undefined",
    "a comment": b"// {}",
    "PNG": b"\x89PNG\r\n\x1a\n",
}
NO_OBJECT = {
    "list": b"[]",
    "list of objects": b'[{"texts": ["a"]}]',
    "text": b'"texts"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "NaN": b"NaN",
    "depth 120": b"[" * 120 + b"]" * 120,
}
CONTENT_TYPES = {
    "none": None,
    "empty": "",
    "text": "text/plain",
    "form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data; boundary=x",
    "bytes": "application/octet-stream",
    "another JSON": "application/vnd.api+json",
    "JSON lines": "application/x-ndjson",
    "only a parameter": "; charset=utf-8",
    "two": "text/plain, application/json",
    "any": "*/*",
    "a prefix": "application/jso",
    "a suffix": "application/json-patch+json",
    "a quoted one": '"application/json"',
    "XML": "application/xml",
}


def _respelt(good: bytes) -> dict[str, bytes]:
    """A good body spelt as no JSON."""
    text = good.decode()
    return {
        "byte order mark": b"\xef\xbb\xbf" + good,
        "UTF-16": text.encode("utf-16"),
        "UTF-16 little-endian": text.encode("utf-16-le"),
        "UTF-16 big-endian": text.encode("utf-16-be"),
        "UTF-32": text.encode("utf-32"),
        "UTF-7": b"+" + good,
        "gzip": gzip.compress(good, mtime=0),
        "twice": good + good,
        "more behind it": good + b"x",
        "NUL behind it": good + b"\x00",
        "single quotes": good.replace(b'"', b"'"),
        "trailing comma": good[:-1] + b",}",
        "no colon": good.replace(b": ", b" ", 1),
        "quoted": good.replace(b'"', b'\\"'),
        "a comment": good[:-1] + b" /* no */}",
        "cut after 1": good[:1],
        "cut after 3": good[:3],
        "cut in the middle": good[: len(good) // 2],
        "cut before the end": good[:-1],
        "NUL in a name": good.replace(b'"', b'"\x00', 1),
    }


def _everywhere() -> Iterator[Bad]:
    for path, good in GOOD.items():
        for name, body in {**NO_JSON, **_respelt(good)}.items():
            yield Bad(name, path, body, 400, "body")
        for name, body in NO_OBJECT.items():
            yield Bad(f"not an object: {name}", path, body, 422, "body")
        for name, content_type in CONTENT_TYPES.items():
            yield Bad(f"content type: {name}", path, good, 415, "content-type", content_type)
        for encoding in ("gzip", "br", "identity, gzip", ""):
            yield Bad(
                f"content encoding: {encoding}",
                path,
                gzip.compress(good, mtime=0),
                415,
                "content-encoding",
                headers={"content-encoding": encoding},
            )
        large = good[:-1] + b" " * (BODY_BYTES - len(good) + 1) + b"}"
        yield Bad("one byte too large", path, large, 413, "body")
        before, where = TEXT_AT[path]
        for name, value in BROKEN_TEXT.items():
            yield Bad(f"text: {name}", path, before % value, 400, "body")
        for name, value in NOT_TEXT.items():
            yield Bad(f"text: {name}", path, before % value, 422, where)


def _classify() -> Iterator[Bad]:
    def bad(name: str, field: str, **body: Any) -> Bad:
        return Bad(name, CLASSIFY, dumped(body), 422, field)

    yield bad("nothing", "texts")
    yield bad("another name", "texts", text=["a"])
    yield bad("another case", "texts", Texts=["a"])
    yield bad("no text", "texts", texts=[])
    yield bad("a text alone", "texts", texts="a")
    yield bad("null", "texts", texts=None)
    yield bad("an object", "texts", texts={"0": "a"})
    yield bad("a number", "texts", texts=1)
    yield bad("too many", "texts", texts=["a"] * (TEXTS + 1))
    yield bad("the last of many", f"texts[{TEXTS - 1}]", texts=["a"] * (TEXTS - 1) + [1])
    yield bad("an unknown key", "model", texts=["a"], model="tamis")
    yield bad("a near key", "truncated", texts=["a"], truncated=True)
    yield bad("an empty key", "body", texts=["a"], **{"": 1})
    yield bad("a key with a NUL", "\x00", texts=["a"], **{"\x00": 1})
    yield bad("a key of markup", "<script>", texts=["a"], **{"<script>": 1})
    yield bad("a key of 100,000 characters", "k" * 200, texts=["a"], **{"k" * 100_000: 1})
    yield bad("a prototype", "__proto__", texts=["a"], __proto__={"a": 1})
    for name, value in {"one": 1, "zero": 0, "text": "true", "null": None, "list": [True]}.items():
        yield bad(f"truncate: {name}", "truncate", texts=["a"], truncate=value)
    yield Bad("a key twice, then wrong", CLASSIFY, b'{"texts":["a"],"texts":1}', 422, "texts")
    yield Bad("truncate: NaN", CLASSIFY, b'{"texts":["a"],"truncate":NaN}', 422, "truncate")


def _v1() -> Iterator[Bad]:
    def bad(name: str, field: str, **body: Any) -> Bad:
        return Bad(name, V1, dumped(body), 422, field)

    yield bad("nothing", "instances")
    yield bad("version 2's", "instances", inputs=[tensor()])
    yield bad("no instance", "instances", instances=[])
    yield bad("a text alone", "instances", instances="a")
    yield bad("an object", "instances", instances={"text": "a"})
    yield bad("null", "instances", instances=None)
    yield bad("too many", "instances", instances=["a"] * (TEXTS + 1))
    yield bad("an instance of nothing", "instances[0].text", instances=[{}])
    yield bad("another name", "instances[1].text", instances=["a", {"txt": "b"}])
    yield bad("a key too many", "instances[0].id", instances=[{"text": "a", "id": 1}])
    yield bad("an empty text", "instances[1].text", instances=["a", ""])
    yield bad("a text too long", "instances[0].text", instances=["x" * (TEXT_CHARACTERS + 1)])
    for value in (1, 1.5, None, True, ["a"], [["a"]]):
        yield bad(f"an instance that is {value}", "instances[1]", instances=["a", value])
    for value in (0, "no", None, {}):
        yield bad(f"truncate: {value}", "truncate", instances=["a"], truncate=value)


def _tensors() -> Iterator[Bad]:
    def one(what: str, field: str, **changes: Any) -> Bad:
        body = infer(inputs=[tensor(**changes)])
        return Bad(what, V2, body, 422, f"inputs[0].{field}")

    for member in ("name", "shape", "datatype", "data"):
        yield one(f"no {member}", member, **{member: ...})
        yield one(f"{member} null", member, **{member: None})
        yield one(f"{member} an object", member, **{member: {}})
        yield one(f"{member} a number", member, **{member: 1.5})
    for datatype in ("bytes", "STRING", "FP32", "INT64", "", "BYTES "):
        yield one(f"datatype {datatype!r}", "datatype", datatype=datatype)
    yield one("a name too long", "name", name="n" * 101)
    for shape in ([1], [3], [0], [-2], [2, 2], [1, 2], [2, 0], [2**31], [2**64], [10**30]):
        yield one(f"shape {shape}", "shape", shape=shape)
    for wrong in ([], [2, 1, 1], "2", 2):
        yield one(f"shape {wrong!r}", "shape", shape=wrong)
    for size in (True, "2", None, 2.0, [2]):
        yield one(f"a size that is {size!r}", "shape[0]", shape=[size])
    yield one("no text", "data", shape=[0], data=[])
    yield one("too many texts", "data", shape=[TEXTS + 1], data=["a"] * (TEXTS + 1))
    yield one("texts in rows", "data[0]", shape=[2, 1], data=[["a"], ["b"]])
    yield one("a text alone", "data", shape=[1], data="a")


def _v2() -> Iterator[Bad]:
    def bad(what: str, field: str, body: bytes) -> Bad:
        return Bad(what, V2, body, 422, field)

    yield bad("nothing", "inputs", b"{}")
    yield bad("version 1's", "inputs", dumped({"instances": ["a"]}))
    for name, value in {"none": [], "null": None, "text": "text", "one": tensor()}.items():
        yield bad(f"inputs: {name}", "inputs", infer(inputs=value))
    yield bad("two inputs", "inputs", infer(inputs=[tensor(), tensor()]))
    for wrong in (None, "text", 1, ["text"]):
        yield bad(f"an input that is {wrong}", "inputs[0]", infer(inputs=[wrong]))
    for identity in (1, "x" * 201, [], {}, True):
        yield bad(f"id {str(identity)[:9]}", "id", infer(id=identity))
    for parameters in ("truncate", 1, [], True):
        yield bad(f"parameters {parameters!r}", "parameters", infer(parameters=parameters))
    for flag in (1, "false", None, []):
        body = infer(parameters={"truncate": flag})
        yield bad(f"truncate {flag!r}", "parameters.truncate", body)


def _feedback() -> Iterator[Bad]:
    def bad(name: str, field: str, **body: Any) -> Bad:
        return Bad(name, FEEDBACK, dumped(body), 422, field)

    yield bad("nothing", "id")
    yield bad("no label", "label", id="x")
    yield bad("no id", "id", label="positive")
    yield bad("a list of ids", "id", id=["x"], label="positive")
    yield bad("an id too long", "id", id="x" * 65, label="positive")
    yield bad("an empty id", "id", id="", label="positive")
    yield bad("a label's number", "label", id="x", label=1)
    yield bad("an empty label", "label", id="x", label="")
    yield bad("a label too long", "label", id="x", label="x" * 1_001)
    yield bad("a key too many", "text", id="x", label="positive", text="a")
    for value in (None, 1, True, {}):
        yield bad(f"id {value!r}", "id", id=value, label="positive")
    unknown = dumped({"id": "\x00' OR 1=1 --", "label": "positive"})
    yield Bad("an id that was never issued", FEEDBACK, unknown, 404, "id")


def _unknown_models() -> Iterator[Bad]:
    for name in ("other", "Tamis", "tamis2", "t"):
        yield Bad(f"model {name}", f"/v2/models/{name}/infer", GOOD[V2], 404, "model")
        yield Bad(f"model {name}", f"/v1/models/{name}:predict", GOOD[V1], 404, "model")


ROWS: list[Bad] = [
    *_everywhere(),
    *_classify(),
    *_v1(),
    *_tensors(),
    *_v2(),
    *_feedback(),
    *_unknown_models(),
]

ODD_BUT_GOOD: dict[str, tuple[str, bytes]] = {
    "a key twice": (CLASSIFY, b'{"texts":[1],"texts":["a"]}'),
    "escaped NUL": (CLASSIFY, b'{"texts":["\\u0000"]}'),
    "an escaped pair": (CLASSIFY, b'{"texts":["\\ud83c\\udfac"]}'),
    "white space": (CLASSIFY, b' \r\n\t{ "texts" : [ "a" ] } \n'),
    "an escaped key": (CLASSIFY, b'{"\\u0074exts":["a"]}'),
    "as large as may be": (CLASSIFY, b'{"texts":["a"]' + b" " * (BODY_BYTES - 15) + b"}"),
    "1 MiB in parts": (CLASSIFY, dumped({"texts": ["x" * 2**16] * 16})),
    "unknown keys of version 1": (V1, b'{"instances":["a"],"x":[[[1e5,null]]]}'),
    "unknown keys of version 2": (V2, infer(inputs=[tensor(x=1)], outputs=[], x={"y": []})),
}
"""Bodies that look wrong and aren't: of two equal keys the last counts, as RFC 8259 lets it."""
