"""The parts of a fanned-out tokenize to one result, which doesn't tell how many there were."""

from __future__ import annotations

import shutil
from pathlib import Path

from components.contract.artifact import Manifest, link, publish, read_manifest, verify
from components.contract.dataset import SPLITS
from components.contract.decorators import logged, timed, validated
from components.contract.errors import IntegrityError
from components.contract.tokens import KIND
from components.tokenize.fan_out import part
from components.tokenize.fan_out.prepare import Prepared
from components.tokenize.tokenize import Written, counted


@logged("tokenize")
@timed("tokenize")
@validated
def join(prepared: Prepared, parts: tuple[Path, ...], out: Path) -> Manifest:
    """Publish the tokens of which the parts hold the shards.

    Files are linked where the file system has links, so 60 GB aren't written again.

    Args:
        prepared: The tokenizer, and who has encoded what.
        parts: What the parts published, in whichever order.
        out: Where the tokens are published.

    Returns:
        The manifest: the one that `tokenize` makes of the same dataset and settings.

    Raises:
        InputError: As `verify`.
        IntegrityError: `corrupted`; `other_content` when the parts aren't all, once each.
        TamisError: As `publish`.
    """
    found = [(path, verify(path, part.KIND)) for path in parts]
    own = [m.facts["part"] for _, m in found if m.facts["prepared"] == prepared.manifest.digest]
    if sorted(own) != list(range(len(prepared.parts))) or len(own) != len(parts):
        raise IntegrityError(
            "other_content",
            f"The {len(parts)} parts are not the {len(prepared.parts)} of this tokenizer, "
            "once each.",
            "Run the pipeline again without its cache.",
        )
    with publish(out, KIND) as draft:
        for split in SPLITS:
            (draft.path / split).mkdir()
        for file in prepared.manifest.files:
            shutil.copyfile(prepared.path / file, draft.path / file)
        written: dict[str, Written] = {}
        for path, manifest in found:
            for file in manifest.files:
                link(path / file, draft.path / file)
            written |= manifest.facts["written"]
        facts = dict(prepared.manifest.facts)
        del facts["parts"]
        draft.facts.update(facts, **counted(written))
    return read_manifest(out, KIND)
