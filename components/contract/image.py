"""The container image that every training stage runs in."""

TRAIN_IMAGE = "tamis-train:latest"
