"""What a bundle's model saw: the sample that windows are compared with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.errors import InputError, IntegrityError
from components.contract.text_marks import MARKS
from components.contract.vocabulary import Vocabulary
from components.drift.stream import Stream

REFERENCE_BYTES = 256 * 2**20
"""A thousand rows of ten thousand labels and four thousand features take 56 MB."""
LEAST_ROWS = 20
"""Fewer tell nothing apart."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """Rows of the validation split, as `contract.bundle` describes them.

    Attributes:
        features: (n, d) float32.
        probabilities: (n, k) float32.
        lengths: (n,) int64, tokens in each text.
        labels: (n,) int32, the true labels' columns.
        marks: (n, len(MARKS)) float32; None in a bundle of before they were kept.
        vocabulary: The training texts' frequent words; none in such a bundle.
        names: The labels' names; empty in such a bundle.
    """

    features: Floats
    probabilities: Floats
    lengths: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int32]
    marks: Floats | None = None
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(0, 0, {}))
    names: tuple[str, ...] = ()

    def name(self, label: int) -> str:
        """A label's name; its column's number where names weren't kept."""
        return self.names[label] if self.names else str(label)

    def stream(self) -> Stream:
        """The rows as a stream that has just come in."""
        return Stream(self.features, self.probabilities, self.lengths, self.marks)

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """(n,) int64, the columns that the model chose."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @property
    def errors(self) -> npt.NDArray[np.bool_]:
        """(n,) bool, where the model was wrong."""
        return np.asarray(self.predicted != self.labels, np.bool_)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name, as a bundle keeps them."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "features": self.features,
            "probabilities": self.probabilities,
            "lengths": self.lengths,
            "labels": self.labels,
        }
        if self.marks is not None:
            names = np.frombuffer(json.dumps(list(self.names)).encode(), np.uint8)
            arrays |= {"marks": self.marks, "names": names, **self.vocabulary.arrays()}
        return arrays


def read_reference(path: Path) -> Reference:
    """Read a bundle's `reference.safetensors`.

    Args:
        path: The file.

    Returns:
        The reference.

    Raises:
        InputError: `not_found`; `small_reference` when it has less than `LEAST_ROWS` rows.
        IntegrityError: `corrupted`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        if path.stat().st_size > REFERENCE_BYTES:
            raise IntegrityError("corrupted", f"The drift reference {str(path)!r} is too large.")
        arrays = load(path.read_bytes())
    except OSError as error:
        raise InputError(
            "not_found", f"The drift reference {str(path)!r} can't be read: {error.strerror}."
        ) from error
    except (SafetensorError, ValueError, KeyError) as error:
        raise IntegrityError("corrupted", f"{str(path)!r} is no drift reference.") from error
    return reference_of(arrays, str(path))


def reference_of(arrays: dict[str, npt.NDArray[Any]], origin: str) -> Reference:
    """A reference from its arrays.

    Args:
        arrays: By name.
        origin: Where they came from, for messages.

    Returns:
        The reference.

    Raises:
        InputError: `small_reference`.
        IntegrityError: `corrupted` when arrays are missing, don't fit together or aren't finite.
    """
    try:
        reference = Reference(
            np.asarray(arrays["features"], np.float32),
            np.asarray(arrays["probabilities"], np.float32),
            np.asarray(arrays["lengths"], np.int64),
            np.asarray(arrays["labels"], np.int32),
            *_told(arrays),
        )
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise IntegrityError("corrupted", f"{origin!r} is no drift reference.") from error
    rows: list[npt.NDArray[Any]] = [
        reference.features,
        reference.probabilities,
        reference.lengths,
        reference.labels,
    ]
    if reference.marks is not None:
        rows.append(reference.marks)
    shapes = [array.shape for array in rows]
    if (
        [len(shape) for shape in shapes] != [2, 2, 1, 1, 2][: len(rows)]
        or len({shape[0] for shape in shapes}) != 1
        or 0 in (shapes[0][1], shapes[1][1])
        or (reference.marks is not None and shapes[4][1] != len(MARKS))
        or (reference.names and len(reference.names) != shapes[1][1])
        or not all(np.isfinite(array).all() for array in rows)
    ):
        raise IntegrityError("corrupted", f"The arrays in {origin!r} are no drift reference.")
    if len(reference.labels) < LEAST_ROWS:
        raise InputError(
            "small_reference",
            f"The drift reference {origin!r} has {len(reference.labels)} rows; "
            f"less than {LEAST_ROWS} tell nothing apart.",
        )
    return reference


def _told(arrays: dict[str, npt.NDArray[Any]]) -> tuple[Any, ...]:
    """Marks, vocabulary and labels' names; nothing of a bundle that has none."""
    if "marks" not in arrays:
        return ()
    names = json.loads(np.asarray(arrays["names"], np.uint8).tobytes().decode())
    marks = np.asarray(arrays["marks"], np.float32)
    return marks, Vocabulary.of(arrays), tuple(map(str, names))
