"""What the Dockerfiles say, read without a daemon."""

from __future__ import annotations

import ast
import fnmatch
import re
from pathlib import Path

import pytest

from components import catalogue
from tests.conftest import ROOT

DOCKERFILES = ("Dockerfile.serve", "Dockerfile.train")


def _instructions(name: str) -> list[str]:
    """A Dockerfile's instructions, each on one line."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return [line for line in re.sub(r"\\\n\s*", " ", text).splitlines() if line.strip()]


def _final_stages(name: str) -> dict[str, list[str]]:
    """The instructions of each stage that is an image, with those it is built on."""
    stages: dict[str, list[str]] = {}
    current = ""
    for line in _instructions(name):
        if match := re.match(r"FROM (\S+)(?: AS (\S+))?", line):
            current = match[2] or "image"
            stages[current] = list(stages.get(match[1], []))
        elif current:
            stages[current].append(line)
    wanted = ("predictor", "transformer", "registry") if "serve" in name else ("image",)
    return {stage: stages[stage] for stage in wanted}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_no_front_end_is_fetched(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "# syntax" not in text
    assert "--mount" not in text  # the older builder knows none
    assert "<<" not in text


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_run_as_a_numbered_user_and_say_how_they_are(name: str) -> None:
    for stage, lines in _final_stages(name).items():
        users = [line.split()[1] for line in lines if line.startswith("USER ")]
        assert users == ["10001:10001"], stage
        assert any(line.startswith("HEALTHCHECK ") for line in lines), stage
        labels = " ".join(line for line in lines if line.startswith("LABEL "))
        for label in ("title", "description", "version", "revision"):
            assert f"org.opencontainers.image.{label}=" in labels, stage
        # The venv arrives whole, from a stage that had the tools to make it.
        assert "COPY --from" in " ".join(lines), stage
        assert not any("pip" in line for line in lines if line.startswith("RUN")), stage


@pytest.mark.parametrize("name", DOCKERFILES)
def test_every_install_is_held_to_the_constraints(name: str) -> None:
    for line in _instructions(name):
        if "uv pip install" in line:
            assert "constraint wheels/constraints.txt" in line, line
        if "pip install" in line and "uv pip" not in line:
            assert '"uv==${UV_VERSION}"' in line, line


@pytest.mark.parametrize("name", DOCKERFILES)
def test_servers_need_no_shell(name: str) -> None:
    for stage, lines in _final_stages(name).items():
        for line in lines:
            if line.startswith(("ENTRYPOINT", "CMD", "HEALTHCHECK --")):
                assert re.search(r"\[.+\]$", line), f"{stage}: {line}"


def _imported(module: str) -> set[str]:
    """What of ours a module imports, directly or not."""
    seen: set[str] = set()
    left = [module]
    while left:
        name = left.pop()
        path = ROOT / name.replace(".", "/")
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name in seen or not file.exists() or not name.startswith(("components", "serving")):
            continue
        seen.add(name)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                left += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                left += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        left += [".".join(name.split(".")[:i]) for i in range(1, name.count(".") + 1)]
    return seen


def _copied(stage_of: str) -> list[str]:
    """Patterns of the sources that the servers' images copy."""
    patterns: list[str] = []
    stage = ""
    for line in _instructions("Dockerfile.serve"):
        if match := re.match(r"FROM \S+ AS (\S+)", line):
            stage = match[1]
        if line.startswith("COPY ") and "--from" not in line and stage in ("code", stage_of):
            patterns += line.split()[1:-1]
        elif line.startswith("RUN for model in ") and stage == "code":
            patterns += [f"components/train_*/{name}" for name in re.findall(r"-name (\S+)", line)]
    assert patterns.count("components") == 1  # of which only what that loop picks is kept
    patterns.remove("components")
    return patterns


@pytest.mark.parametrize("server", ["predictor", "transformer"])
def test_a_server_s_image_holds_all_that_it_imports(server: str) -> None:
    roots = [
        f"serving.{server}.{file.stem}"
        for file in (ROOT / "serving" / server).rglob("*.py")
        if file.parent.name == server
    ]
    roots += [f"components.{a.folder}.model" for a in catalogue.ARCHITECTURES.values()]
    roots += [module for module, _ in catalogue.TOKENIZERS.values()]
    needed = set().union(*map(_imported, roots))
    missing = []
    patterns = _copied(f"build-{server}")
    for name in sorted(needed):
        path = Path(name.replace(".", "/"))
        file = path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py")
        whole = [str(folder) for folder in file.parents]
        if not any(fnmatch.fnmatch(str(file), p) or p in whole for p in patterns):
            missing.append(str(file))
    assert missing == []


def test_what_is_sent_to_the_builder_is_what_is_named() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "**"
    allowed = {line[1:].rstrip("/") for line in rules if line.startswith("!")}
    assert allowed == {
        "README.md", "build/wheels", "components", "constraints.txt", "params", "params.yaml",
        "pipelines", "pyproject.toml", "serving",
    }  # fmt: skip
