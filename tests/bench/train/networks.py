"""The LSTM beside a plain loop, and the encoder beside `transformers.Trainer`, on the demo."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml
from rich.table import Table

from components.contract.dataset import Dataset
from components.contract.settings import build
from components.contract.tokens import Tokens
from components.contract.weights import resolve_weights
from components.train_lstm.settings import LstmSettings
from components.training.door import section
from tests.bench.train.child import Cost, interleaved, isolated, median, peer, run, verdict
from tests.bench.train.materials import prepared, stage, tokenize, write_tsv
from tests.conftest import ROOT, write_csv

DEMO = "params.yaml"
ACCURACY = 0.003
LSTM_BAR, BERT_BAR = 2.5, 2.0
BERT_ROWS = 2_000
"""Trainer's three epochs over all sentences would take half an hour of two cores."""
TRAINER_EPOCHS = 3
"""Its default; the demo makes do with one, of four times the rows."""
TRAINER = ("accelerate==1.14.0", "numpy<2", "torch==2.13.0", "transformers==4.57.6")


def lstm(folder: Path, repeats: int, params: str = DEMO) -> Table:
    """The LSTM as the parameters have it, and the plain loop at 256 tokens a row."""
    tokenizer = "wordpiece" if params == DEMO else "bpe"
    at = folder / Path(params).stem
    dataset, tokens = prepared(at, params, tokenizer)
    document = yaml.safe_load((ROOT / params).read_text(encoding="utf-8"))
    settings = build(LstmSettings, section(document, "lstm"), "architectures.lstm")
    told = json.dumps(dataclasses.asdict(dataclasses.replace(settings, max_tokens=256)))
    costs = interleaved(
        {
            "plain loop, padded to 256": lambda: peer("plain_lstm", str(tokens), told),
            "Tamis, train-lstm": lambda: trained(
                "lstm", dataset, tokens, at / "lstm", ROOT / params
            ),
        },
        repeats,
    )
    title = f"lstm: {params}, {Dataset.open(dataset).rows('test'):,} test rows, {repeats} repeats"
    return compared({name: median(each) for name, each in costs.items()}, title, LSTM_BAR)


def bert(folder: Path, repeats: int) -> Table:
    """The encoder at the demo's rates and `Trainer` with its defaults: same rows, as much to do."""
    dataset, _ = prepared(folder / "params", DEMO, "wordpiece")
    at = folder / "few"
    few = subset(dataset, at)
    tokens = at / "tokens"
    if not tokens.exists():
        tokenize(at, DEMO, "wordpiece", tokens)
    own = isolated(folder / "trainer", TRAINER)
    files = [str(write_tsv(few, split, at / f"{split}.tsv")) for split in ("train", "test")]
    section_ = yaml.safe_load((ROOT / DEMO).read_text(encoding="utf-8"))["architectures"]["bert"]
    encoder, width = resolve_weights(section_["encoder"]), str(section_["max_tokens"])
    script = str(ROOT / "tests/bench/train/peers/trainer.py")
    costs = interleaved(
        {
            "Trainer, padded to the longest": lambda: run([script, encoder, *files, width], own),
            "Tamis, train-bert": lambda: trained(
                "bert", few, tokens, at / "bert", at / "params.yaml"
            ),
        },
        repeats,
    )
    rows = Dataset.open(few)
    title = (
        f"bert: {rows.rows('train'):,} of the demo's sentences, {rows.rows('test'):,} test rows, "
        f"{repeats} repeats"
    )
    return compared({name: median(each) for name, each in costs.items()}, title, BERT_BAR)


def subset(dataset: Path, folder: Path) -> Path:
    """A dataset of the first `BERT_ROWS` training rows, and all validation and test rows."""
    out = folder / "dataset"
    if out.exists():
        return out
    folder.mkdir(parents=True)
    whole = Dataset.open(dataset)
    rows: list[tuple[str, str]] = []
    for split, limit in (("train", BERT_ROWS), ("validation", 10**9), ("test", 10**9)):
        mine = (
            (text, whole.labels[label])
            for batch in whole.batches(split)
            for text, label in zip(batch.texts, batch.labels.tolist(), strict=True)
        )
        rows += [row for row, _ in zip(mine, range(limit), strict=False)]
    document = yaml.safe_load((ROOT / DEMO).read_text(encoding="utf-8"))
    # Splits go by a text's digest, so every row falls where it was.
    document["source"] = {"uri": str(write_csv(folder / "rows.csv", rows))}
    # What Trainer does: every layer, as often.
    document["architectures"]["bert"].update(epochs=TRAINER_EPOCHS, frozen_layers=0)
    file = folder / "params.yaml"
    file.write_text(yaml.safe_dump(document))
    stage("ingest", out, file)
    return out


def trained(architecture: str, dataset: Path, tokens: Path, out: Path, params: Path) -> Cost:
    """Train as the pipeline does, then score the test split in a process that isn't counted."""
    shutil.rmtree(out, ignore_errors=True)
    command = [architecture, str(dataset), str(tokens), str(out), str(params)]
    cost = run(["-m", "tests.bench.train.timed_stage", *command])
    scored = run(["-m", "tests.bench.train.score", str(out), str(dataset)]).told
    texts = float(cost.told["epochs"]) * Tokens.open(tokens).rows("train")
    return dataclasses.replace(cost, told={**cost.told, **scored, "texts": texts})


def compared(rows: Mapping[str, Cost], title: str, bar: float) -> Table:
    """Both rows: accuracy, texts a second of wall and of CPU time, and their ratio."""
    result = Table(title=title)
    headings = ("row", "accuracy", "texts/s", "texts/CPU s", "ratio", "CPU s", "wall s", "peak MB")
    for heading in (*headings, "bar"):
        result.add_column(heading, justify="left" if heading == "row" else "right")
    reference = next(iter(rows.values()))
    for name, cost in rows.items():
        rate, per_cpu = (
            cost.told["texts"] / cost.told[f"train_{key}_s"] for key in ("wall", "cpu")
        )
        ratio = per_cpu / (reference.told["texts"] / reference.told["train_cpu_s"])
        kept = ratio >= bar and cost.told["accuracy"] >= reference.told["accuracy"] - ACCURACY
        result.add_row(
            name, f"{cost.told['accuracy']:.1%}", f"{rate:,.0f}", f"{per_cpu:,.0f}",
            f"{ratio:.1f}", f"{cost.cpu_s:.0f}", f"{cost.wall_s:.0f}", f"{cost.peak_mb:.0f}",
            "" if cost is reference else verdict(kept),
        )  # fmt: skip
    return result
