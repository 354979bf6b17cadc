"""The pages on Kubernetes say what is there."""

from __future__ import annotations

import re

import pytest

from pipelines import parameters
from tests.conftest import ROOT

PAGES = ("kubernetes.md", "operating.md", "dvc-remote.md")


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def _commands(name: str) -> list[list[str]]:
    """The commands of each console block."""
    blocks = re.findall(r"```console\n(.*?)```", _page(name), re.DOTALL)
    return [[line[2:] for line in block.splitlines() if line.startswith("$ ")] for block in blocks]


def test_a_first_prediction_takes_ten_commands() -> None:
    first = _commands("kubernetes.md")[0]
    assert len(first) <= 10
    assert first[-1].startswith('curl -H "Authorization: Bearer $TOKEN"')


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_are_there(page: str) -> None:
    text = _page(page)
    named = set(re.findall(r"(?<![\w/])(?:manifests|params|tests|docs)/[\w./-]*\w", text))
    named |= {f"docs/{path}" for path in re.findall(r"\]\(([\w./-]+\.md)\)", text)}
    named |= {f"manifests/{path}" for path in re.findall(r"`(base/[\w./-]*\w)", text)}
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_and_commands_that_a_page_names_exist(page: str) -> None:
    from typer.main import get_command

    from pipelines.cli import app

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = _page(page)
    for target in re.findall(r"`?make ([a-z-]+)", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    root = get_command(app)
    for line in re.findall(r"\btamis ((?:journal )?[a-z]+(?: --[^\n`]*)?)", text):
        words = line.split()
        command = root
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
        if command is root:
            continue  # prose
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_the_page_s_parameters_are_sound() -> None:
    chosen = parameters.load(ROOT / "params" / "kind.yaml")
    assert chosen.deploy["enabled"]
    assert chosen.deploy["namespace"] == "tamis"
    block = re.search(r"```yaml\n(deploy:.*?)```", _page("kubernetes.md"), re.DOTALL)
    assert block
    import yaml

    document = yaml.safe_load(block[1].replace("sha256:…", f"sha256:{'0' * 64}"))
    from components.contract.settings import build
    from components.deploy.settings import DeploySettings

    assert build(DeploySettings, document["deploy"], "deploy").pinned


def test_the_data_page_is_what_the_tests_run() -> None:
    source = (ROOT / "tests" / "storage" / "test_dvc.py").read_text(encoding="utf-8")
    ran = re.sub(r'[",()\s]+', " ", source)
    for command in _commands("dvc-remote.md")[0]:
        words = command.partition("#")[0].split()
        if words[0] == "dvc" and words[1] in ("remote", "init"):
            told = " ".join(words[1:]).replace("https://s3.example.com", "s3.endpoint")
            assert told.replace("dvc init", "init") in ran, told
