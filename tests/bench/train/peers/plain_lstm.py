"""The LSTM in the loop that tutorials teach: `... TOKENS SETTINGS`, the settings as JSON.

The same network, first weights, schedule and epochs as ours; every row is cut and padded to
`max_tokens`, batches are drawn at random, arithmetic is float32.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from components.contract.encoding import head_tail
from components.contract.environment import environment
from components.contract.tokens import Tokens
from components.train_lstm.network import LstmNetwork
from components.train_lstm.settings import LstmSettings
from components.train_lstm.vectors import pretrained_vectors
from components.training.schedule import one_cycle


def main(tokens_path: str, told: str) -> None:
    """Train, score the test split, print."""
    settings = LstmSettings(**json.loads(told))
    tokens = Tokens.open(Path(tokens_path))
    torch.set_num_threads(environment().threads)
    torch.manual_seed(settings.seed)
    size = (settings.embedding, settings.hidden, settings.dropout)
    network = LstmNetwork(tokens.vocab_size, len(tokens.labels), *size)
    if settings.vectors:
        network.start_from(
            pretrained_vectors(settings.vectors, tokens.vocab_size, settings.embedding)
        )
    ids, lengths, labels = rectangles(tokens, "train", settings.max_tokens)
    wall, cpu = time.perf_counter(), time.process_time()
    train(network, ids, lengths, labels, settings)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    seen = len(labels) * settings.epochs
    network.eval()
    ids, lengths, labels = rectangles(tokens, "test", settings.max_tokens)
    with torch.inference_mode():
        parts = [network(i, n) for i, n in zip(ids.split(64), lengths.split(64), strict=True)]
    right = (torch.cat(parts).argmax(1) == labels).float().mean().item()
    print(json.dumps({"accuracy": right, "texts": seen, "train_wall_s": wall, "train_cpu_s": cpu}))


def train(
    network: LstmNetwork,
    ids: torch.Tensor,
    lengths: torch.Tensor,
    labels: torch.Tensor,
    settings: LstmSettings,
) -> None:
    """Plain epochs."""
    optimizer = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    steps = -(-len(labels) // settings.batch_rows) * settings.epochs
    schedule, step = one_cycle(settings.warmup), 0
    for _ in range(settings.epochs):
        for batch in torch.randperm(len(labels)).split(settings.batch_rows):
            optimizer.param_groups[0]["lr"] = settings.learning_rate * schedule(step / steps)
            optimizer.zero_grad()
            logits = network(ids[batch], lengths[batch])
            torch.nn.functional.cross_entropy(logits, labels[batch]).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
            optimizer.step()
            step += 1


def rectangles(
    tokens: Tokens, split: str, width: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A split as ids (n, width), lengths (n,) and labels (n,), all int64."""
    rows = [
        (head_tail(shard.encoding.text(row), width), int(shard.labels[row]))
        for shard in tokens.shards(split)
        for row in range(len(shard.encoding))
    ]
    ids = np.zeros((len(rows), width), np.int64)
    for place, (row, _) in enumerate(rows):
        ids[place, : len(row)] = row
    lengths = np.array([max(len(row), 1) for row, _ in rows], np.int64)
    labels = np.array([label for _, label in rows], np.int64)
    return torch.from_numpy(ids), torch.from_numpy(lengths), torch.from_numpy(labels)


if __name__ == "__main__":
    main(*sys.argv[1:])
