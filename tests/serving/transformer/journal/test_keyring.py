"""Key files and mounted secrets: which are taken, which are refused, and why."""

import base64
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.contract.errors import InputError
from serving.transformer.journal.keyring import add_key, create_keys, load_keys

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def mount(path: Path, files: dict[str, str]) -> Path:
    """A folder as the kubelet mounts a secret: files behind a link that it swaps."""
    inner = path / "..2026_11_01"
    inner.mkdir(parents=True)
    for name, text in files.items():
        write(inner / name, text, 0o644)
        (path / name).symlink_to(Path("..data") / name)
    (path / "..data").symlink_to(inner.name)
    return path


def test_the_first_line_is_the_active_key(tmp_path: Path) -> None:
    ring = load_keys(write(tmp_path / "keys", f"# new\nk2 {OTHER}\n\n  k1   {KEY}\n"))
    assert ring.active == "k2"
    assert ring.keys == {"k1": bytes(range(32)), "k2": bytes(range(1, 33))}


def test_a_ring_never_shows_its_keys(tmp_path: Path) -> None:
    shown = repr(load_keys(write(tmp_path / "keys", f"k1 {KEY}\n")))
    assert KEY not in shown
    assert "\\x01" not in shown


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no_keys"),
        ("# k1 nothing\n", "no_keys"),
        (KEY, "bad_keys"),
        (f"k1 {KEY[:-4]}", "bad_keys"),
        (f"k1 {KEY}AAAA", "bad_keys"),
        ("k1 not-base64!", "bad_keys"),
        (f"k1 {KEY} more", "bad_keys"),
        (f"k1 {KEY}\nk1 {OTHER}", "bad_keys"),
        (f"../k1 {KEY}", "bad_keys"),
        (f"k'1 {KEY}", "bad_keys"),
        ("k1 é", "bad_keys"),
        (f"k1 {KEY}\n" * 10_000, "bad_keys"),
    ],
)
def test_what_is_no_key_file_is_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        load_keys(write(tmp_path / "keys", text))
    assert caught.value.code == code
    assert KEY[:20] not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o777])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "keys", f"k1 {KEY}\n", mode)
    with pytest.raises(InputError, match="chmod 600") as caught:
        load_keys(path)
    assert caught.value.code == "exposed_keys"


def test_a_missing_key_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tamis serve") as caught:
        load_keys(tmp_path / "none")
    assert caught.value.code == "no_keys"


def test_a_mounted_secret_is_read_whatever_its_mode(tmp_path: Path) -> None:
    folder = mount(tmp_path / "secret", {"k1": KEY, "k2": OTHER + "\n", "active": "k2\n"})
    ring = load_keys(folder)
    assert (ring.active, sorted(ring.keys)) == ("k2", ["k1", "k2"])


def test_a_lone_mounted_key_needs_no_active(tmp_path: Path) -> None:
    assert load_keys(mount(tmp_path / "secret", {"k1": KEY})).active == "k1"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "no_keys"),
        ({"active": "k1"}, "no_keys"),
        ({"k1": KEY, "k2": OTHER}, "bad_keys"),
        ({"k1": KEY, "active": "k3"}, "bad_keys"),
        ({"k1": KEY[:-8]}, "bad_keys"),
    ],
)
def test_what_is_no_mounted_secret_is_refused(
    tmp_path: Path, files: dict[str, str], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_keys(mount(tmp_path / "secret", files))
    assert caught.value.code == code


def test_a_folder_that_is_not_mounted_is_held_to_the_same_modes(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    write(folder / "k1", KEY, 0o644)
    with pytest.raises(InputError) as caught:
        load_keys(folder)
    assert caught.value.code == "exposed_keys"
    (folder / "k1").chmod(0o600)
    assert load_keys(folder).active == "k1"


def test_a_new_key_file_is_its_owners_alone_and_made_once(tmp_path: Path) -> None:
    path = tmp_path / "state" / "keys"
    old = os.umask(0)
    try:
        with ThreadPoolExecutor(16) as pool:
            made = list(pool.map(lambda _: create_keys(path), range(16)))
    finally:
        os.umask(old)
    assert made.count(True) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len(load_keys(path).keys) == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["keys"]


def test_an_added_key_is_active_and_the_old_stay(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    create_keys(path)
    before = load_keys(path)
    new = add_key(path)
    ring = load_keys(path)
    assert ring.active == new != before.active
    assert ring.keys[before.active] == before.keys[before.active]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_mounted_secret_is_not_added_to(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        add_key(mount(tmp_path / "secret", {"k1": KEY}))
    assert caught.value.code == "mounted_keys"
