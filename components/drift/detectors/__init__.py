"""Tests of a window against the reference: one idea a file, chosen by name in `table.py`."""
