"""The whole loop, from its command: real processes, real alerts, a new champion."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(1_800)]


def test_the_loop_closes(tmp_path: Path) -> None:
    out = tmp_path / "loop"
    command = [sys.executable, "-m", "pipelines.loop", "--output", str(out)]
    done = subprocess.run(
        [*command, "--cache", str(tmp_path / "cache")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    told = json.loads((out / "loop.json").read_text())
    assert told["failed"] == []
    assert told["after"] > told["before"] + 0.02
    assert told["familiar"] > 0.85
    sentences = [sentence for _, sentence in told["timeline"]]
    order = ["the texts are sentences", "Prometheus fires ", "The trigger starts retrain-",
             "The gate promotes", "swapped in under traffic"]  # fmt: skip
    found = [next(i for i, s in enumerate(sentences) if part in s) for part in order]
    assert found == sorted(found)
    # It serves without TLS: there is no certificate whose end could be shown.
    assert list(told["empty_panels"]) == ["service: Certificates"]
    assert (out / "loop.png").stat().st_size > 10_000


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    command = [sys.executable, "-m", "pipelines.loop", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("output_exists: ")
