"""The loop itself, in the order that things happen.

```
 train on long reviews ─ serve ─ traffic ─ the texts change ─ drift ─ alert ─ webhook ─┐
   accuracy is back ─ swapped in under traffic ─ gate ─ retrain ◄─ labels come back ◄──┘
```
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.contract.artifact import replace_json
from components.contract.errors import GateError
from components.contract.settings import read_params
from pipelines.loop.monitoring import firing, monitoring
from pipelines.loop.panels import empty_panels
from pipelines.loop.plot import draw
from pipelines.loop.processes import environment, run, running, tamis, wait_for
from pipelines.loop.texts import Text, familiar_texts, other_texts
from pipelines.loop.timeline import Timeline
from pipelines.loop.traffic import Phase, Traffic
from pipelines.trigger.ledger import Ledger, Run
from serving.local import free_port

LONG, SHORT = "IMDB reviews", "Rotten Tomatoes sentences"
UNSEEN = "unseen Rotten Tomatoes sentences"
CALM_S = 20.0
"""Of familiar texts: enough for the drift scorer to see that nothing is wrong."""
LABELLED = 7_000
"""Sentences whose labels come back; the rest are kept for the new champion."""
MEASURED = 1_500
"""Unseen sentences that the new champion answers: 1.1 points of standard error."""
GAIN = 0.02
"""The loop fails when the new champion is no better than this on the sentences."""
PATIENCE_S = 600.0
"""For a step that takes a minute on two idle cores."""


@dataclass(frozen=True)
class Stage:
    """Where the loop is played.

    Attributes:
        folder: For everything that it leaves.
        variables: The processes' environment.
        timeline: The clock.
        service: The service's port.
        prometheus: Prometheus' address.
    """

    folder: Path
    variables: Mapping[str, str]
    timeline: Timeline
    service: int
    prometheus: str


def play(folder: Path, params: Path, cache: Path) -> None:
    """Play the whole loop and leave `loop.json`, `loop.png` and every log.

    Args:
        folder: An empty folder for everything that the loop leaves.
        params: The parameter file.
        cache: The stage cache.

    Raises:
        GateError: `loop_not_closed` when it did not end as it should.
        TamisError: `loop_failed` when a process fails or something takes too long.
    """
    document, variables, timeline = read_params(params), environment(cache), Timeline()
    (folder / "params.yaml").write_bytes(params.read_bytes())
    timeline.tell("Training the first champion on IMDB reviews.", "train")
    run(tamis("run"), folder, variables, "first-run")
    familiar, other = Phase(LONG, familiar_texts(document)), other_texts(document)
    with _started(folder, variables, timeline) as stage:
        told = run(tamis("token", "--scope", "predict feedback"), folder, variables, "token")
        address = f"http://127.0.0.1:{stage.service}"
        with Traffic(address, told.strip(), timeline, familiar) as traffic:
            _drift(stage, traffic, other[:LABELLED])
            drifting = empty_panels(stage.prometheus)
            ended = _retrain(stage, traffic)
            _swap(stage, traffic, other[LABELLED:], ended)
        # Some tell of drift and some of what became of it.
        empty = {k: v for k, v in empty_panels(stage.prometheus).items() if k in drifting}
        timeline.tell(
            f"Panels of the dashboards that showed nothing: {', '.join(empty) or 'none'}."
        )
        result = {**_result(traffic, ended), "empty_panels": empty}
    timeline.tell(
        f"Accuracy on {SHORT}: {result['before']:.1%} before, {result['after']:.1%} after; "
        f"{result['requests']:,} requests, {len(traffic.failed)} failed."
    )
    moments = [[moment.second, moment.sentence] for moment in timeline.moments]
    replace_json(folder / "loop.json", {**result, "timeline": moments})
    title = f"{SHORT}: {result['before']:.1%} before, {result['after']:.1%} after retraining"
    draw(folder / "loop.png", list(traffic.answered), timeline.moments, title)
    timeline.tell(f"The plot is {folder / 'loop.png'}.")
    _judge(result)


@contextlib.contextmanager
def _started(folder: Path, variables: Mapping[str, str], timeline: Timeline) -> Iterator[Stage]:
    """Everything that runs beside the traffic."""
    from manifests.monitoring.monitor import SERVING, served

    service, metrics, trigger, trigger_metrics, *monitors = (free_port() for _ in range(6))
    loopback = "127.0.0.1"
    serve = tamis("serve", "--port", str(service), "--metrics-port", str(metrics), "--drift", "own")
    listen = tamis("trigger", "--port", str(trigger), "--metrics-port", str(trigger_metrics))
    with contextlib.ExitStack() as stack:
        ready = f"http://{loopback}:{service}/v2/health/ready"
        stack.enter_context(running("serve", serve, folder, variables, ready))
        timeline.tell("The service is ready; reviews come in.", "serve")
        ready = f"http://{loopback}:{trigger}/health"
        stack.enter_context(running("trigger", listen, folder, variables, ready))
        webhook = f"http://{loopback}:{trigger}/alerts"
        ports = (monitors[0], monitors[1])
        targets = served(folder / SERVING) | {"retrain": f"{loopback}:{trigger_metrics}"}
        prometheus = stack.enter_context(monitoring(folder, variables, ports, webhook, targets))
        timeline.tell("Prometheus, Alertmanager and the retraining trigger watch.")
        yield Stage(folder, variables, timeline, service, prometheus)


def _drift(stage: Stage, traffic: Traffic, sentences: Sequence[Text]) -> None:
    """Familiar texts for a while, without an alert; then others, until one fires."""
    timeline = stage.timeline
    calm_until = timeline.now + CALM_S
    wait_for(lambda: timeline.now > calm_until, 2 * CALM_S, "familiar texts")
    if early := firing(stage.prometheus):
        raise GateError("loop_not_closed", f"{', '.join(early)} fired on familiar texts.")
    timeline.tell("From now on the texts are sentences from Rotten Tomatoes.", "other texts")
    traffic.turn_to(Phase(SHORT, sentences, labelled=len(sentences)))
    timeline.tell("Users begin to tell the true labels.")
    wait_for(lambda: bool(firing(stage.prometheus)), PATIENCE_S, "an alert")
    names = ", ".join(sorted(firing(stage.prometheus)))
    timeline.tell(f"Prometheus fires {names}; Alertmanager tells the trigger.", "alert")


def _retrain(stage: Stage, traffic: Traffic) -> Run:
    """The trigger's part, as its ledger tells it."""
    ledger, timeline = Ledger(stage.folder / ".tamis" / "trigger" / "ledger.db"), stage.timeline
    refused = False
    seen = ""

    def over() -> bool:
        nonlocal refused, seen
        counts = ledger.counts()
        if counts.refusals.get("too_few_labels") and not refused:
            refused = True
            timeline.tell("The trigger waits: too few labels have come back.")
        run = ledger.unfinished()
        if run is not None and run.state != seen:
            seen = run.state
            if run.state == "intended":
                timeline.tell(f"The trigger starts {run.id}.", "retrain")
            if run.state == "started":
                fresh = run.details["fresh"]
                timeline.tell(f"It trains on the old reviews and {fresh:,} labels of users.")
        return bool(counts.outcomes)

    wait_for(over, PATIENCE_S, "the retraining")
    ended = ledger.last_decided()
    if ended is None or ended.outcome != "promoted":
        raise GateError("loop_not_closed", "The retraining ended without a promotion.")
    timeline.tell(f"The gate promotes. {ended.message}", "gate")
    return ended


