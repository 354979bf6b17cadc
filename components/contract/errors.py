"""Errors that a user reads: a machine code, one sentence, what to do."""

from __future__ import annotations

EXIT_FAILURE = 1  # the work failed: disk, network, a gate
EXIT_USAGE = 2  # the input or the parameters are wrong; sysexits(3) leaves 2 to shells' usage


class TamisError(Exception):
    """An expected failure, told in one sentence.

    Args:
        code: Stable machine-readable name, `snake_case`.
        message: One sentence with the offending value in it.
        hint: What the reader can do about it; may be empty.
    """

    exit_status = EXIT_FAILURE

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """The one line that a terminal shows."""
        return f"{self.code}: {self.message}" + (f" {self.hint}" if self.hint else "")


class InputError(TamisError):
    """The data, a path or a parameter that the user gave can't be used."""

    exit_status = EXIT_USAGE


class IntegrityError(TamisError):
    """Stored bytes are not what their manifest says they are."""


class GateError(TamisError):
    """A quality bar was not reached."""
