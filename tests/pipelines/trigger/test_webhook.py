"""Alertmanager's webhook, and what pretends to be one."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contract.errors import InputError
from pipelines.trigger.webhook import ALERTS, Alert, read_notification
from tests.pipelines.trigger.parts import alert, notification

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def refused(body: bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        read_notification(body)
    assert "\n" not in str(caught.value)
    return caught.value


def test_an_alert_is_known_by_its_fingerprint_and_since_when_it_fires() -> None:
    (read,) = read_notification(notification())
    cause = "c9ab0a1b2c3d4e5f@2026-11-25T20:00:00.123456+00:00"
    assert read == Alert("TamisInputDrift", "input", cause)
    (again,) = read_notification(notification(alert(annotations={}, endsAt="later")))
    assert again.cause == read.cause, "what Alertmanager repeats is the same cause"
    (anew,) = read_notification(notification(alert(startsAt="2026-11-26T20:00:00Z")))
    assert anew.cause != read.cause, "an alert that fires anew is another one"
    (elsewhere,) = read_notification(
        notification(alert(startsAt="2026-11-25T21:00:00.123456+01:00"))
    )
    assert elsewhere.name == read.name


def test_an_alert_twice_in_a_notification_counts_once() -> None:
    assert len(read_notification(notification(alert(), alert()))) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"status": "resolved"},
        {"labels": {"alertname": "TamisInputDrift"}},
        {"labels": {"alertname": "TamisInputDrift", "retrain": "yes"}},
        {"labels": {"alertname": "TamisInputDrift", "retrain": "True"}},
    ],
)
def test_other_alerts_ask_for_nothing(change: dict[str, Any]) -> None:
    assert read_notification(notification(alert(**change))) == ()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"NaN", b'{"version": Infinity}', b"\x00" * 100],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    assert refused(body).code == "bad_json"


@pytest.mark.parametrize("version", ["3", "5", "", 4, None, ["4"], "4 "])
def test_other_versions_are_refused(version: Any) -> None:
    assert refused(notification(version=version)).code == "unknown_version"


@pytest.mark.parametrize(
    "change",
    [
        {"alerts": None},
        {"alerts": {}},
        {"alerts": [None]},
        {"alerts": ["text"]},
        {"alerts": [alert()] * (ALERTS + 1)},
    ],
)
def test_what_holds_no_list_of_alerts_is_refused(change: dict[str, Any]) -> None:
    assert refused(notification(**change)).code == "bad_notification"


@pytest.mark.parametrize(
    "change",
    [
        {"labels": None},
        {"labels": {"retrain": True}},
        {"status": "burning"},
        {"fingerprint": "../../etc/passwd"},
        {"fingerprint": "C9AB"},
        {"fingerprint": "a" * 33},
        {"fingerprint": ""},
        {"fingerprint": 7},
        {"startsAt": "yesterday"},
        {"startsAt": "2026-11-25T20:00:00"},
        {"startsAt": "2026-13-25T20:00:00Z"},
        {"startsAt": "2026-11-25T20:00:00Z' OR 1=1"},
        {"startsAt": "٢٠٢٦-11-25T20:00:00Z"},
        {"startsAt": 1},
    ],
)
def test_alerts_that_are_none_are_refused(change: dict[str, Any]) -> None:
    assert refused(notification(alert(**change))).code == "bad_notification"


@given(JSON)
def test_whatever_json_comes_is_read_or_refused_in_a_sentence(document: Any) -> None:
    for body in (
        document,
        {"version": "4", "alerts": document},
        {"version": "4", "alerts": [document]},
    ):
        with contextlib.suppress(InputError):
            assert isinstance(read_notification(json.dumps(body).encode()), tuple)
