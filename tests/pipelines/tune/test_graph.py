"""The search as a pipeline: compiled for a cluster, and run as pods will."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from components.contract.errors import InputError
from components.train_logistic.settings import LogisticSettings
from pipelines.cli import app
from pipelines.cluster import compile_pipeline
from pipelines.parameters import check
from pipelines.tune.graph import NAME
from tests.conftest import ROOT
from tests.pipelines.back_end import BackEnd


def compiled(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    compile_pipeline(check(document), folder / "p.yaml", name=NAME)
    return next(yaml.safe_load_all((folder / "p.yaml").read_text()))  # type: ignore[no-any-return]


def reviewed(csv: Path, trials: int, **sections: Any) -> dict[str, Any]:
    return {
        "seed": 5,
        "source": {"uri": str(csv), "label_names": {0: "negative", 1: "positive"}},
        "tokenizers": {"bpe": {"strategy": "bpe", "vocab_size": 600}},
        "architectures": {"logistic": {"tokenizer": "bpe", "hash_bits": 14}},
        "tune": {"trials": trials, "parallel": 2},
        **sections,
    }


def test_the_demo_compiles_with_what_the_cluster_gives(tmp_path: Path) -> None:
    out = tmp_path / "tune.yaml"
    arguments = ["compile", "--pipeline", "tune", "-o", str(out), "--gpu", "1"]
    done = CliRunner().invoke(app, [*arguments, "--params", str(ROOT / "params.yaml")])
    assert done.exit_code == 0, done.output
    first, _ = yaml.safe_load_all(out.read_text())
    assert first["pipelineInfo"]["name"] == NAME
    tasks = first["root"]["dag"]["tasks"]
    loops = {name: task for name, task in tasks.items() if name.startswith("for-loop")}
    assert set(tasks) - set(loops) == {
        "ingest", "tokenize-bpe", "tokenize-wordpiece", "tune-logistic", "tune-lstm", "tune-bert",
    }  # fmt: skip
    assert len(loops) == 3
    for task in loops.values():
        assert json.loads(task["parameterIterator"]["items"]["raw"]) == list(range(16))
        assert task["iteratorPolicy"] == {"parallelismLimit": 4}
    executors = first["deploymentSpec"]["executors"]
    trial = executors["exec-tune-bert-trial"]["container"]
    assert trial["resources"]["accelerator"]["resourceCount"] == "1"
    assert trial["resources"]["resourceMemoryLimit"] == "8Gi"
    assert "accelerator" not in executors["exec-tune-lstm-trial"]["container"]["resources"]
    assert "accelerator" not in executors["exec-tune-bert"]["container"]["resources"]


def test_the_same_parameters_propose_the_same_settings(tmp_path: Path) -> None:
    document = reviewed(tmp_path / "a.csv", 6)
    assert compiled(document, tmp_path) == compiled(document, tmp_path)
    assert compiled(document, tmp_path) != compiled({**document, "seed": 6}, tmp_path)


def test_what_pods_will_run_chooses_the_best_of_the_validation_rows(
    reviews_csv: Path, tmp_path: Path
) -> None:
    pipeline = compiled(reviewed(reviews_csv, 3), tmp_path)
    tasks = pipeline["root"]["dag"]["tasks"]
    (loop,) = (name for name in tasks if name.startswith("for-loop"))
    order = ["ingest", "tokenize-bpe", loop, "tune-logistic"]
    pods = BackEnd(pipeline, tmp_path / "artifacts")
    done = pods.run(order)
    assert pods.calls.count("tune-logistic-trial") == 3
    results = [json.loads(text) for text in next(iter(done[loop]["parameters"].values()))]
    best = max(results, key=lambda r: (r["scores"]["accuracy"], -r["scores"]["log_loss"]))
    assert json.loads(done["tune-logistic"]["parameters"]["Output"]) == best["changes"]
    made = done["tune-logistic"]["artifacts"]
    assert json.loads(Path(made["best"]["uri"]).read_text()) == best
    report = Path(made["report"]["uri"]).read_text()
    assert f"<b>{best['scores']['accuracy']:.4f}</b>" in report
    rows = json.loads(
        (Path(done["ingest"]["artifacts"]["dataset"]["uri"]) / "manifest.json").read_text()
    )
    assert best["scores"]["rows"] == sum(rows["facts"]["rows"]["validation"].values())


def test_settings_that_cant_be_trained_cost_no_other_trial(
    reviews_csv: Path, tmp_path: Path
) -> None:
    pipeline = compiled(reviewed(reviews_csv, 2), tmp_path)
    text = json.dumps(pipeline)
    (proposals,) = {
        json.dumps(task["inputs"]["parameters"]["proposals"]["runtimeValue"]["constant"])
        for task in pipeline["root"]["dag"]["tasks"].values()
        if "proposals" in task.get("inputs", {}).get("parameters", {})
    }
    broken = json.dumps([{"ngrams": 99}, *json.loads(proposals)[1:]])
    pipeline = json.loads(text.replace(proposals, broken))
    tasks = pipeline["root"]["dag"]["tasks"]
    (loop,) = (name for name in tasks if name.startswith("for-loop"))
    done = BackEnd(pipeline, tmp_path / "artifacts").run(
        ["ingest", "tokenize-bpe", loop, "tune-logistic"]
    )
    best = json.loads(done["tune-logistic"]["parameters"]["Output"])
    assert set(best) <= set(LogisticSettings.__dataclass_fields__)
    assert best != {}
    report = Path(done["tune-logistic"]["artifacts"]["report"]["uri"]).read_text()
    assert "bad_parameter: ngrams must be between 1 and 5." in report


def test_a_back_end_that_cant_collect_is_named(tmp_path: Path) -> None:
    document = reviewed(tmp_path / "a.csv", 3, cluster={"kfp_version": "2.13"})
    with pytest.raises(InputError, match=r"2\.14 or later"):
        compiled(document, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_section_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tune\.trails"):
        compiled({**reviewed(tmp_path / "a.csv", 3), "tune": {"trails": 3}}, tmp_path)
