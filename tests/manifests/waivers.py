"""Findings that are let be, each with a reason and a last day."""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from tests.manifests.rendered import MANIFESTS

FILE = MANIFESTS / "waivers.yaml"
LONGEST = dt.timedelta(days=365)
LEAST_REASON = 40
"""Characters: shorter ones say what, not why."""


@dataclass(frozen=True)
class Finding:
    """What a linter found.

    Attributes:
        tool: The linter.
        check: Its rule.
        where: File and object or line.
        text: What it says.
    """

    tool: str
    check: str
    where: str
    text: str


@dataclass(frozen=True)
class Waiver:
    """Leave for a finding; see `waivers.yaml`."""

    tool: str
    check: str
    where: str
    reason: str
    expires: dt.date

    def covers(self, finding: Finding) -> bool:
        """Whether this is about that finding."""
        same = (finding.tool, finding.check) == (self.tool, self.check)
        return same and fnmatch.fnmatchcase(finding.where, self.where)


def read_waivers() -> list[Waiver]:
    """Those of `waivers.yaml`."""
    return [Waiver(**entry) for entry in yaml.safe_load(FILE.read_text(encoding="utf-8"))]


def judge(findings: Iterable[Finding], waivers: Iterable[Waiver], today: dt.date) -> list[str]:
    """What has to be done; empty when nothing has.

    Args:
        findings: What the linters found.
        waivers: What is let be.
        today: The day.

    Returns:
        A sentence for each finding without leave, and each waiver that is over, endless, without a
        reason or without use.
    """
    found, given = list(findings), list(waivers)
    told = [
        f"{finding.tool} {finding.check} {finding.where}: {finding.text}"
        for finding in found
        if not any(waiver.covers(finding) for waiver in given)
    ]
    for waiver in given:
        name = f"The waiver of {waiver.tool} {waiver.check} for {waiver.where}"
        if waiver.expires < today:
            told.append(f"{name} ended on {waiver.expires}.")
        if waiver.expires > today + LONGEST:
            told.append(f"{name} lasts longer than a year.")
        if len(waiver.reason) < LEAST_REASON:
            told.append(f"{name} gives no reason.")
        if not any(waiver.covers(finding) for finding in found):
            told.append(f"{name} is not needed.")
    return told
