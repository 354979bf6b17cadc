import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contract.encoding import from_rows, head_tail, length_buckets, pad

rows = st.lists(st.lists(st.integers(1, 500), max_size=40), max_size=30)


@given(rows)
def test_rows_survive_the_flat_form(lists: list[list[int]]) -> None:
    encoding = from_rows([np.array(r, np.uint32) for r in lists])
    assert [encoding.text(i).tolist() for i in range(len(encoding))] == lists
    assert encoding.lengths.tolist() == [len(r) for r in lists]


@given(rows, st.randoms())
def test_select_reorders(lists: list[list[int]], random: object) -> None:
    encoding = from_rows([np.array(r, np.uint32) for r in lists])
    order = list(range(len(lists)))
    random.shuffle(order)  # type: ignore[attr-defined]
    chosen = encoding.select(np.array(order, int))
    assert [chosen.text(i).tolist() for i in range(len(chosen))] == [lists[i] for i in order]


@pytest.mark.parametrize(
    ("length", "limit", "expected"),
    [(3, 5, [0, 1, 2]), (5, 5, [0, 1, 2, 3, 4]), (9, 4, [0, 1, 7, 8]), (9, 5, [0, 1, 2, 7, 8]),
     (9, 1, [0])],
)  # fmt: skip
def test_head_tail(length: int, limit: int, expected: list[int]) -> None:
    assert head_tail(np.arange(length), limit).tolist() == expected


def test_pad_frames_rows_and_counts_the_frame() -> None:
    ids, lengths = pad([np.array([5, 6]), np.array([], int)], 0, prefix=(1,), suffix=(2,))
    assert ids.tolist() == [[1, 5, 6, 2], [1, 2, 0, 0]]
    assert lengths.tolist() == [4, 2]
    assert pad([np.array([], int)], 7)[0].tolist() == [[7]]


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 600), st.integers(1, 9))
def test_buckets_cover_each_row_once_within_budget(
    lengths: list[int], tokens: int, most: int
) -> None:
    batches = list(length_buckets(np.array(lengths, int), tokens, most))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert 1 <= len(batch) <= most
        longest = max(max(lengths[i] for i in batch), 1)
        assert len(batch) == 1 or len(batch) * longest <= tokens
