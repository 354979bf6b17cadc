"""Logistic regression on hashed n-grams of token ids, trained as a stream."""
