"""Scoring a split with the network in training, shared out among the processes."""

from __future__ import annotations

import torch

from components.contract.calibration import Logits
from components.contract.onnx_session import Frame
from components.training.batches import TokenRows, scoring_batches
from components.training.device import Device
from components.training.finish import loss_and_accuracy


def evaluate(
    network: torch.nn.Module, rows: TokenRows, frame: Frame, device: Device
) -> tuple[float, float]:
    """Validation loss, after calibration, and accuracy.

    Args:
        network: Takes ids (b, t) and lengths (b,), gives logits (b, k).
        rows: What to score.
        frame: How rows are cut and padded.
        device: Where; every process of it must call.

    Returns:
        Log loss in nats and accuracy in [0, 1]; zeros for no rows.
    """
    logits = split_logits(network, rows, frame, device)
    return loss_and_accuracy(logits, rows.labels, rows.weights)


def split_logits(network: torch.nn.Module, rows: TokenRows, frame: Frame, device: Device) -> Logits:
    """Logits (n, k) float32 in row order; each process scores its share of the batches.

    Args:
        network: Takes ids (b, t) and lengths (b,), gives logits (b, k).
        rows: What to score.
        frame: How rows are cut and padded.
        device: Where; every process of it must call, and gets all rows.

    Returns:
        The logits.
    """
    network.eval()
    batches = scoring_batches(rows, frame)
    logits = torch.zeros((len(rows), rows.classes), device=device.torch)
    with torch.inference_mode(), device.autocast():
        for batch in batches[device.rank :: device.processes]:
            scored = network(*device.tensors(*rows.rectangle(batch, frame)))
            logits[torch.from_numpy(batch).to(device.torch)] = scored.float()
    gathered: Logits = device.sum(logits).cpu().numpy()
    return gathered
