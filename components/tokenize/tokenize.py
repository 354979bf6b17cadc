"""The tokenize stage: make or fetch a tokenizer, write token shards."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from components.contract.artifact import Manifest, publish, read_manifest
from components.contract.cache import cached
from components.contract.dataset import SPLITS, Batch, Dataset
from components.contract.decorators import logged, timed, validated
from components.contract.errors import InputError
from components.contract.limits import READ_BATCH_ROWS, SHARD_ROWS
from components.contract.logs import Progress
from components.contract.settings import neighbours
from components.contract.tokenizer import Tokenizer
from components.contract.tokens import KIND
from components.tokenize.settings import TokenizerSettings
from components.tokenize.subword import BpeTokenizer, WordPieceTokenizer


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
        tokenizer = STRATEGIES[_known(settings.strategy)](data, settings)
        tokenizer.save(draft.path)
        dtype = "<u2" if tokenizer.vocab_size <= 2**16 else "<u4"
        progress = Progress("tokenize", sum(data.rows(split) for split in SPLITS))
        rows, tokens = {}, {}
        for split in SPLITS:
            (draft.path / split).mkdir()
            rows[split] = tokens[split] = 0
            for number, group in enumerate(_groups(data.batches(split))):
                stem = draft.path / split / f"{number:05d}"
                written = _write_shard(stem, group, tokenizer, dtype)
                rows[split] += written[0]
                tokens[split] += written[1]
                progress.update(sum(rows.values()))
        draft.facts.update(
            strategy=tokenizer.strategy,
            tokenizer_digest=tokenizer.digest,
            vocab_size=tokenizer.vocab_size,
            dtype=dtype,
            labels=list(data.labels),
            rows=rows,
            tokens=tokens,
            dataset_digest=data.manifest.digest,
        )
    return read_manifest(out, KIND)


def _train_bpe(data: Dataset, settings: TokenizerSettings) -> Tokenizer:
    sample = itertools.islice(
        (text for batch in data.batches("train") for text in batch.texts), settings.sample_rows
    )
    batches = iter(lambda: list(itertools.islice(sample, READ_BATCH_ROWS)), [])
    return BpeTokenizer.train(
        batches, settings.vocab_size, settings.min_frequency, settings.lowercase
    )


def _pretrained(data: Dataset, settings: TokenizerSettings) -> Tokenizer:
    return WordPieceTokenizer.pretrained(settings.encoder)


STRATEGIES = {"bpe": _train_bpe, "wordpiece": _pretrained}


def _known(strategy: str) -> str:
    if strategy not in STRATEGIES:
        raise InputError(
            "unknown_tokenizer",
            f"There is no tokenizer {strategy!r}.",
            neighbours(strategy, STRATEGIES),
        )
    return strategy


def _groups(batches: Iterator[Batch]) -> Iterator[Iterator[Batch]]:
    """Batches in groups of about `SHARD_ROWS` rows; each group is read lazily."""
    numbered = itertools.groupby(
        enumerate(batches), key=lambda pair: pair[0] * READ_BATCH_ROWS // SHARD_ROWS
    )
    for _, group in numbered:
        yield (batch for _, batch in group)


def _write_shard(
    stem: Path, batches: Iterator[Batch], tokenizer: Tokenizer, dtype: str
) -> tuple[int, int]:
    rows = tokens = 0
    with (
        stem.with_suffix(".ids").open("wb") as ids,
        stem.with_suffix(".offsets").open("wb") as offsets,
        stem.with_suffix(".labels").open("wb") as labels,
    ):
        offsets.write(np.zeros(1, "<i8").tobytes())
        for batch in batches:
            encoding = tokenizer.encode(batch.texts)
            ids.write(encoding.ids.astype(dtype).tobytes())
            offsets.write((encoding.offsets[1:] + tokens).astype("<i8").tobytes())
            labels.write(batch.labels.astype("<i4").tobytes())
            rows += len(batch.texts)
            tokens += len(encoding.ids)
    return rows, tokens
