"""`tamis run` from the outside: what it leaves, what it does again, how it refuses."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.contract.artifact import verify
from tests.conftest import reviews, write_csv

TASKS = {
    "ingest", "tokenize-bpe", "tokenize-small", "train-logistic", "train-lstm",
    "evaluate-logistic", "evaluate-lstm", "register",
}  # fmt: skip
Params = dict[str, Any]
pytestmark = [pytest.mark.timeout(1_800)]


def tamis(folder: Path, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("tamis")), *arguments]
    environment = {**os.environ, "COLUMNS": "120", **extra}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=environment
    )


def parameters() -> Params:
    return {
        "source": {"uri": "reviews.csv", "label_names": {0: "negative", 1: "positive"}},
        "tokenizers": {
            "bpe": {"strategy": "bpe", "vocab_size": 2000},
            "small": {"strategy": "bpe", "vocab_size": 800},
        },
        "architectures": {
            "logistic": {"hash_bits": 16},
            "lstm": {"tokenizer": "small", "epochs": 1, "max_tokens": 30},
        },
        "evaluate": {"bootstrap": 100},
        "register": {"floor": 0.3},
        "seed": 13,
    }


def write(folder: Path, document: Params) -> None:
    (folder / "params.yaml").write_text(yaml.safe_dump(document))


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / ".tamis/runs/latest/summary.json").read_text())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a pipeline has run once."""
    folder = tmp_path_factory.mktemp("laptop")
    write_csv(folder / "reviews.csv", reviews(each=300))
    write(folder, parameters())
    done = tamis(folder, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "first.txt").write_text(done.stdout)
    return folder


def test_a_run_ends_with_a_champion_and_says_what_is_next(laptop: Path) -> None:
    told = summary(laptop)
    assert set(told["architectures"]) == {"logistic", "lstm"}
    for figures in told["architectures"].values():
        assert 0.3 < figures["accuracy"] <= 1
        assert {"macro_f1", "ece", "train_s", "peak_rss_mb", "texts_per_s"} <= figures.keys()
        assert int(figures["model_version"]) >= 1
    assert told["champion"]["architecture"] in {"logistic", "lstm"}
    assert told["cached_stages"] == []
    assert len(told["data_digest"]) == 64
    assert told["git_revision"]
    printed = (laptop / "first.txt").read_text()
    for words in ("logistic", "lstm", "Champion: tamis version", "tamis predict", "ingest: "):
        assert words in printed
    runs = [p for p in (laptop / ".tamis/runs").iterdir() if not p.is_symlink()]
    assert len(runs) >= 1
    artifacts = next((runs[0] / "artifacts").iterdir())
    assert {p.name for p in artifacts.iterdir()} == TASKS
    verify(artifacts / "train-lstm" / "bundle", "bundle")


# One line a change: what is changed, and the tasks that have to work again. `ingest` working
# again on the same rows gives the same dataset, so nothing after it does.
AFTER_BPE = {"tokenize-bpe", "train-logistic", "evaluate-logistic", "register"}
CHANGES: list[tuple[str, Callable[[Params], None], set[str]]] = [
    ("nothing", lambda p: None, set()),
    ("ingest.max_characters", lambda p: p.update(ingest={"max_characters": 9000}), {"ingest"}),
    ("tokenizers.bpe", lambda p: p["tokenizers"]["bpe"].update(vocab_size=1500), AFTER_BPE),
    ("logistic.epochs", lambda p: p["architectures"]["logistic"].update(epochs=2),
     AFTER_BPE - {"tokenize-bpe"}),
    ("evaluate.bootstrap", lambda p: p["evaluate"].update(bootstrap=150),
     {"evaluate-logistic", "evaluate-lstm", "register"}),
    ("register.alpha", lambda p: p["register"].update(alpha=0.04), {"register"}),
    ("seed", lambda p: p.update(seed=14),
     {"train-logistic", "train-lstm", "evaluate-logistic", "evaluate-lstm", "register"}),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "change", "again"), CHANGES, ids=[c[0] for c in CHANGES])
def test_only_what_depends_on_a_change_runs_again(
    laptop: Path, name: str, change: Callable[[Params], None], again: set[str]
) -> None:
    document = parameters()
    change(document)
    write(laptop, document)
    done = tamis(laptop, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert TASKS - set(summary(laptop)["cached_stages"]) == again


@pytest.mark.slow
def test_new_rows_run_everything_again(laptop: Path, tmp_path: Path) -> None:
    shutil.copytree(laptop, tmp_path / "copy", symlinks=True)
    folder = tmp_path / "copy"
    write(folder, parameters())
    write_csv(folder / "reviews.csv", reviews(each=310))
    assert tamis(folder, "run").returncode == 0
    assert summary(folder)["cached_stages"] == []
    (folder / "reviews.csv").touch()  # a newer file of the same content is the same data
    assert tamis(folder, "run").returncode == 0
    assert set(summary(folder)["cached_stages"]) == TASKS


def test_predict_takes_arguments_files_and_pipes(laptop: Path, tmp_path: Path) -> None:
    done = tamis(laptop, "predict", "a wonderful film", "a dull mess")
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[2] for row in rows] == ["a wonderful film", "a dull mess"]
    assert all(row[0] in {"negative", "positive"} and 0.5 <= float(row[1]) <= 1 for row in rows)
    file = tmp_path / "texts.txt"
    file.write_text("a wonderful film\n\na dull mess\n")
    assert tamis(laptop, "predict", "--file", str(file)).stdout == done.stdout
    command = [str(Path(sys.executable).with_name("tamis")), "predict", "--json"]
    piped = subprocess.run(
        command, cwd=laptop, input=file.read_text(), capture_output=True, text=True, check=True
    )
    records = [json.loads(line) for line in piped.stdout.splitlines()]
    assert [r["label"] for r in records] == [row[0] for row in rows]
    assert sum(records[0]["probabilities"].values()) == pytest.approx(1, abs=1e-6)


