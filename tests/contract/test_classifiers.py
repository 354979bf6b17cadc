"""One suite over every architecture of the catalogue, each trained for a moment on real rows.

Where nothing else is said an architecture is trained with its defaults on byte pairs; some are
trained a second time on another tokenizer's words.
"""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from components import catalogue
from components.contract.artifact import MANIFEST
from components.contract.bundle import REFERENCE_FILE, Bundle
from components.contract.classifier import Classifier
from components.contract.dataset import Dataset
from components.contract.encoding import from_rows
from components.contract.errors import IntegrityError
from components.contract.settings import build
from components.explain.explain import explain
from components.tokenize.settings import TokenizerSettings
from components.tokenize.tokenize import tokenize
from tests.conftest import run_python

QUICK = {
    "logistic": {"hash_bits": 16},
    "lstm": {"epochs": 1, "max_tokens": 40},
    "bert": {"epochs": 1, "max_tokens": 40},
}
AWKWARD = ["", " ", "?", "a " * 3000, "电影很好看 🎬", "\u0000\ud7ff", "good"]
WORDS = TokenizerSettings("spacy", pipeline="blank:en", remove_stop_words=True)
ON_WORDS = {"logistic", "lstm"} & set(catalogue.ARCHITECTURES)
VARIANTS = sorted([*catalogue.ARCHITECTURES, *(f"{name} on words" for name in ON_WORDS)])


@pytest.fixture(scope="module", params=VARIANTS)
def trained(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    dataset: Path,
    tokens: Path,
    tiny_encoder: Path,
) -> Path:
    name, _, words = request.param.partition(" on ")
    folder = tmp_path_factory.mktemp(name)
    section = dict(QUICK.get(name, {}))
    if words:
        tokens = folder / "tokens"
        tokenize(dataset, tokens, WORDS)
    if name == "bert":
        section["encoder"] = str(tiny_encoder)
        tokens = folder / "tokens"
        tokenize(dataset, tokens, TokenizerSettings("wordpiece", encoder=str(tiny_encoder)))
    entry = catalogue.architecture(name)
    settings = build(entry.load_settings(), section, name)
    entry.load_train()(dataset, tokens, folder / "bundle", settings)
    return folder / "bundle"


@pytest.fixture(scope="module")
def classifier(trained: Path) -> Classifier:
    return catalogue.open_classifier(trained)[1]


@pytest.fixture(scope="module")
def texts(dataset: Path) -> list[str]:
    return [text for batch in Dataset.open(dataset).batches("train") for text in batch.texts][:150]


def test_it_is_a_classifier(trained: Path, classifier: Classifier) -> None:
    assert isinstance(classifier, Classifier)
    assert classifier.labels == ("negative", "positive") == Bundle.open(trained).labels
    assert classifier.architecture == Bundle.open(trained).architecture


def test_probabilities_are_float32_rows_that_sum_to_one(
    classifier: Classifier, texts: list[str]
) -> None:
    scored = classifier.predict_proba(texts + AWKWARD)
    assert scored.shape == (len(texts) + len(AWKWARD), 2)
    assert scored.dtype == np.float32
    assert np.isfinite(scored).all()
    np.testing.assert_allclose(scored.sum(1), 1, atol=1e-6)
    assert classifier.predict_proba([]).shape == (0, 2)


def test_a_prediction_never_depends_on_its_batch(classifier: Classifier, texts: list[str]) -> None:
    every = texts + AWKWARD
    together = classifier.predict_proba(every)
    backwards = classifier.predict_proba(every[::-1])[::-1]
    alone = np.concatenate([classifier.predict_proba([text]) for text in every])
    assert np.abs(together - alone).max() <= 1e-5
    assert np.abs(together - backwards).max() <= 1e-5


def test_a_decision_can_be_explained(classifier: Classifier) -> None:
    found = explain(classifier, "wonderful , but far too dull", "positive")
    assert found.terms
    if found.method == "exact":
        logit = classifier.logits(classifier.tokenizer.encode([found.text]))[0, 1]
        assert found.base + sum(t.contribution for t in found.terms) == pytest.approx(logit, 1e-5)
        return
    negative, positive = classifier.predict_proba([found.text.removeprefix("wonderful")])[0]
    lost = found.total - math.log(positive / negative)
    assert found.marks[0].weight == pytest.approx(lost, abs=1e-4)


