"""The data that a benchmark's rows share: one dataset, one split, one set of token shards."""

from __future__ import annotations

import csv
from pathlib import Path

from components.contract.dataset import Dataset
from tests.bench.train.child import Cost, run
from tests.conftest import ROOT


def prepared(folder: Path, params: str, tokenizer: str) -> tuple[Path, Path]:
    """Ingest and tokenize what a parameter file names, unless it has been done.

    Args:
        folder: Where both are kept.
        params: The parameter file, from the repository's root.
        tokenizer: The name of its tokenizer.

    Returns:
        The dataset and its tokens.
    """
    dataset, tokens = folder / "dataset", folder / f"tokens-{tokenizer}"
    if not dataset.exists():
        stage("ingest", dataset, params)
    if not tokens.exists():
        tokenize(folder, params, tokenizer, tokens)
    return dataset, tokens


def stage(name: str, out: Path, params: str | Path, *arguments: str) -> Cost:
    """Run `python -m components.<name>`."""
    told = ["--out", str(out), "--params", str(ROOT / params), *arguments]
    return run(["-m", f"components.{name}", *told])


def tokenize(folder: Path, params: str | Path, tokenizer: str, out: Path) -> Cost:
    """Run the tokenize stage on the folder's dataset."""
    dataset = str(folder / "dataset")
    return stage("tokenize", out, params, "--tokenizer", tokenizer, "--dataset", dataset)


def write_tsv(dataset: Path, split: str, file: Path) -> Path:
    """A split as label number and text, tab-separated, for those that read files."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, "excel-tab")
        for batch in Dataset.open(dataset).batches(split):
            writer.writerows(zip(batch.labels.tolist(), batch.texts, strict=True))
    return file
