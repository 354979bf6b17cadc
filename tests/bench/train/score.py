"""`python -m tests.bench.train.score BUNDLE DATASET`: a bundle's accuracy on the test split."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from components.catalogue import open_classifier
from components.contract.dataset import Dataset


def main(bundle: str, dataset: str) -> None:
    """Print the accuracy as JSON."""
    _, classifier = open_classifier(Path(bundle))
    right = rows = 0
    for batch in Dataset.open(Path(dataset)).batches("test"):
        guessed = classifier.predict_proba(list(batch.texts)).argmax(axis=1)
        right += int(np.sum(guessed == batch.labels))
        rows += len(batch.texts)
    print(json.dumps({"accuracy": right / rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
