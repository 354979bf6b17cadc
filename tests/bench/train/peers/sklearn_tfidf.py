"""scikit-learn's TF-IDF of one and two words and logistic regression: `... TRAIN TEST`, two files
of label and text, tab-separated."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def main(train: str, test: str) -> None:
    """Train, score, print."""
    labels, texts = _read(train)
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    ).fit(texts, labels)
    true, asked = _read(test)
    print(json.dumps({"accuracy": float(model.score(asked, true))}))


def _read(file: str) -> tuple[list[str], list[str]]:
    csv.field_size_limit(10**9)
    with Path(file).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream, "excel-tab"))
    return [row[0] for row in rows], [row[1] for row in rows]


if __name__ == "__main__":
    main(*sys.argv[1:])
