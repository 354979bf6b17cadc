"""What is watched of a text, of its answer, and of its feedback: numbers, put into fixed bins.

Bins don't depend on the rows that are ranked, or ranks would not be fair: those of marks and
probabilities are fixed here, those of features come from a half of the reference that is then left
out of the bag.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.contract.text_marks import MARKS
from components.drift.conformal import tally
from components.drift.reference import Reference
from components.drift.stream import Stream

BINS = 64
CATEGORIES = 10
"""Texts are compared with those that got the same label, where there are at most so many labels: a
rarer label has too few rows of the reference to be compared with."""
DIRECTIONS = 8
"""Principal components of the features that are watched each by itself; the others together."""
SPREAD = 32
"""Components behind the distance from the centre: the later ones are mostly noise."""
LARGEST = 12.0
"""Log-odds beyond which probabilities are all alike."""
COLUMNS = 32
"""Labels whose probabilities are watched, those of most weight."""

SLACK = 1e-5
"""Rounding of float32 features, relative to their size."""

Floats = npt.NDArray[np.float64]
_EDGES = BINS - 1


@dataclass(frozen=True)
class Aspects:
    """Aspects of one kind of drift.

    Attributes:
        names: One each.
        edges: (aspects, BINS - 1) float64, ascending: a value below the first is in bin 0.
        counts: (aspects, categories, BINS) int64, the reference's rows.
    """

    names: tuple[str, ...]
    edges: Floats
    counts: npt.NDArray[np.int64]


def place(values: Floats, edges: Floats) -> npt.NDArray[np.uint8]:
    """(n, aspects) uint8, the bins of (n, aspects) values; a value is below its bin's end."""
    bins = np.empty(values.shape, np.uint8)
    for aspect, own in enumerate(edges):
        bins[:, aspect] = np.searchsorted(own, values[:, aspect], side="right")
    return bins


class Features:
    """Directions in which features differ, learned from half of the reference.

    Args:
        fit: (n, d) float32.
    """

    def __init__(self, fit: npt.NDArray[np.float32]) -> None:
        self._centre = fit.mean(axis=0, dtype=np.float64)
        centred = fit - self._centre
        _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
        kept = min(SPREAD, int((sizes > 1e-9 * max(float(sizes[0]), 1e-30)).sum()))
        self._directions = directions[:kept].T
        self._scale = np.maximum(sizes[:kept] / np.sqrt(len(fit)), 1e-12)

    @property
    def names(self) -> tuple[str, ...]:
        """The aspects' names."""
        shown = min(DIRECTIONS, len(self._scale))
        return (*(f"features_{i + 1}" for i in range(shown)), "features_distance", "features_rest")

    def values(self, features: npt.NDArray[np.float32]) -> Floats:
        """(n, aspects): coordinates, the distance from the centre along them, and off them."""
        centred = features - self._centre
        along = centred @ self._directions
        scaled = along / self._scale
        rest = (centred**2).sum(axis=1) - (along**2).sum(axis=1)
        distance = np.sqrt((scaled**2).sum(axis=1))
        return np.column_stack(
            [scaled[:, :DIRECTIONS], distance, np.sqrt(np.maximum(rest, 0))]
        ).astype(np.float64)


def logarithmic(low: float, high: float) -> Floats:
    """(BINS - 1,) edges of equal ratios; what is below `low` has a bin of its own."""
    return np.geomspace(low, high, _EDGES)


MARK_EDGES = {
    "length": logarithmic(1, 2**21),
    "fragmentation": logarithmic(0.02, 4),
    "unknown_words": np.linspace(0.001, 1, _EDGES),
    "non_ascii": logarithmic(1e-4, 1),
    "broken_characters": logarithmic(1e-4, 1),
    "uppercase": logarithmic(1e-3, 1),
    "unfinished": np.linspace(0.01, 1, _EDGES),
}


