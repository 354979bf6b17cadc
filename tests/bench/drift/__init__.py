"""Drift: false alarms, delays, names, the estimate of accuracy, and what they cost."""
