"""The fine-tuned network as an ONNX graph."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from components.train_bert.network import BertNetwork

OPSET = 17


class Scorer(nn.Module):  # type: ignore[misc]
    """What a server needs of the network: logits and pooled features from ids and mask."""

    def __init__(self, network: BertNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (b, k) and features (b, d), float32."""
        features = self.network.features(ids, mask)
        return self.network.head(features), features


def write_graph(network: BertNetwork, file: Path) -> None:
    """Write the network as an ONNX file with any batch size and length.

    Inputs `input_ids` and `attention_mask` (b, t) int64; outputs `logits` (b, k) and `features`
    (b, d), float32.

    Args:
        network: The trained network, in float32; left in evaluation mode.
        file: Where the graph goes.
    """
    network.eval()
    device = network.head.weight.device
    ids = torch.ones((2, 8), dtype=torch.int64, device=device)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    rows, tokens = {0: "rows"}, {0: "rows", 1: "tokens"}
    with warnings.catch_warnings(), torch.inference_mode():
        # The exporter warns of its own successor, and of shapes that the encoder checks in Python.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        torch.onnx.export(
            Scorer(network).eval(),  # else the exporter would leave it training
            (ids, mask),
            str(file),
            dynamo=False,
            opset_version=OPSET,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits", "features"],
            dynamic_axes={
                "input_ids": tokens,
                "attention_mask": tokens,
                "logits": rows,
                "features": rows,
            },
        )
