"""The ready-made parameter files: what each promises is in it, and what is cheap is run."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.parameters import load
from tests.conftest import ROOT, reviews, write_csv

RECIPES = ROOT / "params"


def tamis(folder: Path, *arguments: str) -> str:
    """What a command prints; its failure is the test's."""
    command = [str(Path(sys.executable).with_name("tamis")), *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def summary(folder: Path) -> dict[str, object]:
    return json.loads((folder / ".tamis/runs/latest/summary.json").read_text())  # type: ignore[no-any-return]


@pytest.mark.slow
def test_tiny_runs_the_whole_line(tmp_path: Path) -> None:
    tamis(tmp_path, "run", "--params", str(RECIPES / "tiny.yaml"))
    told = summary(tmp_path)
    assert told["model_name"] == "tamis-tiny"
    assert set(told["architectures"]) == {"logistic", "lstm"}  # type: ignore[call-overload]
    assert told["champion"]


@pytest.mark.slow
def test_laptop_takes_a_file_of_ones_own(tmp_path: Path) -> None:
    write_csv(tmp_path / "mine.csv", reviews(each=150))
    arguments = ("--data", "mine.csv", "--architectures", "logistic")
    tamis(tmp_path, "run", "--params", str(RECIPES / "laptop.yaml"), *arguments)
    assert summary(tmp_path)["model_name"] == "mine"


def test_gpu_has_a_larger_encoder_longer_texts_and_a_gpu(tmp_path: Path) -> None:
    gpu, laptop = load(RECIPES / "gpu.yaml"), load(RECIPES / "laptop.yaml")
    assert list(gpu.architectures) == list(laptop.architectures) == ["logistic", "lstm", "bert"]
    for name in ("lstm", "bert"):
        assert gpu.architectures[name]["max_tokens"] >= 4 * laptop.architectures[name]["max_tokens"]
    assert "minilm" not in gpu.architectures["bert"]["encoder"]
    tamis(tmp_path, "compile", "--params", str(RECIPES / "gpu.yaml"), "-o", "pipeline.yaml")
    pipeline, *_ = yaml.safe_load_all((tmp_path / "pipeline.yaml").read_text())
    executors = pipeline["deploymentSpec"]["executors"]
    with_gpu = [name for name, executor in executors.items() if "accelerator" in json.dumps(
        executor["container"].get("resources", {}))]  # fmt: skip
    assert with_gpu == ["exec-train-bert"]


@pytest.mark.slow
def test_what_inspect_suggests_runs(tmp_path: Path) -> None:
    """From an annotation tool's export with a rare label to a champion, without writing a file."""
    rows = reviews(each=150)
    answers = [("gut", "schlecht")[int(label)] for _, label in rows]
    rows += [(f"{text} , or not", "") for text, _ in rows[:30]]
    answers += ["weiß nicht"] * 30
    tasks = [
        {
            "id": number,
            "data": {"text": text},
            "annotations": [{
                "was_cancelled": False,
                "result": [{"from_name": "ton", "type": "choices", "value": {"choices": [answer]}}],
            }],
        }
        for number, ((text, _), answer) in enumerate(zip(rows, answers, strict=True))
    ]  # fmt: skip
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    source = ("--data", "export.json", "--label-column", "ton")
    printed = tamis(tmp_path, "inspect", *source, "--output", "mine.yaml")
    assert "label weiß nicht: 30" in printed
    suggested = yaml.safe_load((tmp_path / "mine.yaml").read_text(encoding="utf-8"))
    assert suggested["class_weights"] == "balanced"
    assert suggested["register"]["metric"] == "macro_f1"
    tamis(tmp_path, "run", "--params", "mine.yaml", "--architectures", "logistic")
    told = summary(tmp_path)
    assert told["model_name"] == "export"
    assert "macro_f1" in str(told["decision"])


@pytest.mark.slow
def test_languages_and_emoji_side_by_side(tmp_path: Path) -> None:
    """One model for French, Arabic, Chinese and emoji, with emoji as labels."""
    good = ("un film superbe et drôle", "فيلم رائع وممتع", "精彩好看的电影", "😀👍🏽 ❤️")
    bad = ("un film raté et ennuyeux", "فيلم سيء وممل", "无聊难看的电影", "😡👎🏽 💔")
    with (tmp_path / "films.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("avis", "note"))
        for number in range(400):
            side = number % 2
            writer.writerow(
                (f"{(good, bad)[side][number // 2 % 4]} {number // 2}", ("👍", "👎")[side])
            )
    arguments = ("--data", "films.csv", "--text-column", "avis", "--label-column", "note")
    recipe = ("--params", str(RECIPES / "tiny.yaml"), "--architectures", "logistic")
    tamis(tmp_path, "run", *recipe, *arguments)
    texts = [f"{text} 4321" for pair in zip(good, bad, strict=True) for text in pair]
    lines = tamis(tmp_path, "predict", *texts).splitlines()
    assert [line.split("\t")[0] for line in lines] == ["👍", "👎"] * 4
