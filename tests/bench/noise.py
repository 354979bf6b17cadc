"""`python -m tests.bench.noise`: labels drawn at random, retrained on ten times; none may win.

Each try draws other labels for 2,500 sentences, trains and asks the gate, and once more with the
true labels, which must win.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from tests.pipelines.test_retraining import made, short_texts

TRIES = 10
ROWS = 2_500


def main() -> None:
    """Print each decision; the status is 1 when one is wrong."""
    sentences = short_texts()
    with tempfile.TemporaryDirectory() as folder:
        laptop = made(Path(folder))
        promoted = 0
        for seed in range(TRIES):
            draw = random.Random(seed)
            noise = [(text, draw.choice("01")) for text, _ in sentences[:ROWS]]
            decision = laptop.retrain(f"noise-{seed}", noise)
            promoted += decision.promote
            failed = [check.name for check in decision.checks if not check.passed]
            print(f"noise {seed}: {decision.outcome}, fails {', '.join(failed)}", flush=True)
        true = laptop.retrain("true", sentences)
        print(f"true labels: {true.outcome}. {true.reason}")
    print(f"{promoted} of {TRIES} tries with random labels were promoted.")
    sys.exit(1 if promoted or not true.promote else 0)


if __name__ == "__main__":
    main()
