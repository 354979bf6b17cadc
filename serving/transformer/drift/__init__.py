"""Drift scoring beside the request path."""
