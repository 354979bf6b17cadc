"""Why a deployment didn't happen."""

from __future__ import annotations

from components.contract.errors import TamisError


class RolloutError(TamisError):
    """A new version was not good enough; the old one serves on."""
