from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contract.errors import InputError
from components.ingest.sources import lines as lines_module
from components.ingest.sources.lines import Lines, LineTooLong

TEXT = "text,label\ngrüße,1\r\nзд,0"


def read(data: bytes) -> list[str]:
    with Lines(io.BytesIO(data), "x.csv") as lines:
        return list(lines)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        b"\0\0\xfe\xff" + TEXT.encode("utf-32-be"),
    ],
)
def test_byte_order_marks_are_obeyed(data: bytes) -> None:
    assert read(data) == ["text,label\n", "grüße,1\r\n", "зд,0"]


@given(st.binary(max_size=300).filter(lambda data: b"\0" not in data))
def test_any_bytes_are_lines(data: bytes) -> None:
    if not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        assert "".join(read(data)).encode("utf-8", "surrogateescape") == data


@pytest.mark.parametrize(
    "data",
    [
        b"a\0b",
        "x,y\n".encode("utf-16-le"),
        TEXT.encode("utf-16")[:-1],
        b"\xff\xfe\x00\xd8x\x00",
        b"ok\n" * 100_000 + b"\0\0\0\0",
    ],
    ids=["nul", "utf-16 without a mark", "half a character", "lone surrogate", "late nul"],
)
def test_what_is_not_text(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read(data)
    assert caught.value.code == "not_text"


def test_a_line_that_is_too_long_is_skipped_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "LINE_CHARACTERS", 10)
    with Lines(io.BytesIO(b'0123456789\nabc"d' + b"x" * 95 + b'"\nnext\n'), "x.csv") as lines:
        # ten characters and an end are too long too: the end isn't seen in the first piece
        with pytest.raises(LineTooLong):
            next(lines)
        with pytest.raises(LineTooLong, match=r'^abc"dxxxxx$'):
            next(lines)
        assert next(lines) == "next\n"
        assert lines.number == 3
        assert lines.quotes == 2
        assert next(lines, "end") == "end"
        assert lines.ended
