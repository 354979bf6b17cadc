"""What an InferenceService's status says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.deploy.errors import RolloutError


def is_ready(document: Mapping[str, Any]) -> bool:
    """Whether KServe says that pods are ready to answer.

    Its `observedGeneration` is that of a Deployment, not of the InferenceService, so just after a
    change this may still speak of the old pods: what answers is told by the smoke predictions.

    Args:
        document: The InferenceService.

    Returns:
        Its condition `Ready`.

    Raises:
        RolloutError: `invalid_spec` when KServe says that it can never be.
    """
    status = document.get("status") or {}
    if (status.get("modelStatus") or {}).get("transitionStatus") == "InvalidSpec":
        raise RolloutError("invalid_spec", f"KServe refuses the spec: {reason(document)}.")
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in _conditions(status))


def reason(document: Mapping[str, Any] | None) -> str:
    """Why an InferenceService isn't ready, in KServe's words, on one line.

    Args:
        document: The InferenceService; None when there is none.

    Returns:
        The conditions that aren't true, and the last failure.
    """
    if document is None:
        return "it is gone"
    status = document.get("status") or {}
    parts = []
    for condition in _conditions(status):
        if condition.get("status") != "True" and condition.get("type") != "Stopped":
            said = condition.get("message") or condition.get("reason") or "no reason given"
            parts.append(f"{condition.get('type')}: {said}")
    failure = (status.get("modelStatus") or {}).get("lastFailureInfo") or {}
    if failure:
        parts.append(f"{failure.get('reason', 'failure')}: {failure.get('message', '')}")
    return " ".join("; ".join(parts).split())[:600].rstrip(".") or "KServe gives no status"


def address(document: Mapping[str, Any]) -> str:
    """The transformer's address in the cluster; empty when KServe reports none."""
    status = document.get("status") or {}
    return str((status.get("address") or {}).get("url") or status.get("url") or "")


def _conditions(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(status.get("conditions") or [])
