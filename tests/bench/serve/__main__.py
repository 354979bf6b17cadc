"""`make bench-serve`: every row in one run, five interleaved repeats, wrk as the client.

Figures of one machine at one time: read the ratios. All servers run at once and are loaded in turn,
so that a noisy minute meets all of them.
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.serve import bulk, servers, starting
from tests.bench.serve.figures import Series, verdict
from tests.bench.serve.load import WARM_UP_S, load, write_bodies
from tests.bench.serve.materials import engine_of, prepare, sentences
from tests.bench.serve.peers import mlserver

MANY = 32
FASTAPI, KSERVE = "1 FastAPI + pipeline", "2 KServe pair, torch"
ML_TORCH, ML_ORT = "3 MLServer, torch", "4 MLServer, Optimum, batching"
ML_ORT_PLAIN = "4a MLServer, Optimum, no batching"
ML_ORT_OURS = "4b MLServer, Optimum, batching, our file"
BERT, BERT_STILL, BERT_OPEN = "bert, guarded", "bert, guarded, drift off", "bert, open"
EMPTY, LOGISTIC, LOGISTIC_OPEN = "KServe pair, empty", "logistic, guarded", "logistic, open"


def main() -> None:
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(prog="tests.bench.serve", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="of load, each time")
    parser.add_argument("--keep", type=Path, default=Path(".tamis/bench"))
    parser.add_argument("--drift", default="alibi", choices=["alibi", "own"])
    parser.add_argument("--only", choices=["load", "bulk", "start"])
    arguments = parser.parse_args()
    console = Console(width=150)
    keep = arguments.keep.absolute()
    keep.mkdir(parents=True, exist_ok=True)
    made = prepare(keep)
    if arguments.only in (None, "load"):
        series = loaded(keep, arguments.repeats, arguments.seconds, arguments.drift)
        console.print(rates(series, engine_of(made.bert)))
        console.print(bars(series))
    if arguments.only in (None, "bulk"):
        console.print(bulk.table(made.bert, keep / "run-bulk", arguments.repeats))
    if arguments.only in (None, "start"):
        console.print(starting.table(made.bert, keep / "run-start", arguments.repeats))


def loaded(keep: Path, repeats: int, seconds: int, drift: str) -> dict[str, Series]:
    """Load every server in turn, several times over."""
    made, folder = prepare(keep), keep / "run"
    binaries = mlserver.environment(keep / "mlserver")
    model = made.model
    rows = {
        FASTAPI: servers.fastapi_pipeline(model, folder / "1"),
        KSERVE: servers.kserve_pair("predictor", model, folder / "2"),
        ML_TORCH: servers.ml_server(binaries, model, folder / "3", optimum=False, batch=0),
        ML_ORT: servers.ml_server(binaries, model, folder / "4", optimum=True, batch=MANY),
        ML_ORT_PLAIN: servers.ml_server(binaries, model, folder / "4a", optimum=True, batch=0),
        ML_ORT_OURS: servers.ml_server(binaries, made.graph, folder / "4b", True, MANY),
        BERT: servers.tamis(made.bert, folder / "bert", guarded=True, drift=drift),
        BERT_STILL: servers.tamis(made.bert, folder / "still", guarded=True, drift="off"),
        BERT_OPEN: servers.tamis(made.bert, folder / "bert-open", guarded=False, drift=drift),
        EMPTY: servers.kserve_pair("empty", model, folder / "5"),
        LOGISTIC: servers.tamis(made.logistic, folder / "logistic", guarded=True, drift=drift),
        LOGISTIC_OPEN: servers.tamis(made.logistic, folder / "open", guarded=False, drift=drift),
    }
    series = {name: Series(name) for name in rows}
    with contextlib.ExitStack() as stack:
        up = {name: stack.enter_context(row) for name, row in rows.items()}
        bodies = {
            form: write_bodies(
                keep / f"{form}.jsonl", [servers.body(form, text) for text in sentences()]
            )
            for form in {served.form for served in up.values()}
        }
        for repeat in range(repeats):
            for name, at in up.items():
                if repeat == 0:
                    load(at.url, bodies[at.form], MANY, WARM_UP_S, at.token)
                one = load(at.url, bodies[at.form], 1, seconds // 2, at.token)
                many = load(at.url, bodies[at.form], MANY, seconds, at.token)
                if min(one.rate, many.rate) <= 0:
                    raise SystemExit(f"{name} answers errors; its log is in {folder}.")
                series[name].one.append(one)
                series[name].many.append(many)
    return series


def rates(series: dict[str, Series], engine: str) -> Table:
    """All rows."""
    table = Table(title=f"One sentence a request; medians (range); our engine: {engine}")
    table.add_column("row", no_wrap=True)
    for heading in ("1 client req/s", "p50 / p99 ms", "32 clients req/s", "p50 / p99 ms", "errors"):
        table.add_column(heading, justify="right")
    for row in series.values():
        table.add_row(row.name, *row.cells())
    return table


def bars(series: dict[str, Series]) -> Table:
    """What it must reach."""
    table = Table(title="Bars")
    for heading in ("bar", "measured", ""):
        table.add_column(heading)
    best = max((series[name] for name in (FASTAPI, KSERVE, ML_TORCH)), key=lambda s: s.rate)
    bert, ort = series[BERT], series[ML_ORT]
    checks = [
        ("bert, 32 clients: 3 x the best of rows 1-3", bert.rate / best.rate, 3.0, True),
        ("bert, 32 clients: 1.5 x row 4", bert.rate / ort.rate, 1.5, True),
        (
            "bert, 32 clients: row 4 with our file (no bar)",
            bert.rate / series[ML_ORT_OURS].rate,
            1.0,
            True,
        ),
        ("its p99 over the lower of theirs", bert.p99 / min(best.p99, ort.p99), 1.0, False),
        (
            "bert, one client: p50 over row 4 without batching",
            bert.p50_alone / series[ML_ORT_PLAIN].p50_alone,
            1.25,
            False,
        ),
        (
            "logistic: 3 x KServe's pair with an empty model",
            series[LOGISTIC].rate / series[EMPTY].rate,
            3.0,
            True,
        ),
        ("bert: drift on over off", bert.rate / series[BERT_STILL].rate, 0.95, True),
        (
            "bert, one client: ms that drift adds to p50",
            bert.p50_alone - series[BERT_STILL].p50_alone,
            0.3,
            False,
        ),
        ("bert: guarded over open", bert.rate / series[BERT_OPEN].rate, 0.9, True),
        (
            "logistic: guarded over open",
            series[LOGISTIC].rate / series[LOGISTIC_OPEN].rate,
            0.9,
            True,
        ),
    ]
    for told, ratio, bound, at_least in checks:
        kept = ratio >= bound if at_least else ratio <= bound
        table.add_row(f"{told} {'>=' if at_least else '<='} {bound}", f"{ratio:.2f}", verdict(kept))
    return table


main()
