from __future__ import annotations

from components.contract.dataset import Dataset
from components.contract.split import SplitRule
from components.register.overlap import rows_by_rule, rows_in_train
from tests.evaluate.published import split_rows, write_dataset
from tests.register.conftest import marked_reviews


def digests(dataset, split):
    return {digest for batch in dataset.batches(split) for digest in batch.digests}


def test_rows_in_both_splits_are_counted(tmp_path):
    splits = split_rows(marked_reviews(120))
    clean = Dataset.open(write_dataset(tmp_path / "clean", splits))
    assert rows_in_train(clean) == 0
    leak = splits["train"][::5] + splits["train"][-1:] + splits["train"][:1]
    splits["test"] = splits["test"] + list(dict.fromkeys(leak))
    leaky = Dataset.open(write_dataset(tmp_path / "leaky", splits))
    expected = len(digests(leaky, "train") & digests(leaky, "test"))
    assert expected > 10
    assert rows_in_train(leaky) == expected


def test_no_train_rows_overlap_nothing(tmp_path):
    splits = {"train": [], "validation": [], "test": marked_reviews(10)}
    assert rows_in_train(Dataset.open(write_dataset(tmp_path / "data", splits))) == 0


def test_another_rule_would_have_trained_on_its_share(tmp_path):
    dataset = Dataset.open(write_dataset(tmp_path / "data", split_rows(marked_reviews(300))))
    assert rows_by_rule(dataset, dataset.manifest.facts["split"]) == 0
    other = SplitRule(0.6, 0.1, "another").as_facts()
    share = rows_by_rule(dataset, other) / dataset.rows("test")
    assert 0.4 < share < 0.8
    grown = SplitRule(0.6, 0.2, "tests").as_facts()  # the train split stays what it was
    assert rows_by_rule(dataset, grown) == 0
