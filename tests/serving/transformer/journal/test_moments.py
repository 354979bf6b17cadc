"""Times as people write them."""

from datetime import UTC, datetime

import pytest

from components.contract.errors import InputError
from serving.transformer.journal.export import iso
from serving.transformer.journal.moments import moment

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("2026-11-01T12:30", "2026-11-01T12:30:00+00:00"),
        ("2026-11-01T12:30:00+02:00", "2026-11-01T10:30:00+00:00"),
        (" 2026-11-01T00:00:00Z ", "2026-11-01T00:00:00+00:00"),
        ("1d", "2026-11-24T12:00:00+00:00"),
        ("2w", "2026-11-11T12:00:00+00:00"),
        ("36h", "2026-11-24T00:00:00+00:00"),
        ("90m", "2026-11-25T10:30:00+00:00"),
        ("1969-12-31", "1969-12-31T00:00:00+00:00"),
    ],
)
def test_times_and_ages(text: str, expected: str) -> None:
    assert iso(moment(text, NOW)) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "90", "-1d", "1.5d", "2026-13-01", "999999w", "1y", "٣d", "x" * 9_999]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        moment(text, NOW)
    assert caught.value.code == "bad_time"
    assert len(str(caught.value)) < 250
