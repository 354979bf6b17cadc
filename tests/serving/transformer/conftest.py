"""What single-request answers are compared with: the same bundle, opened in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.catalogue import open_classifier
from components.contract.classifier import Classifier


@pytest.fixture(scope="session")
def classifier(bundle: Path) -> Classifier:
    """The served model."""
    return open_classifier(bundle)[1]


@pytest.fixture(scope="session")
def onnx_classifier(onnx_bundle: Path) -> Classifier:
    """The served model that truncates."""
    return open_classifier(onnx_bundle)[1]
