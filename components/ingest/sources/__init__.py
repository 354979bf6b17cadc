"""Strategy: where labelled rows come from, chosen by address."""

from components.ingest.sources.factory import open_source
from components.ingest.sources.source import BrokenRow, Row, Source

__all__ = ["BrokenRow", "Row", "Source", "open_source"]
