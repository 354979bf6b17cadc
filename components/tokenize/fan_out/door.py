"""The doors of a fanned-out tokenize: calls of Kubeflow components."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.contract.dataset import KIND as DATASET
from components.contract.exits import exit_on_error
from components.contract.provenance import require_digest, require_digests
from components.contract.settings import build
from components.tokenize.door import describe
from components.tokenize.fan_out import join as join_stage
from components.tokenize.fan_out import part as part_stage
from components.tokenize.fan_out import prepare as prepare_stage
from components.tokenize.fan_out.prepare import Prepared
from components.tokenize.settings import TokenizerSettings


def run_prepare(
    dataset: Any, settings: dict[str, Any], parts: int, tokenizer: Any, *, dataset_digest: str
) -> str:
    """Make the tokenizer.

    Args:
        dataset: Input artifact, a published dataset.
        settings: The tokenizer's section of the parameters.
        parts: How many parts will encode; Kubeflow may say 3.0.
        tokenizer: Output artifact.
        dataset_digest: What ingest returned.

    Returns:
        The tokenizer's digest.
    """
    with exit_on_error():
        require_digest(Path(dataset.path), DATASET, dataset_digest)
        chosen = build(TokenizerSettings, settings, "tokenizers")
        manifest = prepare_stage.prepare(
            Path(dataset.path), Path(tokenizer.path), chosen, int(parts)
        )
    describe(tokenizer, manifest)
    return manifest.digest


def run_part(
    dataset: Any,
    tokenizer: Any,
    part: int,
    shards: Any,
    *,
    dataset_digest: str,
    tokenizer_digest: str,
) -> str:
    """Encode a part's shards.

    Args:
        dataset: Input artifact, a published dataset.
        tokenizer: Input artifact.
        part: Which part, from 0.
        shards: Output artifact.
        dataset_digest: What ingest returned.
        tokenizer_digest: What the tokenizer's task returned.

    Returns:
        The digest of the part's shards.
    """
    with exit_on_error():
        require_digest(Path(dataset.path), DATASET, dataset_digest)
        require_digest(Path(tokenizer.path), prepare_stage.KIND, tokenizer_digest)
        prepared = Prepared.open(Path(tokenizer.path))
        manifest = part_stage.encode(Path(dataset.path), prepared, int(part), Path(shards.path))
    shards.metadata.update(part=part, shards=len(manifest.facts["written"]))
    return manifest.digest


def run_join(
    tokenizer: Any,
    parts: Sequence[Any],
    tokens: Any,
    *,
    tokenizer_digest: str,
    parts_digests: Sequence[str],
) -> str:
    """Publish the tokens of which the parts hold the shards.

    Args:
        tokenizer: Input artifact.
        parts: Input artifacts, in whichever order.
        tokens: Output artifact.
        tokenizer_digest: What the tokenizer's task returned.
        parts_digests: What the parts' tasks returned, in whichever order.

    Returns:
        The tokens' digest.
    """
    with exit_on_error():
        require_digest(Path(tokenizer.path), prepare_stage.KIND, tokenizer_digest)
        paths = tuple(Path(part.path) for part in parts)
        require_digests(paths, part_stage.KIND, parts_digests)
        manifest = join_stage.join(Prepared.open(Path(tokenizer.path)), paths, Path(tokens.path))
    describe(tokens, manifest)
    return manifest.digest
