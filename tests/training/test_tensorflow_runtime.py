import json
import sys
from pathlib import Path

import pytest

from components.contract.errors import InputError
from components.train_lstm.settings import LstmSettings
from components.train_lstm.train import train
from components.training.door import main
from components.training.tensorflow_runtime import start_tensorflow
from tests.conftest import exit_status


@pytest.fixture
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without it; the one of `make test` is that anyway."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.setenv("KERAS_BACKEND", "")


@pytest.mark.usefixtures("without_tensorflow")
def test_a_missing_tensorflow_is_told_and_nothing_is_written(
    dataset: Path, tokens: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        train(dataset, tokens, tmp_path / "out", LstmSettings(framework="tensorflow"))
    assert caught.value.code == "not_installed"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("without_tensorflow")
def test_the_command_line_says_so_too(
    dataset: Path, tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(json.dumps({"architectures": {"lstm": {"framework": "tensorflow"}}}))
    arguments = ["--dataset", str(dataset), "--tokens", str(tokens)]
    arguments += ["--out", str(tmp_path / "out"), "--params", str(params)]
    assert exit_status(main, "lstm", arguments) == 2
    assert "TensorFlow" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_several_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError) as caught:
        start_tensorflow()
    assert caught.value.code == "one_process_only"


def test_another_framework_is_refused_by_its_name() -> None:
    from components.contract.settings import build

    with pytest.raises(InputError, match="framework"):
        build(LstmSettings, {"framework": "jax"}, "architectures.lstm")
