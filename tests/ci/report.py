"""What a change does to the pipeline, as Markdown: `python -m tests.ci.report --base REF`.

The compiled pipeline of both sides is compared line by line, and both sides train the fastest
architecture on the demo's data. Each side runs its own code, in a process of its own.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHOWN_LINES = 400
"""GitHub takes comments of 65,536 characters; a longer diff is cut and says so."""
ARCHITECTURE = "logistic"
_CALL = "import sys; sys.argv[0] = 'tamis'; from pipelines.cli import main; main()"


@contextmanager
def worktree(reference: str) -> Iterator[Path]:
    """The files of another commit, in a folder of their own while the block runs."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "base"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run(
            [*git, "add", "--quiet", "--detach", str(folder), reference], check=True, text=True
        )
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True, text=True)


def tamis(source: Path, *arguments: str, cwd: Path) -> None:
    """Run the command line of a source tree."""
    environment = {**os.environ, "PYTHONPATH": str(source), "TAMIS_CACHE": str(cwd / "cache")}
    command = [sys.executable, "-P", "-c", _CALL, *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"tamis {arguments[0]} of {source}:\n{done.stdout}\n{done.stderr}")


def compiled(source: Path, scratch: Path) -> list[str]:
    """The lines of a source tree's compiled pipeline."""
    file = scratch / "pipeline.yaml"
    tamis(source, "compile", "--params", str(source / "params.yaml"), "-o", str(file), cwd=scratch)
    return file.read_text(encoding="utf-8").splitlines()


def tiny_run(source: Path, scratch: Path) -> Mapping[str, Any]:
    """The summary of a run that trains the fastest architecture alone."""
    out = scratch / "run"
    params = ("--params", str(source / "params.yaml"))
    tamis(
        source, "run", "--architectures", ARCHITECTURE, *params, "--output", str(out), cwd=scratch
    )
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return summary


def side(source: Path, scratch: Path) -> tuple[list[str], Mapping[str, Any]]:
    """One side of the comparison."""
    scratch.mkdir(parents=True)
    return compiled(source, scratch), tiny_run(source, scratch)


def metrics(summary: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of the run's one architecture."""
    found: dict[str, float] = {}

    def walk(prefix: str, node: Any) -> None:
        if isinstance(node, Mapping):
            for key, value in node.items():
                walk(f"{prefix}{key}.", value)
        elif isinstance(node, int | float) and not isinstance(node, bool):
            found[prefix.rstrip(".")] = float(node)

    walk("", summary)
    return found


def render(
    base: tuple[list[str], Mapping[str, Any]], head: tuple[list[str], Mapping[str, Any]]
) -> str:
    """The report."""
    diff = list(difflib.unified_diff(base[0], head[0], "base", "this change", lineterm="", n=2))
    parts = ["### What this does to the pipeline", ""]
    if diff:
        cut = len(diff) - SHOWN_LINES
        parts += ["<details><summary>The compiled pipeline changes</summary>", "", "```diff"]
        parts += [line.replace("```", "'''") for line in diff[:SHOWN_LINES]]
        parts += ["```", f"{cut} more lines." if cut > 0 else "", "</details>", ""]
    else:
        parts += ["The compiled pipeline stays as it is.", ""]
    parts += [f"A run of `{ARCHITECTURE}` on the demo's data:", "", "| | base | this change |"]
    parts += ["|---|---|---|"]
    before, after = metrics(base[1]), metrics(head[1])
    for name in sorted(before.keys() | after.keys()):
        cells = ("" if side.get(name) is None else f"{side[name]:.4g}" for side in (before, after))
        parts.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*parts, ""])


def main(argv: list[str] | None = None) -> None:
    """Write `report.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", required=True, help="the commit to compare with")
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    arguments = parser.parse_args(argv)
    with worktree(arguments.base) as base, tempfile.TemporaryDirectory() as scratch:
        report = render(side(base, Path(scratch, "base")), side(ROOT, Path(scratch, "head")))
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "report.md").write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
