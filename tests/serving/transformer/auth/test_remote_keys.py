from __future__ import annotations

import asyncio
import json
import logging

import pytest
from aiohttp import web

from components.contract.errors import InputError
from serving.transformer.auth.discovery import OPENID
from serving.transformer.auth.remote_keys import RemoteKeys, RemoteKeySettings
from tests.serving.transformer.auth.forge import Forge
from tests.serving.transformer.auth.loopback import loopback


def settings(server, **changes):
    return RemoteKeySettings(**({"issuer": server.url} | changes))


def serve_keys(server, data):
    metadata = {"issuer": server.url, "jwks_uri": f"{server.url}/jwks"}
    server.documents |= {OPENID: json.dumps(metadata).encode(), "/jwks": data}


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def test_keys_are_found_and_rotated(forge):
    async def run():
        async with loopback() as server:
            serve_keys(server, forge.key_set)
            source = RemoteKeys(settings(server, refresh_s=0.02))
            assert source.current() is None
            await source.start()
            first = source.current()
            assert len(first) == 3
            serve_keys(server, Forge().key_set)
            await until(lambda: source.current() is not first)
            await source.close()
            assert source.current().digest != first.digest

    asyncio.run(run())


def test_the_same_document_leaves_the_same_keys(forge):
    async def run():
        async with loopback() as server:
            serve_keys(server, forge.key_set)
            source = RemoteKeys(settings(server, refresh_s=0.01))
            await source.start()
            first = source.current()
            await until(lambda: server.asked.count("/jwks") > 3)
            await source.close()
            assert source.current() is first

    asyncio.run(run())


JUNK = {
    "empty": b"",
    "a page": b"<html>Bad gateway</html>",
    "no keys": b'{"keys":[]}',
    "other keys only": b'{"keys":[{"kty":"oct","k":"AA"}]}',
    "too large": b" " * 2**20,
}


@pytest.mark.parametrize("junk", JUNK)
def test_junk_leaves_the_old_keys(forge, junk, caplog):
    caplog.set_level(logging.INFO, "tamis")

    async def run():
        async with loopback() as server:
            serve_keys(server, forge.key_set)
            source = RemoteKeys(settings(server, refresh_s=0.01, retry_s=0.01))
            await source.start()
            first = source.current()
            serve_keys(server, JUNK[junk])
            seen = server.asked.count("/jwks")
            await until(lambda: server.asked.count("/jwks") > seen + 2)
            assert source.current() is first
            serve_keys(server, Forge().key_set)
            await until(lambda: source.current() is not first)
            await source.close()

    asyncio.run(run())
    assert "keys_kept" in [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("trouble", ["gone", "500", "metadata of another"])
def test_an_issuer_in_trouble_leaves_the_old_keys(forge, trouble):
    async def run():
        async with loopback() as server:
            serve_keys(server, forge.key_set)
            source = RemoteKeys(settings(server, unknown_key_s=1e-9))
            await source.start()
            first = source.current()
            if trouble == "500":
                server.status = 500
            if trouble == "metadata of another":
                server.documents[OPENID] = b'{"issuer":"https://evil.example"}'
            if trouble != "gone":
                assert await source.refetch() is first
        assert await source.refetch() is first
        await source.close()

    asyncio.run(run())


def test_an_issuer_that_is_down_at_first_is_found_later(forge):
    async def run():
        async with loopback() as server:
            source = RemoteKeys(settings(server, retry_s=0.01))
            await source.start()
            assert source.current() is None
            serve_keys(server, forge.key_set)
            await until(lambda: source.current() is not None)
            await source.close()

    asyncio.run(run())


def test_made_up_key_ids_ask_the_issuer_once_in_a_while(forge):
    now = [0.0]

    async def run():
        async with loopback() as server:
            serve_keys(server, forge.key_set)
            source = RemoteKeys(settings(server), clock=lambda: now[0])
            await source.start()
            for _ in range(100):
                await source.refetch()
            assert server.asked.count("/jwks") == 1
            now[0] = 9.9
            await source.refetch()
            assert server.asked.count("/jwks") == 1
            now[0] = 10.0
            await asyncio.gather(*(source.refetch() for _ in range(100)))
            assert server.asked.count("/jwks") == 2
            await source.close()

    asyncio.run(run())


def test_a_client_that_hangs_up_does_not_take_the_look_along(forge):
    async def run():
        release = asyncio.Event()

        async def slow(request):
            await release.wait()
            return web.Response(body=forge.key_set)

        async with loopback() as server:
            serve_keys(server, forge.key_set)
            server.documents["/jwks"] = slow
            source = RemoteKeys(settings(server))
            impatient = asyncio.create_task(source.refetch())
            patient = asyncio.create_task(source.refetch())
            await until(lambda: "/jwks" in server.asked)
            impatient.cancel()
            with pytest.raises(asyncio.CancelledError):
                await impatient
            release.set()
            assert len(await patient) == 3
            assert server.asked.count("/jwks") == 1
            await source.close()

    asyncio.run(run())


def test_closing_ends_a_look_under_way():
    async def run():
        async def never(request):
            await asyncio.sleep(60)
            return web.Response()

        async with loopback() as server:
            server.documents[OPENID] = never
            source = RemoteKeys(settings(server))
            starting = asyncio.create_task(source.start())
            await until(lambda: OPENID in server.asked)
            await source.close()
            with pytest.raises(asyncio.CancelledError):
                await starting
            assert not [task for task in asyncio.all_tasks() if "RemoteKeys" in repr(task)]

    asyncio.run(run())


def test_a_key_sets_own_address_needs_no_discovery(forge):
    async def run():
        async with loopback() as server:
            server.documents["/keys"] = forge.key_set
            source = RemoteKeys(settings(server, jwks_uri=f"{server.url}/keys"))
            await source.start()
            await source.close()
            assert server.asked == ["/keys"]
            assert len(source.current()) == 3

    asyncio.run(run())


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://issuer.example"},
        {"issuer": ""},
        {"jwks_uri": "http://issuer.example/jwks"},
        {"refresh_s": 0},
        {"retry_s": -1},
        {"unknown_key_s": 0},
    ],
)
def test_settings_that_would_let_keys_be_swapped_or_ask_without_end(changes):
    with pytest.raises(InputError):
        RemoteKeys(RemoteKeySettings(**({"issuer": "https://issuer.example"} | changes)))
