"""Whether bfloat16 pays on this CPU: asked of the flags first, then of a watch."""

from __future__ import annotations

import functools
import time
from pathlib import Path

import torch

_FLAGS = {"avx512_bf16", "amx_bf16"}
"""Without one of them bfloat16 is emulated, and slower than float32 for sure."""
_TIMES = 1.2
"""How much faster it has to be. Processors that have a flag are found near 2 and near 0.5, far
enough from here that the answer is the same each time."""
_ROUNDS = 3


@functools.cache
def bf16_pays() -> bool:
    """Whether a training step is quicker in bfloat16; half a CPU second, once a process.

    The flag alone doesn't tell: one processor's kernels take half of float32's time, another's
    twice as much.
    """
    if not _FLAGS & _cpu_flags():
        return False
    with torch.random.fork_rng(devices=[]):
        layer = torch.nn.TransformerEncoderLayer(384, 12, 1536, dropout=0.0, batch_first=True)
        rows = torch.randn(16, 32, 384)
        took = {False: [_step(layer, rows, False)], True: [_step(layer, rows, True)]}
        for _ in range(_ROUNDS):  # in turn, so that a busy moment meets both
            for bf16, times in took.items():
                times.append(_step(layer, rows, bf16))
    return min(took[False]) > _TIMES * min(took[True])


def _step(layer: torch.nn.Module, rows: torch.Tensor, bf16: bool) -> float:
    """CPU seconds of a forward and a backward pass."""
    started = time.process_time()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        total = layer(rows).float().sum()
    total.backward()
    return time.process_time() - started


def _cpu_flags() -> set[str]:
    """As far as Linux tells."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return set()
    return set(next((line for line in text.splitlines() if line.startswith("flags")), "").split())
