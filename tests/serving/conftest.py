"""Running services that tests share: of the small logistic bundle and of a small ONNX graph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving.processes import Pair, make_pair, running


@pytest.fixture(scope="session")
def onnx_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that ONNX Runtime scores: it sees 16 tokens and fails on one word."""
    from tests.serving.predictor import parts  # onnx takes seconds: not before it is needed

    return parts.onnx_bundle(tmp_path_factory.mktemp("onnx") / "bundle", known=-1)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Pair]:
    """A running service; tests leave it as they found it."""
    everything = {"drift": {"detectors": "own"}}
    with running(make_pair(bundle, tmp_path_factory.mktemp("pair"), everything)) as started:
        yield started


@pytest.fixture(scope="session")
def onnx_pair(tmp_path_factory: pytest.TempPathFactory, onnx_bundle: Path) -> Iterator[Pair]:
    """A running service of a model that truncates."""
    with running(make_pair(onnx_bundle, tmp_path_factory.mktemp("onnx-pair"))) as started:
        yield started


@pytest.fixture
def client(pair: Pair) -> Iterator[httpx.Client]:
    """A client that may do everything."""
    with pair.client() as made:
        yield made
