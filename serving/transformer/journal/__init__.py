"""Predictions and their feedback, kept encrypted.

`journal.py` is what a server uses, `commands.py` what an operator runs; the other files are one
idea each. Nothing here knows HTTP.
"""
