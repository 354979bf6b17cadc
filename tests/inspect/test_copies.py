from __future__ import annotations

from pathlib import Path

import pytest

from components.inspect.copies import Leak, NearCopies, SharedTexts, keys
from components.inspect.thinned import Thinned
from tests.conftest import reviews

TEXTS = list(dict.fromkeys(text for text, _ in reviews("imdb", each=60)))


def words(text: str, start: int, end: int) -> str:
    return " ".join(text.split()[start:end])


def test_equal_texts_under_two_names_are_found(tmp_path: Path) -> None:
    shared = SharedTexts(tmp_path / "shared")
    for row, text in enumerate(TEXTS):
        shared.add(text, "train" if row % 2 else "test", row)
    for row, text in enumerate(TEXTS[:4]):
        shared.add(f"  {text.upper()} !", "validation", 1_000 + row)
        shared.add(text, "test" if row % 2 == 0 else "train", 2_000 + row)  # there already
    assert shared.names == ("test", "train", "validation")
    leak = shared.leak()
    assert (leak.rows, leak.looked_at) == (12, len(TEXTS) + 8)
    assert {pair[0][:60].lower() for pair in leak.samples} == {t[:60].lower() for t in TEXTS[:4]}


def test_no_text_twice_is_no_leak(tmp_path: Path) -> None:
    shared, near = SharedTexts(tmp_path / "shared"), NearCopies(tmp_path / "near")
    for row, text in enumerate(TEXTS):
        shared.add(text, "train" if row % 2 else "test", row)
        near.add(text, row % 2 == 0, row)
    assert shared.leak() == Leak(0, len(TEXTS), ())
    assert near.leak() == Leak(0, len(TEXTS), ())


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("the same", lambda t: t),
        ("case and signs", lambda t: t.upper().replace(" ", " - ")),
        ("a word more", lambda t: t + " indeed"),
        ("another head", lambda t: "Absolutely. " + t),
        ("a word left out", lambda t: words(t, 0, 40) + " " + words(t, 41, 10**6)),
    ],
)  # fmt: skip
def test_near_copies_across_the_splits_are_found(tmp_path: Path, name: str, change: object) -> None:
    assert callable(change)
    near = NearCopies(tmp_path / "near")
    for row, text in enumerate(TEXTS):
        near.add(text, False, row)
    for row, text in enumerate(TEXTS[:30]):
        near.add(change(text), True, 1_000 + row)
    leak = near.leak()
    assert 28 <= leak.rows <= 30
    assert len(leak.samples) == 5


def test_copies_within_a_split_are_no_leak(tmp_path: Path) -> None:
    near = NearCopies(tmp_path / "near")
    for row, text in enumerate([*TEXTS[:20], *TEXTS[:20]]):
        near.add(text, False, row)
    assert near.leak().rows == 0


def test_short_texts_are_nobodys_copies() -> None:
    assert list(keys("good")) == list(keys("")) == list(keys("!" * 300)) == []
    assert len(list(keys("a text that is long enough to be looked at, but only just"))) == 4
    assert len(list(keys("这是我看过的最好的电影 我会再看一遍 一遍又一遍"))) == 4


@pytest.mark.parametrize("rows", [10, 100, 1_000, 12_345])
def test_a_sample_is_thin_and_its_weights_add_up(rows: int) -> None:
    thinned = Thinned(100)
    weight = sum(thinned.stride for _ in range(rows) if thinned.take())
    assert abs(weight - rows) <= thinned.stride
    assert thinned.taken <= 100 * max(1, rows.bit_length())
