"""The fine-tuned network as an ONNX graph."""

from __future__ import annotations

from pathlib import Path

import torch

from components.train_bert.network import BertNetwork
from components.training.torch_export import export


def write_graph(network: BertNetwork, file: Path) -> None:
    """Write the network as an ONNX file with any batch size and length.

    Inputs `input_ids` and `attention_mask` (b, t) int64; outputs `logits` (b, k) and `features`
    (b, d), float32.

    Args:
        network: The trained network, in float32; left in evaluation mode.
        file: Where the graph goes.
    """
    mask = torch.ones((2, 8), dtype=torch.int64)
    inputs = {"input_ids": torch.ones_like(mask), "attention_mask": mask.clone()}
    inputs["attention_mask"][1, 4:] = 0
    export(network, file, inputs)
