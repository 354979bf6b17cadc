"""Labelled text from anywhere to a published dataset."""