def test_features_come_with_the_logits_and_never_depend_on_the_batch(
    classifier: Classifier, texts: list[str]
) -> None:
    encoding = classifier.tokenizer.encode(texts)
    together = classifier.score(encoding)
    assert len(together.features) == len(together.logits) == len(texts)
    assert together.features.dtype == np.float32
    assert np.isfinite(together.features).all()
    np.testing.assert_array_equal(together.logits, classifier.logits(encoding))
    alone = [classifier.score(encoding.select(np.array([row]))).features for row in range(20)]
    np.testing.assert_allclose(together.features[:20], np.concatenate(alone), atol=1e-4)


def test_the_reference_for_drift_is_what_validation_rows_scored(
    trained: Path, classifier: Classifier, dataset: Path
) -> None:
    reference = load_file(str(trained / REFERENCE_FILE))
    batches = list(Dataset.open(dataset).batches("validation"))
    held_out = [text for batch in batches for text in batch.texts]
    n = len(held_out)
    assert reference["probabilities"].shape == (n, 2)
    assert reference["features"].shape == (n, classifier.score(from_rows([])).features.shape[1])
    assert reference["lengths"].shape == reference["labels"].shape == (n,)
    scored = classifier.predict_proba(held_out)
    np.testing.assert_allclose(reference["probabilities"], scored, atol=1e-4)
    assert reference["labels"].tolist() == [y for batch in batches for y in batch.labels]


def test_saved_and_loaded_it_scores_the_same(
    classifier: Classifier, texts: list[str], tmp_path: Path
) -> None:
    classifier.save(tmp_path)
    loaded = type(classifier).load(tmp_path, classifier.tokenizer)
    assert np.array_equal(loaded.predict_proba(texts), classifier.predict_proba(texts))
    assert loaded.temperature == classifier.temperature


def test_every_byte_of_every_file_is_guarded(trained: Path, tmp_path: Path) -> None:
    for name in Bundle.open(trained).manifest.files:
        copy = tmp_path / name
        shutil.copytree(trained, copy)
        content = bytearray((copy / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / name).write_bytes(bytes(content))
        with pytest.raises(IntegrityError) as caught:
            catalogue.open_classifier(copy)
        assert caught.value.code == "corrupted"


@pytest.mark.parametrize("content", [b"", b"{}", b"\x80\x04."])
def test_unreadable_files_are_refused_even_with_matching_digests(
    classifier: Classifier, tmp_path: Path, content: bytes
) -> None:
    classifier.save(tmp_path)
    names = [p.name for p in tmp_path.iterdir() if p.name not in (MANIFEST, "tokenizer.json")]
    assert len(names) >= 2
    for name in names:
        classifier.save(tmp_path)
        (tmp_path / name).write_bytes(content)
        with pytest.raises(IntegrityError) as caught:
            type(classifier).load(tmp_path, classifier.tokenizer)
        assert caught.value.code == "corrupted"


def test_a_changed_model_fails_its_golden_rows(trained: Path, classifier: Classifier) -> None:
    bundle = Bundle.open(trained)
    bundle.replay(classifier)
    before = classifier.temperature
    classifier.temperature = before * 3
    try:
        with pytest.raises(IntegrityError) as caught:
            bundle.replay(classifier)
    finally:
        classifier.temperature = before
    assert caught.value.code == "golden_mismatch"


def test_opening_needs_no_training_library(trained: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from components.catalogue import open_classifier
_, classifier = open_classifier(Path({str(trained)!r}))
classifier.predict_proba(["fine"])
heavy = {{"torch", "transformers", "sklearn", "scipy", "mlflow", "kfp", "dvc", "pandas", "pyarrow",
          "tensorflow", "keras", "spacy", "spacy_lookups_data"}}
print(sorted(heavy & set(sys.modules)))
"""
    # spaCy itself imports torch where it is installed; in a server's image it isn't.
    words = Bundle.open(trained).manifest.facts["tokenizer"] == "spacy"
    needed = ["spacy", "torch"] if words else []
    assert run_python(script) == str(needed)


def test_weights_are_reproducible(
    trained: Path, dataset: Path, tokens: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    """The same data and parameters in another process: the same bytes of weights."""
    bundle = Bundle.open(trained)
    if (trained.parent / "tokens").exists():
        tokens = trained.parent / "tokens"
    script = """
import json, sys
from pathlib import Path
from components import catalogue
from components.contract.settings import build
name, settings, *paths = sys.argv[1:]
entry = catalogue.architecture(name)
settings = build(entry.load_settings(), json.loads(settings), name)
entry.load_train()(*map(Path, paths), settings)
"""
    settings = json.dumps(bundle.manifest.facts["settings"])
    out = tmp_path / "again"
    run_python(script, bundle.architecture, settings, str(dataset), str(tokens), str(out))
    assert Bundle.open(out).manifest.files == bundle.manifest.files
