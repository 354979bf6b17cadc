"""Prometheus and Alertmanager as `make monitor --quick` has them, and what they say."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipelines.loop.processes import running

REPEAT = "5s"
"""Alertmanager's routes tell the trigger again after an hour; here after a moment, so that labels
which come in are noticed."""


@contextlib.contextmanager
def monitoring(
    folder: Path,
    variables: Mapping[str, str],
    ports: tuple[int, int],
    webhook: str,
    targets: Mapping[str, str],
) -> Iterator[str]:
    """Both programs, started from the project's own definitions.

    Args:
        folder: Where their files go.
        variables: Their environment.
        ports: Prometheus' and Alertmanager's.
        webhook: The trigger's address for alerts.
        targets: Component -> host:port of its metrics.

    Yields:
        Prometheus' address.

    Raises:
        TamisError: `loop_failed`; InputError: `not_installed`.
    """
    from manifests.monitoring import laptop as files
    from manifests.monitoring.monitor import program

    token = folder / ".tamis" / "trigger" / "token"
    laptop = files.Laptop(folder / "monitor", ports[0], ports[1], webhook, token, quick=True)
    commands = {
        "alertmanager": files.alertmanager_command(laptop, program("Alertmanager")),
        "prometheus": files.prometheus_command(laptop, program("Prometheus")),
    }
    files.write(laptop)
    _impatient(laptop.folder / "alertmanager.yaml")
    files.watch(laptop.folder, targets)
    urls = {"alertmanager": laptop.alertmanager_url, "prometheus": laptop.prometheus_url}
    with contextlib.ExitStack() as stack:
        for name, command in commands.items():
            url = f"{urls[name]}/-/ready"
            stack.enter_context(running(name, command, folder, variables, url))
        yield laptop.prometheus_url


def firing(prometheus: str) -> set[str]:
    """Names of the alerts that fire and may start a retraining."""
    alerts = _get(f"{prometheus}/api/v1/alerts").get("data", {}).get("alerts", [])
    return {
        alert["labels"]["alertname"]
        for alert in alerts
        if alert["state"] == "firing" and alert["labels"].get("retrain") == "true"
    }


def _get(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
            document = json.load(answer)
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _impatient(file: Path) -> None:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    for route in document["route"]["routes"]:
        if "repeat_interval" in route:
            route["repeat_interval"] = REPEAT
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
