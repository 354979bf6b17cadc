"""Which model answers, apart from arrays: the journal's process needs no numpy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelIdentity:
    """Which model answered.

    Attributes:
        name: The served model's name.
        version: Its version in the registry; a digest's beginning when it has none.
        bundle_digest: SHA-256 (hex) of its bundle's content.
    """

    name: str
    version: str
    bundle_digest: str
