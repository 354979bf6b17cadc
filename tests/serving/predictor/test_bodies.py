"""Every bad body is refused by the decoder itself, with a code and the field's name."""

from __future__ import annotations

import json

import pytest

from serving.predictor import v1, v2
from serving.predictor.errors import RequestError
from tests.serving.predictor.bodies import BAD

DECODERS = {"v1": v1.decode, "v2": v2.decode}


def test_there_are_many() -> None:
    assert len({(protocol, body) for protocol, body, _, _ in BAD}) >= 150


@pytest.mark.parametrize(("protocol", "body", "code", "field"), BAD)
def test_a_bad_body_is_refused(protocol: str, body: bytes, code: str, field: str) -> None:
    with pytest.raises(RequestError) as caught:
        DECODERS[protocol](body, None)
    error = caught.value
    assert (error.status, error.code, error.field) == (400, code, field)
    assert error.message.startswith(field)
    assert error.message.endswith(".")
    assert "\n" not in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_a_long_unknown_name_is_not_echoed_whole(protocol: str) -> None:
    with pytest.raises(RequestError) as caught:
        DECODERS[protocol](json.dumps({"x" * 10**6: 1}).encode(), None)
    assert len(str(caught.value)) < 300
