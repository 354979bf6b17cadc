"""`tamis inspect` from the outside: what it prints where, what it writes, how it refuses."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.parameters import load
from tests.conftest import ROOT, reviews, write_csv

TAMIS = str(Path(sys.executable).with_name("tamis"))


def tamis(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TAMIS, "inspect", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of reviews and nothing else."""
    made = tmp_path_factory.mktemp("inspected")
    write_csv(made / "reviews.csv", [*reviews(each=100), *reviews(each=3), ("<b>", "1")])
    return made


def test_a_pipe_gets_plain_lines_and_files_are_written(folder: Path) -> None:
    outputs = ("--output", "a.html", "--output", "a.png", "--output", "a.yaml")
    done = tamis(folder, "--data", "reviews.csv", *outputs)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0] == "rows: 207 in 1 file"
    assert "rejected: 6 duplicate, 1 empty" in lines
    assert any(line.startswith("label 0: 100 (") for line in lines)
    assert any(line.startswith("languages: English ") for line in lines)
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "data:image/png;base64," in (folder / "a.html").read_text(encoding="utf-8")
    suggested = (folder / "a.yaml").read_text(encoding="utf-8")
    assert done.stdout.endswith("".join(f"Written: a.{e}\n" for e in ("html", "png", "yaml")))
    assert suggested in done.stdout
    assert load(folder / "a.yaml").source["uri"] == "reviews.csv"
    assert not list(folder.glob(".*.partial"))


def test_a_terminal_gets_tables_in_colour(folder: Path) -> None:
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    command = [TAMIS, "inspect", "--data", "reviews.csv"]
    process = subprocess.Popen(command, cwd=folder, stdout=terminal, env=environment)
    os.close(terminal)
    shown = b""
    try:
        while block := os.read(main, 4096):
            shown += block
    except OSError:  # how Linux tells that the other end was closed
        pass
    finally:
        os.close(main)
    assert process.wait() == 0
    text = shown.decode()
    assert "\x1b[" in text
    for words in ("┃", "English", "100", "suggested", "vocab_size"):
        assert words.lower() in text.lower()


def test_json_is_one_object(folder: Path) -> None:
    done = tamis(folder, "--data", "reviews.csv", "--json")
    told = json.loads(done.stdout)
    assert told["rows"] == 200
    assert {split: told["labels"]["0"][split] for split in ("train", "validation", "test")}
    assert sum(told["labels"]["0"].values()) == 100
    assert sum(told["words_histogram"]["rows"]) >= 195
    assert told["suggested"]["source"]["uri"] == "reviews.csv"


def test_without_data_the_parameter_file_says_what_is_read(folder: Path, tmp_path: Path) -> None:
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    document["source"] = {"uri": str(folder / "reviews.csv"), "label_names": {0: "no", 1: "yes"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(document))
    told = json.loads(tamis(tmp_path, "--json").stdout)
    assert set(told["labels"]) == {"no", "yes"}
    other = json.loads(tamis(tmp_path, "--data", str(folder / "reviews.csv"), "--json").stdout)
    assert set(other["labels"]) == {"0", "1"}  # the file's names go with its own source


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--data", "none.csv"), "not_found"),
        ((), "not_found"),
        (("--data", "reviews.csv", "--params", "none.yaml"), "not_found"),
        (("--data", "reviews.csv", "--text-column", "txet"), "unknown_column"),
        (("--data", "reviews.csv", "--split-column", "fold"), "unknown_column"),
        (("--data", "none.csv", "--output", "a.pdf"), "unknown_format"),
        (("--data", "none.csv", "--output", "no/where/a.png"), "not_found"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_bad_input_is_one_line_with_a_code(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], code: str
) -> None:
    (tmp_path / "reviews.csv").write_bytes((folder / "reviews.csv").read_bytes())
    done = tamis(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{code}: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["reviews.csv"]
