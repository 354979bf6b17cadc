"""The journal's process: `python -m serving.transformer.journal.store_worker`.

Its standard input is a socket: settings first, then entries, each message answered when its
entries are durable. It ends when the other side does, having written what it was given.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from components.contract import logs
from components.contract.errors import TamisError
from components.contract.settings import build
from serving.transformer.journal.database import Database
from serving.transformer.journal.settings import JournalSettings
from serving.transformer.journal.store import Store
from serving.transformer.journal.wire import (
    frame,
    pack_error,
    pack_outcomes,
    read_frame,
    unpack_entries,
)


def main() -> None:
    """Serve a server until it closes the socket."""
    # A terminal's Ctrl-C reaches this process too, while the server still answers what it took.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logs.configure()
    with socket.socket(fileno=os.dup(0)) as channel, channel.makefile("rb") as reader:
        try:
            serve(reader.read, channel.sendall)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def serve(read: Callable[[int], bytes], send: Callable[[bytes], None]) -> None:
    """Open the journal and write what comes.

    Args:
        read: Reads exactly so many bytes, or less at the other side's end.
        send: Sends all of some bytes.

    Raises:
        EOFError: The other side has ended.
        OSError: It doesn't listen any more.
    """
    settings: Any = read_frame(read)
    try:
        database = Database.open(build(JournalSettings, settings, "journal"), create=True)
    except TamisError as error:
        send(frame(pack_error(error)))
        return
    store = Store(database)
    try:
        send(frame(None))
        while True:
            send(frame(pack_outcomes(store.commit(unpack_entries(read_frame(read))))))
    finally:
        store.close()


if __name__ == "__main__":
    main()
