"""Drift scoring beside the request path.

The request path only copies rows into a bounded buffer (`tap.py`); a thread of the transformer
gathers them into a sliding window (`monitor.py`); a process of its own compares that window with
the bundle's reference (`worker.py`, `detectors/`).
"""
