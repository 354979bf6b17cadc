"""The tokenizer that all parts encode with, and the shards that they share out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from components import catalogue
from components.contract.artifact import Manifest, publish, read_manifest, verify
from components.contract.dataset import SPLITS, Dataset
from components.contract.decorators import logged, timed, validated
from components.contract.settings import require
from components.contract.tokenizer import Tokenizer
from components.tokenize.settings import TokenizerSettings
from components.tokenize.tokenize import make_tokenizer, of_tokenizer

KIND = "tokenizer"


@logged("tokenize-prepare")
@timed("tokenize-prepare")
@validated
def prepare(dataset: Path, out: Path, settings: TokenizerSettings, parts: int) -> Manifest:
    """Make the tokenizer and deal the dataset's shards out.

    Args:
        dataset: A published dataset.
        out: Where the tokenizer is published: `tokenizer.json`. Facts: those of the tokens that
            are known by now, and `parts`, the shards (`<split>/<number>`) of each.
        settings: Which tokenizer, and how it is trained.
        parts: How many parts, at least 1.

    Returns:
        The manifest.

    Raises:
        InputError: `unknown_tokenizer`, `no_tokenizer`, or what opening the dataset raises.
        TamisError: As `publish`.
    """
    require(parts >= 1, "parts", f"must be at least 1, not {parts}")
    data = Dataset.open(dataset)
    with publish(out, KIND) as draft:
        tokenizer = make_tokenizer(data, settings)
        tokenizer.save(draft.path)
        shards = [f"{split}/{shard.stem}" for split in SPLITS for shard in data.shards(split)]
        dealt = [shards[part::parts] for part in range(parts)]  # shards are of one size
        draft.facts.update(of_tokenizer(tokenizer, data), parts=dealt)
    return read_manifest(out, KIND)


@dataclass(frozen=True)
class Prepared:
    """A published tokenizer.

    Attributes:
        path: Its directory.
        manifest: As `prepare` says.
        parts: The shards of each part.
    """

    path: Path
    manifest: Manifest
    parts: tuple[tuple[str, ...], ...]

    @classmethod
    def open(cls, path: Path) -> Prepared:
        """Open a published tokenizer; raises as `verify`."""
        manifest = verify(path, KIND)
        return cls(path, manifest, tuple(tuple(part) for part in manifest.facts["parts"]))

    def tokenizer(self) -> Tokenizer:
        """The tokenizer itself."""
        return catalogue.tokenizer(self.manifest.facts["strategy"]).load(self.path)
