"""Parameters of the LSTM."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

from components.contract.settings import require
from components.contract.weights import weights_fingerprint


@dataclass(frozen=True)
class LstmSettings:
    """How the LSTM is built and trained; the defaults suit sentences and long reviews alike.

    Attributes:
        tokenizer: Name of the tokenizer in the parameter file.
        framework: `torch` or `tensorflow` (Keras 3; extra `tensorflow`): the bundle and what serves
            it are the same.
        seed: Decides the first weights, the batches and the dropout.
        max_tokens: Longest row; a longer text keeps its head and its tail.
        vectors: Hub id, folder or `package://` address of an encoder whose token vectors the
            training starts from (its tokenizer must be the LSTM's); empty starts at random.
        embedding: Width of a token's vector.
        hidden: Width of each direction's state.
        dropout: Share of the embedded and of the pooled values that a step leaves out.
        warmup: Share of the steps in which the rate rises.
        epochs: Passes over the training rows.
        batch_rows: Rows in a batch.
        learning_rate: Peak of the one-cycle schedule.
        weight_decay: AdamW's decay a step, as a share of the learning rate.
        clip: Largest norm of a step's gradient.
        patience: Epochs without a better validation accuracy before training stops.
        checkpoint_seconds: Least time between two checkpoints.
        class_weights: `balanced` has every label count the same, however rare; `none` every row.
    """

    tokenizer: str = "bpe"
    framework: Literal["torch", "tensorflow"] = "torch"
    seed: int = 13
    max_tokens: int = 256
    vectors: str = ""
    embedding: int = 128
    hidden: int = 128
    dropout: float = 0.5
    warmup: float = 0.1
    epochs: int = 3
    batch_rows: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    patience: int = 2
    checkpoint_seconds: float = 60.0
    class_weights: Literal["none", "balanced"] = "none"

    def fingerprint(self) -> str:
        """Every parameter, the vectors by their content: what decides the trained model."""
        vectors = weights_fingerprint(self.vectors) if self.vectors else ""
        return json.dumps({**dataclasses.asdict(self), "vectors": vectors}, sort_keys=True)

    def check(self) -> None:
        """Refuse values that can't work."""
        require(self.seed >= 0, "seed", f"must not be negative, not {self.seed}")
        for name in ("max_tokens", "embedding", "hidden", "epochs", "batch_rows", "patience"):
            value = getattr(self, name)
            require(value >= 1, name, f"must be at least 1, not {value}")
        for name in ("learning_rate", "clip"):
            value = getattr(self, name)
            require(value > 0, name, f"must be above 0, not {value}")
        for name in ("dropout", "warmup"):
            value = getattr(self, name)
            require(0 <= value < 1, name, f"must be in [0, 1), not {value}")
        require(
            self.weight_decay >= 0, "weight_decay", f"must not be negative, not {self.weight_decay}"
        )
