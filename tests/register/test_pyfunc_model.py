from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from components.catalogue import open_classifier
from components.contract.bundle import Bundle
from components.register.tracking import requirements, save_model

TEXTS = ["a superb delight", "a dreadful bore", "", "naïve <br /> café 北京"]
ELSEWHERE = """
import importlib.abc, json, sys
import mlflow.pyfunc, pandas
# Neither the repository nor what only training needs is to be had where the model is loaded.
sys.meta_path = [f for f in sys.meta_path if "editable" not in repr(f).lower()]
sys.path = [p for p in sys.path if "site-packages" in p or "python3" in p]
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "kfp", "matplotlib", "tamis"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
model = mlflow.pyfunc.load_model(sys.argv[1])
texts = json.loads(sys.argv[2])
answer = model.predict(pandas.DataFrame({"text": texts}))
import components
print(json.dumps({"code": components.__file__, "rows": answer.to_dict("records")}))
"""


@pytest.fixture(scope="module")
def model(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("pyfunc") / "model"
    save_model(Bundle.open(trained.strong.bundle), path)
    return path


@pytest.mark.slow
def test_the_model_scores_elsewhere_as_the_bundle_does_here(model, trained, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ELSEWHERE, str(model), json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["code"].startswith(str(model))
    _, classifier = open_classifier(trained.strong.bundle)
    for row, expected in zip(answer["rows"], classifier.predict_proba(TEXTS), strict=True):
        scores = dict(zip(classifier.labels, expected.tolist(), strict=True))
        assert {name: row[f"p_{name}"] for name in scores} == pytest.approx(scores, abs=1e-6)
        assert row["label"] == max(scores, key=scores.get)
        assert row["score"] == pytest.approx(max(scores.values()), abs=1e-6)


def test_nothing_in_the_model_is_pickled(model):
    names = [file.name for file in model.rglob("*") if file.is_file()]
    assert not [n for n in names if n.endswith((".pkl", ".pickle", ".joblib", ".pt"))]
    assert "pyfunc_model.py" in names


def test_the_signature_and_the_requirements_are_explicit(model, trained):
    import yaml

    document = yaml.safe_load((model / "MLmodel").read_text())
    inputs = json.loads(document["signature"]["inputs"])
    outputs = json.loads(document["signature"]["outputs"])
    assert [(column["name"], column["type"]) for column in inputs] == [("text", "string")]
    assert [column["name"] for column in outputs] == [
        "label",
        "score",
        "p_negative",
        "p_positive",
    ]
    written = (model / "requirements.txt").read_text().split()
    assert written == requirements(Bundle.open(trained.strong.bundle))
    assert all("==" in line and "+" not in line for line in written)
    assert not any(line.startswith(("torch", "onnx", "scikit")) for line in written)


@pytest.mark.parametrize("strategy", ["bpe", "spacy"])
def test_spacy_is_required_for_its_words_alone(trained, strategy):
    bundle = Bundle.open(trained.strong.bundle)
    facts = {**bundle.manifest.facts, "tokenizer": strategy}
    manifest = dataclasses.replace(bundle.manifest, facts=facts)
    told = requirements(dataclasses.replace(bundle, manifest=manifest))
    assert any(line.startswith("spacy==") for line in told) is (strategy == "spacy")
