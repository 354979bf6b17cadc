"""Train a bidirectional LSTM."""
