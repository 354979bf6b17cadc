"""Nobody may do more than the table in docs/adr/0007-cluster.md says, which says why."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.manifests.rendered import pods, render
from tests.manifests.sources import OVERLAYS

Rule = tuple[str, str, frozenset[str], frozenset[str]]
"""API group, resource, names (none: all), verbs."""
SMOKE = "serviceaccounts/token"


def _table() -> set[Rule]:
    """The rows of the decision's tables."""
    text = (ROOT / "docs" / "adr" / "0007-cluster.md").read_text(encoding="utf-8")
    section = text[text.index("## RBAC") : text.index("## Secrets")]
    rules = set()
    for line in section.splitlines():
        if not line.startswith("| ") or line.startswith("| API group"):
            continue
        group, resource, names, verbs = (cell.strip() for cell in line.strip("|").split("|"))
        rules.add(
            (
                "" if group == "(core)" else group,
                resource,
                frozenset(re.findall(r"`([^`]+)`", names)),
                frozenset(verb.strip() for verb in verbs.split(",")),
            )
        )
    return rules


def _rules(folder: str, kind: str = "Role") -> set[Rule]:
    found = set()
    for item in render(folder):
        if item["kind"] != kind:
            continue
        for rule in item["rules"]:
            assert set(rule) <= {"apiGroups", "resources", "resourceNames", "verbs"}
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    names, verbs = rule.get("resourceNames", []), rule["verbs"]
                    found.add((group, resource, frozenset(names), frozenset(verbs)))
    return found


def test_roles_are_the_table() -> None:
    table = _table()
    assert len(table) == 5
    smoke = {rule for rule in table if rule[1] == SMOKE}
    training = {rule for rule in table if rule[1] == "trainjobs"}
    assert _rules("overlays/production") == table - smoke - training
    assert _rules("overlays/local") == table - training
    assert _rules("trainer") == training


@pytest.mark.parametrize("folder", [*OVERLAYS, "trainer"])
def test_nothing_is_granted_in_the_whole_cluster(folder: str) -> None:
    kinds = {item["kind"] for item in render(folder)}
    assert not {"ClusterRole", "ClusterRoleBinding"} & kinds
    for rule in _rules(folder):
        assert "*" not in (rule[0], rule[1], *rule[3])
        assert rule[1] != "secrets"


@pytest.mark.parametrize("folder", ["overlays/local", "overlays/production", "trainer"])
def test_roles_are_bound_to_the_deployer_alone(folder: str) -> None:
    bindings = [item for item in render(folder) if item["kind"] == "RoleBinding"]
    assert bindings
    roles = {
        (item["metadata"]["namespace"], item["metadata"]["name"])
        for item in render(folder)
        if item["kind"] == "Role"
    }
    for item in bindings:
        assert (item["metadata"]["namespace"], item["roleRef"]["name"]) in roles
        subjects: list[dict[str, Any]] = item["subjects"]
        assert subjects == [
            {"kind": "ServiceAccount", "name": "tamis-deployer", "namespace": "kubeflow"}
        ]


@pytest.mark.parametrize("folder", ["overlays/local", "overlays/production"])
def test_no_account_mounts_a_token_by_itself(folder: str) -> None:
    accounts = [item for item in render(folder) if item["kind"] == "ServiceAccount"]
    assert accounts
    for item in accounts:
        assert item["automountServiceAccountToken"] is False, item["metadata"]["name"]


def test_pods_that_need_no_account_do_not_share_one() -> None:
    for pod in pods(render("overlays/production"), production=True):
        assert pod.spec["serviceAccountName"] == pod.name.partition("/")[2]
