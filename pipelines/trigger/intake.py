"""Takes requests for a retraining: by alerts or by hand, under the same rules."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from components.contract import logs
from components.contract.errors import InputError
from components.registry.aliases import CHAMPION, Registry
from pipelines.trigger.labels import Labels
from pipelines.trigger.ledger import Ledger
from pipelines.trigger.settings import RetrainingSettings
from pipelines.trigger.webhook import Alert

BY_HAND = "by hand"


@dataclass(frozen=True)
class Answer:
    """What became of a request.

    Attributes:
        run: The run that was written down; empty when none was.
        code: `accepted`, or the reason of the refusal.
        message: One sentence.
    """

    run: str
    code: str
    message: str


class Intake:
    """Decides on requests.

    Args:
        ledger: The state.
        labels: Where labelled rows come from.
        registry: Says who is champion.
        settings: The rules' figures.
        clock: The present, in seconds since 1970.
    """

    def __init__(
        self,
        ledger: Ledger,
        labels: Labels,
        registry: Registry,
        settings: RetrainingSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger, self._labels, self._registry = ledger, labels, registry
        self._settings, self._clock = settings, clock

    def by_alerts(self, alerts: Sequence[Alert]) -> Answer:
        """Decide on a notification's alerts; they ask for one run together.

        Args:
            alerts: One or more.

        Returns:
            The answer.

        Raises:
            TamisError: `no_champion`, or when the journal, the registry or the ledger can't be
                asked; nothing was written down, and Alertmanager may come again.
        """
        origin = ", ".join(sorted({alert.name or alert.kind for alert in alerts}))
        return self._decide(origin, tuple(alert.cause for alert in alerts), force=False)

    def by_hand(self, force: bool = False) -> Answer:
        """Decide on somebody's wish; `force` waives the cool-down and nothing else."""
        return self._decide(BY_HAND, (), force)

    def fresh_labels(self) -> int:
        """Labels of the champion's answers that came since the last decided run.

        Returns:
            Their number.

        Raises:
            InputError: `no_champion`.
            TamisError: When the journal or the registry can't be asked.
        """
        champion = self._registry.resolve(CHAMPION)
        if champion is None:
            raise InputError(
                "no_champion",
                f"There is no champion of {self._registry.model!r} to retrain.",
                "Run `tamis run` first.",
            )
        last = self._ledger.last_decided()
        since = int(last.details.get("until", 0)) if last else 0
        return self._labels.count(champion.bundle_digest, since)

    def _decide(self, origin: str, causes: tuple[str, ...], force: bool) -> Answer:
        now = self._clock()
        run_id = f"retrain-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        asked = (run_id, origin, causes, self._settings)
        # The journal is asked only when no other rule refuses: duplicates are cheap.
        refused = self._ledger.request(*asked, None, now, force)
        if refused is None:
            refused = self._ledger.request(*asked, self.fresh_labels(), now, force)
        if refused is not None:
            logs.event("retraining_refused", reason=refused.reason, message=refused.message)
            return Answer("", refused.reason, refused.message)
        logs.event("retraining_accepted", run=run_id, origin=origin)
        return Answer(run_id, "accepted", f"The run {run_id} was written down.")
