"""What a frame tells the worker's sequential tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.text_marks import MARKS, mark
from components.drift.reference import Reference
from components.drift.stream import Stream
from components.drift.watch import Watch

Arrays = Mapping[str, npt.NDArray[Any]]


def tell(watch: Watch, reference: Reference, arrays: Arrays) -> None:
    """Tell a watch what `Fresh.take` gathered.

    Args:
        watch: The watch.
        reference: Its reference.
        arrays: The frame's arrays.
    """
    known = reference.vocabulary.terms
    marks = np.zeros((len(arrays["fresh_lengths"]), len(MARKS)), np.float32)
    words: list[list[str]] = []
    content, start = arrays["fresh_texts"].tobytes(), 0
    sizes, characters = arrays["fresh_bytes"].tolist(), arrays["fresh_characters"].tolist()
    for row, (size, letters) in enumerate(zip(sizes, characters, strict=True)):
        text = content[start : start + size].decode("utf-8", "surrogatepass")
        start += size
        marks[row], said = mark(text, known, letters)
        words.append(said)
    stream = Stream(
        arrays["fresh_features"],
        arrays["fresh_probabilities"],
        arrays["fresh_lengths"],
        None if reference.marks is None else marks,
    )
    watch.tell(stream, arrays["fresh_times"], words)
    if len(arrays["fresh_outcomes"]):
        watch.tell_outcomes(arrays["fresh_outcomes"], arrays["fresh_outcome_times"])
