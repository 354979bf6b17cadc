"""Each bad request is refused in one way, and the service goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from serving.transformer.limits import BODY_BYTES
from tests.serving.processes import Pair
from tests.serving.transformer.bad_bodies import (
    CLASSIFY,
    GOOD,
    ODD_BUT_GOOD,
    ROWS,
    TEXT_AT,
    Bad,
)

STACK = re.compile(r'Traceback|File "|\.py\b|site-packages|line \d+|Error\(|0x[0-9a-f]{6}')
CODES = {400: {"bad_json"}, 413: {"body_too_large"}, 415: {"unsupported_media_type"}}
CODES |= {404: {"unknown_model", "unknown_prediction"}, 422: {"invalid_field"}}


@pytest.fixture(scope="module")
def asked(pair: Pair) -> Iterator[httpx.Client]:
    with pair.client() as client:
        yield client
        assert client.post(CLASSIFY, content=GOOD[CLASSIFY], headers=typed()).status_code == 200
    assert pair.transformer.alive
    assert pair.predictor.alive
    assert "request_failed" not in pair.transformer.text()


def typed(content_type: str | None = "application/json") -> dict[str, str]:
    return {} if content_type is None else {"content-type": content_type}


def test_there_are_enough() -> None:
    assert len(ROWS) >= 300
    assert len({(row.name, row.path, row.body, row.content_type) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.path}-{row.name}" for row in ROWS])
def test_it_is_refused_by_its_field(asked: httpx.Client, row: Bad) -> None:
    headers = {**typed(row.content_type), **row.headers}
    answer = asked.post(row.path, content=row.body, headers=headers)
    assert answer.status_code == row.status, answer.text[:500]
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document.keys() == {"error"}
    error = document["error"]
    assert error.keys() == {"code", "message", "field", "request_id"}
    assert error["code"] in CODES[row.status]
    assert error["field"] == row.field
    assert error["request_id"] == answer.headers["x-request-id"]
    assert error["message"].endswith(".")
    assert not STACK.search(answer.text)
    assert len(answer.content) < 2_000


@pytest.mark.parametrize(("path", "body"), ODD_BUT_GOOD.values(), ids=ODD_BUT_GOOD)
def test_what_only_looks_wrong_is_answered(asked: httpx.Client, path: str, body: bytes) -> None:
    answer = asked.post(path, content=body, headers=typed())
    assert answer.status_code == 200, answer.text


class TestChunked:
    """Bodies without a length."""

    def test_a_good_one_is_answered(self, asked: httpx.Client) -> None:
        good = GOOD[CLASSIFY]
        parts = (good[i : i + 1] for i in range(len(good)))
        assert asked.post(CLASSIFY, content=parts, headers=typed()).status_code == 200

    @pytest.mark.parametrize("path", list(TEXT_AT))
    def test_it_is_refused_once_it_is_too_large(self, asked: httpx.Client, path: str) -> None:
        parts = (b" " * 2**16 for _ in range(BODY_BYTES // 2**16 + 1))
        answer = asked.post(path, content=parts, headers=typed())
        assert answer.status_code == 413
        assert answer.json()["error"]["field"] == "body"

    def test_nobody_waits_for_the_end_of_an_endless_one(self, pair: Pair) -> None:
        head = f"POST {CLASSIFY} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
        with connection(pair, head) as sock:
            sock.settimeout(30)
            chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
            for _ in range(BODY_BYTES // 0x10000 + 2):
                sock.sendall(chunk)
            assert sock.recv(65_536).startswith(b"HTTP/1.1 413 ")


def connection(pair: Pair, head: str) -> socket.socket:
    """A socket on which a request's headers were sent."""
    url = httpx.URL(pair.url)
    sock = socket.create_connection((url.host, url.port or 80), timeout=30)
    more = f"Host: x\r\nAuthorization: Bearer {pair.token()}\r\nContent-Type: application/json\r\n"
    sock.sendall((head + more + "\r\n").encode())
    return sock


