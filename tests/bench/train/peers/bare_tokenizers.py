"""The `tokenizers` library alone: `... TOKENIZER TEXTS`, a text a line, encoded 1,000 at a time."""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path

from tokenizers import Tokenizer

BATCH = 1_000


def main(tokenizer: str, texts: str) -> None:
    """Encode all, print what it took; reading the file is not counted."""
    backend = Tokenizer.from_file(tokenizer)
    backend.no_truncation()
    backend.no_padding()
    rows, wall, cpu = 0, 0.0, 0.0
    with Path(texts).open(encoding="utf-8") as lines:
        while batch := [line.rstrip("\n") for line in itertools.islice(lines, BATCH)]:
            at = time.perf_counter(), time.process_time()
            backend.encode_batch_fast(batch, add_special_tokens=False)
            wall += time.perf_counter() - at[0]
            cpu += time.process_time() - at[1]
            rows += len(batch)
    print(json.dumps({"texts": rows, "encode_wall_s": wall, "encode_cpu_s": cpu}))


if __name__ == "__main__":
    main(*sys.argv[1:])
