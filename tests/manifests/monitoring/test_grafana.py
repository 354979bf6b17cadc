"""Grafana's files say what Prometheus' say, and are what Grafana reads."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
import yaml

from manifests.monitoring.files import FOLDER, PROVISIONING

OPERATORS = {"gt": ">", "lt": "<"}
STRING = {"type": "string", "minLength": 1}
DURATION = {"type": "string", "pattern": r"^\d+[smhd]$"}
STRINGS = {"type": "object", "additionalProperties": STRING}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1}


# The keys that Grafana's provisioning reads; an unknown one it would pass over in silence.
# https://github.com/grafana/grafana/tree/main/pkg/services/provisioning
QUERY = _object(
    {
        "refId": STRING,
        "relativeTimeRange": _object({"from": {"type": "integer"}, "to": {"type": "integer"}}),
        "datasourceUid": STRING,
        "model": {"type": "object"},
    }
)
RULE = _object(
    {
        "uid": {"type": "string", "pattern": r"^[a-zA-Z0-9_-]{1,40}$"},
        "title": {"type": "string", "minLength": 1, "maxLength": 190},
        "condition": STRING,
        "data": _list(QUERY),
        "noDataState": {"enum": ["Alerting", "NoData", "OK", "KeepLast"]},
        "execErrState": {"enum": ["Alerting", "Error", "OK", "KeepLast"]},
        "for": DURATION,
        "labels": STRINGS,
        "annotations": STRINGS,
        "isPaused": {"type": "boolean"},
    },
    {"keepFiringFor": DURATION},
)
GROUP = _object(
    {
        "orgId": {"const": 1},
        "name": STRING,
        "folder": STRING,
        "interval": DURATION,
        "rules": _list(RULE),
    }
)
RECEIVER = _object(
    {"uid": RULE["properties"]["uid"], "type": {"enum": ["email", "webhook"]}, "settings": STRINGS}
)
RECEIVER["properties"]["settings"] = {
    "oneOf": [
        _object(
            {
                "url": STRING,
                "httpMethod": {"enum": ["POST", "PUT"]},
                "authorization_scheme": STRING,
                "authorization_credentials": STRING,
            }
        ),
        _object({"addresses": STRING, "singleEmail": {"type": "boolean"}}),
    ]
}
MATCHER = {
    "type": "array",
    "prefixItems": [STRING, {"enum": ["=", "!=", "=~", "!~"]}, STRING],
    "minItems": 3,
    "maxItems": 3,
}
ROUTE = _object(
    {"receiver": STRING, "object_matchers": _list(MATCHER)},
    {"repeat_interval": DURATION, "continue": {"type": "boolean"}},
)
POLICY = _object(
    {
        "orgId": {"const": 1},
        "receiver": STRING,
        "group_by": _list(STRING),
        "group_wait": DURATION,
        "group_interval": DURATION,
        "repeat_interval": DURATION,
        "routes": _list(ROUTE),
    }
)
SOURCE = _object(
    {
        "name": STRING,
        "uid": RULE["properties"]["uid"],
        "type": {"const": "prometheus"},
        "access": {"enum": ["proxy"]},
        "url": {"type": "string", "pattern": "^https?://"},
        "jsonData": _object({"httpMethod": {"enum": ["GET", "POST"]}, "timeInterval": DURATION}),
    }
)
PROVIDER = _object(
    {
        "name": STRING,
        "folder": STRING,
        "type": {"const": "file"},
        "disableDeletion": {"type": "boolean"},
        "allowUiUpdates": {"type": "boolean"},
        "options": _object({"path": {"type": "string", "pattern": "^/"}}),
    }
)
FILES = {
    "alerting/rules.yaml": ("groups", GROUP),
    "alerting/contact-points.yaml": (
        "contactPoints",
        _object({"orgId": {"const": 1}, "name": STRING, "receivers": _list(RECEIVER)}),
    ),
    "alerting/policies.yaml": ("policies", POLICY),
    "datasources/tamis.yaml": ("datasources", SOURCE),
    "dashboards/tamis.yaml": ("providers", PROVIDER),
}


def read(path: str) -> Any:
    return yaml.safe_load((FOLDER / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES)
def test_grafana_knows_every_key(path: str) -> None:
    key, item = FILES[path]
    schema = _object({"apiVersion": {"const": 1}, key: _list(item)})
    errors = jsonschema.Draft202012Validator(schema).iter_errors(read(f"{PROVISIONING}/{path}"))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_every_provisioning_file_is_held_to_its_keys() -> None:
    folder = FOLDER / PROVISIONING
    assert {str(f.relative_to(folder)) for f in folder.rglob("*.yaml")} == set(FILES)


GRAFANA = {
    rule["title"]: (group, rule)
    for group in read(f"{PROVISIONING}/alerting/rules.yaml")["groups"]
    for rule in group["rules"]
}
PROMETHEUS = {
    rule["alert"]: (group, rule)
    for group in read("prometheus/rules.yaml")["groups"]
    for rule in group["rules"]
    if "alert" in rule
}


def test_both_have_the_same_alerts() -> None:
    assert list(GRAFANA) == list(PROMETHEUS)
    assert len({rule["uid"] for _, rule in GRAFANA.values()}) == len(GRAFANA)


@pytest.mark.parametrize("name", PROMETHEUS)
def test_both_say_the_same(name: str) -> None:
    """Grafana's rule, put together again as Prometheus would have it."""
    (group, rule), (other_group, other) = GRAFANA[name], PROMETHEUS[name]
    query, *also, threshold = rule["data"]
    assert rule["condition"] == threshold["refId"]
    assert threshold["datasourceUid"] == "__expr__"
    assert threshold["model"]["type"] == "threshold"
    assert threshold["model"]["expression"] == query["refId"]
    (condition,) = threshold["model"]["conditions"]
    (bound,) = condition["evaluator"]["params"]
    operator = OPERATORS[condition["evaluator"]["type"]]
    assert f"({query['model']['expr']}) {operator} {bound:.12g}" == other["expr"]
    assert group["name"] == other_group["name"]
    assert group["interval"] == other_group["interval"]
    assert rule["for"] == other["for"]
    assert rule.get("keepFiringFor") == other.get("keep_firing_for")
    assert rule["labels"] == other["labels"]
    assert rule["annotations"]["runbook"] == other["annotations"]["runbook"]
    assert rule["noDataState"] == "OK"  # as Prometheus has it
    for item in (query, *also):
        assert item["model"]["instant"]
        assert not item["model"]["range"]
        assert item["model"]["refId"] == item["refId"]
    told = sentence(rule["annotations"]["summary"], {i["refId"]: i["model"]["expr"] for i in also})
    assert told == sentence(other["annotations"]["summary"], {})


