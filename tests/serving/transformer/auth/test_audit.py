"""Lines of leave given: one a decision, one write a turn of the loop, the form of any other."""

import asyncio
import json
import logging
from dataclasses import replace

import pytest

from components.contract.logs import JsonFormatter
from serving.transformer.auth.audit import Audit
from serving.transformer.auth.principal import Principal

ALICE = Principal(
    "alice", "portal", "https://id.example", frozenset(), frozenset(), 2e9, "a token's id"
)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "tamis")
    return caplog


def lines(log: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    written = [JsonFormatter().format(record) for record in log.records]
    return [json.loads(line) for text in written for line in text.splitlines()]


def test_a_turn_is_one_write_and_a_line_each(log: pytest.LogCaptureFixture) -> None:
    audit = Audit()

    async def turn(numbers: range) -> None:
        for number in numbers:
            audit.allowed(ALICE, "predict", "sentiment", f"request-{number}")
        assert not numbers or len(log.records) == numbers.start // 5
        await asyncio.sleep(0)

    async def turns() -> None:
        await turn(range(5))
        await turn(range(5, 10))
        audit.flush()  # nothing waits

    asyncio.run(turns())
    assert len(log.records) == 2
    assert [line["request_id"] for line in lines(log)] == [f"request-{i}" for i in range(10)]


def test_leave_given_and_refused_have_the_same_keys(log: pytest.LogCaptureFixture) -> None:
    audit = Audit()

    async def both() -> None:
        audit.allowed(ALICE, "predict", "sentiment", "1")
        await asyncio.sleep(0)
        audit.refused(ALICE, "feedback", "sentiment", "not_granted", "2")

    asyncio.run(both())
    allowed, refused = lines(log)
    assert list(allowed) == list(refused)
    assert (allowed["decision"], refused["decision"]) == ("allowed", "refused")
    assert allowed["token_id"] == refused["token_id"] != ALICE.token_id
    assert isinstance(allowed["time"], float)


@pytest.mark.parametrize("awkward", ['x"}\n{"event": "audit"', "\u2028 \x00 é 电影", "\\"])
def test_nobody_writes_a_line_of_their_own(log: pytest.LogCaptureFixture, awkward: str) -> None:
    audit = Audit()

    async def given() -> None:
        audit.allowed(replace(ALICE, subject=awkward), "predict", awkward, awkward)

    asyncio.run(given())
    (record,) = log.records
    assert record.getMessage().count("\n") == 0
    line = json.loads(record.getMessage())
    assert (line["subject"], line["model"], line["request_id"]) == (awkward,) * 3


def test_callers_are_told_apart(log: pytest.LogCaptureFixture) -> None:
    audit = Audit()

    async def given() -> None:
        for subject in ("alice", "bob", "alice"):
            for verb in ("predict", "feedback"):
                audit.allowed(replace(ALICE, subject=subject), verb, "sentiment", "")

    asyncio.run(given())
    assert [(line["subject"], line["verb"]) for line in lines(log)] == [
        (subject, verb) for subject in ("alice", "bob", "alice") for verb in ("predict", "feedback")
    ]
