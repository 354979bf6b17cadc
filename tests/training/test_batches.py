from pathlib import Path

import numpy as np
import pytest

from components.contract.artifact import publish
from components.contract.onnx_session import Frame
from components.contract.tokens import KIND, Tokens
from components.training.batches import TokenRows, epoch_batches, groups, shard_batches

TEXTS = [[1, 2, 3], [4], [], [5, 6, 7, 8, 9], [10, 11]]


@pytest.fixture
def two_shards(tmp_path: Path) -> Tokens:
    with publish(tmp_path / "tokens", KIND) as draft:
        (draft.path / "train").mkdir()
        for number, rows in enumerate((TEXTS[:2], TEXTS[2:])):
            stem = draft.path / "train" / f"{number:05d}"
            flat = np.array([i for row in rows for i in row], "<u2")
            flat.tofile(stem.with_suffix(".ids"))
            np.cumsum([0, *map(len, rows)]).astype("<i8").tofile(stem.with_suffix(".offsets"))
            np.array([len(row) % 2 for row in rows], "<i4").tofile(stem.with_suffix(".labels"))
        draft.facts.update(labels=["even", "odd"], dtype="<u2", vocab_size=12)
    return Tokens.open(tmp_path / "tokens")


def test_rows_are_found_across_shards(two_shards: Tokens) -> None:
    rows = TokenRows(two_shards, "train")
    assert [rows.ids(i).tolist() for i in range(len(rows))] == TEXTS
    assert rows.lengths.tolist() == [3, 1, 0, 5, 2]
    assert rows.labels.tolist() == [1, 1, 0, 1, 0]
    assert rows.classes == 2


def test_ids_stay_on_disk(two_shards: Tokens) -> None:
    ids = TokenRows(two_shards, "train").ids(3)
    while ids.base is not None and not isinstance(ids, np.memmap):
        ids = ids.base
    assert isinstance(ids, np.memmap)


def test_a_limit_takes_rows_from_the_front(two_shards: Tokens) -> None:
    rows = TokenRows(two_shards, "train", limit=3)
    assert len(rows) == 3
    assert rows.ids(2).tolist() == []


def test_a_batch_is_framed_and_padded(two_shards: Tokens) -> None:
    rows = TokenRows(two_shards, "train")
    frame = Frame(5, padding=0, prefix=(90,), suffix=(91,))
    ids, lengths = rows.rectangle(np.array([3, 2]), frame)
    # five tokens cut to three: two from the head, one from the tail
    assert ids.tolist() == [[90, 5, 6, 9, 91], [90, 91, 0, 0, 0]]
    assert lengths.tolist() == [5, 2]
    assert rows.targets(np.array([3, 2])).tolist() == [1, 0]


def test_an_epoch_holds_every_row_once() -> None:
    lengths = np.random.default_rng(0).integers(0, 200, 1003)
    batches = epoch_batches(lengths, 16, seed=1, epoch=0)
    assert sorted(np.concatenate(batches).tolist()) == list(range(1003))
    assert max(map(len, batches)) == 16


def test_batches_hold_similar_lengths_and_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 5000)
    batches = epoch_batches(lengths, 32, seed=1, epoch=0)
    padded = sum(len(b) * int(lengths[b].max()) for b in batches)
    assert lengths.sum() / padded > 0.9
    # yet batches of short and of long rows come in no order
    means = np.array([lengths[b].mean() for b in batches])
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.3


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    lengths = np.arange(300) % 17

    def flat(seed: int, epoch: int) -> list[int]:
        return [int(i) for batch in epoch_batches(lengths, 8, seed, epoch) for i in batch]

    assert flat(1, 0) == flat(1, 0)
    assert len({tuple(flat(*pair)) for pair in [(1, 0), (1, 1), (2, 0)]}) == 3


@pytest.mark.parametrize(("batches", "processes"), [(7, 1), (7, 2), (8, 4), (1, 3), (5, 8)])
def test_shares_are_equally_long_and_cover_everything(batches: int, processes: int) -> None:
    every = [np.array([i]) for i in range(batches)]
    shares = [shard_batches(every, rank, processes) for rank in range(processes)]
    assert len({len(share) for share in shares}) == 1
    assert {int(b[0]) for share in shares for b in share} == set(range(batches))


def test_groups_take_consecutive_batches() -> None:
    every = [np.array([i]) for i in range(5)]
    assert [[int(b[0]) for b in g] for g in groups(every, 2)] == [[0, 1], [2, 3], [4]]
