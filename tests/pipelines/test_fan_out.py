"""The graph of a fanned-out run, as a back end will read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler

from components.contract.artifact import verify
from pipelines.cluster import compile_pipeline
from pipelines.parameters import check
from pipelines.training import training_pipeline
from tests.pipelines import golden
from tests.pipelines.back_end import BackEnd

SHARDS = 4
LOOPS = {
    "ingest-part": ("rows", "ingest", ["ingest-plan"]),
    "tokenize-bpe-part": ("shards", "tokenize-bpe", ["ingest", "tokenize-bpe-prepare"]),
    "tokenize-wordpiece-part": (
        "shards", "tokenize-wordpiece", ["ingest", "tokenize-wordpiece-prepare"],
    ),
}  # fmt: skip
"""What runs in each loop: its artifact, who collects it, whom the loop waits for."""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("compiled") / "p.yaml"
    golden.write(SHARDS, file)
    return next(yaml.safe_load_all(file.read_text()))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def tasks(compiled: dict[str, Any]) -> dict[str, Any]:
    return compiled["root"]["dag"]["tasks"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def loops(compiled: dict[str, Any], tasks: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """The one task in each loop -> the loop's name and the task."""
    found = {}
    for name, task in tasks.items():
        component = compiled["components"][task["componentRef"]["name"]]
        if "dag" in component:
            ((inner, spec),) = component["dag"]["tasks"].items()
            found[inner] = name, spec
    return found


def test_one_node_a_loop(loops: dict[str, tuple[str, Any]], tasks: dict[str, Any]) -> None:
    assert set(loops) == set(LOOPS)
    for inner, (loop, _) in loops.items():
        items = tasks[loop]["parameterIterator"]
        assert items["items"] == {"raw": str(list(range(SHARDS)))}
        assert tasks[loop]["dependentTasks"] == LOOPS[inner][2]
        assert "iteratorPolicy" not in tasks[loop], "the scheduler knows best how many at once"


def test_each_iteration_knows_its_part(
    loops: dict[str, tuple[str, Any]], tasks: dict[str, Any]
) -> None:
    for loop, spec in loops.values():
        given = spec["inputs"]["parameters"]["part"]["componentInputParameter"]
        assert given == tasks[loop]["parameterIterator"]["itemInput"]


def test_the_joining_task_collects_artifacts_and_digests(
    compiled: dict[str, Any], tasks: dict[str, Any], loops: dict[str, tuple[str, Any]]
) -> None:
    for inner, (artifact, consumer, _) in LOOPS.items():
        loop = loops[inner][0]
        inputs = tasks[consumer]["inputs"]
        collected = inputs["artifacts"]["parts"]["taskOutputArtifact"]
        digests = inputs["parameters"]["parts_digests"]["taskOutputParameter"]
        assert collected["producerTask"] == digests["producerTask"] == loop
        outputs = compiled["components"][f"comp-{loop}"]["dag"]["outputs"]
        (selector,) = outputs["artifacts"][collected["outputArtifactKey"]]["artifactSelectors"]
        assert selector == {"outputArtifactKey": artifact, "producerSubtask": inner}
        value = outputs["parameters"][digests["outputParameterKey"]]["valueFromParameter"]
        assert value == {"outputParameterKey": "Output", "producerSubtask": inner}
        wanted = compiled["components"][f"comp-{consumer}"]["inputDefinitions"]
        assert wanted["artifacts"]["parts"]["isArtifactList"] is True
        assert wanted["parameters"]["parts_digests"]["parameterType"] == "LIST"


def test_a_digest_travels_beside_every_artifact_into_a_loop(
    loops: dict[str, tuple[str, Any]],
) -> None:
    for _, spec in loops.values():
        inputs = spec["inputs"]
        assert inputs["artifacts"]
        for artifact, given in inputs["artifacts"].items():
            channel = given["componentInputArtifact"].removesuffix(f"-{artifact}")
            digest = inputs["parameters"][f"{artifact}_digest"]["componentInputParameter"]
            assert digest == f"{channel}-Output"


