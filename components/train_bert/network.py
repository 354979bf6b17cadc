"""The encoder with mean pooling and a linear head, in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class BertNetwork(nn.Module):  # type: ignore[misc]
    """A transformer encoder, mean pooled, with a linear head.

    The mean of the token vectors serves sentence encoders better than the first one
    (Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084).

    Args:
        encoder: A transformers encoder.
        classes: Labels.
        dropout: Share of pooled values that training leaves out.
    """

    def __init__(self, encoder: Any, classes: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, classes)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Logits (b, k) of a batch.

        Args:
            ids: (b, t) int64, padded at the end.
            lengths: (b,) int64.

        Returns:
            (b, k).
        """
        places = torch.arange(ids.shape[1], device=ids.device)
        mask = (places[None, :] < lengths[:, None]).long()
        return self.head(self.dropout(self.features(ids, mask)))

    def features(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The mean of the rows' token vectors.

        Args:
            ids: (b, t) int64.
            mask: (b, t) int64, 1 where a row has a token.

        Returns:
            (b, d) float32.
        """
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask[:, :, None].to(states.dtype)
        # Padding is masked by zeros, never left to chance: a row's mean is its own alone.
        return ((states * weights).sum(dim=1) / weights.sum(dim=1)).float()

    def groups(self, rate: float, head_rate: float, decay: float) -> list[dict[str, Any]]:
        """Parameter groups for AdamW: encoder and head, with and without weight decay.

        Args:
            rate: The encoder's learning rate.
            head_rate: The head's.
            decay: Weight decay of matrices; vectors (biases, normalisation) have none.

        Returns:
            Four groups, each trained parameter in one of them.
        """
        parts = []
        for module, chosen in ((self.encoder, rate), (self.head, head_rate)):
            trained = [p for p in module.parameters() if p.requires_grad]
            matrices = [p for p in trained if p.ndim > 1]
            vectors = [p for p in trained if p.ndim <= 1]
            parts.append({"params": matrices, "lr": chosen, "weight_decay": decay})
            parts.append({"params": vectors, "lr": chosen, "weight_decay": 0.0})
        return parts
