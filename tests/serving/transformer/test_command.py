from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from serving.transformer import command
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


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "a mistyped key": ({"deadline": 1}, "unknown_parameter: "),
    "a bad value": ({"port": -1}, "bad_parameter: "),
    "production": ({"profile": "production"}, "not_in_production: "),
    "no journal keys": ({"feedback": True}, "no_keys: "),
    "no certificate": ({"tls": {"cert": "nowhere.pem", "key": "nowhere.pem"}}, ""),
    "another machine's address": ({"host": "192.0.2.1"}, "bad_address: 192.0.2.1:"),
    "a taken port": ({"port": "taken"}, "bad_address: 127.0.0.1:"),
    "no issuer's address": ({"auth": {"issuer": "not a url"}}, "bad_url: "),
    "no role table": ({"auth": {"roles_file": "nowhere.yaml"}}, "not_found: "),
}
STARTS = """
import contextlib, io, json, sys
from serving.transformer.command import main

for file in sys.argv[1:]:
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            main(["--config", file])
            status = 0
        except SystemExit as error:
            status = error.code
    print(json.dumps([status, said.getvalue()]))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit status and last words of a start with each of `WRONG`, in one process."""
    folder = tmp_path_factory.mktemp("wrong")
    own = {"issuer_state": "issuer", "drift": {"detectors": "off"}, "feedback": False}
    files = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for number, (document, _) in enumerate(WRONG.values()):
            made = {**own, "port": 0, **document}
            if made["port"] == "taken":
                made["port"] = taken.getsockname()[1]
            files.append(folder / f"{number}.yaml")
            files[-1].write_text(yaml.safe_dump(made))
        done = subprocess.run(
            [sys.executable, "-c", STARTS, *map(str, files)],
            cwd=folder,
            env=own_environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: (status, said) for name, (status, said) in zip(WRONG, lines, strict=True)}


@pytest.mark.parametrize("name", WRONG)
def test_what_stops_it_is_one_sentence(outcomes: dict[str, tuple[int, str]], name: str) -> None:
    status, said = outcomes[name]
    assert status == 2
    sentence = said.splitlines()[-1]
    assert sentence.startswith(WRONG[name][1])
    assert ": " in sentence
    assert "Traceback" not in said


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
