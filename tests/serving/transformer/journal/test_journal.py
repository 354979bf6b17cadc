"""One suite over both databases: what is recorded is kept, and feedback is taken once."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from components.contract.errors import IntegrityError
from serving.transformer.identity import new_ids
from serving.transformer.journal.errors import (
    FeedbackConflictError,
    UnavailableError,
    UnknownLabelError,
    UnknownPredictionError,
)
from serving.transformer.journal.journal import Journal
from serving.transformer.journal.reading import Selection, read_labelled
from serving.transformer.journal.settings import JournalSettings
from serving.transformer.journal.status import status
from serving.transformer.model_identity import ModelIdentity
from tests.conftest import reviews
from tests.serving.transformer.journal.answers import MODEL, answered, database, opened

AWKWARD = [
    "",
    "\x00",
    "tab\there, line\nthere \\ \\N",
    "电影很好看 🎬",
    "\ud800 alone",
    "x" * 100_000,
]


async def _label(journal: Journal, ids: list[str], label: str = "positive") -> None:
    await asyncio.gather(*(journal.feedback(name, label, "grace") for name in ids))


def test_what_is_recorded_and_labelled_is_read_back(settings: JournalSettings) -> None:
    texts = [text for text, _ in reviews(each=50)] + AWKWARD
    positive = [(i % 10) / 10 for i in range(len(texts))]
    given = answered(texts, positive=positive)
    with opened(settings) as journal:
        asyncio.run(journal.record(given))
        asyncio.run(_label(journal, list(given.ids)))
    with database(settings) as reader:
        rows = list(read_labelled(reader, Selection()))
    assert [row.text for row in rows] == texts
    assert [row.prediction for row in rows] == given.ids
    assert [row.predicted for row in rows] == [
        "positive" if p > 0.5 else "negative" for p in given.probabilities[:, 1]
    ]
    assert [row.score for row in rows] == given.probabilities.max(axis=1).tolist()
    assert {row.label for row in rows} == {"positive"}
    assert {row.model for row in rows} == {MODEL}


def test_it_goes_on_where_it_was_left(settings: JournalSettings) -> None:
    for subject in ("ada", "grace"):
        with opened(settings) as journal:
            asyncio.run(journal.record(answered(["a film"], subject)))
    with database(settings) as reader:
        assert status(reader).predictions == 2


def test_concurrent_callers_share_transactions_and_lose_nothing(settings: JournalSettings) -> None:
    registry = CollectorRegistry()
    batches = [answered([f"film {i} of caller {k}" for i in range(k % 4)]) for k in range(300)]

    async def everyone(journal: Journal) -> None:
        await asyncio.gather(*(journal.record(batch) for batch in batches))

    with opened(settings, registry) as journal:
        asyncio.run(everyone(journal))
    expected = sum(len(batch.ids) for batch in batches)
    assert registry.get_sample_value("tamis_journal_predictions_total") == expected
    transactions = registry.get_sample_value("tamis_journal_commit_seconds_count")
    assert transactions is not None
    assert transactions < 150
    with database(settings) as reader:
        assert status(reader).predictions == expected


def test_one_that_cannot_be_kept_fails_alone(settings: JournalSettings) -> None:
    taken = answered(["kept"])
    broken = answered(["two", "texts"])
    short = answered(["but", "one", "id"], ids=[next(new_ids())])
    again = answered(["kept again?"], ids=taken.ids)

    async def everyone(journal: Journal) -> list[object]:
        await journal.record(taken)
        calls = [journal.record(batch) for batch in (answered(["fine"]), again, short, broken)]
        return list(await asyncio.gather(*calls, return_exceptions=True))

    with opened(settings) as journal:
        fine, duplicate, mismatched, also_fine = asyncio.run(everyone(journal))
    assert fine is None
    assert also_fine is None
    assert isinstance(duplicate, UnavailableError)
    assert isinstance(mismatched, UnavailableError)
    with database(settings) as reader:
        assert status(reader).predictions == 4


def test_feedback_tells_whether_the_prediction_was_right(settings: JournalSettings) -> None:
    given = answered(["a film", "another"], positive=[0.9, 0.1])
    with opened(settings) as journal:
        asyncio.run(journal.record(given))
        right = asyncio.run(journal.feedback(given.ids[0], "positive", "grace"))
        wrong = asyncio.run(journal.feedback(given.ids[1], "positive"))
    assert (right.predicted, right.label, right.correct) == ("positive", "positive", True)
    assert (wrong.predicted, wrong.label, wrong.correct) == ("negative", "positive", False)
    assert right.model == MODEL
    with database(settings) as reader:
        assert (status(reader).feedback, status(reader).correct) == (2, 1)


STRANGERS = ["", "x", "bz-4XFj68H14I6SmTY0UTA", "a\x00b", "'; DROP TABLE predictions; --"]


@pytest.mark.parametrize("name", [*STRANGERS, "é" * 22, "a" * 10_000])
def test_feedback_about_what_was_never_issued_is_refused(
    settings: JournalSettings, name: str
) -> None:
    given = answered(["a film"])
    with opened(settings) as journal:
        asyncio.run(journal.record(given))
        with pytest.raises(UnknownPredictionError) as caught:
            asyncio.run(journal.feedback(name, "positive", "grace"))
        assert caught.value.code == "unknown_prediction"
        assert len(str(caught.value)) < 400
        asyncio.run(journal.feedback(given.ids[0], "positive", "grace"))


@pytest.mark.parametrize("label", ["", "Positive", "neutral", "\x00", "\ud800", "positive\n"])
def test_a_label_the_model_does_not_know_is_refused(settings: JournalSettings, label: str) -> None:
    given = answered(["a film"])
    with opened(settings) as journal:
        asyncio.run(journal.record(given))
        with pytest.raises(UnknownLabelError, match="negative, positive"):
            asyncio.run(journal.feedback(given.ids[0], label, "grace"))
        assert asyncio.run(journal.feedback(given.ids[0], "negative", "grace")).correct is False


@pytest.mark.parametrize("second", ["positive", "negative"])
def test_a_second_feedback_is_refused_and_the_first_stays(
    settings: JournalSettings, second: str
) -> None:
    given = answered(["a film"])
    with opened(settings) as journal:
        asyncio.run(journal.record(given))
        asyncio.run(journal.feedback(given.ids[0], "positive", "grace"))
        with pytest.raises(FeedbackConflictError) as caught:
            asyncio.run(journal.feedback(given.ids[0], second, "grace"))
        assert caught.value.code == "feedback_given"
    with database(settings) as reader:
        assert [row.label for row in read_labelled(reader, Selection())] == ["positive"]


def test_of_many_at_once_one_feedback_counts_even_between_processes(
    settings: JournalSettings,
) -> None:
    given = answered([f"film {i}" for i in range(20)])

    async def rush(journals: list[Journal]) -> list[object]:
        await journals[0].record(given)
        calls = [
            journals[(i + k) % 2].feedback(name, "positive", f"subject {k}")
            for k in range(10)
            for i, name in enumerate(given.ids if k % 2 else reversed(given.ids))
        ]
        return list(await asyncio.gather(*calls, return_exceptions=True))

    # Two journals, each with its connection and writer, are what two processes would be.
    with opened(settings) as first, opened(settings) as second:
        outcomes = asyncio.run(rush([first, second]))
    refused = [o for o in outcomes if isinstance(o, Exception)]
    assert all(isinstance(error, FeedbackConflictError) for error in refused)
    assert len(outcomes) - len(refused) == 20
    with database(settings) as reader:
        assert status(reader).feedback == 20


def test_models_of_other_labels_keep_their_own(settings: JournalSettings) -> None:
    first = answered(["a film"])
    other = ModelIdentity("tamis", "4", "cd" * 32)
    second = answered(["a film"], model=other)
    object.__setattr__(second, "labels", ("bad", "good"))
    with opened(settings) as journal:
        asyncio.run(journal.record(first))
        asyncio.run(journal.record(second))
        assert asyncio.run(journal.feedback(second.ids[0], "good")).model == other
        with pytest.raises(UnknownLabelError):
            asyncio.run(journal.feedback(first.ids[0], "good"))
    with database(settings) as reader:
        named = list(read_labelled(reader, Selection(model="tamis/4")))
        assert [row.label for row in named] == ["good"]
        assert list(read_labelled(reader, Selection(model="tamis/3"))) == []
        assert len(list(read_labelled(reader, Selection(model="tamis")))) == 1


def test_a_record_moved_under_another_id_does_not_open(settings: JournalSettings) -> None:
    given = answered(["the first", "the second"])
    with opened(settings) as journal:
        asyncio.run(journal.record(given))
        asyncio.run(_label(journal, list(given.ids)))
    with database(settings) as reader:
        with reader.engine.begin() as connection:
            names = {"a": given.ids[0], "b": given.ids[1]}
            for old, new in (("a", "swapped"), ("b", "a"), ("swapped", "b")):
                connection.exec_driver_sql(
                    f"UPDATE predictions SET id = '{names.get(new, new)}' "
                    f"WHERE id = '{names.get(old, old)}'"
                )
        with pytest.raises(IntegrityError) as caught:
            list(read_labelled(reader, Selection()))
    assert caught.value.code == "record_altered"
    assert given.ids[1] in caught.value.message


@pytest.mark.parametrize(
    "change",
    [
        "predictions SET label = 'negative'",
        "predictions SET score = 0.99",
        "predictions SET time = time - 1",
        "predictions SET tokens = 6",
        "predictions SET truncated = NOT truncated",
        "models SET version = '4'",
        "feedback SET label = 'negative'",
        "feedback SET correct = NOT correct",
        "feedback SET time = time + 1",
    ],
)
def test_whatever_a_row_says_in_the_clear_is_authenticated(
    settings: JournalSettings, change: str
) -> None:
    given = answered(["a film"])
    with opened(settings) as journal:
        asyncio.run(journal.record(given))
        asyncio.run(_label(journal, list(given.ids)))
    with database(settings) as reader:
        assert len(list(read_labelled(reader, Selection()))) == 1
        with reader.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE {change}")
        with pytest.raises(IntegrityError, match=given.ids[0]):
            list(read_labelled(reader, Selection()))
