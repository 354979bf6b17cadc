"""The tokenize stage: make or fetch a tokenizer, write token shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from components.contract.artifact import Manifest, publish, read_manifest
from components.contract.cache import cached
from components.contract.dataset import SPLITS, Batch, Dataset
from components.contract.decorators import logged, timed, validated
from components.contract.errors import InputError
from components.contract.logs import Progress
from components.contract.settings import neighbours
from components.contract.tokenizer import Tokenizer
from components.contract.tokens import KIND
from components.tokenize.settings import TokenizerSettings
from components.tokenize.subword import BpeTokenizer, WordPieceTokenizer
from components.tokenize.words import train_spacy

Written = tuple[int, int]
"""A shard's rows and tokens."""


@cached("tokenize", kind=KIND, code=("contract", "tokenize"))
@logged("tokenize")
@timed("tokenize")
@validated
def tokenize(dataset: Path, out: Path, settings: TokenizerSettings) -> Manifest:
    """Write a dataset's rows as token ids.

    Args:
        dataset: A published dataset.
        out: Where the tokens are published; the layout is told by `contract.tokens.Tokens`.
        settings: Which tokenizer, and how it is trained.

    Returns:
        The manifest of the published tokens.

    Raises:
        InputError: `unknown_tokenizer`, or what opening the dataset raises.
    """
    data = Dataset.open(dataset)
    with publish(out, KIND) as draft:
        tokenizer = make_tokenizer(data, settings)
        tokenizer.save(draft.path)
        progress = Progress("tokenize", sum(data.rows(split) for split in SPLITS))
        written: dict[str, Written] = {}
        for split in SPLITS:
            (draft.path / split).mkdir()
            for shard in data.shards(split):
                written[f"{split}/{shard.stem}"] = write_shard(
                    draft.path / split / shard.stem, data.read(shard), tokenizer
                )
                progress.update(sum(rows for rows, _ in written.values()))
        draft.facts.update(of_tokenizer(tokenizer, data), **counted(written))
    return read_manifest(out, KIND)


def make_tokenizer(data: Dataset, settings: TokenizerSettings) -> Tokenizer:
    """Train or fetch the tokenizer that the settings name.

    Args:
        data: The dataset; only its train split is looked at.
        settings: The settings.

    Returns:
        The tokenizer; the same rows and settings give the same one.

    Raises:
        InputError: `unknown_tokenizer`, `no_tokenizer`.
    """
    return STRATEGIES[_known(settings.strategy)](data, settings)


def of_tokenizer(tokenizer: Tokenizer, data: Dataset) -> dict[str, Any]:
    """The facts of tokens that are known before the first text is encoded."""
    return {
        "strategy": tokenizer.strategy,
        "tokenizer_digest": tokenizer.digest,
        "vocab_size": tokenizer.vocab_size,
        "dtype": dtype(tokenizer),
        "labels": list(data.labels),
        "dataset_digest": data.manifest.digest,
    }


def counted(written: Mapping[str, Written]) -> dict[str, Any]:
    """The facts that are known after the last one.

    Args:
        written: `<split>/<number>` of each shard -> its rows and tokens.

    Returns:
        `rows` and `tokens` by split.
    """
    return {
        fact: {
            split: sum(c[place] for name, c in written.items() if name.startswith(f"{split}/"))
            for split in SPLITS
        }
        for place, fact in enumerate(("rows", "tokens"))
    }


def dtype(tokenizer: Tokenizer) -> str:
    """How a tokenizer's ids are stored."""
    return "<u2" if tokenizer.vocab_size <= 2**16 else "<u4"


def _sample(data: Dataset, settings: TokenizerSettings) -> Iterator[list[str]]:
    """The train split's first texts in batches, until they are enough."""
    rows = characters = 0
    for batch in data.batches("train"):
        texts = batch.texts[: settings.sample_rows - rows]
        for place, text in enumerate(texts):
            characters += len(text)
            if characters >= settings.sample_characters:
                yield texts[: place + 1]
                return
        rows += len(texts)
        if texts:
            yield texts
        if rows >= settings.sample_rows:
            return


def _train_bpe(data: Dataset, settings: TokenizerSettings) -> Tokenizer:
    return BpeTokenizer.train(
        _sample(data, settings), settings.vocab_size, settings.min_frequency, settings.lowercase
    )


def _train_spacy(data: Dataset, settings: TokenizerSettings) -> Tokenizer:
    return train_spacy(_sample(data, settings), settings)


def _pretrained(data: Dataset, settings: TokenizerSettings) -> Tokenizer:
    return WordPieceTokenizer.pretrained(settings.encoder)


STRATEGIES = {"bpe": _train_bpe, "spacy": _train_spacy, "wordpiece": _pretrained}


def _known(strategy: str) -> str:
    if strategy not in STRATEGIES:
        raise InputError(
            "unknown_tokenizer",
            f"There is no tokenizer {strategy!r}.",
            neighbours(strategy, STRATEGIES),
        )
    return strategy


def write_shard(stem: Path, batches: Iterable[Batch], tokenizer: Tokenizer) -> Written:
    """Write a shard of the dataset as token ids.

    Args:
        stem: The shard's files but for their endings.
        batches: Its rows.
        tokenizer: The tokenizer.

    Returns:
        Rows and tokens.
    """
    rows = tokens = 0
    stored = dtype(tokenizer)
    with (
        stem.with_suffix(".ids").open("wb") as ids,
        stem.with_suffix(".offsets").open("wb") as offsets,
        stem.with_suffix(".labels").open("wb") as labels,
    ):
        offsets.write(np.zeros(1, "<i8").tobytes())
        for batch in batches:
            encoding = tokenizer.encode(batch.texts)
            ids.write(encoding.ids.astype(stored).tobytes())
            offsets.write((encoding.offsets[1:] + tokens).astype("<i8").tobytes())
            labels.write(batch.labels.astype("<i4").tobytes())
            rows += len(batch.texts)
            tokens += len(encoding.ids)
    return rows, tokens
