"""Benchmarks: figures printed beside a reference that ran in the same process group."""