def test_what_a_cache_cant_see_is_not_cached(
    tasks: dict[str, Any], loops: dict[str, tuple[str, Any]]
) -> None:
    every = {n: t for n, t in tasks.items() if "cachingOptions" in t} | {
        inner: spec for inner, (_, spec) in loops.items()
    }
    fresh = {n for n, task in every.items() if not task["cachingOptions"].get("enableCache")}
    assert fresh == {"ingest-plan", "register", "deploy"}


def test_every_part_is_tried_again(loops: dict[str, tuple[str, Any]]) -> None:
    for _, spec in loops.values():
        assert spec["retryPolicy"]["maxRetryCount"] == 2
        assert spec["retryPolicy"]["backoffDuration"] == "60s"


def test_what_comes_after_sees_no_difference(tasks: dict[str, Any], tmp_path: Path) -> None:
    golden.write(1, tmp_path / "p.yaml")
    single = next(yaml.safe_load_all((tmp_path / "p.yaml").read_text()))["root"]["dag"]["tasks"]
    own = {name for name in single if not name.startswith(("ingest", "tokenize"))}
    assert own
    for name in own:
        assert tasks[name] == single[name]


def test_components_are_thin_and_install_nothing(compiled: dict[str, Any]) -> None:
    for name, executor in compiled["deploymentSpec"]["executors"].items():
        assert "pip install" not in "\n".join(executor["container"]["command"]), name
        body = executor["container"]["command"][-1].splitlines()
        statements = [line for line in body if line.startswith(("    from ", "    return "))]
        assert len(statements) == 2, name


def fanned(shards: int, csv: Path, folder: Path) -> tuple[BackEnd, dict[str, Any]]:
    """A pipeline over real rows, and its first document."""
    document = {
        "source": {"uri": str(csv), "label_names": {0: "negative", 1: "positive"}},
        "tokenizers": {"bpe": {"strategy": "bpe", "vocab_size": 600}},
        "architectures": {"logistic": {"tokenizer": "bpe"}},
        "cluster": {"shards": shards},
    }
    compile_pipeline(check(document), folder / "p.yaml")
    pipeline = next(yaml.safe_load_all((folder / "p.yaml").read_text()))
    return BackEnd(pipeline, folder / "artifacts"), pipeline["root"]["dag"]["tasks"]


def test_what_pods_will_run_makes_the_single_tasks_results(
    reviews_csv: Path, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "three").mkdir()
    single, _ = fanned(1, reviews_csv, tmp_path / "one")
    expected = single.run(["ingest", "tokenize-bpe"])
    parts, tasks = fanned(3, reviews_csv, tmp_path / "three")
    first, second = (name for name in tasks if name.startswith("for-loop"))
    order = ["ingest-plan", first, "ingest", "tokenize-bpe-prepare", second, "tokenize-bpe"]
    found = parts.run(order)
    assert parts.calls.count("ingest-part") == parts.calls.count("tokenize-bpe-part") == 3
    for stage, artifact in (("ingest", "dataset"), ("tokenize-bpe", "tokens")):
        assert found[stage]["parameters"] == expected[stage]["parameters"]
        made = verify(Path(found[stage]["artifacts"][artifact]["uri"]), artifact)
        assert made.digest == expected[stage]["parameters"]["Output"]


def test_a_laptop_keeps_its_graph(tmp_path: Path) -> None:
    parameters = check(
        {
            "source": {"uri": "a.csv"},
            "tokenizers": {"bpe": {"strategy": "bpe"}},
            "architectures": {"logistic": {"tokenizer": "bpe"}},
            "cluster": {"shards": 4},
        }
    )
    compiler.Compiler().compile(training_pipeline(parameters), str(tmp_path / "p.yaml"))
    tasks = yaml.safe_load((tmp_path / "p.yaml").read_text())["root"]["dag"]["tasks"]
    names = {"ingest", "tokenize-bpe", "train-logistic", "evaluate-logistic", "register"}
    assert set(tasks) == names
