"""The test rows' predictions and slices as Parquet, for the promotion gate to compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from components.contract.calibration import Probabilities
from components.contract.dataset import Batch


class Predictions:
    """Writes `digest` (16 bytes), `label` (name) and `probabilities` (k float32) row by row.

    The probabilities' order is that of the dataset's labels, which `metrics.json` lists.

    Args:
        path: The Parquet file.
        labels: k label names.
    """

    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as parquet

        self._names = list(labels)
        self._schema = pa.schema(
            {
                "digest": pa.binary(),
                "label": pa.dictionary(pa.int32(), pa.string()),
                "probabilities": pa.list_(pa.float32(), len(labels)),
            }
        )
        self._pa = pa
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.close()

    def add(self, batch: Batch, probabilities: Probabilities) -> None:
        """Append b rows with their (b, k) probabilities."""
        pa = self._pa
        flat = pa.array(np.ascontiguousarray(probabilities, np.float32).ravel())
        names = pa.array(self._names, pa.string())
        columns = [
            pa.array(batch.digests, pa.binary()),
            pa.DictionaryArray.from_arrays(pa.array(batch.labels), names),
            pa.FixedSizeListArray.from_arrays(flat, probabilities.shape[1]),
        ]
        self._writer.write_batch(pa.record_batch(columns, schema=self._schema))


def write_slices(path: Path, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write each test row's slice values, one dictionary-encoded column a slice column."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    table = pa.table(
        {
            name: pa.array(values.tolist(), pa.string()).dictionary_encode()
            for name, values in columns.items()
        }
    )
    parquet.write_table(table, path, compression="zstd")
