"""Panels and dashboards as Grafana's JSON, laid out from left to right.

https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from manifests.monitoring.grafana import DATA_SOURCE

COLUMNS, HEIGHT = 24, 8
SOURCE = {"type": "prometheus", "uid": DATA_SOURCE}
SCHEMA_VERSION = 39
"""Grafana 10.4 and later; newer ones bring it up to date themselves."""


@dataclass(frozen=True)
class Query:
    """PromQL and what its series are called.

    Attributes:
        expr: PromQL; `$__rate_interval` is a window that suits the panel.
        legend: The name, with labels in double braces.
    """

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        title: What it shows.
        queries: Its series.
        unit: Grafana's name of the unit.
        kind: Lines, a number, a table of labels, or counts of buckets over time.
        width: In columns of 24.
        description: What to read from it.
        bound: A line, above which values are bad; None for none.
        stacked: Whether series are parts of a whole.
        least: The axis' lower end; None lets Grafana choose.
        most: Its upper end.
    """

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Literal["timeseries", "stat", "table", "heatmap"] = "timeseries"
    width: int = 8
    description: str = ""
    bound: float | None = None
    stacked: bool = False
    least: float | None = 0
    most: float | None = None


@dataclass(frozen=True)
class Dashboard:
    """Rows of panels.

    Attributes:
        name: Its uid is `tamis-<name>`.
        rows: Title -> panels.
    """

    name: str
    rows: dict[str, tuple[Panel, ...]]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels."""
        return tuple(itertools.chain.from_iterable(self.rows.values()))

    def json(self) -> dict[str, Any]:
        """The dashboard as Grafana reads it."""
        return {
            "uid": f"tamis-{self.name}",
            "title": f"Tamis: {self.name}",
            "tags": ["tamis"],
            "timezone": "browser",
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": []},
            "annotations": {"list": []},
            "panels": list(self._panels()),
        }

    def _panels(self) -> Iterator[dict[str, Any]]:
        number, top = itertools.count(1), 0
        for title, panels in self.rows.items():
            place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
            row = {"id": next(number), "type": "row", "title": title, "collapsed": False}
            yield {**row, "gridPos": place, "panels": []}
            top, left = top + 1, 0
            for panel in panels:
                if left + panel.width > COLUMNS:
                    top, left = top + HEIGHT, 0
                place = {"x": left, "y": top, "w": panel.width, "h": HEIGHT}
                yield {"id": next(number), **_panel(panel), "gridPos": place}
                left += panel.width
            top += HEIGHT


def _panel(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "thresholds": _thresholds(panel.bound)}
    if panel.least is not None:
        defaults["min"] = panel.least
    if panel.most is not None:
        defaults["max"] = panel.most
    if panel.kind == "timeseries":
        defaults["custom"] = _lines(panel)
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "targets": [_target(panel, i, query) for i, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": OPTIONS[panel.kind],
    }


def _target(panel: Panel, number: int, query: Query) -> dict[str, Any]:
    forms = {"table": "table", "heatmap": "heatmap"}
    now = panel.kind == "table"
    return {
        "refId": chr(ord("A") + number),
        "datasource": SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "format": forms.get(panel.kind, "time_series"),
        "instant": now,
        "range": not now,
    }


def _thresholds(bound: float | None) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"value": None, "color": "green"}]
    if bound is not None:
        steps.append({"value": bound, "color": "red"})
    return {"mode": "absolute", "steps": steps}


def _lines(panel: Panel) -> dict[str, Any]:
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 40 if panel.stacked else 0,
        "showPoints": "never",
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "off" if panel.bound is None else "line"},
    }


OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {
            "displayMode": "list",
            "placement": "bottom",
            "showLegend": True,
            "calcs": [],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "textMode": "auto",
        "orientation": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    },
    "table": {"showHeader": True, "cellHeight": "sm", "frameIndex": 0},
    "heatmap": {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "exponent": 0.5,
            "reverse": False,
            "steps": 64,
            "fill": "dark-orange",
        },
        "yAxis": {"axisPlacement": "left"},
        "rowsFrame": {"layout": "auto"},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "showValue": "never",
    },
}
"""What a kind's own plugin is told."""
