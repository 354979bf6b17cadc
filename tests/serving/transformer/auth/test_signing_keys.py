from __future__ import annotations

import json
import multiprocessing
import stat

import pytest

from components.contract.errors import IntegrityError
from serving.private_files import PrivateDirectory
from serving.transformer.auth.keys import parse_key_set
from serving.transformer.auth.signing_keys import (
    DEFAULT_ISSUER,
    FILE,
    MAX_TOKEN_S,
    ROTATION_S,
    SigningKeys,
    public_keys,
)


class Clock:
    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keys(tmp_path, clock):
    return SigningKeys(PrivateDirectory(tmp_path / "issuer"), clock)


def ids(file):
    return [key.key_id for key in file.keys]


def test_a_key_is_made_once_and_kept_for_its_owner_alone(keys, tmp_path):
    first = keys.ensure()
    assert first.issuer == DEFAULT_ISSUER
    assert keys.ensure() == first
    path = tmp_path / "issuer" / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_public_half_has_nothing_private(keys):
    document = json.loads(keys.ensure().public())
    assert [set(key) for key in document["keys"]] == [{"kty", "n", "e", "kid", "use", "alg"}]
    private = keys.ensure().keys[0].jwk
    for member in ("d", "p", "q", "dp", "dq", "qi"):
        assert private[member] not in keys.ensure().public().decode()


def test_a_key_is_replaced_after_a_day_and_stays_until_its_tokens_died(keys, clock):
    first = ids(keys.ensure())
    clock.now += ROTATION_S - 1
    assert ids(keys.ensure()) == first
    clock.now += 1
    second = ids(keys.ensure())
    assert second[:-1] == first
    assert second[-1] not in first
    clock.now += MAX_TOKEN_S + 59
    third = ids(keys.ensure())
    assert third[:2] == second
    clock.now += 2 * MAX_TOKEN_S
    fourth = ids(keys.ensure())
    assert first[0] not in fourth
    assert len(fourth) <= 3


def test_a_key_that_signed_until_now_stays_after_a_long_sleep(keys, clock):
    first = ids(keys.ensure())
    clock.now += 30 * ROTATION_S
    assert ids(keys.ensure())[0] == first[0]


def test_a_clock_that_was_wrong_gets_another_key(keys, clock):
    keys.ensure()
    clock.now -= 7 * 86_400
    assert len(keys.ensure().keys) == 2


def test_the_issuers_name_is_the_last_servers(keys):
    first = keys.ensure("http://127.0.0.1:9000")
    assert keys.ensure().issuer == "http://127.0.0.1:9000"
    renamed = keys.ensure("https://localhost:8443")
    assert renamed.issuer == "https://localhost:8443"
    assert renamed.keys == first.keys


def _ensure(path, results):
    results.put(ids(SigningKeys(PrivateDirectory(path)).ensure()))


def test_processes_agree_on_one_key(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=_ensure, args=(tmp_path / "issuer", results)) for _ in range(4)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert len({tuple(key_ids) for key_ids in found}) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: '{"issuer":"x","keys":[]}',
        lambda text: text.replace('"kid"', '"kdi"'),
        lambda text: text.replace('"issuer": "', '"issuer": 7, "x": "'),
        lambda text: text.replace('"created_at"', '"created"'),
        lambda text: text.replace('"d": "', '"d": "A'),
        lambda text: text.replace('"n": "', '"n": "A'),
    ],
)
def test_a_damaged_file_is_a_clear_error_and_left_alone(keys, tmp_path, damage):
    keys.ensure()
    path = tmp_path / "issuer" / FILE
    text = damage(path.read_text())
    path.write_text(text)
    with pytest.raises(IntegrityError) as refusal:
        SigningKeys(PrivateDirectory(path.parent)).ensure()
    assert refusal.value.code == "corrupted"
    assert "Delete it" in refusal.value.hint
    assert path.read_text() == text


def test_a_file_open_to_others_is_not_used(keys, tmp_path):
    keys.ensure()
    (tmp_path / "issuer" / FILE).chmod(0o644)
    with pytest.raises(IntegrityError) as refusal:
        keys.ensure()
    assert refusal.value.code == "exposed_secret"


def test_the_file_is_a_source_of_public_keys(keys, tmp_path):
    file = keys.ensure()
    found = public_keys((tmp_path / "issuer" / FILE).read_bytes(), "here")
    assert found.find(file.keys[0].key_id, "RS256").key_id == file.keys[0].key_id
    assert found.digest == parse_key_set(file.public(), "here").digest
    assert not found.find(file.keys[0].key_id, "RS256").jose.is_private
