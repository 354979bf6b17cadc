"""Prometheus and Alertmanager on a laptop: their files and commands, from the same definitions.

https://prometheus.io/docs/prometheus/latest/configuration/configuration/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.contract.artifact import replace_json, storage_error
from manifests.monitoring.files import as_yaml
from manifests.monitoring.prometheus import rule_file
from manifests.monitoring.routing import alertmanager
from manifests.monitoring.selectors import JOB

TARGETS = "targets.json"
HASTE = 60
"""Times as fast everything goes when it is to be seen to work: minutes become seconds."""
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True)
class Laptop:
    """Where things are; all on loopback.

    Attributes:
        folder: For files and data.
        prometheus_port: Prometheus' port.
        alertmanager_port: Alertmanager's port.
        webhook: The retraining trigger's address for alerts.
        token_file: The token that it asks for.
        quick: Whether alerts wait seconds instead of minutes, to see them work. What they look
            back upon stays as long.
    """

    folder: Path
    prometheus_port: int = 9092
    alertmanager_port: int = 9093
    webhook: str = "http://127.0.0.1:8090/alerts"
    token_file: Path = Path(".tamis/trigger/token")
    quick: bool = False

    @property
    def prometheus_url(self) -> str:
        """Prometheus' address."""
        return f"http://127.0.0.1:{self.prometheus_port}"

    @property
    def alertmanager_url(self) -> str:
        """Alertmanager's address."""
        return f"http://127.0.0.1:{self.alertmanager_port}"


def write(laptop: Laptop) -> None:
    """Write what both read when they start; nobody is watched yet.

    Args:
        laptop: Where to.

    Raises:
        TamisError: The file system's refusal.
    """
    hook = alertmanager(laptop.webhook, str(laptop.token_file.absolute()))
    rules = rule_file()
    if laptop.quick:
        hook, rules = hastened(hook), hastened(rules)
    documents = {
        "prometheus.yaml": _prometheus(laptop),
        "rules.yaml": rules,
        "alertmanager.yaml": hook,
    }
    try:
        laptop.folder.mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            (laptop.folder / name).write_text(as_yaml(document), encoding="utf-8")
    except OSError as error:
        raise storage_error(error, laptop.folder) from error
    watch(laptop.folder, {})


def watch(folder: Path, targets: Mapping[str, str]) -> None:
    """Say who is watched from now on; Prometheus reads it by itself.

    Args:
        folder: `Laptop.folder`.
        targets: Component -> host:port of its metrics.

    Raises:
        TamisError: The file system's refusal.
    """
    groups = [
        {"targets": [address], "labels": {"component": component}}
        for component, address in targets.items()
    ]
    try:
        replace_json(folder / TARGETS, groups)
    except OSError as error:
        raise storage_error(error, folder / TARGETS) from error


def prometheus_command(laptop: Laptop, binary: str) -> list[str]:
    """How Prometheus is started.

    Args:
        laptop: As written.
        binary: The program.

    Returns:
        The command.
    """
    return [
        binary,
        f"--config.file={laptop.folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={laptop.folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{laptop.prometheus_port}",
        "--log.level=warn",
    ]


def alertmanager_command(laptop: Laptop, binary: str) -> list[str]:
    """How Alertmanager is started.

    Args:
        laptop: As written.
        binary: The program.

    Returns:
        The command.
    """
    return [
        binary,
        f"--config.file={laptop.folder / 'alertmanager.yaml'}",
        f"--storage.path={laptop.folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{laptop.alertmanager_port}",
        "--cluster.listen-address=",  # alone: it would take a port on every interface
        "--log.level=warn",
    ]


def hastened(document: Any) -> Any:
    """Rules or routes with each waiting time a sixtieth, at least a second; queries as they are."""
    waits = {"for", "keep_firing_for", "interval", "group_wait", "group_interval"}
    if isinstance(document, dict):
        return {
            key: _hasten(value) if key in waits else hastened(value)
            for key, value in document.items()
        }
    if isinstance(document, list):
        return [hastened(item) for item in document]
    return document


def _hasten(duration: str) -> str:
    match = re.fullmatch(r"(\d+)([smhd])", duration)
    assert match, duration
    return f"{max(1, int(match[1]) * _UNITS[match[2]] // HASTE)}s"


def _prometheus(laptop: Laptop) -> dict[str, Any]:
    every = "1s" if laptop.quick else "5s"
    return {
        "global": {"scrape_interval": every, "evaluation_interval": every},
        "rule_files": ["rules.yaml"],
        "alerting": {
            "alertmanagers": [
                {"static_configs": [{"targets": [f"127.0.0.1:{laptop.alertmanager_port}"]}]}
            ]
        },
        "scrape_configs": [
            {
                "job_name": JOB,
                "file_sd_configs": [{"files": [TARGETS], "refresh_interval": "5s"}],
            }
        ],
    }
