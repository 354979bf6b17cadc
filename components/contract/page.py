"""An HTML page of a report: no script, no outside asset, every text escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1e293b;background:#f8fafc;margin:0}
main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}
p{margin:.3rem 0;color:#475569}
.cards{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.4rem 0}
.card{background:#fff;border:1px solid #e2e8f0;border-radius:.6rem;padding:.7rem 1rem;
min-width:8rem}
.card b{display:block;font-size:1.45rem}.card span{color:#64748b;font-size:.85rem}
table{border-collapse:collapse;width:100%;background:#fff;font-size:.9rem}
th,td{border-bottom:1px solid #e2e8f0;padding:.35rem .6rem;text-align:left;vertical-align:top;
overflow-wrap:anywhere}
th{color:#64748b;font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:0}.plots{display:flex;flex-wrap:wrap;gap:1rem}
.plots img{max-width:100%;border:1px solid #e2e8f0;border-radius:.6rem;background:#fff}
"""


def write_page(path: Path, title: str, parts: Iterable[str]) -> None:
    """Write a page.

    Args:
        path: HTML file to write.
        title: Its heading.
        parts: HTML below the heading.
    """
    path.write_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{''.join(parts)}</main></body></html>\n",
        encoding="utf-8",
        errors="replace",  # a lone surrogate in a text is no reason to lose the report
    )


def cards(told: Iterable[tuple[str, str, str]]) -> str:
    """Numbers at a glance: name, value and a note each."""
    parts = [
        f'<div class="card"><span>{escape(name)}</span><b>{escape(value)}</b>'
        f"<span>{escape(note)}</span></div>"
        for name, value, note in told
    ]
    return f'<div class="cards">{"".join(parts)}</div>'


def plots(files: Sequence[Path]) -> str:
    """PNG files, embedded."""
    images = []
    for plot in files:
        data = base64.b64encode(plot.read_bytes()).decode("ascii")
        images.append(f'<img alt="{escape(plot.stem)}" src="data:image/png;base64,{data}">')
    return f'<h2>Plots</h2><figure class="plots">{"".join(images)}</figure>'


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; a column whose first cell is a number is set to the right."""
    rows = list(rows)
    numeric = [bool(rows) and not isinstance(cell, str) for cell in (rows[0] if rows else header)]
    mark = [' class="n"' if number else "" for number in numeric]
    head = "".join(f"<th{m}>{escape(h)}</th>" for m, h in zip(mark, header, strict=True))
    lines = []
    for row in rows:
        cells = zip(mark, row, strict=True)
        lines.append("".join(f"<td{m}>{escape(_text(cell))}</td>" for m, cell in cells))
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    return f"{cell:.3f}" if isinstance(cell, float) else f"{cell:,}"