def sentence(template: str, queries: dict[str, str]) -> str:
    """A summary with `<PromQL or field|format>` where something is filled in."""
    told = re.sub(
        r"\{\{ with query `(.*?)` \}\}\{\{ \. \| first \| value \| (.*?) \}\}"
        r"\{\{ else \}\}unknown\{\{ end \}\}",
        r"<\1|\2>",
        template,
    )
    told = re.sub(r"\{\{ (?:\.Value|\.Values\.A\.Value) \| (.*?) \}\}", r"<value|\1>", told)
    for name, query in queries.items():
        pattern = rf"\{{\{{ \.Values\.{name}\.Value \| (.*?) \}}\}}"
        told = re.sub(pattern, lambda match, query=query: f"<{query}|{match[1]}>", told)
    told = re.sub(r"\{\{ \.Labels\.(\w+) \}\}", r"<label \1>", told)
    assert "{{" not in told, told
    return told


def test_a_summary_has_no_dollar_for_grafana_to_take_as_a_variable() -> None:
    for _, rule in GRAFANA.values():
        for text in (*rule["annotations"].values(), *rule["labels"].values(), rule["title"]):
            assert "$" not in text


def test_both_tell_the_same_people_of_the_same() -> None:
    file = read("alertmanager/alertmanager.yaml")
    (policy,) = read(f"{PROVISIONING}/alerting/policies.yaml")["policies"]
    root = file["route"]
    for key in ("receiver", "group_by", "group_wait", "group_interval", "repeat_interval"):
        assert policy[key] == root[key]
    retrain, everyone = policy["routes"]
    theirs, all_ = root["routes"]
    assert (retrain["receiver"], everyone["receiver"]) == (theirs["receiver"], all_["receiver"])
    assert retrain["continue"] is theirs["continue"] is True
    assert retrain["repeat_interval"] == theirs["repeat_interval"]
    assert ['{}{}"{}"'.format(*m) for m in retrain["object_matchers"]] == theirs["matchers"]
    # Grafana has no route without matchers: every alert of ours has a severity.
    assert everyone["object_matchers"] == [["severity", "=~", ".+"]]
    assert all(rule["labels"]["severity"] for _, rule in GRAFANA.values())
    points = read(f"{PROVISIONING}/alerting/contact-points.yaml")["contactPoints"]
    assert {p["name"] for p in points} == {r["name"] for r in file["receivers"]}


def test_queries_go_to_the_data_source_that_is_provisioned() -> None:
    (source,) = read(f"{PROVISIONING}/datasources/tamis.yaml")["datasources"]
    asked = {i["datasourceUid"] for _, rule in GRAFANA.values() for i in rule["data"]}
    assert asked == {source["uid"], "__expr__"}
