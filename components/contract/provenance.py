"""The digest that travels beside an artifact.

Kubeflow Pipelines keys its cache on parameters and on what artifacts are called, never on what
they hold. So each stage returns its result's digest, each consumer takes its inputs' digests as
plain parameters, and here the artifact that was handed over is held to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from components.contract.artifact import read_manifest
from components.contract.errors import IntegrityError


def require_digest(path: Path, kind: str, digest: str) -> None:
    """Refuse an input that isn't the one which the pipeline says it is.

    The manifest is bound to its digest here; its files are checked by whoever opens them.

    Args:
        path: The published directory.
        kind: The manifest kind expected there.
        digest: What the stage that made it returned.

    Raises:
        InputError: As `read_manifest`.
        IntegrityError: `other_content` when it holds something else.
    """
    found = read_manifest(path, kind).digest
    if found != digest:
        raise IntegrityError(
            "other_content",
            f"The {kind} in {str(path)!r} is {found[:12]}…, not {digest[:12] or 'anything'}…, "
            "which its stage returned.",
            "Run the pipeline again without its cache.",
        )


def require_digests(paths: Sequence[Path], kind: str, digests: Sequence[str]) -> None:
    """Refuse collected inputs that aren't what the pipeline says they are.

    Args:
        paths: Published directories, in whichever order.
        kind: The manifest kind expected in each.
        digests: What the tasks that made them returned, in whichever order.

    Raises:
        InputError: As `read_manifest`.
        IntegrityError: `other_content` when one holds something else, or one is missing.
    """
    found = sorted(read_manifest(path, kind).digest for path in paths)
    if found != sorted(digests):
        raise IntegrityError(
            "other_content",
            f"The {len(found)} collected results of the kind {kind} are not the {len(digests)} "
            "that their stages returned.",
            "Run the pipeline again without its cache.",
        )
