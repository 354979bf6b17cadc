"""What a journal refuses, a class for each answer that a client may get."""

from __future__ import annotations

from components.contract.errors import InputError, TamisError


class OverloadError(TamisError):
    """Too much is waiting to be written; try again later. Code `journal_full`."""


class UnavailableError(TamisError):
    """The database can't be written now; nothing was kept. Code `journal_unavailable`."""


class UnknownPredictionError(InputError):
    """No prediction of that id was issued. Code `unknown_prediction`."""


class UnknownLabelError(InputError):
    """The label is none of the model's. Code `unknown_label`."""


class FeedbackConflictError(InputError):
    """The prediction has its feedback already. Code `feedback_given`."""
