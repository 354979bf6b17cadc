"""One request of 512 texts, beside the model alone on the same texts."""

from __future__ import annotations

import json
import statistics
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.table import Table

from components.catalogue import open_classifier
from components.contract.classifier import Classifier
from components.contract.encoding import Encoding, length_buckets
from components.contract.environment import environment
from components.contract.normalise import normalise
from tests.bench.serve.figures import verdict
from tests.bench.serve.materials import sentences
from tests.bench.serve.servers import tamis

TEXTS = 512
BOUND = 0.85
BATCHES = ((8, 1_024), (16, 1_024), (32, 4_096))
"""Rows and tokens; the model alone is measured with each and its best one counts."""


def table(bundle: Path, folder: Path, repeats: int) -> Table:
    """Texts a second of both, in turn."""
    texts = (sentences() * 2)[:TEXTS]
    body = json.dumps({"texts": texts}).encode()
    _, classifier = open_classifier(bundle, threads=1)
    encoding = classifier.tokenizer.encode([normalise(text) for text in texts])
    ours: list[float] = []
    alone: dict[tuple[int, int], list[float]] = {batch: [] for batch in BATCHES}
    with tamis(bundle, folder, guarded=True, drift="own") as served:
        request = urllib.request.Request(
            served.url,
            body,
            {"content-type": "application/json", "authorization": f"Bearer {served.token}"},
        )
        for _ in range(repeats + 1):
            started = time.perf_counter()
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert len(json.load(answer)) == TEXTS
            ours.append(TEXTS / (time.perf_counter() - started))
            for batch in BATCHES:
                alone[batch].append(TEXTS / scored(classifier, encoding, *batch))
    best = max(BATCHES, key=lambda batch: statistics.median(alone[batch][1:]))
    rate, reference = statistics.median(ours[1:]), statistics.median(alone[best][1:])
    result = Table(title=f"One request of {TEXTS} texts (the first is warm-up)")
    for heading in ("", "texts/s", "share", f"bound {BOUND}"):
        result.add_column(heading, justify="right")
    result.add_row(f"the engine alone, batches of {best[0]}", f"{reference:,.0f}", "1.00", "")
    share = rate / reference
    result.add_row("the service, guarded", f"{rate:,.0f}", f"{share:.2f}", verdict(share >= BOUND))
    return result


def scored(classifier: Classifier, encoding: Encoding, rows: int, tokens: int) -> float:
    """Seconds to score an encoding in length-sorted batches, a thread a core."""
    started = time.perf_counter()
    with ThreadPoolExecutor(environment().threads) as pool:
        batches = list(length_buckets(encoding.lengths, tokens, rows))
        list(pool.map(lambda chosen: classifier.score(encoding.select(chosen)), batches))
    return time.perf_counter() - started
