"""Label names: renamed, checked, learned from the data when none are given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from components.contract import limits
from components.contract.errors import InputError

LABEL_CHARACTERS = 200
"""A longer label is text that slipped into the wrong column."""

_JOINERS = str.maketrans("", "", "\u200c\u200d")
"""Not printable by themselves, but letters of Persian and families of emoji are joined by them."""
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
            name = unicodedata.normalize("NFC", raw).strip()
            number = self._numbered(self._renamed.get(name, "") if self._renamed else name)
            if number is not None:
                self._known[raw] = number
        return number

    def named(self, label: str) -> int | None:
        """The provisional number of a label that is a name already; as `number`."""
        name = unicodedata.normalize("NFC", label).strip()
        if self._renamed and name not in self._renamed.values():
            return None
        return self._numbered(name)

    def met(self, names: Iterable[str]) -> list[int]:
        """The provisional numbers of names that were met elsewhere; as `number`."""
        numbers = []
        for name in names:
            number = self._numbered(name)
            assert number is not None, f"{name!r} was a label there"
            numbers.append(number)
        return numbers

    def names(self) -> tuple[str, ...]:
        """The names by provisional number."""
        return tuple(self._numbers)

    def _numbered(self, name: str) -> int | None:
        if self._allowed and name not in self._allowed:
            return None
        printed = name.translate(_JOINERS)
        if not printed or not printed.isprintable() or len(name) > LABEL_CHARACTERS:
            return None
        number = self._numbers.setdefault(name, len(self._numbers))
        if number >= limits.LABELS:
            raise InputError(
                "too_many_labels",
                f"There are more than {limits.LABELS:,} different labels.",
                "Is the label's column the right one?",
            )
        return number


def by_name(name: str) -> tuple[bool, float, str]:
    """Sorting key: numbers first, by value, then names."""
    numeric = _NUMBER.fullmatch(name) is not None
    return not numeric, float(name) if numeric else 0.0, name
