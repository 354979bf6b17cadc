"""Messages between transformer and worker: a JSON object and named arrays, never pickled.

A frame is two little-endian lengths (uint32, uint64), the object as UTF-8, and the arrays as
safetensors (https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

_LENGTHS = struct.Struct("<IQ")
OBJECT_BYTES = 2**20
"""A report of a dozen detectors takes 3 kB."""
ARRAYS_BYTES = 512 * 2**20
"""A window of 20,000 rows of a thousand labels and four thousand features is 400 MB."""

Arrays = Mapping[str, npt.NDArray[Any]]


class BrokenFrameError(Exception):
    """The other side speaks another language, or ended in the middle of a word."""


def pack(message: Mapping[str, Any], arrays: Arrays) -> list[bytes]:
    """A frame in parts to be sent one after the other.

    Args:
        message: JSON object.
        arrays: Arrays that belong to it.

    Returns:
        The parts.
    """
    from safetensors.numpy import save

    text = json.dumps(message, allow_nan=False).encode()
    tensors = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return [_LENGTHS.pack(len(text), len(tensors)), text, tensors]


def unpack(read: Callable[[int], bytes]) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read a frame.

    Args:
        read: Reads exactly so many bytes, or less at the other side's end.

    Returns:
        The object and its arrays.

    Raises:
        EOFError: The other side ended between two frames.
        BrokenFrameError: It ended inside one, or sent something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    head = read(_LENGTHS.size)
    if not head:
        raise EOFError
    if len(head) < _LENGTHS.size:
        raise BrokenFrameError("a frame's lengths are cut")
    text_bytes, tensor_bytes = _LENGTHS.unpack(head)
    if text_bytes > OBJECT_BYTES or tensor_bytes > ARRAYS_BYTES:
        raise BrokenFrameError("a frame is too large")
    text, tensors = read(text_bytes), read(tensor_bytes)
    if len(text) < text_bytes or len(tensors) < tensor_bytes:
        raise BrokenFrameError("a frame is cut")
    try:
        message = json.loads(text)
        arrays = load(tensors)
    except (ValueError, SafetensorError) as error:
        raise BrokenFrameError("a frame can't be read") from error
    if not isinstance(message, dict):
        raise BrokenFrameError("a frame's message is no object")
    return message, arrays
