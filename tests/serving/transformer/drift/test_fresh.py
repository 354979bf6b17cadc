"""What the worker is told of new rows, through a frame and back."""

from __future__ import annotations

import numpy as np

from components.drift.settings import DetectorSettings
from components.drift.watch import Watch
from components.drift.window import Rows
from serving.transformer.drift import fresh as keeping
from serving.transformer.drift.fresh import Fresh
from serving.transformer.drift.told import tell
from tests.drift.made import reference, stream

TEXTS = ["A fine film.", "caf\u00e9 \ud800 lone", "", "long " * 2_000]


def rows_of(n: int, seed: int = 1) -> Rows:
    made = stream(n, seed)
    rows = Rows(n, 6, 2)
    rows.put(0, made.features, made.probabilities, made.lengths)
    rows.filled = n
    return rows


def test_what_is_told_is_what_came() -> None:
    fresh = Fresh(6, 2)
    assert fresh.add(rows_of(4), TEXTS, 10.0) == 0
    fresh.add_outcomes([True, False], 11.0)
    watch, own = Watch(reference(), DetectorSettings()), reference()
    tell(watch, own, fresh.take())
    assert [verdict.rows for verdict in watch.diagnosis().kinds] == [4, 4, 2]
    tell(watch, own, fresh.take())  # nothing twice
    assert [verdict.rows for verdict in watch.diagnosis().kinds] == [4, 4, 2]


def test_long_texts_go_as_excerpts_with_their_length() -> None:
    fresh = Fresh(6, 2)
    fresh.add(rows_of(4), TEXTS, 10.0)
    arrays = fresh.take()
    assert arrays["fresh_characters"].tolist() == [len(text) for text in TEXTS]
    assert arrays["fresh_bytes"][3] < len(TEXTS[3])
    assert arrays["fresh_bytes"].sum() == len(arrays["fresh_texts"])


def test_room_is_bounded() -> None:
    fresh = Fresh(6, 2)
    texts = ["text"] * 600
    assert fresh.add(rows_of(600), texts, 1.0) == 0
    assert fresh.add(rows_of(600), texts, 2.0) == 1_200 - keeping.ROWS
    fresh.add_outcomes([True] * 30_000, 1.0)
    arrays = fresh.take()
    assert len(arrays["fresh_lengths"]) == len(arrays["fresh_times"]) == keeping.ROWS
    assert len(arrays["fresh_outcomes"]) == keeping.OUTCOMES
    assert fresh.add(rows_of(4), TEXTS, 3.0) == 0


def test_rows_are_copied() -> None:
    fresh, rows = Fresh(6, 2), rows_of(4)
    before = rows.features.copy()
    fresh.add(rows, TEXTS, 1.0)
    rows.features[:] = 0
    assert np.array_equal(fresh.take()["fresh_features"], before)
