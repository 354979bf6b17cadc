"""The loop's learner in PyTorch, alone or as one of several processes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional

from components.contract.onnx_session import Frame
from components.training.batches import Rows, TokenRows
from components.training.device import Device
from components.training.evaluation import evaluate
from components.training.learner import Arrays


class TorchLearner:
    """See `Learner` for its attributes.

    Args:
        network: On the device; takes ids (b, t) int64 and lengths (b,) int64, gives logits (b, k).
        optimizer: Its groups' learning rates are the peaks of the schedule.
        frame: How rows of ids become rectangles.
        rows: The training rows.
        validation: The rows that choose the best weights.
        clip: Largest norm of a step's gradient (Pascanu et al. 2013,
            https://arxiv.org/abs/1211.5063).
        device: Where.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        frame: Frame,
        rows: TokenRows,
        validation: TokenRows,
        clip: float,
        device: Device,
    ) -> None:
        self.rank, self.processes = device.rank, device.processes
        self.lengths = np.minimum(rows.lengths, frame.max_tokens)
        self.validates = len(validation) > 0
        self._network, self._optimizer, self._frame = network, optimizer, frame
        self._rows, self._validation = rows, validation
        self._clip, self._device = clip, device
        (self._weights,) = (None,) if rows.weights is None else device.tensors(rows.weights)
        self._peaks = [group["lr"] for group in optimizer.param_groups]
        self._parallel: torch.nn.Module | None = None

    def step(self, group: list[Rows], factor: float, seed: int) -> float:
        torch.manual_seed(seed)
        for part, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            part["lr"] = peak * factor
        model = self._averaging()
        model.train()
        rows = sum(len(batch) for batch in group)
        total = 0.0
        for batch in group:
            if self.processes > 1:  # gradients travel once, with the last batch
                model.require_backward_grad_sync = batch is group[-1]
            inputs = self._device.tensors(*self._rows.rectangle(batch, self._frame))
            with self._device.autocast():
                logits = model(*inputs)
            (targets,) = self._device.tensors(self._rows.targets(batch))
            losses = functional.cross_entropy(
                logits.float(), targets, weight=self._weights, reduction="sum"
            )
            loss = losses / rows
            loss.backward()
            total += loss.item()
        if math.isfinite(total):
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._clip)
            self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return total

    def evaluate(self) -> tuple[float, float]:
        return evaluate(self._network, self._validation, self._frame, self._device)

    def sum(self, *values: float) -> list[float]:
        numbers = torch.tensor(values, dtype=torch.float64, device=self._device.torch)
        summed: list[float] = self._device.sum(numbers).tolist()
        return summed

    def weights(self) -> Arrays:
        return {name: _array(value) for name, value in self._network.state_dict().items()}

    def moments(self) -> Arrays:
        return {
            f"{number}.{name}": _array(value)
            for number, kept in self._optimizer.state_dict()["state"].items()
            for name, value in kept.items()
        }

    def restore(self, weights: Arrays, moments: Arrays | None = None) -> None:
        self._network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
        if moments is None:
            return
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in moments.items():
            number, _, name = key.partition(".")
            state.setdefault(int(number), {})[name] = torch.from_numpy(value)
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": state, "param_groups": groups})

    def _averaging(self) -> torch.nn.Module:
        """The network, averaging gradients over the processes when there are several."""
        if self._parallel is None:
            self._parallel = self._network
            if self.processes > 1:
                where = self._device.torch
                self._parallel = torch.nn.parallel.DistributedDataParallel(
                    self._network, device_ids=[where.index] if where.type == "cuda" else None
                )
        return self._parallel


def _array(tensor: torch.Tensor) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = tensor.detach().cpu().numpy()
    return array
