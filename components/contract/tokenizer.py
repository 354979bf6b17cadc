"""The contract of a tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Encoding


@runtime_checkable
class Tokenizer(Protocol):
    """Turns texts into token ids, the same way in training and in serving.

    Attributes:
        strategy: The name that `params.yaml` knows it by.
        vocab_size: Ids are below this number.
        digest: SHA-256 (hex) of everything that decides the ids.
        padding: The id that fills the end of a padded row.
        prefix: Ids that models put before a text (`[CLS]`), may be empty.
        suffix: Ids that models put behind a text (`[SEP]`), may be empty.
    """

    strategy: ClassVar[str]

    @property
    def vocab_size(self) -> int: ...

    @property
    def digest(self) -> str: ...

    @property
    def padding(self) -> int: ...

    @property
    def prefix(self) -> tuple[int, ...]: ...

    @property
    def suffix(self) -> tuple[int, ...]: ...

    def encode(self, texts: Sequence[str]) -> Encoding:
        """Token ids of n texts, without special tokens and without truncation."""
        ...

    def save(self, directory: Path) -> None:
        """Write `tokenizer.json` into a directory."""
        ...

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote; `IntegrityError` `corrupted` when it can't be read."""
        ...


@runtime_checkable
class Located(Protocol):
    """A tokenizer that can tell where in a text its tokens stand."""

    def spans(self, text: str) -> npt.NDArray[np.int64]:
        """(t, 2) int64, first character and one past the last of each id that `encode` gives."""
        ...
