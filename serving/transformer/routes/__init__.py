"""What the transformer answers, a file each."""
