import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.contract.artifact import read_manifest
from components.contract.errors import InputError
from components.training.door import main, run, section
from tests.conftest import exit_status

SETTINGS = {"embedding": 4, "hidden": 4, "epochs": 1}


@dataclass
class Artifact:
    """What a Kubeflow artifact has for a component."""

    path: str
    metadata: dict[str, Any] = field(default_factory=dict)

    def log_metric(self, name: str, value: float) -> None:
        self.metadata[name] = value


def test_kubeflows_door_trains_and_reports(dataset: Path, tokens: Path, tmp_path: Path) -> None:
    bundle, metrics = Artifact(str(tmp_path / "bundle")), Artifact(str(tmp_path / "metrics"))
    digest = run(
        "lstm", Artifact(str(dataset)), Artifact(str(tokens)), SETTINGS, bundle, metrics,
        dataset_digest=read_manifest(dataset).digest, tokens_digest=read_manifest(tokens).digest,
    )  # fmt: skip
    manifest = read_manifest(tmp_path / "bundle", "bundle")
    assert digest == manifest.digest == bundle.metadata["digest"]
    assert metrics.metadata["validation_accuracy"] == manifest.facts["validation"]["accuracy"]
    assert metrics.metadata.keys() == {"validation_accuracy", "validation_log_loss", "cpu_s"}
    assert bundle.metadata["labels"] == ["negative", "positive"]


def test_kubeflows_door_ends_with_the_errors_status(
    tmp_path: Path, tokens: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Artifact(str(tmp_path / "out"))
    with pytest.raises(SystemExit) as caught:
        run(
            "lstm", Artifact(str(tmp_path / "no")), Artifact(str(tokens)), {}, out, out,
            dataset_digest="0" * 64, tokens_digest="0" * 64,
        )  # fmt: skip
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("not_found: ")


def test_kubeflows_door_refuses_artifacts_of_another_content(
    dataset: Path, tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = {"dataset_digest": read_manifest(dataset).digest,
             "tokens_digest": read_manifest(tokens).digest}  # fmt: skip
    out = Artifact(str(tmp_path / "out"))
    for name in right:
        with pytest.raises(SystemExit):
            run(
                "lstm", Artifact(str(dataset)), Artifact(str(tokens)), SETTINGS, out, out,
                **{**right, name: "0" * 64},
            )  # fmt: skip
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith(f"other_content: The {name.removesuffix('_digest')} in ")
    assert not (tmp_path / "out").exists()


def test_the_command_line_reads_the_parameter_file(
    dataset: Path, tokens: Path, tmp_path: Path
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(json.dumps({"seed": 4, "architectures": {"lstm": SETTINGS}}))
    arguments = ["--dataset", str(dataset), "--tokens", str(tokens), "--params", str(params)]
    assert exit_status(main, "lstm", [*arguments, "--out", str(tmp_path / "out")]) == 0
    assert read_manifest(tmp_path / "out", "bundle").facts["settings"]["seed"] == 4


def test_the_command_line_names_the_mistyped_parameter(
    dataset: Path, tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text("architectures: {lstm: {epoch: 1}}")
    arguments = ["--dataset", str(dataset), "--tokens", str(tokens), "--params", str(params)]
    assert exit_status(main, "lstm", [*arguments, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "architectures.lstm.epoch" in error
    assert "epochs" in error


def test_a_sections_own_seed_wins() -> None:
    assert section({"seed": 1, "architectures": {"lstm": {}}}, "lstm") == {"seed": 1}
    assert section({"seed": 1, "architectures": {"lstm": {"seed": 2}}}, "lstm") == {"seed": 2}
    assert section({"architectures": {"lstm": {}}}, "lstm") == {}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "unknown_architecture"),
        ({"architectures": {"lstn": {}}}, "unknown_architecture"),
        ({"architectures": {"lstm": [1]}}, "bad_parameter"),
    ],
)
def test_a_missing_section_is_told(params: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        section(params, "lstm")
    assert caught.value.code == code
