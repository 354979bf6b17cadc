"""`transformers.Trainer` with its defaults, every row padded to the longest: `... ENCODER TRAIN
TEST WIDTH`, two files of label and text, tab-separated. Nothing of ours is imported."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
)


class Rows(torch.utils.data.Dataset):
    """A file's rows, tokenized and padded."""

    def __init__(self, file: str, tokenizer: AutoTokenizer, width: int) -> None:
        with Path(file).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream, "excel-tab"))
        self.labels = [int(label) for label, _ in rows]
        self.encodings = tokenizer(
            [text for _, text in rows], padding="max_length", truncation=True, max_length=width
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> dict[str, torch.Tensor]:
        columns = {key: torch.tensor(value[row]) for key, value in self.encodings.items()}
        return {**columns, "labels": torch.tensor(self.labels[row])}


def main(encoder: str, train: str, test: str, width: str) -> None:
    """Train, score, print."""
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    rows = Rows(train, tokenizer, int(width))
    model = AutoModelForSequenceClassification.from_pretrained(
        encoder, num_labels=len(set(rows.labels))
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, report_to=[], save_strategy="no", disable_tqdm=True, seed=13
        )
        trainer = Trainer(model, arguments, train_dataset=rows)
        wall, cpu = time.perf_counter(), time.process_time()
        trainer.train()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        asked = Rows(test, tokenizer, int(width))
        guessed = trainer.predict(asked).predictions.argmax(axis=1)
    print(
        json.dumps(
            {
                "accuracy": float((guessed == np.array(asked.labels)).mean()),
                "texts": len(rows) * int(arguments.num_train_epochs),
                "train_wall_s": wall,
                "train_cpu_s": cpu,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
