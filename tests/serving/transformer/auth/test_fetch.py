from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from components.contract.errors import InputError
from serving.transformer.auth.fetch import MAX_DOCUMENT_BYTES, FetchError, check_url, fetch
from tests.serving.transformer.auth.loopback import loopback


@pytest.mark.parametrize(
    "url",
    [
        "https://issuer.example",
        "https://issuer.example:8443/realms/a?x=1",
        "https://[2001:db8::1]/jwks",
        "http://localhost:8080",
        "http://127.0.0.1:8080/jwks",
        "http://127.8.9.10/jwks",
        "http://[::1]:8080/jwks",
    ],
)
def test_https_or_this_machine(url):
    check_url(url, "it")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "issuer.example",
        "http://issuer.example/jwks",
        "http://localhost.issuer.example/jwks",
        "http://127.0.0.1.issuer.example/jwks",
        "http://127.0.0.1@issuer.example/jwks",
        "http://user:word@127.0.0.1/jwks",
        "https://user@issuer.example/jwks",
        "http://10.0.0.1/jwks",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:10.0.0.1]/jwks",
        "http://2130706433/jwks",
        "https://",
        "https:///jwks",
        "https://[::1/jwks",
        "https://issuer.example:port/jwks",
        "https://issuer.example/jwks#keys",
        "file:///etc/passwd",
        "ftp://127.0.0.1/jwks",
        "data:application/json,{}",
        "//issuer.example/jwks",
        "javascript:alert(1)",
    ],
)
def test_nothing_else(url):
    with pytest.raises(InputError) as refusal:
        check_url(url, "it")
    assert refusal.value.code == "bad_url"


def fetched(answer, timeout_s=5.0):
    async def run():
        async with loopback() as server:
            server.documents["/"] = answer
            server.documents["/elsewhere"] = b"{}"
            return await fetch(server.url + "/", None, timeout_s), server.asked

    return asyncio.run(run())


def test_a_document():
    assert fetched(b'{"a":1}') == (b'{"a":1}', ["/"])


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status):
    async def elsewhere(request):
        return web.Response(status=status, headers={"location": "/elsewhere"})

    with pytest.raises(FetchError) as refusal:
        fetched(elsewhere)
    assert refusal.value.code == "wrong_status"


@pytest.mark.parametrize("status", [204, 401, 404, 429, 500, 503])
def test_another_status(status):
    async def answer(request):
        return web.Response(status=status)

    with pytest.raises(FetchError, match=str(status)):
        fetched(answer)


def test_the_largest_and_one_byte_more():
    assert len(fetched(b" " * MAX_DOCUMENT_BYTES)[0]) == MAX_DOCUMENT_BYTES
    with pytest.raises(FetchError, match="too much"):
        fetched(b" " * (MAX_DOCUMENT_BYTES + 1))


def test_an_endless_document_ends():
    async def endless(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b" " * 65_536)

    with pytest.raises(FetchError, match="too much"):
        fetched(endless)


def test_a_small_document_that_unpacks_to_a_large_one_stays_small():
    import gzip

    packed = gzip.compress(b" " * 2**24)

    async def bomb(request):
        return web.Response(body=packed, headers={"content-encoding": "gzip"})

    assert fetched(bomb)[0] == packed


def test_a_slow_document_is_given_up():
    async def slow(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(100):
            await answer.write(b" ")
            await asyncio.sleep(0.05)
        return answer

    with pytest.raises(FetchError) as refusal:
        fetched(slow, timeout_s=0.2)
    assert refusal.value.code == "unreachable"


def test_nobody_there():
    async def run():
        async with loopback() as server:
            url = server.url
        return await fetch(url, None)

    with pytest.raises(FetchError) as refusal:
        asyncio.run(run())
    assert refusal.value.code == "unreachable"
