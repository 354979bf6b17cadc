"""What is to be deployed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """A registered model version.

    Attributes:
        model: The registered model.
        version: Its version there.
        digest: The digest of the version's bundle.
    """

    model: str
    version: str
    digest: str


def content_digest(document: Mapping[str, Any] | list[Any]) -> str:
    """SHA-256 (hex) of a JSON document, whatever its keys' order."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
