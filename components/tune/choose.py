"""The best of many trials, and a report of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from components.contract import page
from components.contract.errors import TamisError

Result = Mapping[str, Any]
"""A trial's `number`, `changes` and either `scores` or `error` (code and sentence)."""


def best_of(results: Sequence[Result], metric: str) -> Result:
    """The trial with the best score; among equals the smaller loss, then the earlier.

    Args:
        results: All trials, in any order.
        metric: Which score.

    Returns:
        That trial.

    Raises:
        TamisError: `no_trial` when none succeeded, with what the first failed of.
    """
    scored = [result for result in results if result.get("scores")]
    if not scored:
        first = next((r["error"] for r in results if r.get("error")), "There was none.")
        raise TamisError("no_trial", f"No trial succeeded; the first said: {first}")
    return min(scored, key=lambda result: (*rank(result["scores"], metric), result["number"]))


def rank(scores: Mapping[str, float], metric: str) -> tuple[float, float]:
    """What trials are ordered by, the best first."""
    return -scores[metric], scores["log_loss"]


def write_report(
    path: Path, architecture: str, metric: str, results: Sequence[Result], best: Result
) -> None:
    """Write the page: the best settings, then every trial, the best first.

    Args:
        path: The HTML file.
        architecture: What was searched.
        metric: Which score it was searched for.
        results: All trials.
        best: The best of them.
    """
    scored = sorted(
        (r for r in results if r.get("scores")),
        key=lambda r: (*rank(r["scores"], metric), r["number"]),
    )
    names = ("accuracy", "macro_f1", "log_loss", "cpu_s")
    rows = [
        (
            str(result["number"]),
            *(_cell(result["scores"].get(name)) for name in names),
            told(result["changes"]),
        )
        for result in scored
    ]
    failed = [(str(r["number"]), r["error"], told(r["changes"])) for r in results if r.get("error")]
    current = next((r for r in scored if not r["changes"]), None)
    cards = [("best", f"{best['scores'][metric]:.4f}", metric)]
    if current is not None:
        cards.append(("current settings", f"{current['scores'][metric]:.4f}", metric))
    cards.append(("trials", str(len(scored)), f"{len(failed)} failed"))
    parts = [
        page.cards(cards),
        f"<p>Best: {escape(told(best['changes']))}. Chosen on the validation rows alone.</p>",
        page.table(("trial", *names, "settings"), rows),
    ]
    if failed:
        parts.append("<h2>Failed</h2>" + page.table(("trial", "error", "settings"), failed))
    page.write_page(path, f"Settings of {architecture}", parts)


def told(changes: Mapping[str, Any]) -> str:
    """A trial's settings in a few words."""
    return ", ".join(f"{name} {value}" for name, value in changes.items()) or "the current settings"


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
