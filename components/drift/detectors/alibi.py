"""Alibi Detect's detectors, https://docs.seldon.io/projects/alibi-detect.

alibi-detect is under the Business Source License 1.1: its use in production needs an agreement
with Seldon. It is imported when a detector is made, by the worker alone, because of what it costs.
"""

from __future__ import annotations

import importlib
import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from components.drift.detectors.detector import Kind, Score
from components.drift.detectors.kolmogorov_smirnov import telling_columns
from components.drift.detectors.sample import sample
from components.drift.reference import Reference
from components.drift.settings import DetectorSettings
from components.drift.window import Window

LSDD_ROWS = 1_000
MMD_ROWS = 200
"""Rows of reference and window that a kernel sees, drawn at random. LSDD's cost grows with them;
MMD's grows with their square, and so does its memory, once for each shuffle."""
WINDOWS = (20, 60)
"""Pieces of feedback that errors are counted over: the shorter notices a large rise early."""
STREAMS = 10
"""Streams that thresholds are simulated from, for each piece of feedback between false alarms:
alibi-detect's advice is an order of magnitude more streams than that."""


class FeatureLsdd:
    """Least-squares density difference of features (Bu et al. 2016, https://doi.org/10.1109/TPAMI.2016.2515584).

    Args:
        reference: The sample to compare with.
        settings: Level, shuffles, seed.
    """

    name: ClassVar[str] = "features_lsdd"
    kind: ClassVar[Kind] = "input"
    sequential: ClassVar[bool] = False

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        self._kernel = _Kernel("LSDDDrift", reference, settings, LSDD_ROWS)

    def score(self, window: Window) -> Score | None:
        return self._kernel.score(window)


class FeatureMmd:
    """Maximum mean discrepancy of features.

    Args:
        reference: The sample to compare with.
        settings: Level, shuffles, seed.
    """

    name: ClassVar[str] = "features_mmd"
    kind: ClassVar[Kind] = "input"
    sequential: ClassVar[bool] = False

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        self._kernel = _Kernel("MMDDrift", reference, settings, MMD_ROWS)

    def score(self, window: Window) -> Score | None:
        return self._kernel.score(window)


class LengthKs:
    """Kolmogorov-Smirnov test of the texts' lengths in tokens.

    Args:
        reference: The sample to compare with.
        settings: Level.
    """

    name: ClassVar[str] = "lengths_ks"
    kind: ClassVar[Kind] = "input"
    sequential: ClassVar[bool] = False

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        self._alpha = settings.alpha
        self._columns = _Columns("KSDrift", reference.lengths[:, None], settings.alpha)

    def score(self, window: Window) -> Score | None:
        gap, p_value = self._columns.worst(window.lengths[:, None])
        return Score(
            gap, p_value, self._columns.largest_gap(len(window.lengths)), len(window.lengths)
        )


class ProbabilityKs:
    """Kolmogorov-Smirnov tests of the labels' probabilities.

    Args:
        reference: The sample to compare with.
        settings: Level, divided by the number of labels compared (Bonferroni).
    """

    name: ClassVar[str] = "probabilities_ks"
    kind: ClassVar[Kind] = "prediction"
    sequential: ClassVar[bool] = False

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        self._chosen = telling_columns(reference.probabilities)
        probabilities = reference.probabilities[:, self._chosen]
        self._columns = _Columns("KSDrift", probabilities, settings.alpha)

    def score(self, window: Window) -> Score | None:
        rows = len(window.probabilities)
        gap, p_value = self._columns.worst(window.probabilities[:, self._chosen])
        return Score(gap, p_value, self._columns.largest_gap(rows), rows)


class LabelChiSquare:
    """Chi-square test of predicted labels.

    Args:
        reference: The sample to compare with.
        settings: Level.
    """

    name: ClassVar[str] = "labels_chi_square"
    kind: ClassVar[Kind] = "prediction"
    sequential: ClassVar[bool] = False

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        self._alpha, self._reference = settings.alpha, reference.predicted
        self._columns = _Columns("ChiSquareDrift", self._reference[:, None], settings.alpha)

    def score(self, window: Window) -> Score | None:
        predicted = window.predicted
        statistic, p_value = self._columns.worst(predicted[:, None])
        seen = len(np.union1d(self._reference, predicted))
        stats: Any = importlib.import_module("scipy.stats")
        threshold = float(stats.chi2.isf(self._alpha, max(seen - 1, 1)))
        return Score(statistic, p_value, threshold, len(predicted))


