"""What is committed is what is defined, and what Prometheus and Alertmanager would take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from manifests.monitoring import routing
from manifests.monitoring.definitions import ALERTS, GROUPS
from manifests.monitoring.files import FOLDER, PROVISIONING, contents
from tests.conftest import ROOT
from tests.manifests.monitoring.promtool import binary, run
from tests.manifests.rendered import render

RUNBOOKS = ROOT / "docs" / "runbooks"


def read(path: str) -> Any:
    return yaml.safe_load((FOLDER / path).read_text(encoding="utf-8"))


def test_what_is_committed_is_what_the_definitions_make() -> None:
    found = {
        str(file.relative_to(FOLDER)): file.read_text(encoding="utf-8")
        for suffix in ("*.yaml", "*.json")
        for file in FOLDER.rglob(suffix)
    }
    assert set(found) == set(contents())
    stale = [path for path, text in contents().items() if found[path] != text]
    assert stale == [], "python -m manifests.monitoring"


def test_prometheus_takes_the_rules() -> None:
    done = run(binary("promtool"), "check", "rules", str(FOLDER / "prometheus" / "rules.yaml"))
    assert done.returncode == 0, done.stderr
    assert f"SUCCESS: {sum(len(g.recorded) + len(g.alerts) for g in GROUPS)} rules" in done.stdout


def test_alertmanager_takes_its_file() -> None:
    file = FOLDER / "alertmanager" / "alertmanager.yaml"
    done = run(binary("amtool"), "check-config", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_cluster_s_rules_are_the_laptop_s() -> None:
    (rule,) = (r for r in render("overlays/production") if r["kind"] == "PrometheusRule")
    groups = rule["spec"]["groups"]
    for group in groups:
        for entry in group["rules"]:
            if "alert" in entry:
                # An AlertmanagerConfig is sent what is of its own namespace alone.
                assert entry["labels"].pop("namespace") == rule["metadata"]["namespace"]
    assert groups == read("prometheus/rules.yaml")["groups"]


def test_the_cluster_s_dashboards_are_the_laptop_s() -> None:
    (shown,) = (
        item
        for item in render("overlays/production")
        if item["kind"] == "ConfigMap" and item["metadata"]["name"] == "tamis-dashboards"
    )
    assert shown["metadata"]["labels"]["grafana_dashboard"] == "1"
    files = {file.name: file.read_text() for file in (FOLDER / "grafana/dashboards").iterdir()}
    assert shown["data"] == {f"tamis-{name}": text for name, text in files.items()}


def test_every_target_has_the_names_that_rules_use() -> None:
    """`job` and `component`, as in the laptop's file of targets."""
    monitors = [r for r in render("overlays/production") if r["kind"] == "PodMonitor"]
    assert len(monitors) == 2
    for monitor in monitors:
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        set_ = {r["targetLabel"]: r["replacement"] for r in endpoint["relabelings"]}
        assert set_["job"] == "tamis"
        assert "component" in (*set_, *monitor["spec"].get("podTargetLabels", ()))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_has_a_section_in_a_runbook(alert: Any) -> None:
    page, _, anchor = alert.page.partition("#")
    headings = re.findall(r"^## (\w+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in [heading.lower() for heading in headings]
    assert alert.name in headings


def test_runbooks_tell_of_no_other_alerts() -> None:
    told = [
        name
        for page in RUNBOOKS.glob("*.md")
        for name in re.findall(r"^## (\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert sorted(told) == sorted(alert.name for alert in ALERTS)


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_runbook_s_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path, anchor in re.findall(r"\]\(([\w./-]*)#?([\w-]*)\)", text):
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), path
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        if anchor:
            assert anchor in [heading.lower().replace(" ", "-") for heading in headings], anchor


def test_a_runbook_names_panels_that_are_there() -> None:
    from manifests.monitoring.dashboards import DASHBOARDS

    titles = {panel.title for dashboard in DASHBOARDS for panel in dashboard.panels}
    titles |= {f"Tamis: {dashboard.name}" for dashboard in DASHBOARDS}
    for page in RUNBOOKS.glob("*.md"):
        named = re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", page.read_text(encoding="utf-8"))
        assert named
        assert [name for name in named if name.replace("\n", " ") not in titles] == []


RETRAINS = {
    "TamisInputDrift": "input",
    "TamisPredictionDrift": "prediction",
    "TamisConceptDrift": "concept",
    "TamisFeedbackAccuracyLow": "concept",
}


def test_the_alerts_that_start_a_retraining_are_these() -> None:
    found = {a.name: a.labels.get("kind") for a in ALERTS if a.labels.get("retrain") == "true"}
    assert found == RETRAINS


def _told(labels: dict[str, str]) -> list[str]:
    """Who Alertmanager tells."""
    file = FOLDER / "alertmanager" / "alertmanager.yaml"
    words = [f"{name}={value}" for name, value in labels.items()]
    command = ("config", "routes", "test", f"--config.file={file}", *words)
    done = run(binary("amtool"), *command)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split(",")


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_people_are_told_of_all_and_the_trigger_of_what_may_retrain(alert: Any) -> None:
    expected = ["tamis-retrain", "people"] if alert.name in RETRAINS else ["people"]
    assert _told({"alertname": alert.name, **alert.all_labels}) == expected


def test_the_trigger_is_where_the_cluster_has_it_and_asks_for_a_token() -> None:
    (service,) = (
        item
        for item in render("overlays/production")
        if item["kind"] == "Service" and item["metadata"]["name"] == "tamis-retrain"
    )
    (port,) = service["spec"]["ports"]
    assert (
        f"http://tamis-retrain.{service['metadata']['namespace']}.svc.cluster.local:"
        f"{port['port']}/alerts"
    ) == routing.IN_CLUSTER
    file = read("alertmanager/alertmanager.yaml")
    (hook,) = next(r for r in file["receivers"] if r["name"] == "tamis-retrain")["webhook_configs"]
    assert hook["url"] == routing.IN_CLUSTER
    assert hook["http_config"]["authorization"]["credentials_file"].startswith("/")
    (config,) = (r for r in render("overlays/production") if r["kind"] == "AlertmanagerConfig")
    assert config["spec"]["route"]["matchers"] == [{"name": "retrain", "value": "true"}]
    (own,) = config["spec"]["receivers"][0]["webhookConfigs"]
    assert own["url"] == routing.IN_CLUSTER
    (deployment,) = (
        item
        for item in render("overlays/production")
        if item["kind"] == "Deployment" and item["metadata"]["name"] == "tamis-retrain"
    )
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (variable,) = (v for v in container["env"] if v["name"] == "TAMIS_TRIGGER_TOKEN")
    asked = variable["valueFrom"]["secretKeyRef"]
    assert own["httpConfig"]["authorization"]["credentials"] == asked
    secrets = [r for r in render("overlays/production") if r["kind"] == "ExternalSecret"]
    assert asked["name"] in {r["spec"]["target"]["name"] for r in secrets}
    points = read(f"{PROVISIONING}/alerting/contact-points.yaml")["contactPoints"]
    (grafana,) = next(p for p in points if p["name"] == "tamis-retrain")["receivers"]
    assert grafana["settings"]["url"] == routing.IN_CLUSTER
    assert grafana["settings"]["authorization_scheme"] == "Bearer"
    assert grafana["settings"]["authorization_credentials"].startswith("$__file{/")
