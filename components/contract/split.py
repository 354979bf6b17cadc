"""The rule that decides which split a text belongs to, from the text alone.

A row keeps its split when data is added, removed or reordered, and texts that differ only in case,
spaces or punctuation share one, so that a test row has no near-copy in the train split. Because
the rule travels in the dataset's facts, anybody can ask later where a text would have been.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_NOT_ALPHANUMERIC_ASCII = bytes(code for code in range(128) if not chr(code).isalnum())


@dataclass(frozen=True)
class SplitRule:
    """Fractions of rows and the salt that draws them.

    Attributes:
        train: Share of the train split, in (0, 1].
        validation: Share of the validation split; the test split gets the rest.
        salt: Another salt draws another, independent split.
    """

    train: float
    validation: float
    salt: str

    @property
    def test(self) -> float:
        """Share of the test split."""
        return round(1.0 - self.train - self.validation, 12)  # 1 - 0.8 - 0.2 isn't 0 in binary

    def position(self, text: str) -> float:
        """Where a text falls in [0, 1).

        Args:
            text: A normalised text.

        Returns:
            A number that is uniform over texts: 53 bits, what a float holds, of BLAKE2b
            (https://www.rfc-editor.org/rfc/rfc7693) over the salt and the folded text.
        """
        salted = f"{self.salt}\0".encode() + (folded(text) or text.encode())
        bits = int.from_bytes(hashlib.blake2b(salted, digest_size=8).digest(), "big") >> 11
        return bits / 2**53

    def split(self, text: str) -> str:
        """The name of a normalised text's split."""
        position = self.position(text)
        if position < self.train:
            return "train"
        return "validation" if position < round(1.0 - self.test, 12) else "test"

    def as_facts(self) -> dict[str, Any]:
        """The rule as a manifest holds it."""
        return {
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
            "salt": self.salt,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> SplitRule:
        """The rule that a manifest holds."""
        return cls(float(facts["train"]), float(facts["validation"]), str(facts["salt"]))


def folded(text: str) -> bytes:
    """A text's letters and digits without case, as UTF-8; empty when it has none."""
    text = text.casefold()
    if text.isascii():  # ten times as fast as the regular expression
        return text.encode().translate(None, _NOT_ALPHANUMERIC_ASCII)
    return _NOT_ALPHANUMERIC.sub("", text).encode()
