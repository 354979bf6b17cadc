"""One trial: train with its settings, score on the validation rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components import catalogue
from components.contract.calibration import log_loss
from components.contract.errors import InputError
from components.contract.settings import build
from components.contract.tokens import Tokens
from components.evaluate.metrics import Confusion, headline
from components.training.finish import score_validation


def measure(
    architecture: str, dataset: Path, tokens: Path, settings: Mapping[str, Any], scratch: Path
) -> dict[str, Any]:
    """Train an architecture and score it; the test split is never looked at.

    Args:
        architecture: Its name in the catalogue.
        dataset: A published dataset.
        tokens: Its published tokens.
        settings: The architecture's section of the parameters.
        scratch: A folder for the bundle.

    Returns:
        `accuracy`, `macro_f1` and `log_loss` (nats, calibrated) on the validation rows, `rows`,
        `cpu_s` and `peak_rss_mb` of the training.

    Raises:
        InputError: `no_validation` when there are no rows to choose by.
        TamisError: As the training.
    """
    shards = Tokens.open(tokens)
    if not shards.rows("validation"):
        raise InputError(
            "no_validation",
            "The data has no validation rows to choose settings by.",
            "Give ingest.split.validation a share.",
        )
    entry = catalogue.architecture(architecture)
    chosen = build(entry.load_settings(), settings, f"architectures.{architecture}")
    manifest = entry.load_train()(dataset, tokens, scratch / "bundle", chosen)
    _, classifier = catalogue.open_classifier(scratch / "bundle")
    found = score_validation(classifier, shards)
    confusion = Confusion.of(found.labels, found.logits.argmax(axis=1), len(classifier.labels))
    loss = log_loss(found.logits, found.labels, classifier.temperature)
    scores = {**headline(confusion), "log_loss": loss}
    return {
        **{name: round(float(scores[name]), 6) for name in ("accuracy", "macro_f1", "log_loss")},
        "rows": len(found.labels),
        "cpu_s": manifest.measured.get("cpu_s"),
        "peak_rss_mb": manifest.measured.get("peak_rss_mb"),
    }
