"""Cron expressions as Kubeflow Pipelines reads them: six fields, seconds first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.contract.errors import InputError

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 6, _DAYS),
)
_PART = re.compile(r"(\*|\?|(?P<low>\w+)(-(?P<high>\w+))?)(/(?P<step>[0-9]+))?")


def six_fields(expression: str) -> str:
    """A cron expression with seconds.

    Kubeflow's parser (github.com/robfig/cron, version 1) takes the first of five fields for
    seconds, so that `0 3 * * 0` would start a run every minute of some hours.

    Args:
        expression: Five fields as in crontab(5), whose second is 0, or six. A Sunday may be 7.

    Returns:
        Six fields, in UTC like all of Kubeflow's.

    Raises:
        InputError: `bad_cron`, naming the field.
    """
    given = expression.split()
    if len(given) == 5:
        given = ["0", *given]
    if len(given) != 6:
        raise InputError(
            "bad_cron",
            f"{expression!r} has {len(given)} fields, not 5 or 6.",
            "Write minute hour day-of-month month day-of-week, e.g. '0 3 * * 0'.",
        )
    return " ".join(
        _checked(text, field, expression) for text, field in zip(given, _FIELDS, strict=True)
    )


def _checked(text: str, field: _Field, expression: str) -> str:
    parts = []
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _bad(expression, field, part)
        low, high, step = (match[name] for name in ("low", "high", "step"))
        if step is not None and not 1 <= int(step) <= field.high:
            raise _bad(expression, field, part)
        if low is None:
            parts.append(part)
            continue
        if field.high == 6 and high is None and low == "7":  # crontab's other Sunday
            part, low = part.replace("7", "0", 1), "0"
        first = _value(low, field)
        last = first if high is None else _value(high, field)
        if first is None or last is None or last < first:
            raise _bad(expression, field, part)
        parts.append(part)
    return ",".join(parts)


def _value(text: str, field: _Field) -> int | None:
    if text.upper() in field.words:
        return field.words.index(text.upper()) + field.low
    if not text.isascii() or not text.isdigit():
        return None
    return int(text) if field.low <= int(text) <= field.high else None


def _bad(expression: str, field: _Field, part: str) -> InputError:
    return InputError(
        "bad_cron",
        f"{part!r} in {expression!r} is no {field.name} ({field.low} to {field.high}).",
    )
