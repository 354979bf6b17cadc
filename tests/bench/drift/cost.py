"""What scoring drift costs: the worker's CPU, and the request path's."""

from __future__ import annotations

import time

import numpy as np

from components.drift.window import Rows, SlidingWindow
from serving.transformer.drift.fresh import Fresh
from serving.transformer.drift.settings import DriftSettings
from serving.transformer.drift.supervisor import Supervisor
from serving.transformer.drift.tap import DriftTap
from serving.transformer.model_identity import ModelIdentity
from serving.transformer.prediction import Answered
from tests.bench.drift.materials import Materials

EVERY = 250
REQUESTS = 3_000


def worker_cpu_s(made: Materials, detectors: str) -> float:
    """CPU seconds of a real worker process for 1,000 texts, a test each 250."""
    settings = DriftSettings(detectors=detectors)  # type: ignore[arg-type]
    supervisor = Supervisor(settings, lambda: None, lambda: None)
    pool = made.pools["imdb"].take(np.arange(len(made.texts)))
    d, k = pool.stream.features.shape[1], pool.stream.probabilities.shape[1]
    window, fresh = SlidingWindow(settings.window_rows, d, k), Fresh(d, k)
    spent = []
    try:
        supervisor.prepare("bench", made.reference)
        for turn in range(8):
            start = EVERY * (turn % 4)
            part = pool.stream.take(slice(start, start + EVERY))
            rows = Rows(EVERY, d, k)
            rows.put(0, part.features, part.probabilities, part.lengths)
            rows.filled = EVERY
            window.add(rows)
            fresh.add(rows, made.texts[start : start + EVERY], time.time())
            fresh.add_outcomes([True] * (EVERY // 10), time.time())
            outcomes = np.ones(EVERY // 10, np.bool_)
            spent.append(supervisor.score(window.view(outcomes), fresh.take())["cpu_s"])
    finally:
        supervisor.close()
    return float(sum(spent[4:]))  # the window is full by then


def offer_us(made: Materials) -> float:
    """Microseconds that the request path spends on leaving a row, median of many."""
    tap = DriftTap(lambda rows, reason: None)
    stream = made.pools["imdb"].stream
    tap.watch("bench", stream.features.shape[1], stream.probabilities.shape[1])
    taken = []
    for i in range(REQUESTS):
        row = slice(i % 1_000, i % 1_000 + 1)
        answered = Answered(
            ["id"],
            made.texts[row],
            "bench",
            ModelIdentity("bench", "1", "bench"),
            ("negative", "positive"),
            stream.probabilities[row],
            stream.lengths[row],
            np.zeros(1, np.bool_),
            stream.features[row],
        )
        started = time.perf_counter()
        tap.offer(answered)
        taken.append(time.perf_counter() - started)
        if i % 1_000 == 999:
            tap.drain()
    return float(np.median(taken) * 1e6)
