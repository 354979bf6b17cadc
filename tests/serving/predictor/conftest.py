from __future__ import annotations

from pathlib import Path

import pytest

from serving.predictor.served import Served
from tests.serving.predictor.parts import onnx_bundle, open_part


@pytest.fixture(scope="session")
def graph_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that ONNX Runtime scores."""
    return onnx_bundle(tmp_path_factory.mktemp("graph") / "bundle")


@pytest.fixture(scope="session")
def graph(graph_bundle: Path) -> Served:
    """It, opened: scored by threads."""
    return open_part(graph_bundle)


@pytest.fixture(scope="session")
def logistic(bundle: Path) -> Served:
    """The trained logistic bundle, opened: scored by the event loop."""
    return open_part(bundle)
