"""GitHub and Jenkins run the same `make` targets, and nothing else; workflows are held tight."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
JENKINSFILE = (ROOT / "Jenkinsfile").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
_MAKE = re.compile(r"make ([a-z-]+)((?: [A-Z_]+=\S+)*)")
_PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$")


def _load(name: str) -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def _jobs() -> dict[str, dict[str, Any]]:
    return {job["name"]: job for file in WORKFLOWS for job in _load(file.name)["jobs"].values()}


def _target(command: str) -> str:
    match = _MAKE.fullmatch(command.strip())
    assert match, f"{command!r} is not one `make` target"
    return match[1]


def _targets_on_github() -> dict[str, list[str]]:
    return {
        name: [_target(step["run"]) for step in job["steps"] if "run" in step]
        for name, job in _jobs().items()
    }


def _targets_on_jenkins() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    stage = ""
    for line in JENKINSFILE.splitlines():
        if match := re.search(r"stage\('(\w+)'\)", line):
            stage = match[1]
            found[stage] = []
        elif match := re.search(r"\bsh\b(.*)", line):
            quoted = re.fullmatch(r" '([^']*)'", match[1])
            assert quoted, f"{line.strip()!r}: a Groovy string that the shell reads is quoted once"
            found[stage].append(_target(quoted[1]))
    return found


def test_both_run_the_same_targets_in_the_same_stages() -> None:
    assert _targets_on_github() == _targets_on_jenkins()


def test_the_stages_are_those_that_were_agreed() -> None:
    stages = {"Check", "Test", "Images", "Compile", "Report", "Comment", "Release"}
    assert set(_targets_on_github()) == stages
    assert {"check", "lint-delivery"} <= set(_targets_on_github()["Check"])
    assert {"images", "test-images"} <= set(_targets_on_github()["Images"])


def test_every_target_is_in_the_makefile() -> None:
    known = set()
    for line in MAKEFILE.splitlines():
        if match := re.match(r"([\w-]+(?: [\w-]+)*):(?![=])", line):
            known |= set(match[1].split())
    called = {target for targets in _targets_on_github().values() for target in targets}
    assert called <= known


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_actions_are_pinned_by_commit_and_say_which_version(file: Any) -> None:
    lines = [line.strip("- ") for line in file.read_text(encoding="utf-8").splitlines()]
    used = [line for line in lines if line.startswith("uses:")]
    assert used
    assert [line for line in used if not _PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_workflows_may_do_nothing_that_they_do_not_say(file: Any) -> None:
    document = _load(file.name)
    assert document["permissions"] == {}
    assert document["concurrency"]["group"]
    for job in document["jobs"].values():
        assert job["permissions"].get("contents", "read") == "read"
        assert 0 < job["timeout-minutes"] <= 90
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            # An expression in a script is code that whoever names a branch can write.
            assert "${{" not in step.get("run", "")


def test_no_workflow_gives_a_fork_s_code_a_token_that_writes() -> None:
    for file in WORKFLOWS:
        triggers = _load(file.name)[True]  # YAML 1.1 reads the key `on` as true
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(triggers)
    comment = _jobs()["Comment"]
    assert "head.repo.full_name == github.repository" in comment["if"]
    checkout = next(step for step in comment["steps"] if "checkout" in step.get("uses", ""))
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"


def test_a_change_of_the_pipeline_is_reported_by_both() -> None:
    paths = set(_load("pipeline.yml")[True]["pull_request"]["paths"])
    assert paths == set(re.findall(r"changeset '([^']+)'", JENKINSFILE))
    assert {"components/**", "pipelines/**", "params.yaml"} <= paths


def test_a_release_has_a_bill_of_materials_and_its_provenance() -> None:
    recipe = MAKEFILE[MAKEFILE.index("\nrelease:") :]
    assert "--sbom=true" in recipe
    assert "--provenance=mode=max" in recipe
    assert "--push" in recipe
    uses = [step.get("uses", "") for step in _jobs()["Release"]["steps"]]
    assert any(use.startswith("actions/attest-build-provenance@") for use in uses)
