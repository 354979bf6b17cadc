"""Who is let in, and the file that a token is made in."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.contract.errors import InputError, IntegrityError
from pipelines.trigger.bearer import BearerToken, made_token, read_token

TOKEN = "a-token-of-some-length"


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN} ", True),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer", False),
        ("Bearer ", False),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Bearer {TOKEN.upper()}", False),
        (f"Bearer {TOKEN} {TOKEN}", False),
        ("Bearer " + "x" * 100_000, False),
        ("", False),
        (None, False),
    ],
)
def test_the_token_and_nothing_else(header: str | None, admitted: bool) -> None:
    assert BearerToken(TOKEN).admits(header) is admitted


@pytest.mark.parametrize("token", ["", "short", "é" * 20, "x" * 5_000])
def test_weak_tokens_are_refused(token: str) -> None:
    with pytest.raises(InputError) as caught:
        BearerToken(token)
    assert caught.value.code == "weak_token"
    assert not token or token not in str(caught.value)


def test_one_token_is_made_whoever_is_first(tmp_path: Path) -> None:
    file = tmp_path / "state" / "token"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: made_token(file), range(8)))
    assert made == {read_token(file)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["token"]
    file.chmod(0o644)
    with pytest.raises(IntegrityError) as caught:
        made_token(file)
    assert caught.value.code == "exposed_secret"


def test_a_token_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_token(tmp_path / "token")
