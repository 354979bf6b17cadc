import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from components.contract.tokens import Tokens
from components.train_logistic import counted
from components.train_logistic.counted import CountedRows
from components.train_logistic.features import Counts, count_ngrams
from components.train_logistic.settings import LogisticSettings
from components.train_logistic.train import train

BITS = 12


def assert_equal(left: Counts, right: Counts, counts: bool) -> None:
    np.testing.assert_array_equal(left.starts, right.starts)
    np.testing.assert_array_equal(left.features, right.features)
    if counts:
        np.testing.assert_array_equal(left.counts, right.counts)


def at_once(tokens: Tokens, size: int) -> Iterator[tuple[Counts, npt.NDArray[np.int32]]]:
    """The second route: each chunk counted whole."""
    for encoding, labels in tokens.batches("train", size):
        yield count_ngrams(encoding, 2, BITS), labels


@pytest.mark.parametrize("with_counts", [True, False])
@pytest.mark.parametrize("spills", [True, False])
def test_every_pass_gives_what_counting_gives(
    tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_counts: bool, spills: bool
) -> None:
    monkeypatch.setattr(counted, "BLOCK_ROWS", 7)
    monkeypatch.setattr(counted, "SPILL_BYTES", 2**32 if spills else 0)
    shards = Tokens.open(tokens)
    expected = list(at_once(shards, 100))
    assert len(expected) > 1
    with contextlib.closing(CountedRows(shards, 2, BITS, 100, with_counts, tmp_path)) as rows:
        for number in range(3):
            for (counts, labels), (theirs, true) in zip(rows.chunks(), expected, strict=True):
                np.testing.assert_array_equal(labels, true)
                assert_equal(counts, theirs, with_counts or number == 0)
            assert (rows._file is None) != spills
    assert list(tmp_path.iterdir()) == []  # the file has no name, so a kill leaves nothing


def test_a_pass_that_is_cut_short_is_counted_again(tokens: Path, tmp_path: Path) -> None:
    shards = Tokens.open(tokens)
    with contextlib.closing(CountedRows(shards, 2, BITS, 100, True, tmp_path)) as rows:
        for counts, _ in rows.chunks():
            assert len(counts.starts) == 101
            break
        for (counts, _), (theirs, _) in zip(rows.chunks(), at_once(shards, 100), strict=True):
            assert_equal(counts, theirs, counts=True)


def test_more_than_a_count_can_say_is_its_most(tokens: Path, tmp_path: Path) -> None:
    shards = Tokens.open(tokens)
    many = Counts(np.array([0, 2]), np.array([3, 4]), np.array([2, 70_000]))
    with contextlib.closing(CountedRows(shards, 1, BITS, 100, True, tmp_path)) as rows:
        rows._count = lambda: iter([(many, np.zeros(1, np.int32))])  # type: ignore[method-assign]
        assert [c.counts.tolist() for c, _ in rows.chunks()] == [[2, 70_000]]
        assert [c.counts.tolist() for c, _ in rows.chunks()] == [[2, 65_535]]


@pytest.mark.parametrize("weighting", ["nb", "idf"])
def test_the_file_changes_no_byte_of_the_bundle(
    dataset: Path, tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weighting: str
) -> None:
    settings = LogisticSettings(hash_bits=16, epochs=2, weighting=weighting)  # type: ignore[arg-type]
    with_file = train(dataset, tokens, tmp_path / "a", settings)
    monkeypatch.setattr(counted, "SPILL_BYTES", 0)
    assert train(dataset, tokens, tmp_path / "b", settings).files == with_file.files
