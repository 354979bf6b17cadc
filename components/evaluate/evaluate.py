"""The evaluate stage: score a bundle as a server would and publish what was found."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from components import catalogue
from components.contract.artifact import Draft, Manifest, publish, read_manifest
from components.contract.bundle import Bundle
from components.contract.cache import cached
from components.contract.classifier import Classifier
from components.contract.dataset import Dataset
from components.contract.decorators import logged, timed, validated
from components.contract.errors import InputError
from components.evaluate.behaviour import behaviour
from components.evaluate.calibration_error import reliability
from components.evaluate.examples import Exemplars, Mistakes
from components.evaluate.metrics import class_scores, intervals
from components.evaluate.predictions import Predictions, write_slices
from components.evaluate.publication import write_files
from components.evaluate.roc import Curve, curves
from components.evaluate.scoring import Scored, Tally, score, summary
from components.evaluate.settings import EvaluateSettings
from components.evaluate.slices import slice_metrics, sliced

KIND = "evaluation"
CODE = (
    "contract",
    "evaluate",
    "catalogue.py",
    *(architecture.folder for architecture in catalogue.ARCHITECTURES.values()),
    *sorted({module.split(".")[1] for module, _ in catalogue.TOKENIZERS.values()}),
)
MATRIX_LABELS = 100
"""Beyond it the k x k matrix outgrows what it tells; `confusion.csv` has every pair."""


@cached("evaluate", kind=KIND, code=CODE)
@logged("evaluate")
@timed("evaluate")
@validated
def evaluate(dataset: Path, bundle: Path, out: Path, settings: EvaluateSettings) -> Manifest:
    """Evaluate a bundle on the validation and test splits.

    Published: `metrics.json`, `predictions.parquet` and `slices.parquet` (test rows in the
    dataset's order), `report.html`, `confusion.png`, `reliability.png`, `roc.png` and the same
    as CSV.

    Args:
        dataset: A published dataset.
        bundle: A published bundle; opened as a server opens it.
        out: Where the evaluation is published.
        settings: The evaluation's parameters.

    Returns:
        The manifest; facts: `architecture`, `bundle_digest`, `data_digest`, `accuracy`,
        `macro_f1`, `ece`, `log_loss`, `rows`, `validation`.

    Raises:
        InputError: `empty_split` without test rows, `label_mismatch`, `bad_parameter`.
        IntegrityError: `corrupted` or `golden_mismatch`, from opening the bundle.
    """
    data = Dataset.open(dataset)
    if not data.rows("test"):
        raise InputError("empty_split", f"The dataset {str(dataset)!r} has no test rows.")
    opened, classifier = catalogue.open_classifier(bundle)
    with publish(out, KIND) as draft:
        _Evaluation(data, opened, classifier, settings).write(draft)
    return read_manifest(out, KIND)


class _Evaluation:
    """One bundle on one dataset."""

    def __init__(
        self, data: Dataset, bundle: Bundle, classifier: Classifier, settings: EvaluateSettings
    ) -> None:
        self._data, self._bundle, self._classifier = data, bundle, classifier
        self._settings = settings
        self._labels = data.labels
        self._exemplars, self._mistakes = Exemplars(data.labels), Mistakes(data.labels)

    def write(self, draft: Draft) -> None:
        """Score, measure and write every file."""
        started = time.perf_counter()
        validation = self._score_validation()
        test = self._score_test(draft.path / "predictions.parquet")
        seconds = time.perf_counter() - started
        rows = len(validation.truth) + len(test.truth)
        draft.measured["texts_per_s"] = round(rows / max(seconds, 1e-9), 1)
        columns = sliced(test)
        write_slices(draft.path / "slices.parquet", columns)
        drawn = self._curves(test)
        metrics = self._metrics(validation, test, columns) | {
            "roc_area": {curve.name: curve.area for curve in drawn}
        }
        write_files(
            draft.path,
            f"{self._bundle.architecture} on {len(test.truth):,} test rows",
            self._labels,
            rounded(metrics),
            test.confusion(len(self._labels)),
            reliability(test.confidence, test.right, self._settings.bins),
            drawn,
            self._mistakes.rows(),
        )
        named = ("accuracy", "macro_f1", "ece", "log_loss", "rows", "validation")
        draft.facts.update(
            {name: rounded(metrics[name]) for name in named},
            architecture=self._bundle.architecture,
            bundle_digest=self._bundle.manifest.digest,
            data_digest=self._data.manifest.digest,
        )

    def _score_validation(self) -> Scored:
        tally = Tally(len(self._labels))
        for batch, probabilities in score(self._data, "validation", self._classifier):
            tally.add(batch, probabilities)
            self._exemplars.add(batch, probabilities)
        return tally.scored()

    def _score_test(self, predictions: Path) -> Scored:
        tally = Tally(len(self._labels))
        with Predictions(predictions, self._labels) as written:
            for batch, probabilities in score(self._data, "test", self._classifier):
                tally.add(batch, probabilities)
                self._mistakes.add(batch, probabilities)
                written.add(batch, probabilities)
        return tally.scored()

    def _metrics(
        self, validation: Scored, test: Scored, columns: Mapping[str, Any]
    ) -> dict[str, Any]:
        k, settings = len(self._labels), self._settings
        confusion = test.confusion(k)
        scores = class_scores(confusion)
        return {
            **summary(test, k),
            "ece": reliability(test.confidence, test.right, settings.bins).error,
            "rows": confusion.rows,
            "invalid_rows": test.invalid,
            "labels": list(self._labels),
            "intervals": intervals(confusion, settings.bootstrap, settings.seed),
            "per_class": {
                name: {
                    "precision": float(scores.precision[i]),
                    "recall": float(scores.recall[i]),
                    "f1": float(scores.f1[i]),
                    "support": int(scores.support[i]),
                }
                for i, name in enumerate(self._labels)
            },
            "confusion": confusion.dense().tolist() if k <= MATRIX_LABELS else [],
            "slices": slice_metrics(test, columns, k),
            "behaviour": self._behaviour(),
            "validation": {
                **summary(validation, k),
                "ece": reliability(validation.confidence, validation.right, settings.bins).error,
                "rows": len(validation.truth),
            },
        }

    def _behaviour(self) -> dict[str, Any]:
        texts = list(
            itertools.islice(
                (text for batch in self._data.batches("test") for text in batch.texts),
                self._settings.behaviour_rows,
            )
        )
        return behaviour(
            self._classifier, texts, self._exemplars.texts(), self._settings.minimum_function
        )

    def _curves(self, test: Scored) -> list[Curve]:
        if test.probabilities.shape[1] < len(self._labels):
            return []  # too many labels for their scores to be kept
        return curves(self._labels, test.truth, test.probabilities)


def rounded(value: Any) -> Any:
    """Floats to six digits, in any nesting: more are noise that differs between processors."""
    if isinstance(value, float | np.floating):
        return round(float(value), 6)
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value
