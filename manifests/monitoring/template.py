"""An alert's sentence in the words of those who fill it in.

Both fill Go templates with much the same functions. Fields (`.Value`) rather than variables
(`$value`), since Grafana takes a dollar in a provisioning file for an environment variable.
https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
https://grafana.com/docs/grafana/latest/alerting/alerting-rules/templates/reference/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from manifests.monitoring.alert import Alert

FORMATS: Mapping[str, str] = {
    "number": 'printf "%.3g"',
    "percent": "humanizePercentage",
    "duration": "humanizeDuration",
    "time": "humanizeTimestamp",
}
VALUE = "A"
"""The name of the alert's own query in Grafana."""
_PLACE = re.compile(r"\{(value|label|[a-z]+)([.:])([a-z]+)\}")


def for_prometheus(alert: Alert) -> str:
    """The summary as Prometheus fills it in.

    Args:
        alert: The alert.

    Returns:
        A Go template.
    """

    def other(name: str, form: str) -> str:
        # `query` gives a list: of nothing when the series is missing.
        told = f"{{{{ . | first | value | {form} }}}}"
        return f"{{{{ with query `{alert.also[name]}` }}}}{told}{{{{ else }}}}unknown{{{{ end }}}}"

    return _fill(alert.summary, lambda form: f"{{{{ .Value | {form} }}}}", other)


def for_grafana(alert: Alert) -> str:
    """The summary as Grafana fills it in.

    Args:
        alert: The alert; its value is the query `VALUE`, each other number a query of its name.

    Returns:
        A Go template.
    """

    def named(name: str, form: str) -> str:
        return f"{{{{ .Values.{name}.Value | {form} }}}}"

    return _fill(alert.summary, lambda form: named(VALUE, form), named)


def _fill(summary: str, own: Callable[[str], str], other: Callable[[str, str], str]) -> str:
    def place(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if kind == ".":
            return f"{{{{ .Labels.{rest} }}}}"
        return own(FORMATS[rest]) if name == "value" else other(name, FORMATS[rest])

    return _PLACE.sub(place, summary)
