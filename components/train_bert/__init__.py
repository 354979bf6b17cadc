"""Fine-tune a pretrained transformer encoder."""
