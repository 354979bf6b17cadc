"""The pipeline: its graph, how it runs on a laptop, its command line."""
