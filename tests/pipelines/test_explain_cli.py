"""`tamis explain` from the outside: what it prints where, what it writes, how it refuses."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

TAMIS = str(Path(sys.executable).with_name("tamis"))


def tamis(
    folder: Path, *arguments: str, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TAMIS, "explain", *arguments],
        cwd=folder, input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_pipe_gets_plain_lines_and_the_page_is_written(bundle: Path, tmp_path: Path) -> None:
    text = "a wonderful <John> & a wonderful plot"
    options = ("--bundle", str(bundle), "--label", "positive", "--output", "why.html")
    done = tamis(tmp_path, text, *options)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    first, *rest = done.stdout.splitlines()
    label, score, architecture, method = first.split("\t")
    assert (label, architecture, method) == ("positive", "logistic", "exact")
    assert 0 < float(score) < 1
    assert rest[-1] == "Written: why.html"
    assert all(len(line.split("\t")) == 3 for line in rest[:-1])
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert "&lt;" in page
    assert "<John" not in page


def test_json_holds_every_term(bundle: Path, tmp_path: Path) -> None:
    done = tamis(tmp_path, "--bundle", str(bundle), "--json", given="电影很好看 👍🏽\n")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["text"] == "电影很好看 👍🏽"
    total = found["base"] + sum(term["contribution"] for term in found["terms"])
    assert total == pytest.approx(found["total"], abs=1e-5)
    assert set(found["probabilities"]) == {"negative", "positive"}


def test_a_terminal_gets_colour(bundle: Path, tmp_path: Path) -> None:
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    command = [TAMIS, "explain", "wonderful but [dull]", "--bundle", str(bundle)]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=terminal, env=environment)
    os.close(terminal)
    shown = b""
    while True:
        try:
            read = os.read(main, 4096)
        except OSError:
            break
        if not read:
            break
        shown += read
    os.close(main)
    assert process.wait() == 0
    assert b"\x1b[" in shown
    assert b"but [dull]" in re.sub(rb"\x1b\[[0-9;]*m", b"", shown)
    assert b"coefficient times its value" in shown


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("",), "empty_text"),
        (("good", "--output", "why.pdf"), "unknown_format"),
        (("good", "--output", "no/why.html"), "not_found"),
        (("good", "--label", "postive"), "unknown_label"),
        (("good", "--method", "shap"), "unknown_method"),
    ],
    ids=["empty", "ending", "folder", "label", "method"],
)
def test_a_refusal_is_one_sentence(
    arguments: tuple[str, ...], code: str, bundle: Path, tmp_path: Path
) -> None:
    done = tamis(tmp_path, *arguments, "--bundle", str(bundle))
    assert done.returncode == 2
    assert done.stderr.startswith(f"{code}: ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_without_a_champion_it_says_so(tmp_path: Path) -> None:
    done = tamis(tmp_path, "good")
    assert done.returncode == 2
    assert done.stderr.startswith("no_champion: ")
