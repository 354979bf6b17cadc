"""Grafana's provisioning files.

https://grafana.com/docs/grafana/latest/administration/provisioning/
https://grafana.com/docs/grafana/latest/alerting/set-up/provision-alerting-resources/file-provisioning/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from manifests.monitoring.alert import Alert, Group
from manifests.monitoring.definitions import GROUPS
from manifests.monitoring.routing import (
    GROUP_BY,
    IN_CLUSTER,
    INTERVAL,
    LABEL,
    PEOPLE,
    REPEAT,
    RETRAIN,
    RETRAIN_REPEAT,
    WAIT,
)
from manifests.monitoring.template import VALUE, for_grafana

DATA_SOURCE = "tamis-prometheus"
FOLDER = "Tamis"
THRESHOLD = "threshold"
EXPRESSIONS = "__expr__"
"""The data source of what Grafana computes itself."""
EVALUATORS = {">": "gt", "<": "lt"}
LOOK_BACK_S = 600
"""Of an instant query Grafana takes the end; the beginning must be earlier."""


def data_sources(url: str = "http://localhost:9092") -> dict[str, Any]:
    """Where Prometheus is.

    Args:
        url: Its address as Grafana's server sees it.

    Returns:
        A file for `provisioning/datasources`.
    """
    source = {
        "name": "Tamis",
        "uid": DATA_SOURCE,
        "type": "prometheus",
        "access": "proxy",
        "url": url,
        "jsonData": {"httpMethod": "POST", "timeInterval": "15s"},
    }
    return {"apiVersion": 1, "datasources": [source]}


def dashboard_provider() -> dict[str, Any]:
    """Where dashboards are: a file for `provisioning/dashboards`."""
    provider = {
        "name": "tamis",
        "folder": FOLDER,
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "options": {"path": "/etc/grafana/dashboards/tamis"},
    }
    return {"apiVersion": 1, "providers": [provider]}


def alert_rules() -> dict[str, Any]:
    """The alerts, evaluated by Grafana: a file for `provisioning/alerting`.

    Recorded series stay Prometheus' own.
    """
    return {"apiVersion": 1, "groups": [_group(group) for group in GROUPS]}


def contact_points() -> dict[str, Any]:
    """Who is told: a file for `provisioning/alerting`; the first of each is for its site to set."""
    settings = {
        "url": IN_CLUSTER,
        "httpMethod": "POST",
        "authorization_scheme": "Bearer",
        "authorization_credentials": "$__file{/etc/grafana/tamis-retrain/token}",
    }
    people = {"addresses": "$TAMIS_ALERTS_TO", "singleEmail": True}
    return {
        "apiVersion": 1,
        "contactPoints": [
            _contact(PEOPLE, "email", people),
            _contact(RETRAIN, "webhook", settings),
        ],
    }


def policies() -> dict[str, Any]:
    """Who is told of what: a file for `provisioning/alerting`; it replaces the whole tree."""
    retrain = {
        "receiver": RETRAIN,
        "object_matchers": [[LABEL[0], "=", LABEL[1]]],
        "repeat_interval": RETRAIN_REPEAT,
        "continue": True,
    }
    everyone = {"receiver": PEOPLE, "object_matchers": [["severity", "=~", ".+"]]}
    root = {
        "orgId": 1,
        "receiver": PEOPLE,
        "group_by": GROUP_BY,
        "group_wait": WAIT,
        "group_interval": INTERVAL,
        "repeat_interval": REPEAT,
        "routes": [retrain, everyone],
    }
    return {"apiVersion": 1, "policies": [root]}


def identity(alert: Alert) -> str:
    """An alert's uid: its name in lower case with dashes; Grafana takes 40 characters."""
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "-", alert.name).lower()


def _contact(name: str, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    receiver = {"uid": f"tamis-{name.removeprefix('tamis-')}", "type": kind, "settings": settings}
    return {"orgId": 1, "name": name, "receivers": [receiver]}


def _group(group: Group) -> dict[str, Any]:
    return {
        "orgId": 1,
        "name": group.name,
        "folder": FOLDER,
        "interval": group.every,
        "rules": [_rule(alert) for alert in group.alerts],
    }


def _rule(alert: Alert) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "uid": identity(alert),
        "title": alert.name,
        "condition": THRESHOLD,
        "data": list(_data(alert)),
        # As in Prometheus: what is not there is not bad, and where it is bad the query says so.
        "noDataState": "OK",
        "execErrState": "Error",
        "for": alert.wait,
    }
    if alert.keep:
        rule["keepFiringFor"] = alert.keep
    rule["labels"] = alert.all_labels
    rule["annotations"] = {"summary": for_grafana(alert), "runbook": alert.page}
    rule["isPaused"] = False
    return rule


def _data(alert: Alert) -> Iterator[dict[str, Any]]:
    for name, query in ((VALUE, alert.value), *alert.also.items()):
        yield {
            "refId": name,
            "relativeTimeRange": {"from": LOOK_BACK_S, "to": 0},
            "datasourceUid": DATA_SOURCE,
            "model": {"refId": name, "expr": query, "instant": True, "range": False},
        }
    bound = {"type": EVALUATORS[alert.operator], "params": [alert.threshold]}
    yield {
        "refId": THRESHOLD,
        "relativeTimeRange": {"from": LOOK_BACK_S, "to": 0},
        "datasourceUid": EXPRESSIONS,
        "model": {
            "refId": THRESHOLD,
            "type": "threshold",
            "expression": VALUE,
            "conditions": [{"type": "query", "evaluator": bound}],
        },
    }