class ErrorFet:
    """Fisher's exact test on errors, after every piece of feedback (Ross et al. 2012).

    Args:
        reference: Whose error rate is held to be normal.
        settings: The average run between two false alarms.
    """

    name: ClassVar[str] = "errors_fet"
    kind: ClassVar[Kind] = "concept"
    sequential: ClassVar[bool] = True

    def __init__(self, reference: Reference, settings: DetectorSettings) -> None:
        np.random.seed(settings.seed)  # noqa: NPY002 - what alibi-detect simulates with
        # Thresholds need both outcomes: one of each more moves the rate by next to nothing.
        errors = np.append(reference.errors, [False, True])
        cd: Any = importlib.import_module("alibi_detect.cd")
        self._detector: Any = cd.FETDriftOnline(
            errors,
            ert=settings.feedback_run,
            window_sizes=list(WINDOWS),
            n_bootstraps=STREAMS * settings.feedback_run,
            verbose=False,
        )
        self._last: Score | None = None

    def score(self, window: Window) -> Score | None:
        detector = self._detector
        for correct in window.outcomes.tolist():
            found = detector.predict(not correct)["data"]
            # It keeps every instance and copies them at each: quadratic in a server's life.
            detector.xs = detector.xs[-max(WINDOWS) :]
            detector.test_stats = detector.test_stats[-1:]
            detector.drift_preds = detector.drift_preds[-1:]
            statistic = found["test_stat"].ravel()
            if np.isfinite(statistic).any():
                highest = float(np.nanmax(statistic))
                threshold = float(found["threshold"].ravel()[0])
                self._last = Score(highest, 1 - highest, threshold, detector.t)
        return self._last


class _Kernel:
    """A kernel detector on features, with a permutation test."""

    def __init__(
        self, name: str, reference: Reference, settings: DetectorSettings, rows: int
    ) -> None:
        shuffles = math.ceil(1 / settings.alpha) - 1  # the fewest that can reach the level
        self._seed, self._rows, self._shuffles = settings.seed, rows, shuffles
        self._torch: Any = importlib.import_module("torch")
        self._torch.set_num_threads(1)
        self._torch.manual_seed(settings.seed)
        cd: Any = importlib.import_module("alibi_detect.cd")
        self._detector: Any = getattr(cd, name)(
            sample(reference.features, rows, settings.seed),
            backend="pytorch",
            p_val=settings.alpha,
            n_permutations=shuffles,
            device="cpu",
        )

    def score(self, window: Window) -> Score | None:
        self._torch.manual_seed(self._seed)
        features = sample(window.features, self._rows, self._seed)
        try:
            found = self._detector.predict(features)["data"]
        except ValueError:  # LSDD refuses rows that repeat each other; MMD, beside it, doesn't
            return None
        # Its share of shuffles can be 0, which no p-value is (permutation.py).
        p_value = (1 + round(float(found["p_val"]) * self._shuffles)) / (1 + self._shuffles)
        distance, threshold = float(found["distance"]), float(found["distance_threshold"])
        return Score(distance, p_value, threshold, len(features))


class _Columns:
    """A test of each column, the worst of them."""

    def __init__(self, name: str, reference: npt.NDArray[Any], alpha: float) -> None:
        cd: Any = importlib.import_module("alibi_detect.cd")
        self._detector: Any = getattr(cd, name)(reference, p_val=alpha)
        self._rows, self._columns = reference.shape
        self._alpha = alpha

    def worst(self, window: npt.NDArray[Any]) -> tuple[float, float]:
        """The statistic of the column with the smallest p-value, and that p-value, corrected."""
        found = self._detector.predict(window)["data"]
        worst = int(found["p_val"].argmin())
        p_value = min(1.0, float(found["p_val"][worst]) * self._columns)
        return float(found["distance"][worst]), p_value

    def largest_gap(self, rows: int) -> float:
        """The largest gap that is not significant, as `scipy.stats.ks_2samp` approximates it."""
        stats: Any = importlib.import_module("scipy.stats")
        harmonic = round(self._rows * rows / (self._rows + rows))
        return float(stats.kstwo.isf(self._alpha / self._columns, harmonic))
