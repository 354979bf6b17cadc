from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.contract.artifact import publish, read_manifest
from components.deploy.settings import DeploySettings, SmokeSettings

# Typed clients written before Python 3.12 and urllib3 2.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="session")
def second_bundle(tmp_path_factory: pytest.TempPathFactory, dataset: Path, tokens: Path) -> Path:
    """Another logistic bundle on the same rows."""
    from components.train_logistic.settings import LogisticSettings
    from components.train_logistic.train import train

    out = tmp_path_factory.mktemp("second") / "bundle"
    train(dataset, tokens, out, LogisticSettings(hash_bits=15, epochs=2))
    return out


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., DeploySettings]:
    """Settings for a cluster's issuer, with a test's patience."""
    monkeypatch.setenv("TAMIS_CLIENT_ID", "smoke")
    monkeypatch.setenv("TAMIS_CLIENT_SECRET", "secret")

    def make(cluster: Any, **changes: Any) -> DeploySettings:
        smoke = SmokeSettings(texts=3, token_url=f"{cluster.web}/token", timeout_s=1.0)
        return replace(DeploySettings(ready_s=1.5, smoke=smoke), **changes)

    return make


@pytest.fixture
def registration(tmp_path: Path) -> Callable[[Path | None, str], Path]:
    """Makes a published registration whose champion is a bundle."""

    def make(bundle: Path | None, version: str = "1") -> Path:
        out = tmp_path / f"registration-{version}"
        champion = bundle and {
            "version": version,
            "architecture": "logistic",
            "bundle_digest": read_manifest(bundle).digest,
        }
        with publish(out, "registration") as draft:
            draft.facts.update(model_name="tamis", champion=champion)
        return out

    return make
