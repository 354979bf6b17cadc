from pathlib import Path
from typing import Any

import pytest
import yaml

from components.contract.errors import InputError
from pipelines.parameters import check, load
from tests.conftest import ROOT

MINIMAL: dict[str, Any] = {
    "source": {"uri": "x.csv"},
    "tokenizers": {"bpe": {"strategy": "bpe"}, "spare": {"strategy": "bpe"}},
    "architectures": {"logistic": {}},
}


@pytest.mark.parametrize("file", sorted([ROOT / "params.yaml", *(ROOT / "params").glob("*.yaml")]))
def test_every_shipped_file_is_sound(file: Path) -> None:
    parameters = load(file)
    assert set(parameters.architectures) <= {"logistic", "lstm", "bert"}
    assert parameters.tokenizers


def test_only_used_tokenizers_are_run_and_the_seed_is_handed_down() -> None:
    parameters = check({**MINIMAL, "seed": 7})
    assert list(parameters.tokenizers) == ["bpe"]
    assert parameters.architectures["logistic"]["seed"] == 7
    own = check({**MINIMAL, "seed": 7, "architectures": {"logistic": {"seed": 1}}})
    assert own.architectures["logistic"]["seed"] == 1


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"sauce": {}}, "unknown_parameter", "source"),
        ({"source": {}}, "missing_parameter", "source.uri"),
        ({"source": {"uri": "x", "text_colum": "t"}}, "unknown_parameter", "text_column"),
        ({"ingest": {"max_caracters": 1}}, "unknown_parameter", "max_characters"),
        ({"tokenizers": {"bpe": {"strategy": "bqe"}}}, "unknown_tokenizer", "bpe"),
        ({"tokenizers": {"bpe": {"strategy": "bpe", "vocab": 1}}}, "unknown_parameter", "vocab"),
        ({"tokenizers": {"bep": {"strategy": "bpe"}}}, "unknown_tokenizer", "bep"),
        ({"architectures": {"logistik": {}}}, "unknown_architecture", "logistic"),
        ({"architectures": {"logistic": {"epoch": 1}}}, "unknown_parameter", "epochs"),
        ({"architectures": {}}, "no_architecture", "architecture"),
        ({"evaluate": {"bins": -1}}, "bad_parameter", "bins"),
        ({"register": {"flor": 1}}, "unknown_parameter", "floor"),
        ({"deploy": {"nam": "x"}}, "unknown_parameter", "name"),
        ({"deploy": {"mode": "Raw"}}, "bad_parameter", "RawDeployment"),
        ({"cluster": {"imag": "x"}}, "unknown_parameter", "image"),
        (
            {"cluster": {"resources": {"ingest": {"cpu_limt": "1"}}}},
            "unknown_parameter",
            "cpu_limit",
        ),
    ],
)
def test_mistakes_name_their_neighbours(
    tmp_path: Path, change: dict[str, Any], code: str, words: str
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump({**MINIMAL, **change}))
    with pytest.raises(InputError) as caught:
        load(file)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_data_brings_its_own_columns(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    demo = {"uri": "a.csv", "where": {"source": "x"}, "slices": ["source"], "label_column": "l"}
    file.write_text(yaml.safe_dump({**MINIMAL, "source": demo}))
    plain = {"uri": "b.csv", "text_column": "text", "label_column": "label"}
    empty = {"where": {}, "label_names": {}, "slices": []}
    assert load(file, data="b.csv").source == {**plain, **empty}
    assert load(file, data="b.csv", text_column="t").source == {
        **plain, **empty, "text_column": "t",
    }  # fmt: skip
    own = {"text_column": "text", "label_names": {}}
    assert load(file, label_column="m").source == {**demo, **own, "label_column": "m"}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("my reviews.csv.gz", "my-reviews"),
        ("s3://bucket/a/b/", "b"),
        ("hf://datasets/imdb", "imdb"),
        ("dvc://repo@v1#data/x.parquet", "x"),
        ("../..", "tamis"),
    ],
)
def test_other_data_makes_a_model_of_its_own_name(tmp_path: Path, data: str, name: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump({**MINIMAL, "register": {"model_name": "mine"}}))
    assert load(file).register["model_name"] == "mine"
    assert load(file, data=data).register["model_name"] == name
    assert load(file, data=data, model_name="other").register["model_name"] == "other"


def test_other_data_is_not_held_to_the_demos_labels() -> None:
    file = ROOT / "params.yaml"
    assert load(file).evaluate["minimum_function"]
    assert load(file, data="b.csv").evaluate["minimum_function"] == []


def test_architectures_can_be_chosen(tmp_path: Path) -> None:
    file = ROOT / "params.yaml"
    assert list(load(file, architectures=["bert"]).architectures) == ["bert"]
    assert list(load(file, architectures=["bert"]).tokenizers) == ["wordpiece"]
    with pytest.raises(InputError) as caught:
        load(file, architectures=["birt"])
    assert "Did you mean bert?" in str(caught.value)


@pytest.mark.parametrize(
    ("model", "service"),
    [("tamis", "tamis"), ("My.Reviews_2", "my-reviews-2"), ("1st", "st"), ("x" * 50, "x" * 36)],
)
def test_another_model_is_another_service(tmp_path: Path, model: str, service: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump(MINIMAL))
    assert load(file, model_name=model).deploy["name"] == service
    file.write_text(yaml.safe_dump({**MINIMAL, "deploy": {"name": "own"}}))
    assert load(file, model_name=model).deploy["name"] == "own"
