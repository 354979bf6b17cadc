from pathlib import Path

import numpy as np
import pytest

from components.contract.environment import environment
from components.contract.tokens import Tokens
from components.train_lstm.settings import LstmSettings
from components.training.checkpoint import Checkpoint, training_key

WEIGHTS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(7.0)}


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "out", "key").save("latest", {"step": 3, "best": None}, network=WEIGHTS)
    found = Checkpoint(tmp_path / "out", "key").load("latest")
    assert found is not None
    state, arrays = found
    assert state == {"step": 3, "best": None}
    for name, expected in WEIGHTS.items():
        np.testing.assert_array_equal(arrays["network"][name], expected, strict=True)


def test_views_of_one_storage_are_saved(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "out", "key")
    checkpoint.save("latest", {}, network={"turned": np.arange(6.0).reshape(2, 3).T})
    found = checkpoint.load("latest")
    assert found is not None
    assert found[1]["network"]["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_there_is_none_at_first_nor_after_removal(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "out", "key")
    assert checkpoint.load("latest") is None
    checkpoint.save("latest", {}, network=WEIGHTS)
    checkpoint.remove()
    assert checkpoint.load("latest") is None
    assert list(tmp_path.iterdir()) == []


def test_another_trainings_checkpoint_is_not_resumed(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "out", "key").save("latest", {}, network=WEIGHTS)
    assert Checkpoint(tmp_path / "out", "another").load("latest") is None
    assert Checkpoint(tmp_path / "elsewhere", "key").load("latest") is None


def test_a_damaged_checkpoint_is_not_resumed(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "out", "key")
    checkpoint.save("latest", {}, network=WEIGHTS)
    file = tmp_path / ".out.checkpoint" / "latest" / "network.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    assert checkpoint.load("latest") is None


def test_nothing_in_a_checkpoint_is_a_pickle(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "out", "key").save("latest", {"step": 1}, network=WEIGHTS)
    suffixes = {p.suffix for p in (tmp_path / ".out.checkpoint").rglob("*") if p.is_file()}
    assert suffixes == {".safetensors", ".json"}


@pytest.mark.parametrize(
    "other", [{"seed": 14}, {"learning_rate": 1e-3}, {"processes": 2}, {"code": ("contract",)}]
)
def test_the_key_tells_trainings_apart(tokens: Path, other: dict[str, object]) -> None:
    def key(processes: int = 1, code: tuple[str, ...] = ("training",), **changed: object) -> str:
        settings = LstmSettings(**changed)  # type: ignore[arg-type]
        return training_key(Tokens.open(tokens), settings, code, processes)

    assert key() == key()
    assert key(**other) != key()  # type: ignore[arg-type]


def test_a_lasting_folder_serves_another_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed `tamis run` leaves an output that the next run doesn't know."""
    monkeypatch.setenv("TAMIS_CHECKPOINTS", str(tmp_path / "kept"))
    environment.cache_clear()
    Checkpoint(tmp_path / "run-1" / "out", "key").save("latest", {"step": 4}, network=WEIGHTS)
    found = Checkpoint(tmp_path / "run-2" / "out", "key").load("latest")
    assert found is not None
    assert found[0] == {"step": 4}
    assert Checkpoint(tmp_path / "run-2" / "out", "another").load("latest") is None
