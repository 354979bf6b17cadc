"""What goes between a server and its journal's process arrives as it was."""

import io
from dataclasses import replace

import pytest

from components.contract.errors import InputError, IntegrityError
from serving.transformer.journal.entry import Feedback, FeedbackResult
from serving.transformer.journal.errors import (
    FeedbackConflictError,
    UnavailableError,
    UnknownLabelError,
)
from serving.transformer.journal.journal import recording_of
from serving.transformer.journal.wire import (
    frame,
    pack_entries,
    pack_outcomes,
    read_frame,
    unpack_entries,
    unpack_outcomes,
)
from tests.serving.transformer.journal.answers import MODEL, answered
from tests.serving.transformer.journal.test_journal import AWKWARD


def through(document: object) -> object:
    return read_frame(io.BytesIO(frame(document)).read)


def test_entries() -> None:
    many = recording_of(answered(AWKWARD, "\udcff and 电影", [0.1, 1 / 3, 0.5, 0.7, 0.9, 1.0]))
    none = recording_of(answered([]))
    uneven = replace(many, ids=many.ids[:1])
    given = [many, Feedback("id", "\ud800", "grace", 5), none, uneven]
    taken = unpack_entries(through(pack_entries(given)))
    assert through(pack_entries(taken)) == through(pack_entries(given))
    assert [type(entry) for entry in taken] == [type(entry) for entry in given]
    assert taken[0].texts == AWKWARD
    assert taken[0].scores == many.scores
    assert taken[0].model == MODEL


@pytest.mark.parametrize(
    "outcome",
    [
        None,
        FeedbackResult("id", "negative", "positive", False, MODEL),
        UnavailableError("journal_unavailable", "It is away.", "Wait."),
        FeedbackConflictError("feedback_given", "It has one."),
        UnknownLabelError("unknown_label", "No such.", "Known: a."),
        InputError("wrong_key", "Another key."),
        IntegrityError("journal_corrupted", "Damaged."),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
def test_outcomes(outcome: object) -> None:
    (taken,) = unpack_outcomes(through(pack_outcomes([outcome])))
    assert type(taken) is type(outcome)
    if isinstance(outcome, Exception):
        assert (taken.code, taken.message, taken.hint) == (
            outcome.code,
            outcome.message,
            outcome.hint,
        )
    else:
        assert taken == outcome


def test_an_error_that_is_not_ours_is_told_by_its_name() -> None:
    (taken,) = unpack_outcomes(through(pack_outcomes([KeyError("a text")])))
    assert isinstance(taken, UnavailableError)
    assert "KeyError" in taken.message
    assert "a text" not in taken.message


@pytest.mark.parametrize("cut", [0, 3, 4, 10])
def test_an_end_in_the_middle_of_a_message(cut: int) -> None:
    with pytest.raises(EOFError):
        read_frame(io.BytesIO(frame({"a": "message"})[:cut]).read)