def said(sock: socket.socket) -> bytes:
    """Everything that comes until the connection ends; a reset when not all was read of ours."""
    told = b""
    with contextlib.suppress(ConnectionResetError):
        while part := sock.recv(65_536):
            told += part
    return told


LIES = {
    "no number": "Content-Length: abc\r\n",
    "negative": "Content-Length: -1\r\n",
    "hexadecimal": "Content-Length: 0x10\r\n",
    "beyond 64 bits": f"Content-Length: {'9' * 30}\r\n",
    "two that differ": "Content-Length: 2\r\nContent-Length: 3\r\n",
    "beside chunks": "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    "an unknown coding": "Transfer-Encoding: gzip\r\n",
    "a header without a colon": "Nonsense\r\n",
    "a header with a NUL": "X: a\x00b\r\n",
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_what_is_no_http_is_told_so_and_the_connection_ends(pair: Pair, lie: str) -> None:
    with connection(pair, f"POST {CLASSIFY} HTTP/1.1\r\n{lie}") as sock:
        sock.sendall(b"{}")
        told = said(sock)
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in told.lower()
    assert not STACK.search(told.decode())


def test_a_length_beyond_what_comes(asked: httpx.Client, pair: Pair) -> None:
    with connection(pair, f"POST {CLASSIFY} HTTP/1.1\r\nContent-Length: 100\r\n") as sock:
        sock.sendall(b'{"texts":')
    assert asked.get("/v2/health/ready").status_code == 200


def test_a_length_below_what_comes(pair: Pair) -> None:
    good = GOOD[CLASSIFY]
    told_length = f"Content-Length: {len(good) - 5}\r\n"
    with connection(pair, f"POST {CLASSIFY} HTTP/1.1\r\n{told_length}") as sock:
        sock.sendall(good)
        told = said(sock)
    assert told.startswith(b"HTTP/1.1 400 ")


def test_an_announced_length_is_refused_before_it_comes(pair: Pair) -> None:
    head = f"POST {CLASSIFY} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n"
    with connection(pair, head) as sock:
        told = sock.recv(65_536)
    assert told.startswith(b"HTTP/1.1 413 ")


def test_no_length_is_no_body(pair: Pair) -> None:
    head = f"POST {CLASSIFY} HTTP/1.1\r\nConnection: close\r\n"
    with connection(pair, head) as sock:
        told = said(sock)
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"bad_json" in told


@pytest.mark.slow
def test_a_body_that_stalls_is_given_up(pair: Pair) -> None:
    started = time.monotonic()
    with connection(pair, f"POST {CLASSIFY} HTTP/1.1\r\nContent-Length: 100\r\n") as sock:
        sock.sendall(b'{"texts":')
        told = said(sock)
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b'"field":"body"' in told
    assert time.monotonic() - started < 30


def test_every_line_of_the_log_is_json(pair: Pair) -> None:
    with connection(pair, f"POST {CLASSIFY} HTTP/1.1\r\nNonsense\r\n") as sock:
        said(sock)
    events = [json.loads(line)["event"] for line in pair.transformer.text().splitlines()]
    assert "Invalid HTTP request received." in events


def test_bad_ones_among_good_ones_harm_nobody(pair: Pair) -> None:
    """Sent at once, so that they share hops with good ones."""

    async def scenario() -> list[int]:
        async with httpx.AsyncClient(
            base_url=pair.url, headers=pair.headers(), timeout=60, trust_env=False
        ) as client:
            bad = [row for row in ROWS if row.path == CLASSIFY and len(row.body) < 10_000][:100]
            wrong = [
                client.post(row.path, content=row.body, headers=typed(row.content_type))
                for row in bad
            ]
            right = [
                client.post(CLASSIFY, content=GOOD[CLASSIFY], headers=typed()) for _ in range(100)
            ]
            mixed = [one for both in zip(wrong, right, strict=True) for one in both]
            return [answer.status_code for answer in await asyncio.gather(*mixed)]

    statuses = asyncio.run(scenario())
    assert statuses[1::2] == [200] * 100
    assert all(400 <= status < 500 for status in statuses[::2])
