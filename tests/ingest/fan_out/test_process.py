"""What only processes of their own can show: kills."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from components.contract.artifact import verify
from components.contract.errors import InputError
from components.ingest.fan_out import door
from tests.conftest import ROOT
from tests.ingest.fan_out.conftest import artifact, dataset_of

PART = """
import sys, threading
from pathlib import Path
from components.ingest import spill
from components.ingest.fan_out import part
from components.ingest.fan_out.plan import Plan
from components.ingest.sources import FileSource, open_source
spill.BUFFER_BYTES = 20_000
plan = Plan.open(Path(sys.argv[1]))
def slow(source, name, share):
    for number, row in enumerate(FileSource.read(source, name, share)):
        if number == 150:
            print("half way", flush=True)
            threading.Event().wait(60)
        yield row
class Slow(FileSource):
    def read(self, name, share):
        return slow(self, name, share)
source = open_source(plan.settings.source)
part.screen(plan, 0, Slow(source.files, source.settings), None, Path(sys.argv[2]))
"""

JOIN = """
import itertools, sys, threading
from pathlib import Path
from components.ingest import spill
from components.ingest.fan_out import join
from components.ingest.fan_out.plan import Plan
spill.TABLE_BYTES = 2_000
in_order = join.in_order
def slow(tables):
    partitions = in_order(tables)
    yield from itertools.islice(partitions, 3)
    print("half way", flush=True)
    threading.Event().wait(60)
join.in_order = slow
parts = tuple(Path(path) for path in sys.argv[3:])
join.join(Plan.open(Path(sys.argv[1])), parts, None, Path(sys.argv[2]))
"""


def killed(code: str, *arguments: object) -> None:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half way\n"
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("older", [True, False])
def test_a_killed_part_leaves_the_old_one_or_none(
    reviews: list[tuple[str, str]], tmp_path: Path, older: bool
) -> None:
    with (tmp_path / "rows.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *reviews])
    run = tmp_path / "run"
    expected = dataset_of({"source": {"uri": str(tmp_path / "rows.csv")}}, 2, run)
    digest, before = verify(run / "plan", "plan").digest, verify(run / "rows0", "rows")
    out = run / "rows0" if older else run / "new" / "rows0"
    killed(PART, run / "plan", out)
    assert len([p for p in out.parent.iterdir() if p.name.endswith(".partial")]) == 1
    if older:
        assert verify(out, "rows") == before
    else:
        with pytest.raises(InputError, match="no finished rows"):
            verify(out, "rows")
    again = door.run_part(artifact(run / "plan"), 0, artifact(out), plan_digest=digest)
    assert again == before.digest
    assert not [p for p in out.parent.iterdir() if p.name.startswith(".")]

    dataset = run / "dataset" if older else run / "other" / "dataset"
    killed(JOIN, run / "plan", dataset, run / "rows1", out)
    if older:
        assert verify(dataset, "dataset") == expected
    rows, inputs = [artifact(run / "rows1"), artifact(out)], {"plan_digest": digest}
    digests = [verify(Path(row.path), "rows").digest for row in rows]
    made = door.run_join(
        artifact(run / "plan"), rows, artifact(dataset), parts_digests=digests, **inputs
    )
    assert made == expected.digest
    assert not [p for p in dataset.parent.iterdir() if p.name.startswith(".")]
