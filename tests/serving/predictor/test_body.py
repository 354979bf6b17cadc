from __future__ import annotations

import asyncio
from typing import Any

import pytest

from serving.predictor import body
from serving.predictor.body import Bodies
from serving.predictor.errors import RequestError
from serving.predictor.limits import BODIES_BYTES, BODY_BYTES


def receiver(*parts: bytes, ended: bool = True):
    """What an ASGI server hands out: the parts, then an end or a client that has gone."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": part, "more_body": not ended or i < len(parts) - 1}
        for i, part in enumerate(parts)
    ]
    messages.append({"type": "http.disconnect"})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return receive


def read(bodies: Bodies, receive: Any, **headers: str) -> bytes:
    told = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return asyncio.run(bodies.read(told, receive))


def test_parts_are_joined_and_counted_until_they_are_released() -> None:
    bodies = Bodies()
    assert read(bodies, receiver(b"ab", b"", b"c")) == b"abc"
    assert bodies._held == 3
    bodies.release(3)
    assert bodies._held == 0
    assert read(bodies, receiver(b"")) == b""


@pytest.mark.parametrize(
    ("parts", "headers", "status", "code"),
    [
        ([b"x"], {"content_length": str(BODY_BYTES + 1)}, 413, "body_too_large"),
        ([b"x"], {"content_length": "9" * 40}, 413, "body_too_large"),
        ([b"x" * BODY_BYTES, b"y"], {}, 413, "body_too_large"),
        ([b"x"], {"content_type": "text/html"}, 415, "unsupported_media_type"),
        ([b"x"], {"content_encoding": "br"}, 415, "unsupported_media_type"),
    ],
)
def test_refusals_hold_nothing(
    parts: list[bytes], headers: dict[str, str], status: int, code: str
) -> None:
    bodies = Bodies()
    with pytest.raises(RequestError) as caught:
        read(bodies, receiver(*parts), **headers)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert bodies._held == 0


def test_a_client_that_goes_leaves_nothing() -> None:
    bodies = Bodies()
    with pytest.raises(RequestError) as caught:
        read(bodies, receiver(b"half", ended=False))
    assert (caught.value.status, caught.value.code) == (400, "incomplete_body")
    assert bodies._held == 0


def test_all_bodies_together_are_bounded() -> None:
    bodies = Bodies()
    for _ in range(BODIES_BYTES // BODY_BYTES):
        read(bodies, receiver(b"x" * BODY_BYTES))
    with pytest.raises(RequestError) as caught:
        read(bodies, receiver(b"x"))
    assert (caught.value.status, caught.value.code) == (503, "overloaded")
    bodies.release(BODY_BYTES)
    assert read(bodies, receiver(b"x")) == b"x"


def test_a_stalling_client_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 0.01)
    bodies = Bodies()

    async def stall() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    with pytest.raises(RequestError) as caught:
        read(bodies, stall)
    assert (caught.value.status, caught.value.code) == (408, "body_timeout")
