"""An explanation as an HTML page: no script, no outside asset, every text escaped."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

from components.contract import page
from components.contract.artifact import storage_error
from components.explain.explanation import Explanation

TERMS = 50
"""Rows of the page's table; the rest is one more."""
FOR, AGAINST = "37,99,235", "220,38,38"
"""Blue and red, which the colour-blind tell apart too."""
_FAINTEST = 0.02
"""Share of the strongest word's weight below which a word isn't coloured."""


def told(explanation: Explanation) -> str:
    """One sentence on what the numbers are."""
    label = explanation.label
    if explanation.method == "exact":
        return (
            f"Each n-gram's coefficient times its value: with {explanation.base:+.4f} to begin "
            f"with, they sum to {explanation.total:+.4f}, the logit of {label!r}."
        )
    return (
        f"What the log-odds of {label!r}, {explanation.total:+.4f}, lose when a word is taken away."
    )


def write(file: Path, explanation: Explanation) -> None:
    """Write the page, whole or not at all.

    Args:
        file: The HTML file.
        explanation: What it shows.

    Raises:
        TamisError: `disk_full` or `not_writable` when the file system refuses.
    """
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    shown, rest = explanation.terms[:TERMS], explanation.terms[TERMS:]
    rows = [(t.text, f"{t.contribution:+.4f}", f"{t.occurrences:,}") for t in shown]
    if rest:
        others = sum(term.contribution for term in rest)
        rows.append((f"{len(rest):,} others", f"{others:+.4f}", ""))
    try:
        page.write_page(
            partial,
            f"Why {explanation.label}",
            (
                page.cards(
                    [
                        ("label", explanation.label, f"{explanation.score:.1%}"),
                        ("architecture", explanation.architecture, explanation.method),
                    ]
                ),
                f'<p dir="auto" style="white-space:pre-wrap">{_coloured(explanation)}</p>',
                f"<p>{escape(told(explanation))} Blue speaks for the label, red against it.</p>",
                page.table(("term", "contribution", "occurrences"), rows),
            ),
        )
        partial.replace(file)
    except OSError as error:
        raise storage_error(error, file) from error
    finally:
        partial.unlink(missing_ok=True)


def _coloured(explanation: Explanation) -> str:
    most = max((abs(mark.weight) for mark in explanation.marks), default=0.0)
    parts, end = [], 0
    for mark in explanation.marks:
        parts.append(escape(explanation.text[end : mark.start]))
        word, end = escape(explanation.text[mark.start : mark.end]), mark.end
        strength = abs(mark.weight) / most if most else 0.0
        if strength >= _FAINTEST:
            colour = FOR if mark.weight > 0 else AGAINST
            word = (
                f'<span style="background:rgba({colour},{0.6 * strength:.2f})" '
                f'title="{mark.weight:+.4f}">{word}</span>'
            )
        parts.append(word)
    return "".join(parts) + escape(explanation.text[end:])
