from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading

import pytest

from components.contract.errors import InputError, IntegrityError, TamisError
from serving import private_files
from serving.private_files import PrivateDirectory
from tests.conftest import ROOT


@pytest.fixture
def files(tmp_path):
    return PrivateDirectory(tmp_path / "deep" / "secrets")


def write(files, data=b"secret"):
    with files.locked():
        files.replace("a", data)
    return files.path / "a"


def test_what_is_written_is_read_by_its_owner_alone(files):
    path = write(files)
    assert files.read("a") == b"secret"
    assert files.read("b") is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.path.stat().st_mode) == 0o700
    assert sorted(p.name for p in files.path.iterdir()) == [".lock", "a"]


def test_no_umask_opens_it(files):
    before = os.umask(0)
    try:
        path = write(files)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o606, 0o644])
def test_a_file_open_to_others_is_refused(files, mode):
    write(files).chmod(mode)
    with pytest.raises(IntegrityError) as refusal:
        files.read("a")
    assert refusal.value.code == "exposed_secret"
    assert f"{mode:o}" in refusal.value.message


def test_a_link_in_its_place_is_not_followed(files, tmp_path):
    path = write(files)
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    target.chmod(0o600)
    path.unlink()
    path.symlink_to(target)
    with pytest.raises(InputError) as refusal:
        files.read("a")
    assert refusal.value.code == "not_readable"
    write(files, b"new")
    assert target.read_text() == "mine"
    assert files.read("a") == b"new"


def test_a_large_file_is_refused(files):
    write(files, b"x" * (private_files.MAX_FILE_BYTES + 1))
    with pytest.raises(IntegrityError, match="too large"):
        files.read("a")


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TamisError) as refusal, PrivateDirectory(tmp_path / "file" / "x").locked():
        pass
    assert refusal.value.code == "storage_failed"


HOLD = """
import sys, time
from pathlib import Path
from serving.private_files import PrivateDirectory
files = PrivateDirectory(Path(sys.argv[1]))
with files.locked():
    (files.path / ".a.partial").write_bytes(b"half")
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_killed_writer_leaves_the_old_file_and_no_lock(files):
    write(files, b"old")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, files.path], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert files.read("a") == b"old"
    write(files, b"new")
    assert files.read("a") == b"new"
    assert not (files.path / ".a.partial").exists()


def test_a_lock_held_for_too_long_is_an_error(files, monkeypatch):
    monkeypatch.setattr(private_files, "LOCK_WAIT_S", 0.05)
    with files.locked(), pytest.raises(TamisError) as refusal, files.locked():
        pass
    assert refusal.value.code == "locked"


def test_readers_see_one_whole_file_or_the_other(files):
    write(files, b"a" * 100_000)
    done = threading.Event()
    seen = set()

    def look():
        while not done.is_set():
            data = files.read("a")
            assert data is not None
            seen.add((len(data), len(set(data))))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(100):
        write(files, bytes([97 + number % 20]) * 100_000)
    done.set()
    reader.join()
    assert seen == {(100_000, 1)}
