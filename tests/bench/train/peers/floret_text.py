"""floret (fastText's training) in an environment of its own: `... TRAIN TEST THREADS`, both files
of `__label__<n> <text>` lines. Run by its path: nothing of ours is imported."""

from __future__ import annotations

import json
import sys

import floret


def main(train: str, test: str, threads: str) -> None:
    """Train with fastText's usual settings for reviews, score, print."""
    model = floret.train_supervised(
        input=train, lr=0.5, epoch=5, wordNgrams=2, dim=50, bucket=500_000, thread=int(threads),
        verbose=0,
    )  # fmt: skip
    rows, precision, _ = model.test(test)
    print(json.dumps({"accuracy": precision, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
