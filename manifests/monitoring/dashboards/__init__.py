"""The dashboards, each a table of panels."""

from __future__ import annotations

from manifests.monitoring.dashboards import model, pipeline, service

DASHBOARDS = (service.DASHBOARD, model.DASHBOARD, pipeline.DASHBOARD)
