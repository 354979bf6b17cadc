"""Everything there is: the one table that all files are made from."""

from __future__ import annotations

from manifests.monitoring import model, objectives, pipeline, service
from manifests.monitoring.alert import Alert, Group

GROUPS: tuple[Group, ...] = (*objectives.GROUPS, service.GROUP, model.GROUP, pipeline.GROUP)
ALERTS: tuple[Alert, ...] = tuple(alert for group in GROUPS for alert in group.alerts)
