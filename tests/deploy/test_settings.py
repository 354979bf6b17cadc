from __future__ import annotations

from typing import Any

import pytest

from components.contract.errors import InputError
from components.contract.settings import build
from components.deploy.settings import DeploySettings

DIGEST = "registry/x@sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": "Tamis"}, "name"),
        ({"name": "a" * 37}, "name"),
        ({"name": "tamis-"}, "name"),
        ({"mode": "Raw"}, "RawDeployment"),
        ({"storage": "s3"}, "uri"),
        ({"storage": "s3", "uri": "pvc://x"}, "uri"),
        ({"storage": "pvc", "uri": "/mnt"}, "uri"),
        ({"canary_percent": 0}, "canary_percent"),
        ({"canary_percent": 100}, "canary_percent"),
        ({"min_replicas": 0}, "max_replicas"),
        ({"min_replicas": 4}, "max_replicas"),
        ({"pinned": True}, "predictor_image"),
        ({"pinned": True, "predictor_image": DIGEST}, "transformer_image"),
        ({"mode": "Serverless"}, "init container"),
        ({"mode": "Knative", "storage": "s3", "uri": "s3://b", "transformer_tls": "x"}, "TLS"),
        ({"predictor_tls": "x"}, "transformer_tls"),
        ({"smoke": {"texts": 0}}, "texts"),
        ({"smoke": {"token_url": "http://issuer.example/token"}}, "https"),
        ({"smoke": {"service_account": "tamis-smoke"}}, "audience"),
        (
            {"smoke": {"service_account": "a", "audience": "b", "token_url": "https://c"}},
            "token_url",
        ),
        ({"smok": {}}, "smoke"),
    ],
)
def test_what_a_controller_would_refuse_is_refused_here(change: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError) as caught:
        build(DeploySettings, change, "deploy")
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sound_settings_are_taken() -> None:
    build(
        DeploySettings,
        {"pinned": True, "predictor_image": DIGEST, "transformer_image": DIGEST},
        "deploy",
    )
    build(DeploySettings, {"mode": "Knative", "storage": "pvc", "uri": "pvc://c/p"}, "deploy")
