"""Brings challenger and champion before the gate: both on the same test rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.catalogue import open_classifier
from components.contract.bundle import Bundle
from components.contract.dataset import Dataset
from components.contract.logs import Progress
from components.register.gate import Contender, Decision, decide
from components.register.overlap import Overlap, fresh_rows, rows_by_rule, rows_in_train
from components.register.settings import RegisterSettings
from components.registry.aliases import Registry, Version
from components.registry.champion import bundle_store, local_bundle

Integers = npt.NDArray[np.integer[Any]]


def contest(
    data: Dataset,
    challenger: Bundle,
    evaluation: Path,
    registry: Registry,
    champion: Version | None,
    settings: RegisterSettings,
) -> Decision:
    """Let the gate decide between a challenger and the champion.

    Both are opened as a server opens them and scored now; what their evaluations said earlier,
    perhaps on other rows, doesn't count.

    Args:
        data: The dataset of this run.
        challenger: The candidate put forward.
        evaluation: Its published evaluation, verified; tells the slices of the test rows.
        registry: Where the champion is registered.
        champion: Its version; None when there is none.
        settings: The gate's parameters.

    Returns:
        The decision.

    Raises:
        IntegrityError: When a bundle can't be opened.
    """
    truth = _truth(data, challenger.labels)
    slices = _slices(evaluation / "slices.parquet")
    shared = rows_in_train(data)
    if champion is not None and champion.bundle_digest == challenger.manifest.digest:
        unscored = Contender(champion.bundle_digest, challenger.labels, truth)
        return decide(unscored, unscored, truth, slices, Overlap(shared), settings)
    ours, _ = _scored(challenger.path, data)
    if champion is None:
        return decide(ours, None, truth, slices, Overlap(shared), settings)
    path = local_bundle(registry, champion, bundle_store(registry))
    theirs, rule = _scored(path, data)
    overlap = Overlap(shared, rows_by_rule(data, rule))
    return decide(ours, theirs, truth, slices, overlap, settings, fresh_rows(data))


def _truth(data: Dataset, labels: tuple[str, ...]) -> Integers:
    """(n,) labels of the test rows as indices into the challenger's labels."""
    place = np.array([labels.index(name) for name in data.labels])
    parts = [batch.labels for batch in data.batches("test")]
    return place[np.concatenate(parts)]


def _scored(path: Path, data: Dataset) -> tuple[Contender, dict[str, Any]]:
    bundle, classifier = open_classifier(path)
    digest, rule = bundle.manifest.digest, dict(bundle.manifest.facts["split"])
    predicted, invalid = [np.zeros(0, np.int64)], 0
    if set(bundle.labels) != set(data.labels):  # the gate refuses that, whatever it predicts
        return Contender(digest, bundle.labels, predicted[0]), rule
    progress, done = Progress("register", data.rows("test")), 0
    for batch in data.batches("test"):
        scores = classifier.predict_proba(batch.texts)
        predicted.append(scores.argmax(axis=1))
        invalid += int((~np.isfinite(scores).all(axis=1)).sum())
        done += len(batch.texts)
        progress.update(done)
    return Contender(digest, bundle.labels, np.concatenate(predicted), invalid), rule


def _slices(path: Path) -> dict[str, npt.NDArray[Any]]:
    import pyarrow.parquet as parquet

    table = parquet.read_table(path)
    return {name: np.array(table.column(name).to_pylist(), object) for name in table.column_names}
