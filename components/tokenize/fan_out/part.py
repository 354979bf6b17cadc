"""One part of a fanned-out tokenize: its shards of the dataset as token ids."""

from __future__ import annotations

from pathlib import Path

from components.contract.artifact import Manifest, publish, read_manifest
from components.contract.dataset import Dataset
from components.contract.decorators import logged, timed, validated
from components.contract.errors import InputError
from components.contract.logs import Progress
from components.contract.provenance import require_digest
from components.tokenize.fan_out.prepare import Prepared
from components.tokenize.tokenize import write_shard

KIND = "token-shards"


@logged("tokenize-part")
@timed("tokenize-part")
@validated
def encode(dataset: Path, prepared: Prepared, number: int, out: Path) -> Manifest:
    """Encode a part's shards.

    Args:
        dataset: The dataset that was prepared for.
        prepared: The tokenizer, and who encodes what.
        number: Which part, from 0.
        out: Where the shards are published; the layout is told by `contract.tokens.Tokens`.
            Facts: the tokenizer artifact's digest, the part, `written` (shard -> rows, tokens).

    Returns:
        The manifest.

    Raises:
        InputError: `no_such_part`, or what opening the dataset raises.
        IntegrityError: `other_content` when the tokenizer is another dataset's.
        TamisError: As `publish`.
    """
    if not 0 <= number < len(prepared.parts):
        raise InputError(
            "no_such_part", f"There are {len(prepared.parts)} parts, none is {number}."
        )
    require_digest(dataset, "dataset", prepared.manifest.facts["dataset_digest"])
    data, shards = Dataset.open(dataset), prepared.parts[number]
    with publish(out, KIND) as draft:
        tokenizer = prepared.tokenizer()
        progress = Progress("tokenize-part", len(shards))
        written = {}
        for name in shards:
            stem = draft.path / name
            stem.parent.mkdir(exist_ok=True)
            shard = (data.path / name).with_suffix(".parquet")
            written[name] = write_shard(stem, data.read(shard), tokenizer)
            progress.update(len(written))
        draft.facts.update(prepared=prepared.manifest.digest, part=number, written=written)
    return read_manifest(out, KIND)
