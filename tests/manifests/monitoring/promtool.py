"""`promtool test rules` on cases, and what it says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from manifests.monitoring.alert import Alert
from tests.manifests.monitoring.case import Case


def binary(name: str) -> str:
    """Where a program of Debian's packages prometheus and prometheus-alertmanager is."""
    found = shutil.which(name)
    assert found, f"{name} is not installed: .ci/run says how"
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def only(rules: Mapping[str, Any], alert: str) -> dict[str, Any]:
    """The rules without what one alert doesn't need: promtool evaluates all at each step."""
    every = [rule for group in rules["groups"] for rule in group["rules"]]
    (kept,) = (rule for rule in every if rule.get("alert") == alert)
    needed, text = [kept], kept["expr"]
    while True:
        more = [
            rule
            for rule in every
            if rule not in needed and "record" in rule and rule["record"] in text
        ]
        if not more:
            break
        needed += more
        text = " ".join(rule["expr"] for rule in needed)
    # Made before they are read, as in the file.
    return {"groups": [{"name": "g", "rules": [rule for rule in every if rule in needed]}]}


def failures(
    rules: Mapping[str, Any], cases: Iterable[Case], alerts: Mapping[str, Alert], folder: Path
) -> str:
    """What promtool finds wrong; empty when all is as the cases say."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.every, []).append(case)
    told = ""
    for every, some in groups.items():
        document = {
            "rule_files": ["rules.yaml"],
            "evaluation_interval": every,
            "tests": [case.promtool(alerts[case.alert]) for case in some],
        }
        file = folder / f"cases-{every}.yaml"
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        done = run(binary("promtool"), "test", "rules", str(file))
        if done.returncode:
            told += done.stdout + done.stderr
    return told
