from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.contract.errors import InputError
from serving.transformer.command import read_settings

ISSUER = {"auth": {"issuer": "https://login.example.org"}}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a predictor without scheme": ({"predictor": "127.0.0.1:8081"}, "predictor"),
    "a predictor's file": ({"predictor": "file:///etc/passwd"}, "predictor"),
    "a negative port": ({"port": -1}, "port"),
    "a port too large": ({"port": 65_536}, "port"),
    "a metrics port too large": ({"metrics_port": 65_536}, "metrics_port"),
    "no deadline": ({"deadline_s": 0}, "deadline_s"),
    "a deadline that is no number": ({"deadline_s": math.nan}, "deadline_s"),
    "a long deadline": ({"deadline_s": 601}, "deadline_s"),
    "a negative drain": ({"drain_s": -1}, "drain_s"),
    "an endless drain": ({"drain_s": math.inf}, "drain_s"),
    "a grace of an hour and more": ({"grace_s": 3_601}, "grace_s"),
    "a certificate without key": ({"tls": {"cert": "x.pem"}}, "tls"),
    "a key without certificate": ({"tls": {"key": "x.pem"}}, "tls"),
    "clients' authority without TLS": ({"tls": {"client_ca": "x.pem"}}, "tls"),
    "half a client certificate": ({"tls": {"predictor_cert": "x.pem"}}, "tls"),
    "an empty journal": ({"journal": {"url": " "}}, "journal.url"),
    "another profile": ({"profile": "prod"}, "profile"),
    "a text for a number": ({"port": "8080"}, "port"),
    "a mistyped key": ({"deadline": 1}, "deadline"),
    "a mistyped key inside": ({"tls": {"certificate": "x"}}, "certificate"),
}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(document: Any) -> Path:
        file = tmp_path / "serving.yaml"
        file.write_text(yaml.safe_dump(document))
        return file

    return written


@pytest.mark.parametrize(("document", "named"), WRONG.values(), ids=WRONG)
def test_what_cannot_work_is_refused_by_its_name(
    write: Any, document: dict[str, Any], named: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(write(document), {})
    assert named in str(caught.value)


def test_defaults_are_for_a_laptop() -> None:
    settings = read_settings(None, {})
    assert settings.host == "127.0.0.1"
    assert settings.predictor == "http://127.0.0.1:8081"
    assert not settings.open_to_all
    assert settings.feedback


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"open_to_all": True, **ISSUER},
        {"auth": {"issuer": "http://login.example.org"}},
        {"auth": {"issuer": "HTTPS://login.example.org"}},
    ],
    ids=["the embedded issuer", "open doors", "an issuer without TLS", "a scheme in capitals"],
)
def test_production_refuses_what_is_sound_on_a_laptop_alone(
    write: Any, document: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(write({"profile": "production", **document}), {})
    assert caught.value.code == "not_in_production"


def test_production_takes_an_identity_provider(write: Any) -> None:
    settings = read_settings(write({"profile": "production", **ISSUER}), {})
    assert settings.auth.issuer == "https://login.example.org"
