"""Named limits, each with its reason."""

from __future__ import annotations

MANIFEST_BYTES = 64 * 2**20
"""A manifest lists files, labels and counts; 64 MiB is beyond any honest one."""

SHARD_ROWS = 50_000
"""Rows in one Parquet shard: about 60 MB of long reviews, one shard in memory at a time."""

READ_BATCH_ROWS = 1_000
"""Rows decoded at once by a reader; keeps the working set to a few megabytes."""

TEXT_CHARACTERS = 100_000
"""Longest text that a setting may allow: beyond it a row is a document store, not a text."""

LABELS = 10_000
"""More distinct labels than this means the label column holds free text."""