class InputAspects:
    """Lengths, marks and features.

    Args:
        reference: The reference.
    """

    def __init__(self, reference: Reference) -> None:
        half = len(reference.labels) // 2
        self._features = Features(reference.features[:half])
        self._marked = reference.marks is not None
        fitted = self._features.values(reference.features[:half])
        shares = (np.arange(_EDGES) + 1) / BINS
        edges = [MARK_EDGES[name] for name in self._marks]
        quantiles = np.quantile(fitted, shares, axis=0).T
        # Bins for what lies outside all fitted rows, even where those are all alike.
        quantiles[:, -1] = fitted.max(axis=0) + SLACK * (1 + np.abs(fitted).max(axis=0))
        quantiles[:, 0] = fitted.min(axis=0) - SLACK * (1 + np.abs(fitted).max(axis=0))
        edges += list(quantiles)
        stream = reference.stream()
        names = (*self._marks, *self._features.names)
        bins, categories = place(self.values(stream), np.stack(edges)), self.categories(stream)
        shape = (len(names), self._categories(stream), BINS)
        counts = tally(bins, categories, shape)
        fair = slice(len(self._marks), None)
        counts[fair] = tally(bins[half:], categories[half:], shape)[fair]
        self.aspects = Aspects(names, np.stack(edges), counts)

    @property
    def _marks(self) -> tuple[str, ...]:
        return tuple(MARK_EDGES) if self._marked else ("length",)

    def values(self, stream: Stream) -> Floats:
        """(n, aspects) of a stream's rows."""
        lengths = stream.lengths.astype(np.float64)
        columns = [lengths]
        if stream.marks is not None and self._marked:
            marks = dict(zip(MARKS, stream.marks.T.astype(np.float64), strict=True))
            marks["fragmentation"] = lengths / np.maximum(marks["characters"], 1)
            columns += [marks[name] for name in self._marks[1:]]
        return np.column_stack([*columns, self._features.values(stream.features)])

    def categories(self, stream: Stream) -> npt.NDArray[np.int64]:
        """(n,) the predicted label: a change of the labels' mix alone is no drift of the texts."""
        predicted = stream.predicted
        return predicted if self._categories(stream) > 1 else np.zeros_like(predicted)

    def _categories(self, stream: Stream) -> int:
        labels = stream.probabilities.shape[1]
        return labels if labels <= CATEGORIES else 1


class PredictionAspects:
    """Probabilities of labels, and the predicted one's.

    Args:
        reference: The reference.
    """

    def __init__(self, reference: Reference) -> None:
        k = reference.probabilities.shape[1]
        half = reference.probabilities[: len(reference.labels) // 2]
        weight = np.argsort(-half.mean(axis=0), kind="stable")[:COLUMNS]
        self._columns = np.array([k - 1]) if k == 2 else np.sort(weight)
        names = (*(f"probability_{reference.name(c)}" for c in self._columns), "confidence")
        edges = np.tile(np.linspace(-LARGEST, LARGEST, _EDGES), (len(names), 1))
        stream = reference.stream()
        bins = place(self.values(stream), edges)
        counts = tally(bins, self.categories(stream), (len(names), 1, BINS))
        self.aspects = Aspects(names, edges, counts)

    def values(self, stream: Stream) -> Floats:
        """(n, aspects) log-odds of a stream's rows."""
        probabilities = stream.probabilities.astype(np.float64)
        shown = np.column_stack([probabilities[:, self._columns], probabilities.max(axis=1)])
        odds: Floats = np.log(np.maximum(shown, 1e-12)) - np.log(np.maximum(1 - shown, 1e-12))
        return odds

    def categories(self, stream: Stream) -> npt.NDArray[np.int64]:
        """(n,) zeros: all rows are compared."""
        return np.zeros(len(stream.lengths), np.int64)


class ConceptAspects:
    """Whether predictions were right.

    Args:
        reference: The reference.
    """

    def __init__(self, reference: Reference) -> None:
        edges = np.linspace(0.5, 1.0, _EDGES)[None]
        bins = (~reference.errors).astype(np.uint8)[:, None] * np.uint8(BINS - 1)
        zeros = np.zeros(len(bins), np.int64)
        self.aspects = Aspects(("errors",), edges, tally(bins, zeros, (1, 1, BINS)))
