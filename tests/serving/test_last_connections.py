from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from serving.last_connections import turn_away


@pytest.fixture(params=["127.0.0.1", "::1"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as made:
        made.settimeout(10)
        yield made


def connect(listener: socket.socket, timeout: float = 10.0) -> socket.socket:
    return socket.create_connection(listener.getsockname()[:2], timeout=timeout)


def test_who_has_connected_is_still_served(listener: socket.socket) -> None:
    with connect(listener) as waiting, connect(listener) as accepted:
        for client in (waiting, accepted):
            client.sendall(b"before")
        turn_away(listener)
        for client in (waiting, accepted):
            server, _ = listener.accept()
            with server:
                client.sendall(b" after")
                assert server.recv(6, socket.MSG_WAITALL) == b"before"
                assert server.recv(6, socket.MSG_WAITALL) == b" after"
                server.sendall(b"told")
                assert client.recv(10) == b"told"


def test_nobody_else_connects_and_nobody_is_reset(listener: socket.socket) -> None:
    turn_away(listener)
    with pytest.raises(TimeoutError):
        connect(listener, timeout=0.3)


def test_once_it_is_closed_they_are_refused(listener: socket.socket) -> None:
    turn_away(listener)
    address = listener.getsockname()[:2]
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=10)


def test_where_there_is_no_such_filter_nothing_happens() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.close()
        turn_away(left)  # a bad descriptor, as an unknown option is an OSError
