"""The service is what its OpenAPI document says; schemathesis holds it to that."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.serving.processes import Pair

CONFIG = """
[checks]
enabled = true

# 413 is a refusal too: a list above its maximum may come to a body above its own.
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "413", "415", "422"]

# That a shape must fit its data, and a header its media type, no JSON schema can say.
[[operations]]
include-path = "/v2/models/{model}/infer"
checks.positive_data_acceptance.enabled = false
"""
RUN = ["--seed", "1", "--max-examples", "40", "--phases", "examples,coverage,fuzzing"]
PREDICTING = ["/classify", "/v1/models/{model}:predict", "/v2/models/{model}/infer"]


@pytest.fixture(scope="module")
def document(pair: Pair) -> dict[str, Any]:
    answer = httpx.get(f"{pair.url}/openapi.json", trust_env=False)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.slow
def test_schemathesis_finds_nothing(pair: Pair, document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    token = f"Authorization: Bearer {pair.token()}"
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{pair.url}/openapi.json"]
    done = subprocess.run(
        [*command, *RUN, "--header", token, "--continue-on-failure"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    operations = sum(map(len, document["paths"].values()))
    assert f"{operations} selected / {operations} total" in done.stdout
    assert pair.transformer.alive
    assert '"request_failed"' not in pair.transformer.text()


def test_every_example_works(pair: Pair, document: dict[str, Any]) -> None:
    with pair.client() as client:
        for path in PREDICTING:
            content = document["paths"][path]["post"]["requestBody"]["content"]
            for example in content["application/json"]["examples"].values():
                answer = client.post(path.replace("{model}", "tamis"), json=example["value"])
                assert answer.status_code == 200
                described = document["paths"][path]["post"]["responses"]["200"]["content"]
                schema = described["application/json"]["schema"]
                jsonschema.validate(answer.json(), {**schema, "components": document["components"]})


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    assert "$defs" not in text
    assert "HTTPValidationError" not in text
    for part in text.split('"$ref": "')[1:]:
        found: Any = document
        for name in part.split('"')[0].removeprefix("#/").split("/"):
            found = found[name]


def test_guarded_routes_say_so(document: dict[str, Any]) -> None:
    scheme = document["components"]["securitySchemes"]["access_token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            guarded = "401" in operation["responses"]
            assert guarded == ("security" in operation) == ("403" in operation["responses"]), path
    guarded_paths = {p for p, o in document["paths"].items() if "security" in str(o)}
    assert guarded_paths == {*PREDICTING, "/feedback", "/v2/models/{model}", "/drift"}
