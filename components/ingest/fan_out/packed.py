"""The rows that a part has published, read partition by partition."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.contract.artifact import verify
from components.contract.errors import IntegrityError
from components.ingest.fan_out.part import FILE_ROWS, KIND, KNOWN, ROWS
from components.ingest.fan_out.plan import Plan


class Packed:
    """One part's rows.

    Args:
        path: Its directory.
        facts: What `part.screen` says of it.
        file: Its `rows.arrow`, open.

    Attributes:
        facts: As given.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any], file: Any) -> None:
        self.facts = facts
        self._path, self._file = path, file

    def known(self) -> npt.NDArray[np.float64]:
        """(k,) float64, positions of its texts that are fresh feedback too."""
        return np.fromfile(self._path / KNOWN, "<f8")

    def tables(
        self, partition: int, labels: npt.NDArray[np.int32], starts: npt.NDArray[np.int64]
    ) -> Iterator[Any]:
        """A partition's records, mapped from the file.

        Args:
            partition: Its number.
            labels: (k,) int32, the label's number for each of the part's own.
            starts: (files,) int64, rows that stand before each file's.

        Yields:
            Tables as `Spill.tables` has them, with the whole source's numbers of labels and rows.
        """
        import pyarrow as pa

        for number in range(*self.facts["batches"][partition : partition + 2]):
            table = pa.Table.from_batches([self._file.get_batch(number)])
            for column, values in (
                ("label", labels[table["label"].to_numpy()]),
                ("row", numbered(table["row"].to_numpy(), starts)),
            ):
                place = table.schema.get_field_index(column)
                table = table.set_column(place, table.field(place), pa.array(values))
            yield table


def numbered(rows: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Numbers within the whole source of rows that are numbered file by file."""
    found: npt.NDArray[np.int64] = starts[rows // FILE_ROWS] + rows % FILE_ROWS
    return found


@contextlib.contextmanager
def open_parts(plan: Plan, paths: Sequence[Path]) -> Iterator[tuple[Packed, ...]]:
    """Open a plan's parts, every file of theirs verified.

    Args:
        plan: The plan.
        paths: Their directories, in whichever order.

    Yields:
        The parts in the plan's order.

    Raises:
        InputError: As `verify`.
        IntegrityError: `corrupted`; `other_content` when they aren't all of this plan's parts,
            once each.
    """
    import pyarrow as pa

    told = [(path, verify(path, KIND).facts) for path in paths]
    numbers = [facts["part"] for _, facts in told if facts["plan"] == plan.digest]
    if sorted(numbers) != list(range(len(plan.parts))) or len(numbers) != len(paths):
        raise IntegrityError(
            "other_content",
            f"The {len(paths)} parts are not the {len(plan.parts)} of the plan, once each.",
            "Run the pipeline again without its cache.",
        )
    with contextlib.ExitStack() as stack:
        parts = []
        for path, facts in sorted(told, key=lambda part: int(part[1]["part"])):
            mapped = stack.enter_context(pa.memory_map(str(path / ROWS)))
            parts.append(Packed(path, facts, stack.enter_context(pa.ipc.open_file(mapped))))
        yield tuple(parts)


def starts(plan: Plan, parts: Sequence[Packed]) -> npt.NDArray[np.int64]:
    """How many rows stand before each file's, and in all.

    Args:
        plan: The plan.
        parts: All of its parts.

    Returns:
        (files + 1,) int64.

    Raises:
        IntegrityError: `changed_meanwhile` when readers of one file have counted differently.
    """
    rows = np.full(len(plan.files), -1, np.int64)
    for part in parts:
        for file, count in part.facts["files"].items():
            if rows[int(file)] not in (-1, count):
                raise IntegrityError(
                    "changed_meanwhile",
                    f"{plan.files[int(file)][0]!r} has changed while its parts were read.",
                    "Run the pipeline again.",
                )
            rows[int(file)] = count
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(rows)])
