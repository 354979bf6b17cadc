"""What the training stages share: finishing a model into a bundle, and the PyTorch loop."""
