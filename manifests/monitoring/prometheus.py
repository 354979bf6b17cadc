"""The rules as Prometheus reads them: from a file, and from an object of its operator."""

from __future__ import annotations

from typing import Any

from manifests.monitoring.alert import Alert, Group
from manifests.monitoring.definitions import GROUPS
from manifests.monitoring.template import for_prometheus

NAMESPACE = "tamis"


def rule_file() -> dict[str, Any]:
    """The file.

    Returns:
        Its content.
    """
    return {"groups": [_group(group) for group in GROUPS]}


def rule_object() -> dict[str, Any]:
    """The object; https://prometheus-operator.dev/docs/api-reference/api/ (PrometheusRule).

    Returns:
        Its content; alerts say their namespace there, since the operator sends an
        AlertmanagerConfig only those of its own.
    """
    spec = rule_file()
    for group in spec["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["labels"] = {**rule["labels"], "namespace": NAMESPACE}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "tamis", "namespace": NAMESPACE},
        "spec": spec,
    }


def expression(alert: Alert) -> str:
    """PromQL that gives something while the alert's value is bad."""
    return f"({alert.value}) {alert.operator} {alert.threshold:.12g}"


def _group(group: Group) -> dict[str, Any]:
    recorded = [{"record": series.name, "expr": series.value} for series in group.recorded]
    alerts = [_alert(alert) for alert in group.alerts]
    return {"name": group.name, "interval": group.every, "rules": [*recorded, *alerts]}


def _alert(alert: Alert) -> dict[str, Any]:
    rule: dict[str, Any] = {"alert": alert.name, "expr": expression(alert), "for": alert.wait}
    if alert.keep:
        rule["keep_firing_for"] = alert.keep
    rule["labels"] = alert.all_labels
    rule["annotations"] = {"summary": for_prometheus(alert), "runbook": alert.page}
    return rule
