"""Parameters of the fine-tuned encoder."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

from components.contract.settings import require
from components.contract.weights import weights_fingerprint

ENGINES = ("auto", "fp32")


@dataclass(frozen=True)
class BertSettings:
    """How a pretrained encoder is fine-tuned; the defaults suit sentences on two CPU cores.

    Attributes:
        encoder: Hub id, folder or `package://<package>/<folder>` of the encoder.
        tokenizer: Name of the tokenizer in the parameter file, the encoder's own.
        seed: Decides the head's first weights, the batches and the dropout.
        max_tokens: Longest row, special tokens counted; a longer text keeps its head and its tail.
        dropout: Share of the pooled values that a step leaves out.
        encoder_dropout: The same inside the encoder. One epoch is too short to overfit, and drawing
            the masks takes a fifth of a step on a CPU; raise it with the epochs.
        frozen_layers: Layers, counted from the input, that keep their pretrained weights, the
            embeddings with them; each saves its backward pass, a ninth of a step with six layers.
            0 trains everything.
        epochs: Passes over the training rows; one to three do for a pretrained encoder.
        batch_rows: Rows in a batch.
        accumulate: Batches whose gradients make one step.
        learning_rate: Peak rate of the encoder.
        head_learning_rate: Peak rate of the new head, which starts from nothing.
        warmup: Share of the steps in which the rates rise.
        weight_decay: AdamW's decay a step, as a share of the learning rate; none on biases and
            normalisation.
        clip: Largest norm of a step's gradient.
        evaluations: Evaluations an epoch.
        patience: Evaluations without a better validation accuracy before training stops.
        checkpoint_seconds: Least time between two checkpoints.
        class_weights: `balanced` has every label count the same, however rare; `none` every row.
        engine: `auto` serves in 8-bit integers where they decide as float32 does (a gate on the
            validation rows says so), two to three times as fast; `fp32` never does.
    """

    encoder: str = "sentence-transformers/all-MiniLM-L6-v2"
    tokenizer: str = "wordpiece"
    seed: int = 13
    max_tokens: int = 64
    dropout: float = 0.1
    encoder_dropout: float = 0.0
    frozen_layers: int = 0
    epochs: int = 1
    batch_rows: int = 32
    accumulate: int = 1
    learning_rate: float = 5e-5
    head_learning_rate: float = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    evaluations: int = 1
    patience: int = 2
    checkpoint_seconds: float = 60.0
    class_weights: Literal["none", "balanced"] = "none"
    engine: str = "auto"

    def fingerprint(self) -> str:
        """Every parameter, the encoder by its content: what decides the trained model."""
        values = {**dataclasses.asdict(self), "encoder": weights_fingerprint(self.encoder)}
        return json.dumps(values, sort_keys=True)

    def check(self) -> None:
        """Refuse values that can't work."""
        require(self.seed >= 0, "seed", f"must not be negative, not {self.seed}")
        require(self.max_tokens >= 4, "max_tokens", f"must be at least 4, not {self.max_tokens}")
        for name in ("epochs", "batch_rows", "accumulate", "evaluations", "patience"):
            value = getattr(self, name)
            require(value >= 1, name, f"must be at least 1, not {value}")
        require(
            self.frozen_layers >= 0,
            "frozen_layers",
            f"must not be negative, not {self.frozen_layers}",
        )
        for name in ("learning_rate", "head_learning_rate", "clip"):
            value = getattr(self, name)
            require(value > 0, name, f"must be above 0, not {value}")
        for name in ("dropout", "encoder_dropout", "warmup"):
            value = getattr(self, name)
            require(0 <= value < 1, name, f"must be in [0, 1), not {value}")
        require(self.engine in ENGINES, "engine", f"must be one of {ENGINES}, not {self.engine!r}")
        require(
            self.weight_decay >= 0, "weight_decay", f"must not be negative, not {self.weight_decay}"
        )
