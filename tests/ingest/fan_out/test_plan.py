from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contract.errors import InputError
from components.ingest.fan_out.plan import Piece, Plan, dealt, plan
from components.ingest.settings import ingest_settings
from components.ingest.sources import open_source
from components.ingest.sources.share import Share


def whole(*files: int) -> list[Piece]:
    return [Piece(file, Share()) for file in files]


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 10**12)), min_size=1, max_size=40),
    st.integers(1, 20),
)
def test_every_row_of_every_file_is_one_parts(sizes: list[int | None], parts: int) -> None:
    found = dealt(sizes, parts)
    assert len(found) == parts
    shares: dict[int, list[Share]] = {}
    for piece in (piece for part in found for piece in part):
        shares.setdefault(piece.file, []).append(piece.share)
    assert sorted(shares) == list(range(len(sizes)))
    for own in shares.values():
        readers = len(own)
        assert sorted(own, key=lambda s: s.number) == [Share(n, readers) for n in range(readers)]
        assert readers <= parts


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=40), st.integers(1, 20))
def test_no_part_has_much_more_than_its_share(sizes: list[int], parts: int) -> None:
    fair = sum(sizes) / parts
    for part in dealt(sizes, parts):
        load = sum(sizes[piece.file] / piece.share.of for piece in part)
        assert load <= 2.5 * fair + 1e-6  # a piece is at most 1.5 of it, longest first


def test_whole_files_come_first() -> None:
    assert dealt([10, 10, 10, 10], 2) == [whole(0, 2), whole(1, 3)]
    assert dealt([30, 10, 10, 10], 2) == [whole(0), whole(1, 2, 3)]


def test_large_files_are_cut() -> None:
    assert dealt([100], 3) == [[Piece(0, Share(n, 3))] for n in range(3)]
    cut = [Piece(1, Share(n, 3)) for n in range(3)]
    assert dealt([10, 90], 3) == [[Piece(0, Share()), cut[0]], [cut[1]], [cut[2]]]


def test_sizes_that_are_not_known() -> None:
    assert dealt([None], 2) == [[Piece(0, Share(0, 2))], [Piece(0, Share(1, 2))]]
    assert dealt([0], 2) == [[Piece(0, Share(0, 2))], [Piece(0, Share(1, 2))]]
    assert dealt([5, None, 5, None], 2) == [whole(0, 2), whole(1, 3)]


def test_a_plan_knows_the_content(tmp_path: Path) -> None:
    csv = tmp_path / "a.csv"
    settings = ingest_settings({"source": {"uri": str(csv)}})
    digests = []
    for content in ("text,label\na,1\n", "text,label\na,2\n", "text,label\na,1\n"):
        csv.write_text(content)
        made = plan(open_source(settings.source), None, tmp_path / "plan", settings, 3)
        digests.append(made.digest)
    assert digests[0] == digests[2] != digests[1]
    opened = Plan.open(tmp_path / "plan")
    assert opened.settings == settings
    assert opened.digest == digests[2]
    assert [piece.file for part in opened.parts for piece in part] == [0, 0, 0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n")
    settings = ingest_settings({"source": {"uri": str(tmp_path / "a.csv")}})
    source = open_source(settings.source)
    (tmp_path / "a.csv").unlink()
    with pytest.raises(InputError, match="There is no"):
        plan(source, None, tmp_path / "plan", settings, 2)
    assert list(tmp_path.iterdir()) == []
