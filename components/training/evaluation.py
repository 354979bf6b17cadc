"""Scoring a split with the network in training, shared out among the processes."""

from __future__ import annotations

import numpy as np
import torch

from components.contract.calibration import Logits, fit_temperature, log_loss
from components.contract.encoding import length_buckets
from components.contract.onnx_session import Frame
from components.training.batches import TokenRows
from components.training.device import Device
from components.training.finish import accuracy

BATCH_ROWS = 64
BATCH_TOKENS = 8_192
"""No gradients are kept, so a batch may be larger than in training."""


def evaluate(
    network: torch.nn.Module, rows: TokenRows, frame: Frame, device: Device
) -> tuple[float, float]:
    """Validation loss and accuracy.

    The loss is measured after calibration, as the bundle's will be: a network that is merely too
    sure of itself is not a worse one.

    Args:
        network: Takes ids (b, t) and lengths (b,), gives logits (b, k).
        rows: What to score.
        frame: How rows are cut and padded.
        device: Where; every process of it must call.

    Returns:
        Log loss in nats and accuracy in [0, 1]; zeros for no rows.
    """
    logits = split_logits(network, rows, frame, device)
    temperature = fit_temperature(logits, rows.labels)
    return log_loss(logits, rows.labels, temperature), accuracy(logits, rows.labels)


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
    lengths = np.minimum(rows.lengths, frame.max_tokens)
    buckets = list(length_buckets(lengths, BATCH_TOKENS, BATCH_ROWS))
    logits = torch.zeros((len(rows), rows.classes), device=device.torch)
    with torch.inference_mode(), device.autocast():
        for batch in buckets[device.rank :: device.processes]:
            scored = network(*rows.rectangle(batch, frame, device.torch))
            logits[torch.from_numpy(batch).to(device.torch)] = scored.float()
    gathered: Logits = device.sum(logits).cpu().numpy()
    return gathered
