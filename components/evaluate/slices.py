"""Where a model is good and where it isn't: metrics by column value and by text length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Integers
from components.evaluate.metrics import headline
from components.evaluate.scoring import Scored

SLICE_ROWS = 20
"""Fewer rows than this say nothing: half an accuracy's 95 % interval would be 20 points."""
SLICE_VALUES = 50
OTHER = "other"
LENGTH = "length"


def sliced(scored: Scored) -> dict[str, npt.NDArray[Any]]:
    """Each row's value in every slice column, rare values folded into `other`.

    Args:
        scored: n scored rows.

    Returns:
        Column -> (n,) strings: the dataset's slice columns and `length` (quartiles in words),
        unless the dataset has a column of that name.
    """
    columns = {name: _folded(values) for name, values in scored.slices.items()}
    return {LENGTH: length_quartiles(scored.words)} | columns


def slice_metrics(
    scored: Scored, columns: Mapping[str, npt.NDArray[Any]], labels: int
) -> list[dict[str, Any]]:
    """Accuracy and macro-F1 of every slice with `SLICE_ROWS` rows, worst accuracy first.

    Macro-F1 is averaged over all k labels, so a slice that lacks some can't reach 1.

    Args:
        scored: n scored rows.
        columns: Column -> (n,) values.
        labels: k, the number of labels.

    Returns:
        One mapping a slice: `column`, `value`, `rows`, `accuracy`, `macro_f1`.
    """
    found = []
    for column, values in columns.items():
        names, codes = np.unique(values.astype(str), return_inverse=True)
        for code, value in enumerate(names.tolist()):
            rows = np.flatnonzero(codes == code)
            if len(rows) >= SLICE_ROWS:
                numbers = headline(_rows(scored, rows).confusion(labels))
                found.append(
                    {
                        "column": column,
                        "value": value,
                        "rows": len(rows),
                        "accuracy": numbers["accuracy"],
                        "macro_f1": numbers["macro_f1"],
                    }
                )
    return sorted(found, key=lambda s: (s["accuracy"], s["column"], s["value"]))


def length_quartiles(words: Integers) -> npt.NDArray[Any]:
    """(n,) names such as `13-20 words` of the quartile that each of (n,) lengths falls in."""
    if not len(words):
        return np.zeros(0, object)
    cuts = np.unique(np.quantile(words, [0.25, 0.5, 0.75], method="lower"))
    quartile = np.searchsorted(cuts, words)  # a quartile ends with its cut
    names = np.empty(len(words), object)
    for number in np.unique(quartile):
        rows = quartile == number
        low, high = int(words[rows].min()), int(words[rows].max())
        names[rows] = f"{low}-{high} words" if low < high else f"{low} words"
    return names


def _folded(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    counts = Counter("" if value is None else str(value) for value in values)
    kept = {v for v, rows in counts.most_common(SLICE_VALUES) if rows >= SLICE_ROWS}
    texts = ("" if value is None else str(value) for value in values)
    return np.array([v if v in kept else OTHER for v in texts], object)


def _rows(scored: Scored, rows: npt.NDArray[np.intp]) -> Scored:
    return Scored(
        scored.truth[rows],
        scored.predicted[rows],
        scored.confidence[rows],
        scored.likelihood[rows],
        scored.probabilities[rows],
        scored.words[rows],
        {},
        0,
    )
