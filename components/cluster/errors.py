"""What the Kubernetes API may answer."""

from __future__ import annotations

from components.contract.errors import TamisError


class ConflictError(TamisError):
    """An object changed since it was read, or there is one already."""
