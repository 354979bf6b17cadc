from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from serving.local import free_port, module
from serving.transformer import command
from serving.transformer.journal.keyring import create_keys
from tests.serving.processes import own_environment


def overrides(*arguments: str) -> dict[str, object]:
    return command._overrides(command._parser().parse_args(list(arguments)))


def test_nothing_said_changes_nothing() -> None:
    assert overrides() == {}


def test_flags_go_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "serving.yaml"
    file.write_text("port: 1\ndeadline_s: 3\nmodel: theirs\n")
    settings = command.read_settings(file, overrides("--port", "2", "--model-name", "ours"))
    assert (settings.port, settings.deadline_s, settings.model) == (2, 3.0, "ours")


def test_what_kserve_adds_to_a_transformers_container_is_taken() -> None:
    """https://kserve.github.io/website/docs/model-serving/predictive-inference/transformers"""
    told = overrides(
        "--model_name", "sentiment", "--predictor_host", "sentiment-predictor.default",
        "--predictor_protocol", "v2", "--http_port", "8080",
    )  # fmt: skip
    assert told == {
        "model": "sentiment",
        "predictor": "http://sentiment-predictor.default",
        "port": 8080,
    }


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "https://predictor"])
def test_a_predictors_address_may_have_its_scheme(address: str) -> None:
    assert overrides("--predictor", address)["predictor"] == address


def test_a_databases_password_stays_out_of_the_log() -> None:
    settings = command.read_settings(
        None, {"journal": {"url": "postgresql://somebody:secret@db/tamis"}}
    )
    shown = command._shown(settings)["journal"]["url"]
    assert shown == "db/tamis"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        module("serving.transformer", *arguments),
        cwd=folder,
        env=own_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"deadline": 1}, "unknown_parameter"),
        ({"port": -1}, "bad_parameter"),
        ({"profile": "production"}, "not_in_production"),
        ({"journal": {"keys": "nowhere"}}, "no_keys"),
        ({"tls": {"cert": "nowhere.pem", "key": "nowhere.pem"}}, ""),
        ({"feedback": False, "host": "192.0.2.1"}, "bad_address"),
        ({"feedback": False, "auth": {"issuer": "not a url"}}, "bad_url"),
        ({"feedback": False, "auth": {"roles_file": "nowhere.yaml"}}, "not_found"),
    ],
    ids=str,
)
def test_what_stops_it_is_one_sentence(
    tmp_path: Path, document: dict[str, object], code: str
) -> None:
    base = {"port": free_port(), "issuer_state": "issuer", "drift": {"detectors": "off"}}
    journal = {"url": "journal.db", "keys": "journal.keys"}
    create_keys(tmp_path / "journal.keys")
    made = {**base, "journal": journal, **document}
    (tmp_path / "serving.yaml").write_text(yaml.safe_dump(made))
    done = run(tmp_path, "--config", "serving.yaml")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"{code}: " if code else "")
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        settings = {"open_to_all": True, "feedback": False, "drift": {"detectors": "off"}}
        (tmp_path / "serving.yaml").write_text(yaml.safe_dump(settings))
        done = run(tmp_path, "--config", "serving.yaml", "--port", port)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"bad_address: 127.0.0.1:{port} ")


def test_help_needs_no_server() -> None:
    script = """
import sys
from serving.transformer.command import main
try:
    main(["--help"])
except SystemExit as error:
    assert error.code == 0
print(sorted({"fastapi", "uvicorn", "numpy"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=own_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
