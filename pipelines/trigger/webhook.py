"""What Alertmanager posts, read strictly: its webhook's JSON, version 4.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from components.contract.errors import InputError

VERSION = "4"
BODY_BYTES = 2**20
"""An alert takes about a kilobyte and a group holds dozens; beyond it nobody means well."""
ALERTS = 1_000
"""Alerts in one notification; Alertmanager's `max_alerts` cuts a larger group short."""
TEXT_CHARACTERS = 200
"""Longest alert name or kind that is kept."""

_FINGERPRINT = re.compile(r"[0-9a-f]{1,32}")
"""Alertmanager writes a 64-bit hash as 16 hex digits."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_RETRAIN, _KIND = "retrain", "kind"


@dataclass(frozen=True)
class Alert:
    """An alert that asks for a retraining.

    Attributes:
        name: Its name.
        kind: What drifted; empty when it doesn't say.
        cause: Identifies one episode: the alert's fingerprint and since when it fires. It stays
            while Alertmanager repeats itself and changes when the alert fires anew.
    """

    name: str
    kind: str
    cause: str


def read_notification(body: bytes) -> tuple[Alert, ...]:
    """The alerts of a notification that fire and are labelled `retrain: "true"`.

    Args:
        body: The request's body.

    Returns:
        One of each cause, in order; none when the notification holds no such alert.

    Raises:
        InputError: `bad_json`, `unknown_version`, `bad_notification`.
    """
    try:
        document = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InputError("bad_json", "The body is not JSON.") from error
    if not isinstance(document, Mapping):
        raise InputError("bad_notification", "The body is no JSON object.")
    version = document.get("version")
    if version != VERSION:
        raise InputError(
            "unknown_version", f"This is no Alertmanager notification of version {VERSION}."
        )
    alerts = document.get("alerts")
    if not isinstance(alerts, list) or len(alerts) > ALERTS:
        raise InputError("bad_notification", f"'alerts' must be a list of at most {ALERTS:,}.")
    read = [_read(alert, f"alerts[{number}]") for number, alert in enumerate(alerts)]
    return tuple({alert.cause: alert for alert in read if alert is not None}.values())


def _read(alert: Any, where: str) -> Alert | None:
    if not isinstance(alert, Mapping):
        raise InputError("bad_notification", f"{where} is no object.")
    labels, status = alert.get("labels"), alert.get("status")
    if not isinstance(labels, Mapping) or not all(isinstance(v, str) for v in labels.values()):
        raise InputError("bad_notification", f"{where}.labels must map names to texts.")
    if status not in ("firing", "resolved"):
        raise InputError("bad_notification", f"{where}.status must be firing or resolved.")
    fingerprint, since = alert.get("fingerprint"), alert.get("startsAt")
    if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
        raise InputError("bad_notification", f"{where}.fingerprint must be hexadecimal digits.")
    started = _moment(since, where)
    if status != "firing" or labels.get(_RETRAIN) != "true":
        return None
    name, kind = (str(labels.get(key, ""))[:TEXT_CHARACTERS] for key in ("alertname", _KIND))
    return Alert(name, kind, f"{fingerprint}@{started.isoformat()}")


def _moment(text: Any, where: str) -> datetime:
    """RFC 3339, as Go writes it: up to nine digits of a second, of which six are kept."""
    moment = None
    if isinstance(text, str) and _MOMENT.fullmatch(text):
        with contextlib.suppress(ValueError):
            moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    if moment is None:
        raise InputError("bad_notification", f"{where}.startsAt must be a time.")
    return moment


def _no_number(_: str) -> None:
    raise ValueError
