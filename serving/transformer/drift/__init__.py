"""Drift scoring beside the request path.

The request path only leaves rows in a bounded buffer (`tap.py`); a thread of the transformer
gathers them (`monitor.py`); a process of its own (`worker.py`) compares the newest window with the
bundle's reference and tells every new row to the sequential tests of `components.drift`.
"""
