import contextlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer

from components.catalogue import open_classifier
from components.contract.dataset import Dataset
from components.contract.encoding import Encoding, from_rows
from components.contract.errors import InputError
from components.contract.tokens import Tokens
from components.train_logistic import counted
from components.train_logistic import train as stage
from components.train_logistic.features import count_ngrams, weigh
from components.train_logistic.settings import LogisticSettings
from components.train_logistic.train import train

SMALL = LogisticSettings(hash_bits=16, epochs=3)


def encoding(*rows: list[int]) -> Encoding:
    return from_rows([np.array(row, np.uint16) for row in rows])


def test_ngrams_are_counted_within_a_text() -> None:
    counts = count_ngrams(encoding([5, 6, 5, 6], [], [6, 5]), 2, 24)
    by_row = np.split(counts.counts, counts.starts[1:-1])
    # 5, 6, (5 6) twice each, (6 5) once | nothing | 6, 5, (6 5): nothing spans two texts
    assert [sorted(c.tolist()) for c in by_row] == [[1, 2, 2, 2], [], [1, 1, 1]]
    features = np.split(counts.features, counts.starts[1:-1])
    assert len(set(features[0]) & set(features[2])) == 3


def test_a_text_has_the_same_features_alone_as_in_company() -> None:
    random = np.random.default_rng(1)
    rows = [random.integers(0, 50, n).tolist() for n in (0, 1, 7, 30, 2)]
    together = count_ngrams(encoding(*rows), 3, 20)
    for i, row in enumerate(rows):
        alone = count_ngrams(encoding(row), 3, 20)
        part = slice(together.starts[i], together.starts[i + 1])
        assert np.array_equal(alone.features, together.features[part])
        assert np.array_equal(alone.counts, together.counts[part])


def test_weights_agree_with_scikit_learns_tfidf() -> None:
    random = np.random.default_rng(2)
    rows = [random.integers(0, 30, 20).tolist() for _ in range(40)]
    counts = count_ngrams(encoding(*rows), 2, 12)
    dense = np.zeros((40, 1 << 12))
    dense[counts.rows, counts.features] = counts.counts
    reference = TfidfTransformer(sublinear_tf=True).fit(dense)
    idf = np.log(41 / (1 + (dense > 0).sum(0))) + 1
    starts, features, values = weigh(counts, idf, np.ones(1 << 12, bool), binary=False)
    mine = np.zeros_like(dense)
    mine[np.repeat(np.arange(40), np.diff(starts)), features] = values
    np.testing.assert_allclose(mine, reference.transform(dense).toarray(), atol=1e-12)


@pytest.mark.parametrize("weighting", ["nb", "idf"])
def test_it_learns(dataset: Path, tokens: Path, tmp_path: Path, weighting: str) -> None:
    settings = LogisticSettings(hash_bits=16, weighting=weighting)  # type: ignore[arg-type]
    train(dataset, tokens, tmp_path / "b", settings)
    _, classifier = open_classifier(tmp_path / "b")
    batches = list(Dataset.open(dataset).batches("train"))
    right = sum(
        int((classifier.predict_proba(b.texts).argmax(1) == b.labels).sum()) for b in batches
    )
    assert right / sum(len(b.texts) for b in batches) > 0.9  # 600 rows can be learned by heart


def test_the_solver_and_the_bundle_agree(dataset: Path, tokens: Path, tmp_path: Path) -> None:
    """The folded weights give what scikit-learn's own decision function gives."""
    shards = Tokens.open(tokens)
    with contextlib.closing(stage._Training(shards, SMALL)) as training:
        training.epoch(1)
    classifier = training.classifier(stage._tokenizer(shards))
    from scipy.sparse import csr_matrix

    rows, _ = next(shards.batches("test", 50))
    counts = count_ngrams(rows, SMALL.ngrams, SMALL.hash_bits)
    starts, features, values = weigh(counts, training._scale, training._kept, training._binary)
    matrix = csr_matrix((values, features, starts), (len(rows), 1 << SMALL.hash_bits))
    expected = training._solver.decision_function(matrix)
    logits = classifier.logits(rows)
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], expected, rtol=1e-4, atol=1e-4)


def test_training_twice_gives_the_same_bytes(dataset: Path, tokens: Path, tmp_path: Path) -> None:
    first, second = (train(dataset, tokens, tmp_path / n, SMALL) for n in "ab")
    assert first.files == second.files


def test_memory_holds_a_chunk_and_not_the_corpus(
    dataset: Path, tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    count = counted.count_ngrams
    monkeypatch.setattr(
        counted, "count_ngrams", lambda e, n, b: (seen.append(len(e)), count(e, n, b))[1]
    )
    train(dataset, tokens, tmp_path / "b", LogisticSettings(hash_bits=16, chunk_rows=100))
    assert max(seen) == 100


def test_many_labels_share_the_weights_budget(
    tokens: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "WEIGHT_ENTRIES", 2**12)
    with contextlib.closing(stage._Training(Tokens.open(tokens), SMALL)) as training:
        assert training._bits == 12


def test_wrong_parameters_are_refused() -> None:
    from components.contract.settings import build

    for mapping in ({"ngrams": 0}, {"alpha": 0}, {"epochs": 0}, {"hash_bits": 40}):
        with pytest.raises(InputError):
            build(LogisticSettings, mapping, "architectures.logistic")
