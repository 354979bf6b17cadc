"""Running services that tests share: one on the small logistic bundle, one on a small encoder's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving.processes import Pair, make_pair, running


@pytest.fixture(scope="session")
def onnx_bundle(
    tmp_path_factory: pytest.TempPathFactory, dataset: Path, tiny_encoder: Path
) -> Path:
    """A bert bundle of a few thousand weights that sees 40 tokens."""
    from components import catalogue
    from components.contract.settings import build
    from components.tokenize.settings import TokenizerSettings
    from components.tokenize.tokenize import tokenize

    folder = tmp_path_factory.mktemp("onnx")
    tokenize(dataset, folder / "tokens", TokenizerSettings("wordpiece", encoder=str(tiny_encoder)))
    entry = catalogue.architecture("bert")
    section = {"epochs": 1, "max_tokens": 40, "encoder": str(tiny_encoder)}
    settings = build(entry.load_settings(), section, "bert")
    entry.load_train()(dataset, folder / "tokens", folder / "bundle", settings)
    return folder / "bundle"


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
