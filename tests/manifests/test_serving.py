"""The settings that the manifests mount are settings that the transformer takes, and mean it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc import jwk, jws

from serving.transformer.auth.errors import ForbiddenError, UnauthenticatedError
from serving.transformer.auth.settings import AuthSettings, open_gate
from serving.transformer.command import read_settings
from tests.conftest import ROOT
from tests.manifests.rendered import pods, render

OVERLAYS = ("overlays/local", "overlays/production")
CLUSTER = "https://kubernetes.default.svc.cluster.local"


def _mounted(overlay: str) -> dict[str, str]:
    (found,) = (
        item
        for item in render(overlay)
        if item["kind"] == "ConfigMap" and item["metadata"]["name"] == "tamis-serving"
    )
    data: dict[str, str] = found["data"]
    return data


def _write(overlay: str, folder: Path) -> Path:
    for name, text in _mounted(overlay).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "serving.yaml"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_transformer_takes_its_settings(overlay: str, tmp_path: Path) -> None:
    settings = read_settings(_write(overlay, tmp_path), {})
    settings.check()
    assert settings.profile == "production"
    assert settings.model == "tamis"
    assert not settings.open_to_all
    assert settings.feedback
    assert settings.journal.url.startswith("postgresql://tamis@")
    assert settings.drain_s + settings.grace_s < 60  # the pod's whole farewell


def test_files_that_settings_name_are_mounted(tmp_path: Path) -> None:
    (service,) = render("service")
    for overlay in OVERLAYS:
        settings = read_settings(_write(overlay, tmp_path), {})
        mounts = {
            mount["mountPath"]
            for pod in pods([service])
            if pod.name.endswith("transformer")
            for mount in pod.spec["containers"][0]["volumeMounts"]
        }
        named = [settings.journal.keys, settings.auth.roles_file, settings.auth.jwks_file]
        named += [settings.tls.cert, settings.tls.key, settings.tls.predictor_ca]
        for file in filter(None, named):
            assert any(file == path or file.startswith(f"{path}/") for path in mounts), file
        for file in filter(None, (settings.auth.roles_file, settings.auth.jwks_file)):
            assert Path(file).name in _mounted(overlay)


def test_production_speaks_tls_on_every_hop(tmp_path: Path) -> None:
    settings = read_settings(_write("overlays/production", tmp_path), {})
    assert settings.tls.cert
    assert settings.tls.predictor_ca
    assert settings.tls.predictor_cert
    assert settings.auth.issuer.startswith("https://")
    assert "sslmode=verify-full" in settings.journal.url
    (gateway,) = (item for item in render("overlays/production") if item["kind"] == "Gateway")
    assert {listener["protocol"] for listener in gateway["spec"]["listeners"]} == {"HTTPS"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_journal_s_job_opens_the_journal_that_is_served(overlay: str, tmp_path: Path) -> None:
    settings = read_settings(_write(overlay, tmp_path), {})
    (pod,) = (pod for pod in pods(render(overlay)) if pod.name.startswith("CronJob/"))
    arguments = pod.spec["containers"][0]["args"]
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert given == {"--journal": settings.journal.url, "--keys": settings.journal.keys}


def _cluster_key() -> jwk.RSAKey:
    return jwk.RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


def _cluster_token(key: jwk.RSAKey, audiences: list[str], **changes: Any) -> str:
    """A token as `kubectl create token` prints it: no `typ`, no scope, no roles."""
    now = int(time.time())
    claims = {
        "aud": audiences,
        "exp": now + 600,
        "iat": now,
        "iss": CLUSTER,
        "jti": "8f1c1c3e-6b1f-4f0e-9d53-3a0f6f1f7a55",
        "kubernetes.io": {"namespace": "tamis", "serviceaccount": {"name": "client", "uid": "1"}},
        "nbf": now,
        "sub": "system:serviceaccount:tamis:client",
        **changes,
    }
    payload = json.dumps(claims).encode()
    return str(jws.serialize_compact({"alg": "RS256", "kid": key.kid}, payload, key))


@pytest.fixture
def local(tmp_path: Path) -> tuple[AuthSettings, jwk.RSAKey]:
    """The local overlay's settings with a cluster's keys in their place."""
    key = _cluster_key()
    config = _write("overlays/local", tmp_path)
    (tmp_path / "jwks.json").write_text(
        json.dumps({"keys": [key.as_dict(private=False)]}), encoding="utf-8"
    )
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    for name in ("jwks_file", "roles_file"):
        document["auth"][name] = str(tmp_path / Path(document["auth"][name]).name)
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    return read_settings(config, {}).auth, key


def _decide(settings: AuthSettings, token: str, verb: str) -> bool:
    async def ask() -> bool:
        gate = open_gate(settings, "tamis")
        await gate.start()
        try:
            await gate.admit(f"Bearer {token}", verb, "tamis", "a-request")
        except ForbiddenError:
            return False
        finally:
            await gate.close()
        return True

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("verb", "allowed"), [("predict", True), ("feedback", True), ("admin", False)]
)
def test_a_cluster_s_own_token_opens_the_local_service(
    local: tuple[AuthSettings, jwk.RSAKey], verb: str, allowed: bool
) -> None:
    settings, key = local
    assert _decide(settings, _cluster_token(key, ["tamis"]), verb) is allowed


@pytest.mark.parametrize(
    "audiences", [["https://kubernetes.default.svc.cluster.local"], ["tamis-other"], []]
)
def test_a_token_for_somebody_else_does_not(
    local: tuple[AuthSettings, jwk.RSAKey], audiences: list[str]
) -> None:
    settings, key = local
    with pytest.raises(UnauthenticatedError):
        _decide(settings, _cluster_token(key, audiences), "predict")


def test_another_cluster_s_token_does_not(local: tuple[AuthSettings, jwk.RSAKey]) -> None:
    settings, _ = local
    with pytest.raises(UnauthenticatedError):
        _decide(settings, _cluster_token(_cluster_key(), ["tamis"]), "predict")


def test_role_tables_are_readable() -> None:
    from serving.transformer.auth.roles import VERBS, read_role_table

    base = read_role_table(ROOT / "manifests" / "base" / "config" / "roles.yaml")
    assert {grant.verb for grant in base.roles["admin"]} == set(VERBS)
    assert {grant.verb for grant in base.roles["predictor"]} == {"predict"}
