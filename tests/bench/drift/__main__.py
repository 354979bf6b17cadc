"""`make bench-drift`: false alarms, delays, names, the estimate of accuracy, and what they cost.

Every text is scored once; streams are drawn from the scored rows. Five minutes, most of them
alibi-detect's (`--peer-streams 0` leaves it out).
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.drift import cost, ours
from tests.bench.drift.materials import Materials, prepare

STREAMS, EACH = 200, 20


def main() -> None:
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(prog="tests.bench.drift", description=__doc__)
    parser.add_argument("--keep", type=Path, default=Path(".tamis/bench-drift"))
    parser.add_argument("--peer-streams", type=int, default=25)
    arguments = parser.parse_args()
    keep = arguments.keep.absolute()
    keep.mkdir(parents=True, exist_ok=True)
    console, made = Console(width=140), prepare(keep)
    console.print(bars(made))
    console.print(names(made))
    console.print(accuracies(made))
    if arguments.peer_streams:
        console.print(peers(made, arguments.peer_streams))


def bars(made: Materials) -> Table:
    """Each bar and what was measured."""
    table = Table(title="Drift: bars")
    for heading in ("bar", "measured", "bound", ""):
        table.add_column(heading)

    def row(name: str, measured: str, bound: str, kept: bool) -> None:
        table.add_row(name, measured, bound, "kept" if kept else "MISSED")

    for title, found in (
        (f"false alarms, {STREAMS} streams of 5,000 IMDB texts", ours.clean(made, STREAMS)),
        (f"the same, {STREAMS} other references", ours.redrawn(made, STREAMS)),
    ):
        alarms = sum(alarm.any for alarm in found)
        by_kind = {k: sum(bool(getattr(a, k)) for a in found) for k in vars(found[0])}
        row(title, f"{alarms} {by_kind}", "at most 5", alarms <= 5)
    firsts = [ours.told(made.reference, ours.other_source(made, i), None, i)[0] for i in range(100)]
    within = sum(0 < a.input <= 200 for a in firsts)
    row(
        "IMDB to Rotten Tomatoes, within 200 texts",
        f"{within} of 100; {spread([a.input for a in firsts])}",
        "at least 95",
        within >= 95,
    )
    firsts = [ours.told(made.reference, ours.tenth(made, i), None, i)[0] for i in range(100)]
    within = sum(0 < a.input <= 2_000 for a in firsts)
    row(
        "a tenth Rotten Tomatoes, within 2,000 texts",
        f"{within} of 100; {spread([a.input for a in firsts])}",
        "at least 95",
        within >= 95,
    )
    called = [ours.told(made.reference, ours.label_mix(made, i), None, i) for i in range(100)]
    right = sum(bool(a.prediction) and d.cause == "label_mix" for a, d in called)
    row(
        "50/50 to 80/20 named as prediction drift",
        f"{right} of 100; {spread([a.prediction for a, _ in called])}",
        "at least 95",
        right >= 95,
    )
    firsts = [ours.noise(made, i) for i in range(100)]
    within = sum(0 < a.concept <= 400 for a in firsts)
    row(
        "errors from 10 % to 25 % named as concept drift within 400 labels",
        f"{within} of 100; {spread([a.concept for a in firsts])}",
        "at least 95",
        within >= 95,
    )
    for detectors in ("own", "alibi"):
        cpu = cost.worker_cpu_s(made, detectors)
        bound = f"worker's CPU for 1,000 texts, detectors {detectors}"
        row(bound, f"{cpu:.2f} s", "below 1.0 s", cpu < 1.0)
    offered = cost.offer_us(made)
    row("request path, a row left", f"{offered:.1f} us", "300 us", offered < 300)
    return table


def names(made: Materials) -> Table:
    """What incidents were called."""
    called = ours.incidents(made, EACH)
    right = sum(Counter(given)[kind] for kind, given in called.items())
    verdict = "kept" if right >= 85 else "MISSED"
    table = Table(title=f"100 incidents, {right} named rightly (bound: 85): {verdict}")
    for heading in ("incident", "called"):
        table.add_column(heading)
    for kind, given in called.items():
        counts = Counter(given).most_common()
        table.add_row(kind, ", ".join(f"{name} {count}" for name, count in counts))
    return table


def accuracies(made: Materials) -> Table:
    """How the estimate without labels does."""
    found = ours.coverage(made)
    covered = sum(low <= right <= high for rows in found.values() for right, _, low, high in rows)
    verdict = "kept" if covered >= 85 else "MISSED"
    table = Table(title=f"90 % interval covers in {covered} of 100 windows (bound: 85): {verdict}")
    for heading in ("window of 500", "accuracy", "estimate", "interval", "covered"):
        table.add_column(heading, justify="right")
    for name, rows in found.items():
        right, guess, low, high = (statistics.mean(column) for column in zip(*rows, strict=True))
        inside = sum(low <= right <= high for right, _, low, high in rows)
        table.add_row(
            name,
            f"{right:.3f}",
            f"{guess:.3f}",
            f"{low:.3f} to {high:.3f}",
            f"{inside} of {len(rows)}",
        )
    return table


def peers(made: Materials, streams: int) -> Table:
    """alibi-detect beside ours."""
    from tests.bench.drift.peers import PEERS, Peers, clean

    both = Peers(made)
    scenes = {"no drift": clean, "Rotten Tomatoes": ours.other_source, "a tenth": ours.tenth}
    table = Table(
        title=f"alpha 1 %, {streams} streams each: alarms; median texts to the first. "
        "alibi-detect tests windows of 200"
    )
    table.add_column("detector")
    firsts = {
        scene: [both.first_alarms(stream, number) for number in range(streams)]
        for scene, stream in scenes.items()
    }
    for scene in scenes:
        table.add_column(scene)
    mine = {
        scene: [
            ours.told(made.reference, stream(made, number), None, number)[0]
            for number in range(streams)
        ]
        for scene, stream in scenes.items()
    }
    for kind in ("input", "prediction"):
        cells = [spread([getattr(a, kind) for a in mine[scene]]) for scene in scenes]
        table.add_row(f"sequential, {kind}", *cells)
    for peer in PEERS:
        cells = [spread([found[peer.name] for found in firsts[scene]]) for scene in scenes]
        table.add_row(f"alibi-detect {peer.name}", *cells)
    return table


def spread(firsts: Sequence[int]) -> str:
    """How many alarms, and after how many texts: median and largest."""
    found = sorted(first for first in firsts if first > 0)
    if not found:
        return "none"
    return f"{len(found)} alarms, median {statistics.median(found):.0f}, latest {found[-1]}"


main()
