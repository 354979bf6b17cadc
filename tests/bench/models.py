"""Accuracy and cost of each architecture beside scikit-learn's TF-IDF and logistic regression."""

from __future__ import annotations

import json
import time
from pathlib import Path

from rich.table import Table

from components.contract.artifact import peak_rss_mb
from components.contract.dataset import Dataset
from tests.bench.cache import run
from tests.conftest import run_python

BOUNDS = {
    "params.yaml": {"logistic": 0.755, "lstm": 0.75, "bert": 0.805},
    "params/imdb.yaml": {"logistic": 0.89, "lstm": 0.88},
}
CPU_BOUNDS = {"params.yaml": {"lstm": 40.0, "bert": 180.0}}


def table(folder: Path, params: str) -> Table:
    """A row an architecture, and the reference on the same rows."""
    run(folder / "models", params)
    latest = folder / "models/.tamis/runs/latest"
    told = json.loads((latest / "summary.json").read_text())
    dataset = next(latest.glob("artifacts/*/ingest/dataset"))
    result = Table(title=f"{params}: {Dataset.open(dataset).rows('test'):,} test rows")
    for heading in ("model", "accuracy", "bound", "CPU s", "bound", "peak MB", "texts/s", "MB"):
        result.add_column(heading, justify="right")
    for name, row in told["architectures"].items():
        accuracy, cpu = BOUNDS[params].get(name), CPU_BOUNDS.get(params, {}).get(name)
        result.add_row(
            name,
            f"{row['accuracy']:.1%}",
            verdict(accuracy, accuracy is not None and row["accuracy"] >= accuracy),
            f"{row['train_cpu_s']:.0f}",
            verdict(cpu, cpu is not None and row["train_cpu_s"] <= cpu),
            f"{row['peak_rss_mb']:.0f}",
            f"{row['texts_per_s']:,.0f}",
            f"{row['size_mb']:.1f}",
        )
    script = "import sys; from tests.bench.models import reference; reference(sys.argv[1])"
    other = json.loads(run_python(script, str(dataset)))
    result.add_row(
        "scikit-learn TF-IDF + LR",
        f"{other['accuracy']:.1%}",
        "",
        f"{other['cpu_s']:.0f}",
        "",
        f"{other['peak_rss_mb']:.0f}",
        f"{other['texts_per_s']:,.0f}",
        "",
    )
    return result


def verdict(bound: float | None, kept: bool) -> str:
    """`kept` or `MISSED`; nothing where there is no bound."""
    return "" if bound is None else "kept" if kept else "MISSED"


def reference(path: str) -> None:
    """Train and score scikit-learn's plain recipe; prints its figures as JSON."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    dataset = Dataset.open(Path(path))
    texts = {s: [t for b in dataset.batches(s) for t in b.texts] for s in ("train", "test")}
    labels = {s: [int(y) for b in dataset.batches(s) for y in b.labels] for s in texts}
    cpu = time.process_time()
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    ).fit(texts["train"], labels["train"])
    cpu = time.process_time() - cpu
    wall = time.perf_counter()
    accuracy = model.score(texts["test"], labels["test"])
    print(
        json.dumps(
            {
                "accuracy": accuracy,
                "cpu_s": cpu,
                "peak_rss_mb": peak_rss_mb(),
                "texts_per_s": len(texts["test"]) / (time.perf_counter() - wall),
            }
        )
    )
