"""Predictions and their feedback, kept encrypted."""
