"""The request path's end: bounded, counted, and never waiting."""

from __future__ import annotations

from collections import Counter

import pytest

from serving.transformer.drift import tap as tapping
from serving.transformer.drift.tap import DriftTap
from tests.serving.transformer.drift.rows import DIGEST, answered, made


def tap(dropped: Counter[str]) -> DriftTap:
    def drop(rows: int, reason: str) -> None:
        dropped[reason] += rows

    made_tap = DriftTap(drop)
    made_tap.watch(DIGEST, 8, 2)
    return made_tap


def test_rows_and_their_texts_are_drained_once() -> None:
    dropped: Counter[str] = Counter()
    own = tap(dropped)
    own.offer(answered(made(3, 1)))
    own.offer_feedback(True, DIGEST)
    drained = own.drain()
    assert drained.rows.filled == len(drained.texts) == 3
    assert drained.outcomes.tolist() == [True]
    again = own.drain()
    assert again.rows.filled == len(again.texts) == len(again.outcomes) == 0
    assert not dropped


def test_rows_beyond_the_room_are_dropped_with_their_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tapping, "PENDING_ROWS", 4)
    dropped: Counter[str] = Counter()
    own = tap(dropped)
    for _ in range(3):
        own.offer(answered(made(3, 1)))
    drained = own.drain()
    assert drained.rows.filled == len(drained.texts) == 4
    assert dropped == {"full": 5}


def test_long_texts_have_a_bound_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapping, "PENDING_CHARACTERS", 10)
    dropped: Counter[str] = Counter()
    own = tap(dropped)
    for _ in range(5):
        own.offer(answered(made(3, 1)))  # twelve characters each
    assert own.drain().rows.filled == 3
    assert dropped == {"full": 12}
    own.offer(answered(made(3, 1)))
    assert own.drain().rows.filled == 3


def test_another_bundle_forgets_what_waits() -> None:
    own = tap(Counter())
    own.offer(answered(made(3, 1)))
    own.watch("another", 8, 2)
    drained = own.drain()
    assert drained.rows.filled == len(drained.texts) == 0
