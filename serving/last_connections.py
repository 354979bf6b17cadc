"""Closing a listening socket without losing who has connected to it already.

The kernel completes handshakes by itself, and resets what waits to be accepted when the socket is
closed. So new handshakes are turned away first, by a filter on the socket, and what waits is
accepted before it is closed.

https://www.kernel.org/doc/html/latest/networking/filter.html
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct

_SO_ATTACH_FILTER = 26
_TCP_FLAGS, _SYN = 13, 0x02
"""The flags' byte in a TCP header, and the flag that opens a connection (RFC 9293, section 3.1)."""
_LOAD_BYTE, _JUMP_IF_SET, _RETURN = 0x30, 0x45, 0x06
_ACCEPT, _DROP = 0xFFFFFFFF, 0
_PROGRAM = (
    (_LOAD_BYTE, 0, 0, _TCP_FLAGS),
    (_JUMP_IF_SET, 0, 1, _SYN),
    (_RETURN, 0, 0, _DROP),
    (_RETURN, 0, 0, _ACCEPT),
)


def turn_away(listener: socket.socket) -> None:
    """Let a listening socket take no new connections; those that it has are still accepted.

    Whoever tries is not answered, tries again, and is refused once the socket is closed. Where
    there is no such filter (it is Linux's), nothing happens.

    Args:
        listener: A listening TCP socket.
    """
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _PROGRAM))
    program = struct.pack("HP", len(_PROGRAM), ctypes.addressof(code))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
