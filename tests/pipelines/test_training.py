from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.cluster import compile_pipeline
from pipelines.parameters import Parameters, load
from tests.conftest import ROOT
from tests.pipelines import golden


@pytest.fixture(scope="module")
def parameters() -> Parameters:
    return load(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def compiled(parameters: Parameters, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    compile_pipeline(parameters, file)
    assert [p.name for p in file.parent.iterdir()] == ["pipeline.yaml"]
    return next(yaml.safe_load_all(file.read_text()))


def test_one_node_a_stage_and_architecture(
    compiled: dict[str, Any], parameters: Parameters
) -> None:
    tasks = compiled["root"]["dag"]["tasks"]
    after = {name: sorted(task.get("dependentTasks", [])) for name, task in tasks.items()}
    assert after == {
        "ingest": [],
        "tokenize-bpe": ["ingest"],
        "tokenize-wordpiece": ["ingest"],
        "train-logistic": ["ingest", "tokenize-bpe"],
        "train-lstm": ["ingest", "tokenize-wordpiece"],
        "train-bert": ["ingest", "tokenize-wordpiece"],
        "evaluate-logistic": ["ingest", "train-logistic"],
        "evaluate-lstm": ["ingest", "train-lstm"],
        "evaluate-bert": ["ingest", "train-bert"],
        "register": sorted(
            [
                "ingest",
                *(f"{s}-{a}" for s in ("train", "evaluate") for a in parameters.architectures),
            ]
        ),
    }


def test_the_user_interface_can_point_at_other_data(compiled: dict[str, Any]) -> None:
    inputs = compiled["root"]["inputDefinitions"]["parameters"]
    assert set(inputs) == {"data", "text_column", "label_column"}
    ingest = compiled["root"]["dag"]["tasks"]["ingest"]["inputs"]["parameters"]
    assert {v.get("componentInputParameter") for v in ingest.values()} >= set(inputs)


def test_no_value_needs_the_back_end_to_look_inside_it(compiled: dict[str, Any]) -> None:
    """Back ends before 2.16 leave placeholders inside lists and structures as they are."""
    for task in compiled["root"]["dag"]["tasks"].values():
        for value in task["inputs"].get("parameters", {}).values():
            constant = value.get("runtimeValue", {}).get("constant")
            if not isinstance(constant, str):
                assert "{{$" not in str(constant)


def test_the_interface_shows_metrics_plots_and_reports(
    compiled: dict[str, Any], parameters: Parameters
) -> None:
    for name in parameters.architectures:
        outputs = compiled["components"][f"comp-evaluate-{name}"]["outputDefinitions"]["artifacts"]
        kinds = {spec["artifactType"]["schemaTitle"] for spec in outputs.values()}
        assert {"system.Metrics", "system.ClassificationMetrics", "system.HTML"} <= kinds
        train = compiled["components"][f"comp-train-{name}"]["outputDefinitions"]["artifacts"]
        assert "system.Metrics" in {s["artifactType"]["schemaTitle"] for s in train.values()}


def test_components_are_thin_and_install_nothing(compiled: dict[str, Any]) -> None:
    for name, executor in compiled["deploymentSpec"]["executors"].items():
        command = "\n".join(executor["container"]["command"])
        assert "pip install" not in command, name
        source = executor["container"]["command"][-1]
        body = [line for line in source.splitlines() if line.startswith("    ")]
        statements = [line for line in body if line.startswith(("    from ", "    return "))]
        assert len(statements) == 2, name


def test_fewer_architectures_make_a_smaller_graph(tmp_path: Path) -> None:
    compile_pipeline(load(ROOT / "params.yaml", architectures=["bert"]), tmp_path / "p.yaml")
    tasks = next(yaml.safe_load_all((tmp_path / "p.yaml").read_text()))["root"]["dag"]["tasks"]
    assert set(tasks) == {"ingest", "tokenize-wordpiece", "train-bert", "evaluate-bert", "register"}


def test_compiling_twice_gives_the_same_bytes(parameters: Parameters, tmp_path: Path) -> None:
    for name in "ab":
        compile_pipeline(parameters, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("shards", golden.GOLDEN)
def test_what_is_compiled_is_what_is_expected(shards: int, tmp_path: Path) -> None:
    """After a change that is meant: `python -m tests.pipelines.golden`, and read its diff."""
    golden.write(shards, tmp_path / "p.yaml")
    assert (tmp_path / "p.yaml").read_text() == golden.GOLDEN[shards].read_text()


def test_a_digest_travels_beside_every_artifact(compiled: dict[str, Any]) -> None:
    """KFP's cache keys on parameters, so a cached task's inputs are held to their content."""
    for name, task in compiled["root"]["dag"]["tasks"].items():
        inputs = task["inputs"]
        for artifact, given in inputs.get("artifacts", {}).items():
            digest = inputs["parameters"][f"{artifact}_digest"]["taskOutputParameter"]
            assert digest["producerTask"] == given["taskOutputArtifact"]["producerTask"], name
            assert digest["outputParameterKey"] == "Output"


def test_what_a_cache_cant_see_is_not_cached(compiled: dict[str, Any]) -> None:
    tasks = compiled["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")}
    assert cached == set(tasks) - {"ingest", "register"}


def test_the_deploy_stage_comes_last_and_on_demand(tmp_path: Path) -> None:
    golden.write(1, tmp_path / "p.yaml")
    tasks = next(yaml.safe_load_all((tmp_path / "p.yaml").read_text()))["root"]["dag"]["tasks"]
    assert tasks["deploy"]["dependentTasks"] == ["register"]
    assert "enableCache" not in tasks["deploy"]["cachingOptions"]
