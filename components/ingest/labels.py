"""Label names: renamed, checked, learned from the data when none are given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from components.contract import limits
from components.contract.errors import InputError

LABEL_CHARACTERS = 200
"""A longer label is text that slipped into the wrong column."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Labels:
    """Numbers labels in the order they are met, and their names in the end.

    Args:
        renamed: Raw label -> name; when not empty, other raw labels are unknown.
        allowed: The allowed names; empty allows all.
    """

    def __init__(self, renamed: Mapping[str, str], allowed: tuple[str, ...]) -> None:
        self._renamed, self._allowed = renamed, frozenset(allowed)
        self._numbers = {name: number for number, name in enumerate(allowed)}
        self._known: dict[str, int] = {}

    def number(self, raw: str) -> int | None:
        """The provisional number of a raw label.

        Args:
            raw: The label as the source has it.

        Returns:
            A number; None when the label is missing or unknown.

        Raises:
            InputError: `too_many_labels`.
        """
        number = self._known.get(raw)
        if number is None:
            name = self._name(raw)
            if not name:
                return None
            number = self._numbers.setdefault(name, len(self._numbers))
            if number >= limits.LABELS:
                raise InputError(
                    "too_many_labels",
                    f"There are more than {limits.LABELS:,} different labels.",
                    "Is the label's column the right one?",
                )
            self._known[raw] = number
        return number

    def names(self) -> tuple[str, ...]:
        """The names by provisional number."""
        return tuple(self._numbers)

    def _name(self, raw: str) -> str:
        name = unicodedata.normalize("NFC", raw).strip()
        if self._renamed:
            name = self._renamed.get(name, "")
        if self._allowed and name not in self._allowed:
            return ""
        return name if name.isprintable() and len(name) <= LABEL_CHARACTERS else ""


def by_name(name: str) -> tuple[bool, float, str]:
    """Sorting key: numbers first, by value, then names."""
    numeric = _NUMBER.fullmatch(name) is not None
    return not numeric, float(name) if numeric else 0.0, name
