"""One issuer's keys for every test of tokens."""

from __future__ import annotations

import pytest

from tests.serving.transformer.auth.forge import Forge


@pytest.fixture(scope="session")
def forge() -> Forge:
    return Forge()
