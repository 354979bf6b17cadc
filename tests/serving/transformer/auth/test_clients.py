from __future__ import annotations

import json
import stat

import pytest

from components.contract.errors import InputError, IntegrityError
from serving.private_files import PrivateDirectory
from serving.transformer.auth.clients import FILE, Clients


@pytest.fixture
def path(tmp_path):
    return tmp_path / "issuer"


@pytest.fixture
def clients(path):
    return Clients(PrivateDirectory(path))


def test_a_client_is_known_by_its_secret(clients):
    secret = clients.register("notebook", frozenset({"predict"}))
    assert len(secret) == 43
    client = clients.authenticate("notebook", secret)
    assert client is not None
    assert (client.client_id, client.scopes) == ("notebook", {"predict"})
    for wrong in ("", secret[:-1], secret + "x", secret.swapcase(), "x" * 10_000):
        assert clients.authenticate("notebook", wrong) is None
    for nobody in ("", "other", "notebook\0", "NOTEBOOK", "../notebook"):
        assert clients.authenticate(nobody, secret) is None


def test_no_secret_is_in_the_file_and_equal_secrets_look_different(clients, path):
    secret = "correct horse battery staple"
    for name in ("a", "b"):
        assert clients.register(name, frozenset(), secret) == secret
    text = (path / FILE).read_text()
    assert secret not in text
    entries = json.loads(text)["clients"]
    assert entries["a"]["salt"] != entries["b"]["salt"]
    assert entries["a"]["scrypt"] != entries["b"]["scrypt"]
    assert stat.S_IMODE((path / FILE).stat().st_mode) == 0o600


def test_registering_again_gives_a_new_secret_and_leaves_the_others(clients):
    other = clients.register("other", frozenset({"feedback"}))
    old = clients.register("notebook", frozenset({"predict"}))
    new = clients.register("notebook", frozenset({"drift:read"}))
    assert clients.authenticate("notebook", old) is None
    assert clients.authenticate("notebook", new).scopes == {"drift:read"}
    assert clients.authenticate("other", other).scopes == {"feedback"}


def test_a_client_may_ask_for_less_than_it_has(clients):
    secret = clients.register("notebook", frozenset({"predict", "feedback/spam"}))
    client = clients.authenticate("notebook", secret)
    assert client.may_ask_for("predict")
    assert client.may_ask_for("predict/sentiment")
    assert client.may_ask_for("feedback/spam")
    assert not client.may_ask_for("feedback")
    assert not client.may_ask_for("feedback/sentiment")
    assert not client.may_ask_for("admin")
    assert not client.may_ask_for("")


@pytest.mark.parametrize(
    ("client_id", "scopes", "secret"),
    [
        ("", {"predict"}, ""),
        ("a b", {"predict"}, ""),
        ("a:b", {"predict"}, ""),
        ("a" * 65, {"predict"}, ""),
        ("é", {"predict"}, ""),
        ("a", {"predict feedback"}, ""),
        ("a", {""}, ""),
        ("a", {'"'}, ""),
        ("a", {"predict"}, "short"),
        ("a", {"predict"}, "x" * 257),
    ],
)
def test_what_cannot_be_registered(clients, path, client_id, scopes, secret):
    with pytest.raises(InputError):
        clients.register(client_id, frozenset(scopes), secret)
    assert not (path / FILE).exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"clients":[]}',
        '{"clients":{"a":{}}}',
        '{"clients":{"a":{"salt":"AA==","scrypt":"AA==","scopes":[]}}}',
        '{"clients":{"a":{"salt":7,"scrypt":7,"scopes":7}}}',
        '{"clients":{},"clients":{}}',
    ],
)
def test_a_damaged_file_is_a_clear_error(clients, path, text):
    path.mkdir()
    (path / FILE).write_text(text)
    (path / FILE).chmod(0o600)
    with pytest.raises(IntegrityError) as refusal:
        clients.authenticate("a", "s")
    assert refusal.value.code == "corrupted"
