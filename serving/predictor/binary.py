"""The binary tensor data extension, with the predictor's refusals."""

from __future__ import annotations

from serving import binary
from serving.predictor.errors import bad_request
from serving.predictor.limits import TEXTS

HEADER = binary.HEADER
pack = binary.pack


def split(body: bytes, header: str) -> tuple[bytes, bytes]:
    """The JSON and the raw bytes of a body.

    Args:
        body: The whole body.
        header: What `HEADER` says.

    Returns:
        Both parts.

    Raises:
        RequestError: `bad_header` when the header is no length within the body.
    """
    try:
        return binary.split(body, header)
    except binary.FramingError as error:
        raise bad_request("bad_header", HEADER, str(error)) from None


def texts(raw: bytes, field: str) -> list[str]:
    """Read a BYTES tensor.

    Args:
        raw: The tensor.
        field: Where it was announced.

    Returns:
        The texts, at most one more than a request may have.

    Raises:
        RequestError: `bad_tensor` when it ends early or is no UTF-8.
    """
    try:
        return binary.texts(raw, TEXTS)
    except binary.FramingError as error:
        raise bad_request("bad_tensor", field, str(error)) from None
