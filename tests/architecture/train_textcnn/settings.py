"""Parameters of the text-CNN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.contract.settings import require


@dataclass(frozen=True)
class TextCnnSettings:
    """How the text-CNN is built and trained; see `LstmSettings` for what isn't told here.

    Attributes:
        embedding: Width of a token's vector.
        filters: Convolutions of each width.
        widths: Tokens that a convolution sees at a time.
    """

    tokenizer: str = "bpe"
    embedding: int = 64
    filters: int = 32
    widths: tuple[int, ...] = (2, 3, 4)
    dropout: float = 0.3
    seed: int = 13
    max_tokens: int = 256
    warmup: float = 0.1
    epochs: int = 4
    batch_rows: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    patience: int = 2
    checkpoint_seconds: float = 60.0
    class_weights: Literal["none", "balanced"] = "none"

    def check(self) -> None:
        """Refuse values that can't work."""
        for name in ("embedding", "filters", "max_tokens", "epochs", "batch_rows", "patience"):
            require(getattr(self, name) >= 1, name, "must be at least 1")
        require(len(self.widths) > 0 and min(self.widths) >= 1, "widths", "must be 1 or more")
