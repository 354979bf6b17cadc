"""What a transformer that has served requests has imported, by its own account."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving.processes import Pair, answers, make_pair

FORBIDDEN = {
    "alibi_detect",
    "components.catalogue",
    "components.ingest",
    "components.training",
    "dvc",
    "kfp",
    "kserve",
    "mlflow",
    "numba",
    "onnxruntime",
    "pandas",
    "pipelines",
    "pyarrow",
    "scipy",
    "serving.transformer.journal.keyring",
    "sklearn",
    "sqlalchemy",
    "tokenizers",
    "torch",
    "transformers",
}


@pytest.fixture(scope="module")
def imported(
    pair: Pair, bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[set[str]]:
    """Names of modules: `-X importtime` writes a line for each, whenever it is imported."""
    folder = tmp_path_factory.mktemp("imports")
    settings = {"predictor": pair.predictor_url, "drift": {"detectors": "own"}}
    own = make_pair(bundle, folder, settings)
    own.transformer.command[1:1] = ["-X", "importtime"]
    try:
        own.transformer.start()
        own.transformer.wait_until(
            lambda: answers(f"{own.url}/v2/health/ready"), "a ready transformer"
        )
        drive(own)
        assert own.transformer.stop() == 0
        lines = own.transformer.text().splitlines()
        yield {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    finally:
        own.transformer.end()


def drive(pair: Pair) -> None:
    """Everything once, well and badly."""
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["fine"]}
    with pair.client() as client:
        (row,) = client.post("/classify", json={"texts": ["fine"]}).json()
        assert client.post("/v2/models/tamis/infer", json={"inputs": [tensor]}).is_success
        assert client.post("/v1/models/tamis:predict", json={"instances": ["fine"]}).is_success
        assert client.post("/feedback", json={"id": row["id"], "label": row["label"]}).is_success
        assert client.get("/drift").is_success
        assert client.get("/openapi.json").is_success
        assert client.get("/.well-known/jwks.json").is_success
        assert client.post("/classify", content=b"{").status_code == 415
        assert client.post("/classify", json={}).status_code == 422
        form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
        assert client.post("/oauth/token", data=form).status_code in (400, 401)
    assert httpx.get(f"{pair.url}/v2/models/tamis", trust_env=False).status_code == 401
    assert "tamis_requests_total" in pair.metrics()


def test_nothing_heavy(imported: set[str]) -> None:
    # That the list is one at all:
    assert {"fastapi", "aiohttp", "serving.transformer.app"} <= imported
    found = {
        name
        for name in imported
        for heavy in FORBIDDEN
        if name == heavy or name.startswith(f"{heavy}.")
    }
    assert not found


def test_the_forbidden_are_there_to_be_imported() -> None:
    """Or the test above could not fail."""

    for name in FORBIDDEN:
        assert importlib.util.find_spec(name) is not None, name
