"""Which part reads which rows, and of which content: what a fanned-out ingest begins with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from components.contract.artifact import Manifest, publish, read_manifest
from components.contract.decorators import logged, timed, validated
from components.contract.errors import IntegrityError
from components.contract.settings import build
from components.ingest.settings import IngestSettings
from components.ingest.sources import FileSource
from components.ingest.sources.share import Share

KIND = "plan"


@dataclass(frozen=True)
class Piece:
    """A file, or what one of its readers takes of it.

    Attributes:
        file: Its place among the plan's files.
        share: Which rows.
    """

    file: int
    share: Share


@dataclass(frozen=True)
class Plan:
    """A published plan.

    Attributes:
        digest: Of all that follows; two plans of the same digest lead to the same dataset.
        settings: The stage's settings.
        files: Name and identity of each file, in the order of their rows.
        feedback: The feedback's identity; empty without.
        parts: The pieces of each part.
    """

    digest: str
    settings: IngestSettings
    files: tuple[tuple[str, str], ...]
    feedback: str
    parts: tuple[tuple[Piece, ...], ...]

    @classmethod
    def open(cls, path: Path) -> Plan:
        """Open a published plan; raises as `read_manifest`."""
        manifest = read_manifest(path, KIND)
        facts = manifest.facts
        return cls(
            manifest.digest,
            build(IngestSettings, facts["settings"], "ingest"),
            tuple((name, identity) for name, identity in facts["files"]),
            facts["feedback"],
            tuple(
                tuple(Piece(file, Share(number, of)) for file, number, of in part)
                for part in facts["parts"]
            ),
        )


@logged("ingest-plan")
@timed("ingest-plan")
@validated
def plan(
    source: FileSource, feedback: FileSource | None, out: Path, settings: IngestSettings, parts: int
) -> Manifest:
    """Deal a source out to parts.

    Args:
        source: The source.
        feedback: The feedback's source, if any; whoever joins reads it.
        out: Where the plan is published; it has facts and no files.
        settings: The stage's settings, which the parts take from here.
        parts: How many parts, at least 1.

    Returns:
        The plan's manifest.

    Raises:
        InputError: What looking at the files raises.
        TamisError: As `publish`.
    """
    names = source.files.names
    with publish(out, KIND) as draft:
        pieces = dealt([source.size(name) for name in names], parts)
        draft.facts.update(
            settings=dataclasses.asdict(settings),
            files=[[name, source.identity(name)] for name in names],
            feedback="" if feedback is None else feedback.fingerprint(),
            parts=[[[p.file, p.share.number, p.share.of] for p in part] for part in pieces],
        )
    return read_manifest(out, KIND)


def dealt(sizes: list[int | None], parts: int) -> list[list[Piece]]:
    """Files dealt out to parts, so that the largest part is as small as whole files allow.

    A file that is larger than a part's fair share is cut among several readers; pieces are dealt
    out longest first to the part that has least (Graham 1969, "Bounds on Multiprocessing Timing
    Anomalies", https://doi.org/10.1137/0117039: at most a third above the best).

    Args:
        sizes: Bytes of each file, None where they aren't known.
        parts: How many parts.

    Returns:
        Each part's pieces, in the order of the files; a part may have none.
    """
    known = [size for size in sizes if size is not None]
    usual = sum(known) / len(known) if known else 1.0
    weights = [usual if size is None else float(size) for size in sizes]
    if not sum(weights):
        weights = [1.0] * len(sizes)
    fair = sum(weights) / parts
    pieces = []
    for file, weight in enumerate(weights):
        readers = max(1, min(parts, round(weight / fair)))
        pieces += [(weight / readers, Piece(file, Share(n, readers))) for n in range(readers)]
    loads, found = [0.0] * parts, [list[Piece]() for _ in range(parts)]
    for weight, piece in sorted(pieces, key=lambda pair: -pair[0]):
        least = min(range(parts), key=loads.__getitem__)
        loads[least] += weight
        found[least].append(piece)
    return [sorted(part, key=lambda p: (p.file, p.share.number)) for part in found]


def require_unchanged(what: str, identity: str, planned: str) -> None:
    """Refuse data that isn't what the plan was made for.

    Args:
        what: Names it, for the message.
        identity: Its identity now.
        planned: Its identity in the plan.

    Raises:
        IntegrityError: `changed_meanwhile`.
    """
    if identity != planned:
        raise IntegrityError(
            "changed_meanwhile",
            f"{what!r} has changed since the parts of this ingest were planned.",
            "Run the pipeline again.",
        )
