"""Files as they come: each works, or is refused in one sentence."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import zstandard

Rows = list[tuple[str, str]]

ROWS: Rows = [(f"review number {i} is a text of its own", "ab"[i % 2]) for i in range(60)]
CSV = "text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS)
FRENCH = [
    (f"l'été n° {i}, ça m'a plu œuvre {i * 7}" if i % 2 else f"déçu, très déçu par le n° {i}",
     "aimé" if i % 2 else "détesté")
    for i in range(60)
]  # fmt: skip


@dataclass(frozen=True)
class Awkward:
    """One file.

    Attributes:
        name: Its file name.
        content: Its bytes, or what writes it.
        ingest: The code that `tamis run` refuses it with; "" where it works.
        inspect: The same for `tamis inspect`, which shows what `run` refuses for its labels.
        labels: The labels that it has where it works.
        rejected: Reasons and rows that it loses where it works.
        source: Settings of the source.
        settings: Settings of the stage.
    """

    name: str
    content: bytes | Callable[[Path], None]
    ingest: str = ""
    inspect: str | None = None
    labels: tuple[str, ...] = ("a", "b")
    rejected: dict[str, int] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """What `inspect` says: the same as `run`, unless told otherwise."""
        return self.ingest if self.inspect is None else self.inspect

    def write(self, folder: Path) -> Path:
        """Write the file."""
        path = folder / self.name
        if callable(self.content):
            self.content(path)
        else:
            path.write_bytes(self.content)
        return path


def csv(rows: Rows, header: str = "text,label", end: str = "\n") -> bytes:
    quoted = (f'"{text.replace(chr(34), chr(34) * 2)}","{label}"' for text, label in rows)
    return end.join([header, *quoted, ""]).encode()


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def table(**columns: Any) -> bytes:
    stream = io.BytesIO()
    parquet.write_table(pa.table(columns), stream)
    return stream.getvalue()


def relabelled(label: Callable[[int], str]) -> Rows:
    return [(text, label(i)) for i, (text, _) in enumerate(ROWS)]


def huge_line(path: Path, megabytes: int = 2**7) -> None:
    """A line of so many megabytes between good rows; on disk it is small."""
    head, tail = CSV[:100].rsplit("\n", 1)[0] + "\n", CSV[CSV.index("\n") + 1 :]
    block = b"x" * 2**20
    with path.open("wb") as stream, zstandard.ZstdCompressor().stream_writer(stream) as out:
        out.write(head.encode())
        for _ in range(megabytes):
            out.write(block)
        out.write(b",a\n" + tail.encode())


def sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.write(CSV.encode())
        stream.truncate(2**28)


def twice(path: Path) -> None:
    columns = [pa.array([text for text, _ in ROWS])] * 2 + [pa.array([y for _, y in ROWS])]
    parquet.write_table(pa.Table.from_arrays(columns, ["text", "text", "label"]), path)


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


NESTED = [
    {"review": {"text": text, "tags": ["x"]}, "rating": {"label": label}} for text, label in ROWS
]
STUDIO = [
    {"id": i, "data": {"text": text}, "annotations": [
        {"was_cancelled": False, "result": [
            {"from_name": "label", "type": "choices", "value": {"choices": [label]}}]}]}
    for i, (text, label) in enumerate(ROWS)
]  # fmt: skip
ONE_LABEL = csv(relabelled(lambda i: "a"))
GZIP = gzip.compress(CSV.encode(), mtime=0)
BROKEN_QUOTES = CSV.encode() + b'"it said "no" again",a\n' + CSV.encode()[11:]

FILES = [
    Awkward("plain.csv", CSV.encode()),
    Awkward("one class.csv", ONE_LABEL, "one_label", inspect=""),
    Awkward("one row a class.csv", csv([("good", "a"), ("bad film", "b")]), "label_missing", ""),
    Awkward("all one text.csv", csv(ROWS[:1] * 50), "one_label", ""),
    Awkward("all duplicates.csv", csv(ROWS * 20), rejected={"duplicate": 60 * 19}),
    Awkward("contradictions.csv", csv([*ROWS, *((t, "b") for t, _ in ROWS)]),
            "too_many_rejected", ""),
    Awkward("labels with spaces.csv", csv(relabelled(lambda i: (" very good ", "not so")[i % 2])),
            labels=("not so", "very good")),
    Awkward("emoji labels.csv", csv(relabelled(lambda i: ("👍", "👩\u200d👩\u200d👧")[i % 2])),
            labels=("👍", "👩\u200d👩\u200d👧")),
    Awkward("emoji.csv", csv([(f"{'😀😡'[i % 2]} {i} 👍🏽", "😀😡"[i % 2]) for i in range(60)]),
            labels=("😀", "😡")),
    Awkward("emoji alone.csv", csv([("😀" * (i + 1), "ab"[i % 2]) for i in range(60)])),
    Awkward("bom.csv", b"\xef\xbb\xbf" + CSV.encode()),
    Awkward("utf16.csv", CSV.encode("utf-16")),
    Awkward("utf16 without a mark.csv", CSV.encode("utf-16-le"), "not_text"),
    Awkward("latin1.csv", csv(FRENCH).decode().encode("cp1252"), "too_many_rejected", ""),
    Awkward("french.csv", csv(FRENCH), labels=("aimé", "détesté")),
    Awkward("arabic.csv", csv([(f"{('فيلم رائع', 'فيلم سيء')[i % 2]} {i}", "ab"[i % 2])
                               for i in range(60)])),
    Awkward("chinese.csv", csv([(f"{'好坏'[i % 2]}电影第{i}部", "好坏"[i % 2]) for i in range(60)]),
            labels=("坏", "好")),
    Awkward("crlf.csv", csv(ROWS, end="\r\n")),
    Awkward("cr.csv", csv(ROWS, end="\r")),
    Awkward("line ends inside.csv", csv([(f"{t}\r\nsecond line", label) for t, label in ROWS])),
    Awkward("broken quotes.csv", BROKEN_QUOTES,
            rejected={"malformed": 1, "duplicate": 60}),
    Awkward("open quote.csv", CSV.encode() + b'"never closed,a\n' + CSV.encode(),
            "unclosed_quote"),
    Awkward("huge line.csv.zst", huge_line, rejected={"over_long": 1, "duplicate": 2}),
    Awkward("sparse.csv", sparse, "not_text"),
    Awkward("mixed types.jsonl", lines([{"text": [t, i, None, True, 1.5, {"a": t}][i % 6],
                                         "label": label} for i, (t, label) in enumerate(ROWS)]),
            "too_many_rejected", ""),
    Awkward("numbers as labels.jsonl", lines([{"text": t, "label": [1, 2.5][i % 2]}
                                              for i, (t, _) in enumerate(ROWS)]),
            labels=("1", "2.5")),
    Awkward("true and false.jsonl", lines([{"text": t, "label": i % 2 == 0}
                                           for i, (t, _) in enumerate(ROWS)]),
            labels=("false", "true")),
    Awkward("dates as labels.csv", csv(relabelled(lambda i: f"2024-01-{i + 1:02}")),
            "label_missing", ""),
    Awkward("two dates.csv", csv(relabelled(lambda i: f"2024-01-0{i % 2 + 1}")),
            labels=("2024-01-01", "2024-01-02")),
    Awkward("text as labels.csv", csv(relabelled(lambda i: f"word {i} " * 60)),
            "too_many_rejected", ""),
    Awkward("empty column.csv", csv([("", label) for _, label in ROWS]), "too_many_rejected", ""),
    Awkward("empty labels.csv", csv(relabelled(lambda i: "")), "too_many_rejected", ""),
    Awkward("an unnamed column.csv", CSV.replace("text,label", ",text,label").replace(
        "\nreview", "\n0,review").encode()),
    Awkward("the same column twice.csv", CSV.replace("text,label", "text,text,label").replace(
        "\nreview", "\nreview again,review").encode(), "repeated_column"),
    Awkward("the same column twice.parquet", twice, "repeated_column"),
    Awkward("no header.csv", csv(ROWS, header="good film,a"), "unknown_column"),
    Awkward("semicolons.csv", csv(ROWS).replace(b'","', b'";"').replace(b"t,l", b"t;l"),
            "unknown_column"),
    Awkward("only a header.csv", b"text,label\n", "empty_source"),
    Awkward("nothing.csv", b"", "empty_source"),
    Awkward("blank lines.csv", b"\n \n" * 9, "unknown_column"),
    Awkward("a picture.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not_text"),
    Awkward("a workbook.xlsx", b"PK\x03\x04", "unknown_format"),
    Awkward("no ending", CSV.encode(), "unknown_format"),
    Awkward("cut.csv.gz", GZIP[:-30], "unreadable_source"),
    Awkward("not compressed.csv.gz", CSV.encode(), "unreadable_source"),
    Awkward("two members.csv.gz", GZIP + gzip.compress(b"one more text,a\n")),
    Awkward("nested.jsonl", lines(NESTED),
            source={"text_column": "review.text", "label_column": "rating.label"}),
    Awkward("array.json", json.dumps([{"text": t, "label": y} for t, y in ROWS]).encode()),
    Awkward("cut array.json", json.dumps([{"text": t, "label": y} for t, y in ROWS])[:-9].encode(),
            "unreadable_source"),
    Awkward("one object.json", json.dumps({"text": {"0": "a"}}, indent=1).encode(),
            "not_json_lines"),
    Awkward("label studio.json", json.dumps(STUDIO).encode()),
    Awkward("deep.jsonl", lines([{"text": t, "label": y} for t, y in ROWS]) + b"[" * 200_000,
            rejected={"malformed": 1}),
    Awkward("nested.parquet", table(review=[{"text": t, "n": 1} for t, _ in ROWS],
                                    label=[[y, y] for _, y in ROWS]),
            source={"text_column": "review.text"}),
    Awkward("lists of texts.parquet", table(text=[[t] for t, _ in ROWS],
                                            label=[y for _, y in ROWS]), "too_many_rejected", ""),
    Awkward("all null.parquet", table(text=pa.nulls(60), label=[y for _, y in ROWS]),
            "too_many_rejected", ""),
    Awkward("dictionary.parquet", table(text=[t for t, _ in ROWS],
                                        label=pa.array([y for _, y in ROWS]).dictionary_encode())),
    Awkward("cut.parquet", table(text=["a"], label=["b"])[:-20], "unreadable_source"),
    Awkward("a hundred labels.csv",
            csv([(f"{i} of label {i % 100} {i * 7}", f"l{i % 100}") for i in range(3_000)]),
            labels=tuple(sorted(f"l{i}" for i in range(100)))),
    Awkward("html.csv", csv([(f"<p>{t}</p><script>alert(1)</script>", y) for t, y in ROWS])),
    Awkward("formulas.csv", csv([(f"=HYPERLINK(1)+{t}", y) for t, y in ROWS])),
    Awkward("link to itself.csv", link_to_itself, "not_found"),
]  # fmt: skip
