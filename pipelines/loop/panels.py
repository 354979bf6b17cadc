"""Whether the dashboards have something to show: each panel's query, asked of Prometheus itself."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request

from components.contract.errors import TamisError

INTERVAL = "1m"
"""What Grafana would put for `$__rate_interval` at a scrape a second."""


def empty_panels(prometheus: str) -> dict[str, str]:
    """Ask every panel's queries once.

    Args:
        prometheus: Its address.

    Returns:
        Panel -> query of those that give nothing.

    Raises:
        TamisError: `loop_failed` when Prometheus refuses one.
    """
    from manifests.monitoring.dashboards import DASHBOARDS

    queries = [
        (f"{dashboard.name}: {panel.title}", query.expr.replace("$__rate_interval", INTERVAL))
        for dashboard in DASHBOARDS
        for panel in dashboard.panels
        for query in panel.queries
    ]
    return {name: expr for name, expr in queries if not _answers(prometheus, expr)}


def _answers(prometheus: str, query: str) -> bool:
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - loopback
            return bool(json.load(answer)["data"]["result"])
    except (OSError, ValueError, KeyError) as error:
        raise TamisError("loop_failed", f"Prometheus refuses {query!r}: {error}.") from error
