from __future__ import annotations

from pathlib import Path

import pytest

from components.contract.errors import InputError
from serving.predictor.door import main, read_settings
from serving.predictor.settings import BatchSettings, PredictorSettings
from serving.tls import TlsFiles


def test_nothing_said_takes_the_defaults() -> None:
    assert read_settings([]) == PredictorSettings()
    assert read_settings([]).served_name == "tamis"


def test_everything_can_be_said() -> None:
    told = (
        "--bundle /mnt/models --model-name reviews --host 0.0.0.0 --port 80 --metrics-port 9090"
        " --workers 4 --reload-seconds 5 --deadline-seconds 2.5 --drain-seconds 1"
        " --grace-seconds 20 --batch-rows 16 --batch-tokens 1024 --batch-wait-ms 2"
        " --queue-texts 4096 --tls-cert c --tls-key k --tls-client-ca a"
    )
    assert read_settings(told.split()) == PredictorSettings(
        bundle=Path("/mnt/models"),
        model_name="reviews",
        host="0.0.0.0",
        port=80,
        metrics_port=9090,
        reload_s=5.0,
        deadline_s=2.5,
        drain_s=1.0,
        grace_s=20.0,
        batch=BatchSettings(rows=16, tokens=1024, wait_ms=2.0, queue_texts=4096, workers=4),
        tls=TlsFiles(Path("c"), Path("k"), Path("a")),
    )


def test_the_served_name_is_the_registrys_unless_it_is_said() -> None:
    assert read_settings(["--model", "reviews@challenger"]).served_name == "reviews"
    assert read_settings(["--bundle", "x"]).served_name == "tamis"


@pytest.mark.parametrize(
    ("told", "parameter"),
    [
        ("--port 65536", "port"),
        ("--port -1", "port"),
        ("--metrics-port 70000", "metrics_port"),
        ("--workers -1", "workers"),
        ("--workers 1000", "workers"),
        ("--reload-seconds -1", "reload_s"),
        ("--reload-seconds nan", "reload_s"),
        ("--deadline-seconds 0", "deadline_s"),
        ("--deadline-seconds nan", "deadline_s"),
        ("--deadline-seconds 1e9", "deadline_s"),
        ("--drain-seconds inf", "drain_s"),
        ("--grace-seconds -1", "grace_s"),
        ("--batch-rows -1", "rows"),
        ("--batch-tokens -1", "tokens"),
        ("--batch-wait-ms 1000", "wait_ms"),
        ("--batch-wait-ms nan", "wait_ms"),
        ("--queue-texts 5", "queue_texts"),
        ("--model @champion", "model_name"),
        ("--model-name a/b", "model_name"),
        ("--model-name :predict", "model_name"),
        ("--tls-cert c", "--tls-cert"),
        ("--tls-key k", "--tls-cert"),
        ("--tls-client-ca a", "--tls-cert"),
    ],
)
def test_what_cannot_work_is_refused_by_name(told: str, parameter: str) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(told.split())
    assert caught.value.message.startswith(parameter)


@pytest.mark.parametrize(
    "told", ["--bundle a --model b", "--prot 1", "--port x", "a", "--metrics 1"]
)
def test_unknown_arguments_end_with_usage(told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        read_settings(told.split())
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_missing_bundle_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--bundle", str(tmp_path / "none"), "--port", "0"])
    assert caught.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("not_found: ")
