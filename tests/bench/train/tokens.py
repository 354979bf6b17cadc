"""ingest and tokenize beside the bare `tokenizers` library, on rows made of the demo's words."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import yaml
from rich.table import Table

from tests.bench.train.child import Cost, peer, verdict
from tests.bench.train.materials import stage, tokenize
from tests.conftest import reviews

FEW, MANY = 100_000, 2_000_000
BAR, GROWTH = 0.8, 0.1
BOTH, TRAINED = "ingest + tokenize", "train-logistic"
WORDS = 8
"""Shorter sentences have too few orders of their words to make new rows of."""


def table(folder: Path, many: int = MANY) -> Table:
    """A row each size and stage, the bare library's among them."""
    result = Table(title="ingest and tokenize beside the bare batch encode")
    headings = (
        "rows", "row", "wall s", "of bare", "CPU s", "texts/s", "texts/CPU s", "of bare", "peak MB",
    )  # fmt: skip
    for heading in (*headings, "bar"):
        result.add_column(heading, justify="left" if heading == "row" else "right")
    peaks: dict[str, float] = {}
    for rows in (FEW, many):
        for name, cost, bare in measured(folder / "made", rows):
            by_wall, share = bare.wall_s / cost.wall_s, bare.cpu_s / cost.cpu_s
            before = peaks.setdefault(name, cost.peak_mb)
            flat = abs(cost.peak_mb / before - 1) <= GROWTH
            bar = ""
            if rows == many and name != "bare tokenizers":
                quick = share >= BAR or name != BOTH
                bar = verdict(flat and quick) + ("" if flat else f" ({cost.peak_mb / before:.0%})")
            shares = ("", "") if name == TRAINED else (f"{by_wall:.0%}", f"{share:.0%}")
            result.add_row(
                f"{rows:,}", name, f"{cost.wall_s:.1f}", shares[0], f"{cost.cpu_s:.1f}",
                f"{rows / cost.wall_s:,.0f}", f"{rows / cost.cpu_s:,.0f}", shares[1],
                f"{cost.peak_mb:.0f}", bar,
            )  # fmt: skip
    return result


def measured(folder: Path, rows: int) -> Iterator[tuple[str, Cost, Cost]]:
    """Each row's name and cost, and the bare library's."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    texts, params = write_rows(folder, rows)
    ingested = stage("ingest", folder / "dataset", params)
    tokenized = tokenize(folder, params, "bpe", folder / "tokens")
    bare = peer("bare_tokenizers", str(folder / "tokens" / "tokenizer.json"), str(texts))
    own = Cost(bare.told["encode_cpu_s"], bare.told["encode_wall_s"], bare.peak_mb, {})
    told = ("--dataset", str(folder / "dataset"), "--tokens", str(folder / "tokens"))
    trained = stage("train_logistic", folder / "bundle", params, *told)
    for name, cost in (
        ("bare tokenizers", own),
        ("ingest", ingested),
        ("tokenize", tokenized),
        (BOTH, ingested + tokenized),
        (TRAINED, trained),
    ):
        yield name, cost, own
    shutil.rmtree(folder)


def write_rows(folder: Path, rows: int) -> tuple[Path, Path]:
    """The texts, a line each, and the parameters of a CSV of them."""
    sentences = [(t.split(), y) for t, y in reviews() if len(t.split()) >= WORDS]
    shuffler = random.Random(13)
    texts, table_ = folder / "texts.txt", folder / "rows.csv"
    with texts.open("w", encoding="utf-8") as lines, table_.open("w", encoding="utf-8") as csv_:
        writer = csv.writer(csv_)
        writer.writerow(["text", "label"])
        for number in range(rows):
            words, label = sentences[number % len(sentences)]
            text = " ".join(words)
            lines.write(f"{text}\n")
            writer.writerow([text, label])
            shuffler.shuffle(words)
    params = folder / "params.yaml"
    document = {
        "source": {"uri": str(table_)},
        "ingest": {"max_rejected": 0.5},
        "tokenizers": {"bpe": {"strategy": "bpe"}},
        "architectures": {"logistic": {}},
    }
    params.write_text(yaml.safe_dump(document))
    return texts, params
