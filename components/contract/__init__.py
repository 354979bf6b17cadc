"""The shared kernel: artifacts, protocols, settings, errors. Imports nothing of ours."""
