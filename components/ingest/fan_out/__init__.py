"""The ingest stage in several parts: a plan, parts that each read their share, one that joins."""
