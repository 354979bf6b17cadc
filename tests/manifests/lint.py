"""Runs the linters and holds their findings against the waivers: `python -m tests.manifests.lint`.

checkov is run by `uv tool run`, in an environment of its own: its dependencies are at odds with
ours. Everything else is installed beside us.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.manifests.rendered import ROOT
from tests.manifests.waivers import Finding, judge, read_waivers

BIN = Path(sysconfig.get_path("scripts"))
CHECKOV = "checkov==3.3.30"
RENDERED = ROOT / "build" / "manifests"
DOCKERFILES = ("Dockerfile.serve", "Dockerfile.train")


def _run(*command: str, statuses: tuple[int, ...] = (0, 1)) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in statuses:
        raise RuntimeError(f"{command[0]} failed ({done.returncode}): {done.stderr[-2000:]}")
    return done.stdout


def hadolint() -> Iterator[Finding]:
    """Dockerfiles."""
    for item in json.loads(_run(str(BIN / "hadolint"), "--format", "json", *DOCKERFILES)):
        yield Finding("hadolint", item["code"], f"{item['file']}:{item['line']}", item["message"])


def yamllint() -> Iterator[Finding]:
    """The form of manifests and workflows."""
    config = "manifests/.yamllint.yaml"
    command = ("--strict", "--format", "parsable", "-c", config, "manifests", ".github")
    for line in _run(str(BIN / "yamllint"), *command).splitlines():
        where, _, text = line.partition(": ")
        yield Finding("yamllint", text.rpartition("(")[2].rstrip(")"), where, text)


def workflow_schema() -> Iterator[Finding]:
    """Workflows by GitHub's schema."""
    files = sorted(str(file) for file in (ROOT / ".github" / "workflows").glob("*.yml"))
    command = ("--builtin-schema", "vendor.github-workflows", "--output-format", "json", *files)
    answer = json.loads(_run(str(BIN / "check-jsonschema"), *command))
    for error in (*answer.get("errors", ()), *answer.get("parse_errors", ())):
        where = Path(error["filename"]).name
        yield Finding("check-jsonschema", "schema", where, error.get("message", "can't be read"))


def zizmor() -> Iterator[Finding]:
    """The workflows' security, strictly."""
    command = ("--offline", "--persona", "pedantic", "--format", "json", ".github/workflows")
    for item in json.loads(_run(str(BIN / "zizmor"), *command, statuses=tuple(range(15)))):
        place = item["locations"][0]["symbolic"]["key"]["Local"]
        file = Path(place.get("given_path") or place["prefix"]).name
        yield Finding("zizmor", item["ident"], file, item["desc"])


def kubernetes_validate() -> Iterator[Finding]:
    """Core objects by Kubernetes' own schemas; the tests hold the others to theirs."""
    import yaml

    from tests.manifests.validation import errors

    for file in sorted(RENDERED.glob("*.yaml")):
        for item in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            for text in errors(item):
                where = f"{file.name}:{item['kind']}.{item['metadata']['name']}"
                yield Finding("kubernetes-validate", "schema", where, text)


def checkov() -> Iterator[Finding]:
    """Dockerfiles, workflows and rendered manifests by checkov's rules."""
    tool = (str(BIN / "uv"), "tool", "run", "--quiet", "--from", CHECKOV, "checkov")
    common = ("--compact", "--quiet", "--skip-download", "--output", "json")
    places = (
        *(("--file", file, "--framework", "dockerfile") for file in DOCKERFILES),
        ("--directory", ".github", "--framework", "github_actions"),
        ("--directory", str(RENDERED), "--framework", "kubernetes"),
    )
    for place in places:
        answer: Any = json.loads(_run(*tool, *common, *place))
        for part in answer if isinstance(answer, list) else [answer]:
            for item in part.get("results", {}).get("failed_checks", []):
                file = Path(item["file_path"]).name
                where = f"{file}:{item['resource']}"
                yield Finding("checkov", item["check_id"], where, item["check_name"])


LINTERS: tuple[Callable[[], Iterator[Finding]], ...] = (
    hadolint, yamllint, workflow_schema, zizmor, kubernetes_validate, checkov,
)  # fmt: skip


def main() -> None:
    """Print what has to be done, and fail when something has."""
    os.environ.setdefault("UV_NO_PROGRESS", "1")
    # checkov asks the internet for its newest version, and waits minutes where there is none.
    os.environ.setdefault("CKV_SKIP_PACKAGE_UPDATE_CHECK", "true")
    findings: list[Finding] = []
    for linter in LINTERS:
        found = list(linter())
        sys.stdout.write(f"{linter.__name__}: {len(found)} findings\n")
        findings += found
    told = judge(findings, read_waivers(), dt.datetime.now(dt.UTC).date())
    sys.stdout.write("".join(f"{line}\n" for line in told) or "Each has a waiver.\n")
    raise SystemExit(1 if told else 0)


if __name__ == "__main__":
    main()
