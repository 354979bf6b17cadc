from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket

import pytest
import uvicorn

from components.contract.errors import InputError
from serving.lifecycle import DrainingServer, SideServer, bind, port_of


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def config(app=hello) -> uvicorn.Config:
    return uvicorn.Config(
        app, http="h11", ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=10
    )


async def get(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


def serve(use, drain_s: float = 0.0, app=hello) -> DrainingServer:
    """Run a server, and a coroutine function beside it once it accepts requests."""
    listener = bind("127.0.0.1", 0)

    async def run() -> DrainingServer:
        started = asyncio.Event()
        server = DrainingServer(config(app), drain_s, started.set)
        task = asyncio.create_task(server.serve([listener]))
        await started.wait()
        await use(server, port_of(listener))
        await asyncio.wait_for(task, 30)
        return server

    return asyncio.run(run())


def test_a_signal_drains_and_then_closes() -> None:
    async def use(server: DrainingServer, port: int) -> None:
        assert not server.draining
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)
        assert server.draining
        assert b"hello" in await get(port)

    server = serve(use, drain_s=0.5)
    assert server.should_exit
    assert not server.force_exit


def test_a_second_signal_ends_the_wait() -> None:
    async def use(server: DrainingServer, port: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.2)
        assert not server.should_exit
        os.kill(os.getpid(), signal.SIGTERM)

    assert serve(use, drain_s=1_000.0).draining


def test_requests_under_way_are_answered_after_the_socket_is_closed() -> None:
    release = asyncio.Event()

    async def slow(scope, receive, send):
        await release.wait()
        await hello(scope, receive, send)

    async def use(server: DrainingServer, port: int) -> None:
        answer = asyncio.create_task(get(port))
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            await asyncio.sleep(0.05)
            with contextlib.closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)):
                    break
        release.set()
        assert b"hello" in await answer

    serve(use, app=slow)


def test_a_side_server_takes_no_signals_and_ends_with_its_block() -> None:
    listener = bind("127.0.0.1", 0)

    async def run() -> None:
        before = signal.getsignal(signal.SIGTERM)
        async with SideServer(config()).beside([listener]):
            while True:
                await asyncio.sleep(0.01)
                with contextlib.suppress(ConnectionRefusedError):
                    assert b"hello" in await get(port)
                    break
            assert signal.getsignal(signal.SIGTERM) is before

    port = port_of(listener)
    asyncio.run(run())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_an_address_that_cannot_be_had_is_one_sentence() -> None:
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        for host, port in (("127.0.0.1", port_of(taken)), ("192.0.2.1", 0), ("no.such.invalid", 0)):
            with pytest.raises(InputError) as caught:
                bind(host, port)
            assert caught.value.code == "bad_address"
            assert host in caught.value.message


def test_nobody_connects_before_a_server_listens() -> None:
    with bind("127.0.0.1", 0) as bound, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(bound)))


def test_names_and_ipv6_are_addresses_too() -> None:
    with bind("localhost", 0) as bound:
        assert port_of(bound) > 0
    if socket.has_ipv6:
        with contextlib.suppress(InputError), bind("::1", 0) as bound:
            assert bound.family == socket.AF_INET6
