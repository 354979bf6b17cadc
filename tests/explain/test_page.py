"""The page: no script, every text escaped, whole or not at all."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from components.contract.errors import TamisError
from components.explain.explanation import Explanation, Mark, Term
from components.explain.page import TERMS, write

TEXT = '<script>alert("1")</script> 好看 👍🏽 \ud800'


def explanation(terms: int = 2) -> Explanation:
    marks = (Mark(0, 8, 0.5), Mark(8, 27, -1.0), Mark(28, 30, 0.001))
    made = [Term(f"<i>{number}", 1.0 - number, 1) for number in range(terms)]
    label = "<b>&'\""
    return Explanation(TEXT, "lstm", label, {label: 0.9}, "exact", 0.1, 1.5, tuple(made), marks)


class Parsed(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_every_text_is_escaped(tmp_path: Path) -> None:
    write(tmp_path / "a.html", explanation())
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    parsed = Parsed(html)
    assert not parsed.tags & {"script", "b-", "i", "link", "iframe", "img"}
    assert TEXT.replace("\ud800", "?") in "".join(parsed.words)
    assert "default-src 'none'" in html
    assert html.count("rgba(37,99,235") == 1
    assert html.count("rgba(220,38,38") == 1


def test_a_table_has_an_end(tmp_path: Path) -> None:
    write(tmp_path / "a.html", explanation(TERMS + 7))
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert html.count("<tr>") == 1 + TERMS + 1
    assert "7 others" in html


def test_what_cant_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.html").mkdir()
    with pytest.raises(TamisError):
        write(tmp_path / "a.html", explanation())
    assert [file.name for file in tmp_path.iterdir()] == ["a.html"]
