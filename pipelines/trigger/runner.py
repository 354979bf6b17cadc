"""The contract of what runs a pipeline for the trigger: on this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from components.contract.errors import TamisError
from pipelines.trigger.ledger import Outcome, Run


class LostError(TamisError):
    """A run's process is gone and left no result: it may be taken up again."""


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Attributes:
        outcome: `promoted`, `refused` by the gate, or `failed`.
        code: The gate's outcome, or the failure's code.
        message: One sentence.
        summary: `stages` (name -> seconds), and where it is known `rows` (split -> rows),
            `rejected` (reason -> rows), `accuracy` (architecture -> share), `champion`.
    """

    outcome: Outcome
    code: str
    message: str
    summary: Mapping[str, Any] = field(default_factory=dict)


class Runner(Protocol):
    """Starts runs under the ids that the ledger gave them, and finds them again by these."""

    def start(self, run: Run, document: Mapping[str, Any]) -> str:
        """Start a run, or take up again one whose process died.

        Args:
            run: The run; its id identifies it in the outside world.
            document: The parameter file's mapping.

        Returns:
            The id that the outside world gave it; may be empty.

        Raises:
            TamisError: When it can't be started, or it isn't known whether it was.
        """
        ...

    def find(self, run: Run) -> str | None:
        """Look for a run that was perhaps started.

        Args:
            run: The run.

        Returns:
            What `start` returned or would have; None when it was certainly not started.

        Raises:
            TamisError: When that can't be said now.
        """
        ...

    def look(self, run: Run) -> Ending | None:
        """How a started run ended.

        Args:
            run: The run.

        Returns:
            Its end; None while it goes on.

        Raises:
            LostError: When its process is gone without a result.
            TamisError: When that can't be said now.
        """
        ...

    def close(self) -> None:
        """Stop what would not survive this process properly; it is taken up at the next start."""
        ...
