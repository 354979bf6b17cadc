from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.transformer.auth.strict_json import MAX_DEPTH, NotStrictError, parse_object


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_json"),
        (b" ", "not_json"),
        (b"[1]", "not_an_object"),
        (b"\xff", "not_utf8"),
        (b'{"a":1,"a":1}', "duplicate_key"),
        (b'{"a":{"b":1,"\\u0062":2}}', "duplicate_key"),
        (b'[{"a":1,"a":2}]', "duplicate_key"),
        (b'{"a":NaN}', "not_finite"),
        (b'{"a":-Infinity}', "not_finite"),
        (b'{"a":1e999}', "not_finite"),
        (b'{"a":' + b"9" * 33 + b"}", "not_finite"),
        (b'{"a":0.' + b"9" * 33 + b"}", "not_finite"),
        (b'{"a":"\\ud800"}', "lone_surrogate"),
        (b'{"\\udfff":0}', "lone_surrogate"),
        (b'{"a":"' + b"[" * 20 + b'"' + b"[" * 20, "too_deep"),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(data, reason):
    with pytest.raises(NotStrictError) as refusal:
        parse_object(data)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH])
def test_depth_is_counted_with_the_object_itself(depth):
    data = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    if depth < MAX_DEPTH:
        assert parse_object(data)
    else:
        with pytest.raises(NotStrictError, match="too_deep"):
            parse_object(data)


def test_brackets_in_strings_do_not_count():
    document = {"a": '"[[[[[[[[[[', "b\\": "{{{{{{{{{{", "c": "\\", "d": "]]"}
    assert parse_object(json.dumps(document).encode()) == document


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=4), values, max_size=4), st.booleans())
def test_sound_objects_are_read_as_json_reads_them(document, escaped):
    data = json.dumps(document, ensure_ascii=escaped).encode()
    try:
        assert parse_object(data) == json.loads(data)
    except NotStrictError as error:
        assert error.reason == "too_deep"  # noqa: PT017 - both outcomes are right


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_an_object_or_refused(data):
    try:
        document = parse_object(data)
    except NotStrictError:
        return
    assert isinstance(document, dict)
