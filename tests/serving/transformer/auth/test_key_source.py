from __future__ import annotations

import asyncio
import logging

import pytest

from components.contract.errors import TamisError
from serving.transformer.auth.key_source import MAX_FILE_BYTES, FileKeys
from tests.serving.transformer.auth.forge import Forge


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path, forge):
    path = tmp_path / "jwks.json"
    path.write_bytes(forge.key_set)
    return path


def swap(path, data):
    """As a mounted secret is changed: another file in its place."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.replace(path)


def test_a_file_is_read_again_when_it_changes(file):
    clock = Clock()
    source = FileKeys(file, clock=clock)
    first = source.current()
    swap(file, Forge().key_set)
    assert source.current() is first
    clock.now = 1.0
    assert source.current().digest != first.digest


def test_an_unknown_key_looks_at_once(file):
    source = FileKeys(file, clock=Clock())
    first = source.current()
    swap(file, Forge().key_set)
    assert asyncio.run(source.refetch()) is not first


def test_the_same_keys_in_a_new_file_stay_the_same_object(file, forge):
    source = FileKeys(file, clock=Clock())
    first = source.current()
    swap(file, forge.key_set)
    assert asyncio.run(source.refetch()) is first


@pytest.mark.parametrize("junk", [b"", b'{"keys":[]}', b"{" * 100, b" " * (MAX_FILE_BYTES + 1)])
def test_junk_leaves_the_old_keys_and_says_so(file, junk, caplog):
    caplog.set_level(logging.INFO, "tamis")
    source = FileKeys(file, clock=Clock())
    first = source.current()
    swap(file, junk)
    assert asyncio.run(source.refetch()) is first
    assert [r.getMessage() for r in caplog.records] == ["keys_kept"]


def test_a_file_that_goes_leaves_the_old_keys(file):
    source = FileKeys(file, clock=Clock())
    file.unlink()
    assert len(asyncio.run(source.refetch())) == 3


@pytest.mark.parametrize(
    ("data", "code"), [(None, "not_found"), (b"junk", "bad_key_set"), (b" " * 2**21, "bad_key_set")]
)
def test_a_file_that_cannot_be_used_at_first_is_an_error(tmp_path, data, code):
    path = tmp_path / "jwks.json"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(TamisError) as refusal:
        FileKeys(path)
    assert refusal.value.code == code
