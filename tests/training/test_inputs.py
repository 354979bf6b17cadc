from pathlib import Path

import pytest

from components.contract.artifact import publish, read_manifest
from components.contract.errors import InputError
from components.training.inputs import open_inputs


def test_they_open_together(dataset: Path, tokens: Path) -> None:
    data, encoded, tokenizer = open_inputs(dataset, tokens)
    assert data.labels == encoded.labels
    assert tokenizer.vocab_size == encoded.vocab_size
    assert tokenizer.digest == encoded.manifest.facts["tokenizer_digest"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"dataset_digest": "another"}, "tokens_mismatch"),
        ({"labels": ["only"]}, "too_few_labels"),
        ({"rows": {"train": 0}}, "no_rows"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    dataset: Path, tokens: Path, tmp_path: Path, changed: dict[str, object], code: str
) -> None:
    with publish(tmp_path / "tokens", "tokens") as draft:
        draft.facts.update({**read_manifest(tokens).facts, **changed})
    with pytest.raises(InputError) as caught:
        open_inputs(dataset, tmp_path / "tokens")
    assert caught.value.code == code


def test_nothing_there_is_told(tmp_path: Path, tokens: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_inputs(tmp_path / "nowhere", tokens)
    assert caught.value.code == "not_found"
