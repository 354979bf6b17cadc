"""The predictor's answer, read with suspicion: what makes no sense is no answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from components.contract import logs
from serving import binary
from serving.transformer.model_identity import ModelIdentity
from serving.transformer.problems import bad_predictor, overloaded, too_late

OUTPUTS, FEATURES = ("labels", "probabilities", "tokens", "truncated"), "features"
"""Tensors that are read; `features` only when they were asked for."""
ROW_SUM_TOLERANCE = 0.01
"""Float32 rounding over thousands of labels stays far below it."""


@dataclass(frozen=True)
class Scored:
    """What the predictor says of n texts; arrays as in `Answered`."""

    model: ModelIdentity
    labels: tuple[str, ...]
    probabilities: npt.NDArray[np.float32]
    tokens: npt.NDArray[np.int64]
    truncated: npt.NDArray[np.bool_]
    features: npt.NDArray[np.float32] | None

    def part(self, start: int, end: int) -> Scored:
        """The texts `start:end`."""
        rows = slice(start, end)
        features = None if self.features is None else self.features[rows]
        return Scored(
            self.model,
            self.labels,
            self.probabilities[rows],
            self.tokens[rows],
            self.truncated[rows],
            features,
        )


def read_answer(status: int, raw: bytes | bytearray, n: int, header: str | None = None) -> Scored:
    """An answer of the predictor.

    Args:
        status: Its HTTP status.
        raw: Its body.
        n: How many texts were asked about.
        header: What `binary.HEADER` says; None when the body is all JSON.

    Returns:
        The scores.

    Raises:
        RefusalError: 503 or 504 when that is what it says, 502 when it makes no sense.
    """
    if status in (429, 503):
        raise overloaded()
    if status == 504:
        raise too_late()
    try:
        head, tail = (raw, b"") if header is None else binary.split(bytes(raw), header)
        document = orjson.loads(head)
        if status != 200:
            logs.event("hop_refused", status=status, error=str(document.get("error"))[:300])
            raise bad_predictor()
        with np.errstate(over="ignore"):  # 1e300 is no float32: an infinity, which is refused
            return _parse(document, tail, n)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        logs.event("hop_unreadable", status=status, error=repr(error)[:300])
        raise bad_predictor() from None


def _parse(document: dict[str, Any], tail: bytes, n: int) -> Scored:
    outputs = {output["name"]: output.get("data") for output in document["outputs"]}
    labels = _labels(outputs["labels"])
    features = outputs.get(FEATURES)
    if features is None and tail:  # they are what was asked for raw, and nothing else
        features = np.frombuffer(tail, "<f4")
    model = ModelIdentity(
        str(document["model_name"]),
        str(document["model_version"]),
        str(document["parameters"]["bundle_digest"]),
    )
    return Scored(
        model,
        labels,
        _probabilities(outputs["probabilities"], n, len(labels)),
        np.array(outputs["tokens"], np.int64).reshape(n),
        _flags(outputs["truncated"]).reshape(n),
        None if features is None else np.array(features, np.float32).reshape(n, -1),
    )


def _labels(told: Sequence[Any]) -> tuple[str, ...]:
    labels = tuple(map(str, told))
    if not labels or len(set(labels)) < len(labels):
        raise ValueError("labels that are missing or equal")
    return labels


def _probabilities(told: Any, n: int, k: int) -> npt.NDArray[np.float32]:
    probabilities = np.array(told, np.float32).reshape(n, k)
    # Written so that NaN fails as well.
    if not (
        (probabilities >= 0).all()
        and (np.abs(probabilities.sum(axis=1) - 1) <= ROW_SUM_TOLERANCE).all()
    ):
        raise ValueError("probabilities that are none")
    return probabilities


def _flags(told: Any) -> npt.NDArray[np.bool_]:
    flags = np.array(told)
    if flags.dtype != np.bool_:
        raise TypeError("flags that are neither true nor false")
    return flags
