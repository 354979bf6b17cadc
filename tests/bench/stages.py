"""Running one stage in a process of its own, as the pipeline does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from components.contract.artifact import Manifest, read_manifest
from tests.conftest import ROOT


def stage(module: str, out: Path, *arguments: str) -> Manifest:
    """Run `python -m components.<module>` and read what it published."""
    command = [sys.executable, "-m", f"components.{module}", *arguments, "--out", str(out)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TAMIS_")}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return read_manifest(out)
