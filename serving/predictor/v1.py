"""KServe's version 1 protocol: instances in, predictions out.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
"""

from __future__ import annotations

from typing import Any

import orjson

from serving.predictor.binary import HEADER
from serving.predictor.engine import Answer
from serving.predictor.errors import bad_request
from serving.predictor.fields import a_list, a_text, flag, known_keys, parse, required, some_texts
from serving.predictor.request import ScoreRequest


def decode(body: bytes, header: str | None = None) -> ScoreRequest:
    """Read `{"instances": ["text", {"text": "text"}], "truncate": true}`.

    Args:
        body: The request's body.
        header: What `binary.HEADER` says; this protocol has no binary form.

    Returns:
        The request.

    Raises:
        RequestError: 400, naming the field.
    """
    if header is not None:
        raise bad_request("bad_header", HEADER, "belongs to version 2 of the protocol.")
    document = parse(body)
    known_keys(document, ("instances", "truncate"), "")
    instances = a_list(required(document, "instances", ""), "instances")
    truncate = flag(document, "truncate", True, "body")
    texts = [_text(instance, i) for i, instance in enumerate(instances)]
    some_texts(texts, "instances")
    return ScoreRequest(texts, truncate)


def encode(answer: Answer, name: str, _: ScoreRequest) -> tuple[bytes, int | None]:
    """An answer as JSON.

    Args:
        answer: The answer.
        name: The served model's name.

    Returns:
        `{"predictions": [{"label", "score", "probabilities": {label: p}, "truncated"}], …}`, and
        None: nothing follows it.
    """
    labels = answer.served.classifier.labels
    best = answer.probabilities.argmax(axis=1)
    predictions = [
        {
            "label": labels[at],
            "score": row[at],
            "probabilities": dict(zip(labels, row, strict=True)),
            "truncated": cut,
        }
        for at, row, cut in zip(
            best.tolist(), map(list, answer.probabilities), answer.truncated.tolist(), strict=True
        )
    ]
    document = {
        "predictions": predictions,
        "model_name": name,
        "model_version": answer.served.version,
        "bundle_digest": answer.served.digest,
    }
    # float32 as such: the shortest digits that read back as the same number
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), None


def _text(instance: Any, i: int) -> Any:
    if not isinstance(instance, dict):
        return instance
    known_keys(instance, ("text",), f"instances[{i}]")
    text = required(instance, "text", f"instances[{i}]")
    a_text(text, "instances", i)
    return text
