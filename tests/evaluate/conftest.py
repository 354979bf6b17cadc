from __future__ import annotations

import pytest

from components.contract import logs
from tests.evaluate.published import reviews, split_rows, train_bundle, write_dataset


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    rows = reviews(500) + reviews(60, "imdb")
    return write_dataset(tmp_path_factory.mktemp("data") / "dataset", split_rows(rows))


@pytest.fixture(scope="session")
def bundle(dataset, tmp_path_factory):
    return train_bundle(dataset, tmp_path_factory.mktemp("model") / "bundle")


@pytest.fixture(autouse=True)
def own_log():
    """A door that configures logging leaves no handler on a stream that pytest will close."""
    handlers, propagate = list(logs.LOGGER.handlers), logs.LOGGER.propagate
    yield
    logs.LOGGER.handlers[:], logs.LOGGER.propagate = handlers, propagate
