"""The promotion gate and the model registry."""
