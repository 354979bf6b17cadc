"""The contract of where labelled rows come from; the service's journal keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class LabelledRow(NamedTuple):
    """A text that the service answered and somebody labelled.

    Attributes:
        text: The text.
        label: The true label's name.
        bundle_digest: Which bundle answered.
    """

    text: str
    label: str
    bundle_digest: str


class Labels(Protocol):
    """Labelled rows."""

    def count(self, bundle_digest: str, since: int) -> int:
        """Labels of texts that a bundle answered.

        Args:
            bundle_digest: The bundle.
            since: Only labels given from then on, microseconds since 1970, UTC.

        Returns:
            Their number.

        Raises:
            TamisError: When they can't be read.
        """
        ...

    def rows(self, until: int) -> Iterator[LabelledRow]:
        """Labelled rows of texts that were answered before a time.

        Args:
            until: Microseconds since 1970, UTC.

        Returns:
            Rows, read as they are asked for; `TamisError` when they can't be.
        """
        ...
