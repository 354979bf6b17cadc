"""`make loop`: the command."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from components.contract.errors import InputError
from components.contract.exits import exit_on_error


def main(argv: Sequence[str] | None = None) -> None:
    """Play the loop once.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    parser = argparse.ArgumentParser(prog="make loop", description=__doc__)
    parser.add_argument("--params", type=Path, default=Path("params/loop.yaml"))
    parser.add_argument("--output", type=Path, default=None, help="an empty folder")
    parser.add_argument("--cache", type=Path, default=Path(".tamis/cache"))
    told = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _stop)  # as Ctrl-C: what was started is stopped in order
    with exit_on_error():
        from pipelines.loop.story import play

        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        folder = (told.output or Path(".tamis/loop") / name).absolute()
        if folder.exists() and any(folder.iterdir()):
            raise InputError("output_exists", f"{str(folder)!r} is there already.", "Name another.")
        folder.mkdir(parents=True, exist_ok=True)
        play(folder, told.params, told.cache.absolute())


def _stop(*_: object) -> None:
    raise KeyboardInterrupt