def test_predict_opens_a_bundle_or_a_named_model(laptop: Path) -> None:
    bundle = next(laptop.glob(".tamis/runs/*/artifacts/*/train-lstm/bundle"))
    assert tamis(laptop, "predict", "--bundle", str(bundle), "fine").returncode == 0
    assert tamis(laptop, "predict", "--model", "tamis@challenger", "fine").returncode == 0


REFUSALS: list[tuple[tuple[str, ...], str]] = [
    (("run", "--data", "none.csv"), "not_found"),
    (("run", "--data", "reviews.csv", "--text-column", "txet"), "unknown_column"),
    (("run", "--data", "reviews.csv", "--label-column", "lable"), "unknown_column"),
    (("run", "--data", "one.csv"), "one_label"),
    (("run", "--data", "empty.csv"), "empty_source"),
    (("run", "--data", "header.csv"), "empty_source"),
    (("run", "--data", "binary.csv"), "not_text"),
    (("run", "--data", "utf8.csv"), "too_many_rejected"),
    (("run", "--data", "bad.csv"), "too_many_rejected"),
    (("run", "--data", "ftp2://x/y.csv"), "unknown_scheme"),
    (("run", "--architectures", "birt"), "unknown_architecture"),
    (("run", "--params", "none.yaml"), "not_found"),
    (("run", "--params", "typo.yaml"), "unknown_parameter"),
    (("run", "--output", "."), "output_exists"),
    (("compile", "--architectures", "birt"), "unknown_architecture"),
    (("predict", "--model", "tamis@nobody", "x"), "no_champion"),
    (("predict", "--model", "other@champion", "x"), "no_champion"),
    (("predict", "--bundle", "damaged", "x"), "corrupted"),
    (("predict", "--bundle", "nothing", "x"), "not_found"),
    (("predict", "--file", "none.txt"), "not_found"),
]


@pytest.mark.parametrize(("arguments", "code"), REFUSALS, ids=[" ".join(r[0]) for r in REFUSALS])
def test_bad_input_is_one_line_with_a_code(
    laptop: Path, arguments: tuple[str, ...], code: str
) -> None:
    good = reviews(each=70)
    write(laptop, parameters())
    write_csv(laptop / "one.csv", [(text, "1") for text, _ in good])
    write_csv(laptop / "bad.csv", [(t if i % 10 > 2 else "", y) for i, (t, y) in enumerate(good)])
    (laptop / "empty.csv").touch()
    (laptop / "header.csv").write_text("text,label\n")
    (laptop / "binary.csv").write_bytes(bytes(range(256)) * 40)
    rows = [f"{t},{y}\n".encode() for t, y in good]
    broken = [b'"\xff\xfe\xfa",1\n'] * 60
    (laptop / "utf8.csv").write_bytes(b"text,label\n" + b"".join(broken + rows[:30]))
    (laptop / "typo.yaml").write_text(yaml.safe_dump({**parameters(), "evaluat": {}}))
    damaged = laptop / "damaged"
    if not damaged.exists():
        shutil.copytree(next(laptop.glob(".tamis/runs/*/artifacts/*/train-lstm/bundle")), damaged)
        weights = damaged / "model.onnx"
        content = bytearray(weights.read_bytes())
        content[100] ^= 1
        weights.unlink()
        weights.write_bytes(bytes(content))
    latest = (laptop / ".tamis/runs/latest").readlink()
    done = tamis(laptop, *arguments)
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert done.stderr.startswith(f"{code}: "), done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert (laptop / ".tamis/runs/latest").readlink() == latest
    assert not list(laptop.rglob("*.partial"))


def test_debug_shows_the_stack(laptop: Path) -> None:
    done = tamis(laptop, "predict", "--debug", "--bundle", "nothing", "x")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_thirty_percent_of_bad_rows_are_told_in_numbers(laptop: Path) -> None:
    good = reviews(each=100)
    write_csv(laptop / "bad.csv", [(t if i % 10 > 2 else "", y) for i, (t, y) in enumerate(good)])
    done = tamis(laptop, "run", "--data", "bad.csv")
    assert "60" in done.stderr
    assert "200" in done.stderr
