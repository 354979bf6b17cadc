"""Searching an architecture's settings: one trial, many proposed at once, and the best of them."""