def _swap(stage: Stage, traffic: Traffic, sentences: Sequence[Text], ended: Run) -> None:
    """The new champion answers, and then it is asked about sentences that nobody has seen."""
    version = ended.summary["champion"]["version"]
    newest = traffic.answered[-1].version

    def swapped() -> bool:
        return bool(traffic.answered) and traffic.answered[-1].version == version

    wait_for(swapped, PATIENCE_S, f"version {version} in service")
    sentence = f"Version {version} answers instead of version {newest}, swapped in under traffic."
    stage.timeline.tell(sentence, "swap")
    traffic.turn_to(Phase(UNSEEN, sentences))
    wait_for(
        lambda: traffic.accuracy(UNSEEN, version)[1] >= min(MEASURED, len(sentences)),
        PATIENCE_S,
        "sentences for the new champion",
    )


def _result(traffic: Traffic, ended: Run) -> dict[str, Any]:
    version = ended.summary["champion"]["version"]
    first = traffic.answered[0].version
    before, before_rows = traffic.accuracy(SHORT, first)
    after, after_rows = traffic.accuracy(UNSEEN, version)
    return {
        "familiar": round(traffic.accuracy(LONG, first)[0], 4),
        "before": round(before, 4),
        "before_rows": before_rows,
        "after": round(after, 4),
        "after_rows": after_rows,
        "requests": len(traffic.answered) + len(traffic.failed),
        "failed": traffic.failed[:20],
        "gate": ended.message,
        "stages": ended.summary["stages"],
    }


def _judge(result: Mapping[str, Any]) -> None:
    """Refuse a loop that wasn't closed."""
    if result["failed"]:
        raise GateError("loop_not_closed", f"Requests failed: {result['failed'][:3]}.")
    gain = result["after"] - result["before"]
    if gain < GAIN:
        raise GateError("loop_not_closed", f"The new champion gained {gain:.1%} only.")
