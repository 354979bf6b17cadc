"""The check as one HTML page. No text is on it, only words that occur in many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.contract import page

REPORT_FILE = "report.html"
TITLE = "Drift"
CAUSES = {
    "": "no drift was found",
    "covariate": "other texts than the model was trained on",
    "truncated": "texts that were cut",
    "encoding": "texts in a wrong encoding",
    "label_mix": "the same kind of texts, in another mix of labels",
    "concept": "the same kind of texts, with other labels",
}
ASPECTS = 12


def write_report(path: Path, document: Mapping[str, Any], plots: Sequence[Path]) -> None:
    """Write the page.

    Args:
        path: HTML file to write.
        document: What `check.Checked.document` gives.
        plots: PNG files to embed.
    """
    parts = [
        _summary(document),
        page.cards(_cards(document)),
        page.plots(plots),
        "<h2>Drifts</h2>",
        page.table(
            ("kind", "since", "found after rows", "over after rows", "size", "looks like"),
            _episodes(document),
        ),
        *_moved(document),
    ]
    page.write_page(path, TITLE, parts)


def _summary(document: Mapping[str, Any]) -> str:
    return (
        f"<p>{document['rows']:,} texts, {document['outcomes']:,} with a label, "
        f"{document['skipped']:,} rows without a text. "
        f"It looks like: {CAUSES[document['cause']]}.</p>"
    )


def _cards(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    now = document["now"]
    for verdict in now["kinds"]:
        state = "drift" if verdict["active"] else "none now"
        note = f"evidence 10^{verdict['evidence']:.1f}, needed 10^{verdict['threshold']:.1f}"
        yield verdict["kind"], state, note
    estimate = now["accuracy"]
    if estimate is not None:
        interval = f"{estimate['lower']:.3f} to {estimate['upper']:.3f} (90 %)"
        yield "estimated accuracy", f"{estimate['estimate']:.3f}", interval
    if document["accuracy"] is not None:
        yield "accuracy by labels", f"{document['accuracy']:.3f}", "all rows with a label"


def _episodes(document: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for episode in document["episodes"]:
        over = episode["over_row"]
        yield (
            episode["kind"],
            _moment(episode["since"], document["timed"]),
            episode["found_row"],
            "not over" if over is None else f"{over:,}",
            episode["verdict"]["size"],
            CAUSES[episode["cause"]],
        )


def _moved(document: Mapping[str, Any]) -> Iterator[str]:
    """What moved, of each kind's last drift, or now where there was none."""
    last = {episode["kind"]: episode["verdict"] for episode in document["episodes"]}
    for now in document["now"]["kinds"]:
        verdict = last.get(now["kind"], now)
        yield f"<h2>What moved most: {verdict['kind']}</h2>"
        yield page.table(
            ("aspect", "slice", "before", "after", "gap", "enough by itself"),
            [
                (
                    moved["aspect"],
                    "" if moved["at"] is None else f"below {moved['at']:.4g}",
                    moved["before"],
                    moved["after"],
                    moved["gap"],
                    "yes" if moved["alarmed"] else "",
                )
                for moved in verdict["aspects"][:ASPECTS]
            ],
        )
        if verdict["terms"]:
            yield page.table(
                ("word", "in 1,000 words before", "after", "texts"),
                [(t["term"], t["before"], t["after"], t["texts"]) for t in verdict["terms"]],
            )


def _moment(since: float, timed: bool) -> str:
    if not timed:
        return f"row {since:,.0f}"
    return datetime.fromtimestamp(since, UTC).isoformat(timespec="seconds")
