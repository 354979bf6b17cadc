"""A trigger's process that kills itself at a chosen step: `killed.py FOLDER POINT [KFP]`.

Every transition of the ledger and every call of the runner is such a point, once before it is done
and once after. POINT 0 kills nowhere. The killing lives here: the product knows nothing of it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.registry.aliases import decision_tags
from pipelines.trigger.intake import Intake
from pipelines.trigger.ledger import Ledger, Run
from pipelines.trigger.local_runner import LocalRunner
from pipelines.trigger.settings import KfpSettings, RetrainingSettings
from pipelines.trigger.webhook import read_notification
from pipelines.trigger.worker import Worker
from pipelines.trigger.working import see_through
from tests.pipelines.trigger.parts import DOCUMENT, ListedLabels, notification, registry

POINTS = 12
COMMAND = (sys.executable, str(Path(__file__).with_name("quick_run.py")), "0.3")


class Killer:
    """Counts points and kills its process at one of them."""

    def __init__(self, point: int) -> None:
        self._left = point

    def point(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.point()
            result = method(*arguments, **named)
            self.point()
            return result

        return call


def promoting(folder: Path, look: Callable[[Run], Any]) -> Callable[[Run], Any]:
    """Leave what the run's own register stage would have left, before anybody looks."""

    def call(run: Run) -> Any:
        registry(folder, **decision_tags(str(run.details["external"]), "promoted", "Better."))
        return look(run)

    return call


def main(folder: Path, point: int, kfp: str) -> None:
    killer = Killer(point)
    ledger: Any = Ledger(folder / "ledger.db")
    if kfp:
        from pipelines.trigger.kfp_runner import KfpRunner

        runner: Any = KfpRunner(KfpSettings(kfp), registry(folder), settle_s=0.01)
        runner.look = promoting(folder, runner.look)
        settings = RetrainingSettings(minimum_labels=1, store=str(folder / "store"))
        document: Any = {
            "source": {"uri": "https://data.example.com/reviews.csv"},
            "tokenizers": {"bpe": {"strategy": "bpe"}},
            "architectures": {"logistic": {}},
            "register": {"model_name": "m"},
        }
    else:
        runner = LocalRunner(folder / "runs", COMMAND)
        settings = RetrainingSettings(minimum_labels=1, store=str(folder / "store"))
        document = DOCUMENT
    labels, champion = ListedLabels(), registry(folder)
    intake = Intake(ledger, labels, champion, settings)
    worker = Worker(ledger, labels, runner, champion, document, settings, retry_s=0.05)
    asked = ledger.request

    def request(run_id: str, origin: str, causes: Any, rules: Any, count: Any, *rest: Any) -> Any:
        chosen = killer.around(asked) if count is not None else asked
        return chosen(run_id, origin, causes, rules, count, *rest)

    ledger.request = request
    for name in ("advance", "end"):
        setattr(ledger, name, killer.around(getattr(ledger, name)))
    runner.start = killer.around(runner.start)
    intake.by_alerts(read_notification(notification()))
    run = ledger.unfinished()
    if run is not None:
        see_through(worker, ledger, folder / "worker.lock", run.id, lambda _: None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
