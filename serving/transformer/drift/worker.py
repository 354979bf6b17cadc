"""The worker process: `python -m serving.transformer.drift.worker`, its standard input a socket.

It gets a reference, then windows with the rows that are new in them, and answers each with the
detectors' scores, what the sequential tests say, and the state that another worker would need to go
on with them. It ends when the other side does.
Being a process of its own, it may take seconds to import and hundreds of megabytes to hold what
the request path could not afford, and may be killed at any time.
"""

from __future__ import annotations

import math
import os
import socket
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy.typing as npt

from components.contract import logs
from components.contract.artifact import peak_rss_mb
from components.contract.errors import TamisError
from components.contract.settings import build
from components.drift.detectors.detector import Detector
from components.drift.detectors.table import detectors
from components.drift.reference import reference_of
from components.drift.watch import Watch
from components.drift.window import Window
from serving.transformer.drift.frames import pack, unpack
from serving.transformer.drift.settings import DriftSettings
from serving.transformer.drift.told import tell

STATE = "state_"
NICENESS = 19
"""Whatever else the machine has to do comes first."""


def main() -> None:
    """Serve the transformer until it closes the socket."""
    os.nice(NICENESS)
    logs.configure()
    warnings.simplefilter("ignore")  # third parties' deprecations are not the operator's
    with socket.socket(fileno=os.dup(0)) as channel, channel.makefile("rb") as reader:
        serve(channel, reader)


def serve(channel: socket.socket, reader: Any) -> None:
    """Answer frames.

    Args:
        channel: Where answers go.
        reader: Where frames come from.
    """
    scorer: Scorer | None = None
    while True:
        try:
            message, arrays = unpack(reader.read)
        except EOFError:
            return
        started = time.process_time()
        try:
            state: dict[str, npt.NDArray[Any]] = {}
            if message["kind"] == "reference":
                scorer = Scorer(message["settings"], arrays)
                answer: dict[str, Any] = {"kind": "ready"}
            else:
                answer, state = _required(scorer).answer(arrays)
        except TamisError as error:
            answer = {"kind": "refused", "message": error.message, "hint": error.hint}
        answer["cpu_s"] = time.process_time() - started
        answer["rss_mb"] = peak_rss_mb()
        for part in pack(answer, state):
            channel.sendall(part)


class Scorer:
    """Detectors and sequential tests of one bundle.

    Args:
        settings: `DriftSettings` as a mapping.
        arrays: The reference's, and with names that begin with `state_` an earlier worker's state.
    """

    def __init__(self, settings: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
        chosen = build(DriftSettings, settings, "drift")
        self._reference = reference_of(arrays, "the bundle")
        self._made = [make(self._reference, chosen) for make in detectors(chosen.detectors)]
        self._watch = Watch(self._reference, chosen)
        state = {n.removeprefix(STATE): a for n, a in arrays.items() if n.startswith(STATE)}
        if state:
            try:
                self._watch.restore(state)
            except ValueError as error:  # a test that begins anew is better than none
                logs.event("drift_state_refused", message=str(error))

    def answer(
        self, arrays: dict[str, npt.NDArray[Any]]
    ) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Score a window and take what is new in it into account.

        Args:
            arrays: The window's, and those of `Fresh.take`.

        Returns:
            The answer and the state.
        """
        own = {name: array for name, array in arrays.items() if not name.startswith("fresh_")}
        scores = _score(self._made, Window(**own).finite())
        tell(self._watch, self._reference, arrays)
        diagnosis = asdict(self._watch.diagnosis())
        return {"kind": "scores", "scores": scores, "diagnosis": diagnosis}, self._watch.state()


def _required(scorer: Scorer | None) -> Scorer:
    if scorer is None:
        raise TamisError("no_reference", "A window came before any reference.")
    return scorer


def _score(made: Sequence[Detector], window: Window) -> list[dict[str, Any]]:
    scores = []
    for detector in made:
        if len(window.lengths) == 0 and not detector.sequential:
            continue
        try:
            score = detector.score(window)
        except Exception:  # noqa: BLE001 - a detector's failure is not the others'
            logs.LOGGER.exception("detector_failed", extra={"fields": {"detector": detector.name}})
            continue
        if score is None or not (math.isfinite(score.value) and math.isfinite(score.threshold)):
            continue
        scores.append(
            {
                "detector": detector.name,
                "kind": detector.kind,
                "sequential": detector.sequential,
                "score": score.value,
                "p_value": score.p_value,
                "threshold": score.threshold,
                "rows": score.rows,
            }
        )
    return scores


if __name__ == "__main__":
    main()
