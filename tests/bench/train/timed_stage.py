"""`python -m tests.bench.train.timed_stage ARCHITECTURE DATASET TOKENS OUT PARAMS`: a training
stage as the pipeline runs it, and what its epochs took of that, validation after each included."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from components.training import loop
from components.training.door import main as door


def main(architecture: str, dataset: str, tokens: str, out: str, params: str) -> None:
    """Train, print the epochs' cost."""
    took: dict[str, float] = {}
    run = loop.Training.run

    def timed(training: loop.Training) -> loop.History:
        wall, cpu = time.perf_counter(), time.process_time()
        history = run(training)
        took.update(train_wall_s=time.perf_counter() - wall, train_cpu_s=time.process_time() - cpu)
        return history

    loop.Training.run = timed  # type: ignore[method-assign]
    door(architecture, ["--dataset", dataset, "--tokens", tokens, "--out", out, "--params", params])
    history = json.loads((Path(out) / "history.json").read_text())
    print(json.dumps({**took, "epochs": history[-1]["epoch"]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
