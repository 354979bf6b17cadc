"""The evaluation as one HTML page: no script, no outside asset, every text escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
TABLE_ROWS = 100
EXCERPT = 300
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


def write_report(
    path: Path,
    title: str,
    metrics: Mapping[str, Any],
    mistakes: Sequence[Mapping[str, Any]],
    plots: Sequence[Path],
) -> None:
    """Write the page.

    Args:
        path: HTML file to write.
        title: Its heading.
        metrics: What `metrics.json` holds.
        mistakes: `confidence`, `actual`, `predicted`, `text` of the surest errors.
        plots: PNG files to embed.
    """
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{metrics['rows']:,} test rows. Intervals are 95 % bootstrap intervals.</p>",
        _cards(metrics),
        _plots(plots),
        _classes(metrics["per_class"]),
        _slices(metrics["slices"]),
        _behaviour(metrics["behaviour"]),
        _mistakes(mistakes),
    ]
    path.write_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n",
        encoding="utf-8",
        errors="replace",  # a lone surrogate in a text is no reason to lose the report
    )


def _cards(metrics: Mapping[str, Any]) -> str:
    def interval(name: str) -> str:
        low, high = metrics["intervals"][name]
        return f"{low:.3f} to {high:.3f}"

    cards = [
        ("accuracy", f"{metrics['accuracy']:.3f}", interval("accuracy")),
        ("macro-F1", f"{metrics['macro_f1']:.3f}", interval("macro_f1")),
        ("calibration error", f"{metrics['ece']:.3f}", "0 is honest"),
        ("log loss", f"{metrics['log_loss']:.3f}", "nats"),
        ("validation accuracy", f"{metrics['validation']['accuracy']:.3f}", "what chose it"),
    ]
    if metrics["invalid_rows"]:
        cards.append(("invalid rows", f"{metrics['invalid_rows']:,}", "probabilities not finite"))
    parts = [
        f'<div class="card"><span>{name}</span><b>{value}</b><span>{note}</span></div>'
        for name, value, note in cards
    ]
    return f'<div class="cards">{"".join(parts)}</div>'


def _plots(plots: Sequence[Path]) -> str:
    images = []
    for plot in plots:
        data = base64.b64encode(plot.read_bytes()).decode("ascii")
        images.append(f'<img alt="{escape(plot.stem)}" src="data:image/png;base64,{data}">')
    return f'<h2>Plots</h2><figure class="plots">{"".join(images)}</figure>'


def _classes(per_class: Mapping[str, Mapping[str, Any]]) -> str:
    worst = sorted(per_class.items(), key=lambda item: (item[1]["f1"], item[0]))
    rows = [
        (name, s["precision"], s["recall"], s["f1"], s["support"]) for name, s in worst[:TABLE_ROWS]
    ]
    note = f"<p>The {TABLE_ROWS} worst labels.</p>" if len(worst) > TABLE_ROWS else ""
    header = ("label", "precision", "recall", "F1", "rows")
    return "<h2>Labels</h2>" + note + _table(header, rows)


def _slices(slices: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (f"{s['column']}: {s['value']}", s["rows"], s["accuracy"], s["macro_f1"])
        for s in slices[:TABLE_ROWS]
    ]
    return "<h2>Slices</h2>" + _table(("slice", "rows", "accuracy", "macro-F1"), rows)


def _behaviour(behaviour: Mapping[str, Any]) -> str:
    direction, minimum = behaviour["direction"], behaviour["minimum_function"]
    rows = [
        (f"same label after: {name}", counts["tried"], counts["failed"])
        for name, counts in behaviour["invariance"].items()
    ]
    rows.append(("surer after a sure text is appended", direction["tried"], direction["failed"]))
    rows.append(("plain texts", minimum["tried"], minimum["failed"]))
    failures = [(_excerpt(f["text"]), f["expected"], f["predicted"]) for f in minimum["failures"]]
    table = _table(("plain text that failed", "expected", "predicted"), failures)
    return (
        "<h2>Behaviour</h2>"
        + _table(("test", "tried", "failed"), rows)
        + (table if failures else "")
    )


def _mistakes(mistakes: Sequence[Mapping[str, Any]]) -> str:
    rows = [(m["confidence"], m["actual"], m["predicted"], _excerpt(m["text"])) for m in mistakes]
    return "<h2>Surest mistakes</h2>" + _table(("confidence", "actual", "predicted", "text"), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
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


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
