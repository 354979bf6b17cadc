"""What is encrypted of a prediction and of its feedback, and what it is bound to.

The associated data holds everything else that a row says, so a row whose label, score or model
was changed, or whose ciphertext came from another row, doesn't open.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from serving.transformer.journal.vault import altered
from serving.transformer.model_identity import ModelIdentity

RECORD_SCHEMA = 1
"""Part of the associated data: a record of another layout doesn't open as this one."""
_PREDICTION, _FEEDBACK = 1, 2
_PREDICTION_HEAD = struct.Struct(">BB32sqdq?H")
_FEEDBACK_HEAD = struct.Struct(">BBq?H")
_SUBJECT_LENGTH = struct.Struct(">I")


@dataclass(frozen=True)
class Content:
    """The secret part of a prediction.

    Attributes:
        subject: Who asked.
        text: What was asked about.
    """

    subject: str
    text: str

    @classmethod
    def unpack(cls, packed: bytes) -> Content:
        """What `pack_content` packed; it has been authenticated."""
        (length,) = _SUBJECT_LENGTH.unpack_from(packed)
        end = _SUBJECT_LENGTH.size + length
        subject = packed[_SUBJECT_LENGTH.size : end]
        return cls(
            subject.decode("utf-8", "surrogatepass"), packed[end:].decode("utf-8", "surrogatepass")
        )


def pack_content(subject: str, text: str) -> bytes:
    """A content's bytes: the subject's length, the subject, the text; lone surrogates pass."""
    name = subject.encode("utf-8", "surrogatepass")
    return _SUBJECT_LENGTH.pack(len(name)) + name + text.encode("utf-8", "surrogatepass")


def model_digest(model: ModelIdentity) -> bytes:
    """SHA-256 of a model's name, version and bundle digest, 32 bytes."""
    identity = json.dumps([model.name, model.version, model.bundle_digest])
    return hashlib.sha256(identity.encode()).digest()


def bind_prediction(
    prediction: str,
    model: bytes,
    time: int,
    label: str,
    score: float,
    tokens: int,
    truncated: bool,
) -> bytes:
    """The associated data of a prediction's content.

    Args:
        prediction: Its id.
        model: The model's digest, as `model_digest` makes it.
        time: Microseconds since 1970, UTC.
        label: The label given.
        score: Its probability.
        tokens: Tokens in the text.
        truncated: Whether the model saw head and tail only.

    Returns:
        Bytes that differ when any of these does.
    """
    name = prediction.encode()
    head = _PREDICTION_HEAD.pack(
        _PREDICTION, RECORD_SCHEMA, model, time, score, tokens, truncated, len(name)
    )
    return head + name + label.encode()


def bind_feedback(prediction: str, time: int, label: str, correct: bool) -> bytes:
    """The associated data of a feedback's subject.

    Args:
        prediction: The prediction's id.
        time: Microseconds since 1970, UTC.
        label: The true label.
        correct: Whether it is the label that was given.

    Returns:
        Bytes that differ when any of these does.
    """
    name = prediction.encode()
    head = _FEEDBACK_HEAD.pack(_FEEDBACK, RECORD_SCHEMA, time, correct, len(name))
    return head + name + label.encode()


@contextlib.contextmanager
def authentic(prediction: str) -> Iterator[None]:
    """Around reading a row: values that aren't even of their column's type were altered too.

    SQLite's columns hold any type, so a flipped bit can make a number a text.

    Args:
        prediction: The record's id, for the message.

    Yields:
        Nothing.

    Raises:
        IntegrityError: `record_altered`.
    """
    try:
        yield
    except (struct.error, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise altered(prediction) from error
