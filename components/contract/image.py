"""The container images that training stages run in."""

TRAIN_IMAGE = "tamis-train:latest"
TENSORFLOW_IMAGE = "tamis-train-tensorflow:latest"
"""The same with TensorFlow, a gigabyte that no other stage needs."""
