"""The worker process: `python -m serving.transformer.drift.worker`, its standard input a socket.

It gets a reference, then windows, and answers each with scores. It ends when the other side does.
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
from typing import Any

import numpy.typing as npt

from components.contract import logs
from components.contract.artifact import peak_rss_mb
from components.contract.errors import TamisError
from components.contract.settings import build
from components.drift.detectors.detector import Detector
from components.drift.detectors.table import detectors
from components.drift.reference import reference_of
from components.drift.window import Window
from serving.transformer.drift.frames import pack, unpack
from serving.transformer.drift.settings import DriftSettings

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
    made: list[Detector] = []
    while True:
        try:
            message, arrays = unpack(reader.read)
        except EOFError:
            return
        started = time.process_time()
        try:
            if message["kind"] == "reference":
                made = _make(message, arrays)
                answer: dict[str, Any] = {"kind": "ready"}
            else:
                window = Window(**arrays).finite()
                answer = {"kind": "scores", "scores": _score(made, window)}
        except TamisError as error:
            answer = {"kind": "refused", "message": error.message, "hint": error.hint}
        answer["cpu_s"] = time.process_time() - started
        answer["rss_mb"] = peak_rss_mb()
        for part in pack(answer, {}):
            channel.sendall(part)


def _make(message: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> list[Detector]:
    settings = build(DriftSettings, message["settings"], "drift")
    reference = reference_of(arrays, "the bundle")
    return [make(reference, settings) for make in detectors(settings.detectors)]


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
