"""A trained PyTorch network as an ONNX graph."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

OPSET = 17


class Scorer(nn.Module):  # type: ignore[misc]
    """What a server needs of a network: logits and pooled features in one pass.

    Args:
        network: Its `features` gives what its `head` takes.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (b, k) and features (b, d), float32."""
        features = self.network.features(*inputs)
        return self.network.head(features), features


def write_graph(network: nn.Module, file: Path) -> None:
    """Write a network that takes padded ids and their rows' lengths.

    Inputs `ids` (b, t) and `lengths` (b,), int64, as `OnnxClassifier` makes them; outputs as
    `export`.

    Args:
        network: As `export` takes it.
        file: Where the graph goes.
    """
    inputs = {"ids": torch.ones((2, 8), dtype=torch.int64), "lengths": torch.tensor([8, 4])}
    export(network, file, inputs)


def export(network: nn.Module, file: Path, inputs: Mapping[str, torch.Tensor]) -> None:
    """Write a network as an ONNX file with any batch size and length.

    Outputs `logits` (b, k) and `features` (b, d), float32.

    Args:
        network: The trained network, in float32: `features` takes the inputs and gives (b, d),
            `head` (a linear layer) takes those; left in evaluation mode.
        file: Where the graph goes.
        inputs: An example of each input by name, the rows first and then the tokens.
    """
    network.eval()
    device = network.head.weight.device
    rows, tokens = {0: "rows"}, {0: "rows", 1: "tokens"}
    axes = {name: tokens if example.dim() > 1 else rows for name, example in inputs.items()}
    with warnings.catch_warnings(), torch.inference_mode():
        # The exporter warns of its own successor, and of shapes that encoders check in Python.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        torch.onnx.export(
            Scorer(network).eval(),  # else the exporter would leave it training
            tuple(example.to(device) for example in inputs.values()),
            str(file),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=["logits", "features"],
            dynamic_axes={**axes, "logits": rows, "features": rows},
        )
