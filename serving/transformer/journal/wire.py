"""Entries and outcomes between a server and its journal's process: JSON with its length before it.

Both are one program, so a message holds values in the order of the dataclasses' fields.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from components.contract.errors import InputError, IntegrityError, TamisError
from serving.transformer.journal.entry import (
    Entry,
    Feedback,
    FeedbackResult,
    Outcome,
    Recording,
)
from serving.transformer.journal.errors import (
    FeedbackConflictError,
    OverloadError,
    UnavailableError,
    UnknownLabelError,
    UnknownPredictionError,
)
from serving.transformer.model_identity import ModelIdentity

_LENGTH = struct.Struct("<I")
HEAD_BYTES = _LENGTH.size
_ERRORS = {
    kind.__name__: kind
    for kind in (
        TamisError,
        InputError,
        IntegrityError,
        FeedbackConflictError,
        OverloadError,
        UnavailableError,
        UnknownLabelError,
        UnknownPredictionError,
    )
}


def frame(document: Any) -> bytes:
    """A message's bytes.

    Args:
        document: What JSON can hold.

    Returns:
        Its length (uint32, little-endian) and itself.
    """
    try:
        body = orjson.dumps(document)
    except TypeError:  # a lone surrogate, which only an escape can carry
        body = json.dumps(document).encode()
    return _LENGTH.pack(len(body)) + body


def read_frame(read: Callable[[int], bytes]) -> Any:
    """The next message.

    Args:
        read: Reads exactly so many bytes, or less at the other side's end.

    Returns:
        The document.

    Raises:
        EOFError: The other side has ended.
    """
    head = read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        raise EOFError
    body = read(length_of(head))
    if len(body) < length_of(head):
        raise EOFError
    return parse(body)


def length_of(head: bytes) -> int:
    """How many bytes follow a message's first `HEAD_BYTES`."""
    (length,) = _LENGTH.unpack(head)
    return int(length)


def parse(body: bytes) -> Any:
    """A message's document."""
    return json.loads(body)  # unlike orjson it reads lone surrogates


def pack_entries(entries: Sequence[Entry]) -> list[Any]:
    """Entries as what JSON can hold."""
    return [
        [*_model(entry.model), *_rest(entry)]
        if isinstance(entry, Recording)
        else [entry.prediction, entry.label, entry.subject, entry.time]
        for entry in entries
    ]


def unpack_entries(packed: Sequence[Any]) -> list[Entry]:
    """What `pack_entries` packed."""
    return [
        Feedback(*values)
        if len(values) == _FEEDBACK_FIELDS
        else Recording(values[3], values[4], ModelIdentity(*values[:3]), *values[5:])
        for values in packed
    ]


def pack_outcomes(outcomes: Sequence[Outcome]) -> list[Any]:
    """Outcomes as what JSON can hold; an error that isn't ours is told by its name."""
    return [_pack_outcome(outcome) for outcome in outcomes]


def unpack_outcomes(packed: Sequence[Any]) -> list[Outcome]:
    """What `pack_outcomes` packed."""
    return [_unpack_outcome(values) for values in packed]


def pack_error(error: TamisError) -> list[str]:
    """An error as what JSON can hold."""
    kind = next(name for name in map(_name, type(error).__mro__) if name in _ERRORS)
    return [kind, error.code, error.message, error.hint]


def unpack_error(packed: Sequence[str]) -> TamisError:
    """What `pack_error` packed."""
    kind, *told = packed
    return _ERRORS[kind](*told)


_FEEDBACK_FIELDS, _RESULT_FIELDS = 4, 7


def _name(kind: type) -> str:
    return kind.__name__


def _model(model: ModelIdentity) -> tuple[str, str, str]:
    return model.name, model.version, model.bundle_digest


def _rest(entry: Recording) -> tuple[Any, ...]:
    return (
        entry.time,
        entry.subject,
        entry.labels,
        entry.ids,
        entry.texts,
        entry.predicted,
        entry.scores,
        entry.tokens,
        entry.truncated,
    )


def _pack_outcome(outcome: Outcome) -> Any:
    if outcome is None:
        return None
    if isinstance(outcome, FeedbackResult):
        told = (outcome.prediction, outcome.predicted, outcome.label, outcome.correct)
        return [*_model(outcome.model), *told]
    if isinstance(outcome, TamisError):
        return pack_error(outcome)
    name = type(outcome).__name__
    return pack_error(UnavailableError("journal_unavailable", f"It can't be kept ({name})."))


def _unpack_outcome(values: Any) -> Outcome:
    if values is None:
        return None
    if len(values) == _RESULT_FIELDS:
        prediction, predicted, label, correct = values[3:]
        model = ModelIdentity(*values[:3])
        return FeedbackResult(prediction, predicted, label, correct, model)
    return unpack_error(values)
