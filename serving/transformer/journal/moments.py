"""Times as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from components.contract.errors import InputError

_AGE = re.compile(r"([0-9]{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str, now: datetime | None = None) -> int:
    """A point in time.

    Args:
        text: ISO 8601 (`2026-11-01`, `2026-11-01T12:00+01:00`; UTC where no offset stands), or an
            age before now: `90d`, `12h`, `30m`, `2w`.
        now: The present; the clock's by default.

    Returns:
        Microseconds since 1970, UTC.

    Raises:
        InputError: `bad_time`.
    """
    age = _AGE.fullmatch(text.strip())
    try:
        if age:
            when = (now or datetime.now(UTC)) - timedelta(**{_UNITS[age[2]]: int(age[1])})
        else:
            when = datetime.fromisoformat(text.strip())
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return (when - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise InputError(
            "bad_time",
            f"{text[:64]!r} is not a time.",
            "Say 2026-11-01, 2026-11-01T12:00:00+01:00, or an age such as 90d or 12h.",
        ) from error
