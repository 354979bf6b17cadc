"""The deploy stage's doors: a Kubeflow component's call and a command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from components.contract.exits import exit_on_error
from components.contract.provenance import require_digest
from components.contract.settings import build, read_params
from components.deploy.deploy import REGISTRATION, deploy
from components.deploy.settings import DeploySettings


def run(
    registration: Any, settings: dict[str, Any], deployment: Any, *, registration_digest: str
) -> str:
    """Deploy a Kubeflow artifact.

    Args:
        registration: Input artifact, a published registration.
        settings: The parameters' section `deploy`.
        deployment: Output artifact.
        registration_digest: What register returned.

    Returns:
        The deployment's digest.

    Raises:
        SystemExit: With the error's exit status, its sentence being the log's last line.
    """
    with exit_on_error():
        require_digest(Path(registration.path), REGISTRATION, registration_digest)
        chosen = build(DeploySettings, settings, "deploy")
        manifest = deploy(Path(registration.path), Path(deployment.path), chosen)
    deployment.metadata.update(dict(manifest.facts), digest=manifest.digest)
    return manifest.digest


def main(argv: list[str] | None = None) -> None:
    """Run `python -m components.deploy`.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    parser = argparse.ArgumentParser(prog="components.deploy")
    parser.add_argument("--registration", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    arguments = parser.parse_args(argv)
    with exit_on_error():
        settings = build(DeploySettings, read_params(arguments.params).get("deploy"), "deploy")
        facts = deploy(arguments.registration, arguments.out, settings).facts
    version = f" version {facts['version']}" if "version" in facts else ""
    print(f"{facts['outcome']}: {facts['name']}{version}")  # noqa: T201 - the command's answer
