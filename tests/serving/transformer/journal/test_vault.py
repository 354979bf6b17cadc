"""What is sealed opens under its own key, data and record alone."""

import dataclasses

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from components.contract.errors import IntegrityError
from serving.transformer.journal.keyring import KeyRing
from serving.transformer.journal.records import (
    Content,
    bind_feedback,
    bind_prediction,
    pack_content,
)
from serving.transformer.journal.vault import NONCE_BYTES, Vault

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
JOURNAL = b"j" * 16
RING = KeyRing("new", {"old": OLD, "new": NEW}, "a test")
VAULT = Vault(RING, JOURNAL)
TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


def test_it_is_aes_256_gcm_under_a_key_from_hkdf() -> None:
    (sealed,) = VAULT.seal([(b"a film", b"bound")])
    key = HKDF(SHA256(), 32, salt=JOURNAL, info=b"tamis journal 1 records").derive(NEW)
    assert AESGCM(key).decrypt(sealed.nonce, sealed.data, b"bound") == b"a film"
    assert (sealed.key, len(sealed.nonce)) == ("new", NONCE_BYTES)


@given(TEXT, TEXT)
def test_any_subject_and_text_come_back(subject: str, text: str) -> None:
    (sealed,) = VAULT.seal([(pack_content(subject, text), b"")])
    assert Content.unpack(VAULT.open(sealed, b"", "id")) == Content(subject, text)


def test_equal_values_look_different_each_time() -> None:
    sealed = VAULT.seal([(b"same", b"same")] * 1_000)
    assert len({s.nonce for s in sealed}) == len({s.data for s in sealed}) == 1_000


def test_every_flipped_bit_is_noticed() -> None:
    (sealed,) = VAULT.seal([(b"a film", b"bound")])
    for name in ("nonce", "data"):
        value = getattr(sealed, name)
        for bit in range(8 * len(value)):
            flipped = bytearray(value)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(IntegrityError, match="'id-7'"):
                VAULT.open(sealed._replace(**{name: bytes(flipped)}), b"bound", "id-7")


@pytest.mark.parametrize(
    "change",
    [{"key": "old"}, {"key": "none"}, {"nonce": b""}, {"nonce": b"x" * 200}, {"data": b"short"}],
)
def test_other_parts_are_noticed(change: dict[str, object]) -> None:
    (sealed,) = VAULT.seal([(b"a film", b"bound")])
    with pytest.raises(IntegrityError):
        VAULT.open(sealed._replace(**change), b"bound", "id")


def test_another_journal_with_the_same_master_key_opens_nothing() -> None:
    (sealed,) = VAULT.seal([(b"a film", b"bound")])
    other = Vault(RING, b"k" * 16)
    with pytest.raises(IntegrityError):
        other.open(sealed, b"bound", "id")
    assert other.pseudonym("ada") != VAULT.pseudonym("ada")
    assert other.check_value("new") != VAULT.check_value("new")


def test_a_pseudonym_is_a_subjects_and_a_keys_own() -> None:
    assert VAULT.pseudonym("ada") == VAULT.pseudonym("ada", "new")
    assert len({VAULT.pseudonym(s, k) for s in ("ada", "Ada", "") for k in ("old", "new")}) == 6


PREDICTION = {
    "prediction": "id",
    "model": b"m" * 32,
    "time": 1,
    "label": "good",
    "score": 0.5,
    "tokens": 3,
    "truncated": False,
}


@pytest.mark.parametrize(
    "change",
    [
        {"prediction": "ie"},
        {"prediction": "idg", "label": "ood"},
        {"model": b"n" * 32},
        {"time": 2},
        {"label": "goo"},
        {"score": 0.25},
        {"tokens": 4},
        {"truncated": True},
    ],
)
def test_a_predictions_bound_data_differ_with_each_part(change: dict[str, object]) -> None:
    assert bind_prediction(**PREDICTION) != bind_prediction(**{**PREDICTION, **change})


def test_feedbacks_bound_data_differ_with_each_part_and_from_a_predictions() -> None:
    bound = {
        bind_feedback("id", 1, "good", True),
        bind_feedback("id", 1, "good", False),
        bind_feedback("id", 2, "good", True),
        bind_feedback("id", 1, "bad", True),
        bind_feedback("ie", 1, "good", True),
        bind_feedback("idg", 1, "ood", True),
        bind_prediction(**PREDICTION),
    }
    assert len(bound) == 7


def test_a_content_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Content("ada", "text").text = "other"  # type: ignore[misc]
