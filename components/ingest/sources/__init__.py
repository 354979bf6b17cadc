"""Strategy: where labelled rows come from, chosen by address."""

from components.ingest.sources.factory import open_source
from components.ingest.sources.files import FileSource
from components.ingest.sources.source import BrokenRow, Row, SkippedRows, Source

__all__ = ["BrokenRow", "FileSource", "Row", "SkippedRows", "Source", "open_source"]
