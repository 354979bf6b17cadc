"""train-logistic on the long film reviews, beside scikit-learn and floret."""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.table import Table

from components.contract.dataset import Dataset
from components.contract.environment import environment
from tests.bench.train.child import Cost, interleaved, isolated, median, peer, run, verdict
from tests.bench.train.materials import prepared, stage, tokenize, write_tsv
from tests.conftest import ROOT

PARAMS = "params/imdb.yaml"
REFERENCE = "scikit-learn TF-IDF + LogisticRegression"
OURS, WHOLE = "Tamis, train-logistic", "Tamis, tokenize and train-logistic"
SHARE = 0.5
"""Most of the reference's CPU seconds and memory."""


def table(folder: Path, repeats: int) -> Table:
    """A row each: accuracy, costs, and how the bars are met."""
    dataset, tokens = prepared(folder / "imdb", PARAMS, "bpe")
    own = isolated(folder / "floret", ["floret==0.10.5"])
    files = [str(_labelled(dataset, split, folder / f"{split}.txt")) for split in ("train", "test")]
    tables = [str(write_tsv(dataset, s, folder / f"{s}.tsv")) for s in ("train", "test")]
    threads = str(environment().threads)
    script = str(ROOT / "tests/bench/train/peers/floret_text.py")

    def train(name: str) -> Cost:
        out = folder / name
        return stage(
            "train_logistic",
            _fresh(out),
            PARAMS,
            "--dataset",
            str(dataset),
            "--tokens",
            str(tokens),
        )

    def whole() -> Cost:
        return tokenize(folder / "imdb", PARAMS, "bpe", _fresh(folder / "again")) + train("whole")

    costs = interleaved(
        {
            REFERENCE: lambda: peer("sklearn_tfidf", *tables),
            "floret (fastText)": lambda: run([script, *files, threads], own),
            OURS: lambda: train("logistic"),
            WHOLE: whole,
        },
        repeats,
    )
    scored = run(["-m", "tests.bench.train.score", str(folder / "logistic"), str(dataset)]).told
    rows = {name: median(each) for name, each in costs.items()}
    reference = rows[REFERENCE]
    test = Dataset.open(dataset).rows("test")
    result = Table(title=f"logistic: {PARAMS}, {test:,} test rows, medians of {repeats}")
    for heading in ("row", "accuracy", "CPU s", "of", "wall s", "peak MB", "of", "bar"):
        result.add_column(heading, justify="left" if heading == "row" else "right")
    for name, cost in rows.items():
        ours = name in (OURS, WHOLE)
        accuracy = float(scored["accuracy"] if ours else cost.told["accuracy"])
        shares = cost.cpu_s / reference.cpu_s, cost.peak_mb / reference.peak_mb
        kept = accuracy >= reference.told["accuracy"] and max(shares) <= SHARE
        result.add_row(
            name, f"{accuracy:.1%}", f"{cost.cpu_s:.1f}", f"{shares[0]:.0%}", f"{cost.wall_s:.1f}",
            f"{cost.peak_mb:.0f}", f"{shares[1]:.0%}", verdict(kept) if ours else "",
        )  # fmt: skip
    return result


def _labelled(dataset: Path, split: str, file: Path) -> Path:
    """A split in fastText's format; lower case and spaced as its own example does."""
    with file.open("w", encoding="utf-8") as stream:
        for batch in Dataset.open(dataset).batches(split):
            for text, label in zip(batch.texts, batch.labels, strict=True):
                words = "".join(c if c.isalnum() else f" {c} " for c in text.lower()).split()
                stream.write(f"__label__{label} {' '.join(words)}\n")
    return file


def _fresh(out: Path) -> Path:
    """A place where nothing is published yet."""
    shutil.rmtree(out, ignore_errors=True)
    return out
