"""What the training runs on: device, precision, threads, seeds, and the other processes."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch
import torch.distributed as distributed

from components.contract.environment import environment
from components.training.allocator import keep_freed_memory
from components.training.precision import bf16_pays

JOIN_TIMEOUT = dt.timedelta(minutes=30)
"""Longest wait for another process: rank 0 evaluates, exports and publishes on its own."""


@dataclass(frozen=True)
class Device:
    """Where this process trains.

    Attributes:
        torch: The torch device.
        bf16: Whether autocast to bfloat16 is exact enough and faster here.
        rank: This process's number among those that train together.
        processes: How many train together.
    """

    torch: torch.device
    bf16: bool
    rank: int = 0
    processes: int = 1

    @property
    def main(self) -> bool:
        """Whether this process writes checkpoints and publishes."""
        return self.rank == 0

    def autocast(self) -> Any:
        """A context in which matrix products run in the device's training precision."""
        return torch.autocast(self.torch.type, torch.bfloat16, enabled=self.bf16)

    def tensors(self, *arrays: npt.NDArray[Any]) -> tuple[torch.Tensor, ...]:
        """Arrays as tensors on the device."""
        return tuple(torch.from_numpy(array).to(self.torch) for array in arrays)

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor summed over all processes, in place."""
        if self.processes > 1:
            distributed.all_reduce(tensor)
        return tensor

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.processes > 1:
            distributed.barrier()


@contextlib.contextmanager
def training_device() -> Iterator[Device]:
    """Set torch up for repeatable training, alone or as one of torchrun's processes.

    The same data, settings and machine then give the same weights, bit for bit
    (https://docs.pytorch.org/docs/stable/notes/randomness.html).

    Yields:
        The device; threads and determinism are put back and processes part when the block ends.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is repeatable only so
    torch.set_num_threads(environment().threads)
    keep_freed_memory()
    cuda = torch.cuda.is_available()
    # On CUDA some backward passes (attention, scatter) have no repeatable form: warn, go on.
    torch.use_deterministic_algorithms(True, warn_only=cuda)
    # Filling fresh memory only helps to find reads of it, at a quarter of the training time.
    torch.utils.deterministic.fill_uninitialized_memory = False
    try:
        if cuda:
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(device)
            bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            device, bf16 = torch.device("cpu"), bf16_pays()
        if processes > 1:
            distributed.init_process_group("nccl" if cuda else "gloo", timeout=JOIN_TIMEOUT)
        yield Device(device, bf16, rank, processes)
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
        torch.use_deterministic_algorithms(deterministic)
        torch.set_num_threads(threads)
