"""How a stage's process ends when it can't do its work."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from components.contract import logs
from components.contract.errors import TamisError


@contextlib.contextmanager
def exit_on_error() -> Iterator[None]:
    """Configure logging; an expected failure inside the block ends the process in one sentence.

    Raises:
        SystemExit: With the error's exit status; the sentence is the last line on standard error,
            and a `failed` event holds its parts.
    """
    logs.configure()
    try:
        yield
    except TamisError as error:
        logs.event(
            "failed",
            code=error.code,
            message=error.message,
            hint=error.hint,
            exit_status=error.exit_status,
        )
        print(error, file=sys.stderr)  # noqa: T201 - what a pod's log should end with
        raise SystemExit(error.exit_status) from error
