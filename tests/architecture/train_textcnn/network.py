"""The text-CNN in PyTorch."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from components.train_textcnn.settings import TextCnnSettings


class TextCnn(nn.Module):
    """What padding holds never reaches a row's result: it is zeroed before and left out after."""

    def __init__(self, vocabulary: int, classes: int, settings: TextCnnSettings) -> None:
        super().__init__()
        width, filters = settings.embedding, settings.filters
        self.embedding = nn.Embedding(vocabulary, width)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, filters, n) for n in settings.widths)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(filters * len(settings.widths), classes)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Logits (b, k) of ids (b, t) and lengths (b,), both int64."""
        return self.head(self.dropout(self.features(ids, lengths)))

    def features(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Each convolution's largest value in a row, (b, filters * widths) float32."""
        real = (torch.arange(ids.shape[1], device=ids.device) < lengths[:, None])[:, None]
        vectors = self.embedding(ids).transpose(1, 2) * real
        maxima = []
        for convolution in self.convolutions:
            padded = functional.pad(vectors, (0, convolution.kernel_size[0] - 1))
            found = functional.relu(convolution(padded))  # (b, filters, t)
            maxima.append(found.masked_fill(~real, 0).amax(2))
        return torch.cat(maxima, 1).float()
