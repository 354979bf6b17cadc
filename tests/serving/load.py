"""A crowd of clients that note what became of every single request."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

import httpx

CONNECT_S = 0.25
"""The kernel connects at once or, on a socket that is about to close, not at all."""
END = b"\r\n\r\n"


@dataclass
class Noted:
    """What became of a crowd's requests.

    Attributes:
        answered: Status and JSON of every full answer, in the order of arrival.
        refused: Connections that were refused: nobody listened.
        lost: Requests that were sent and got no full answer, and how that showed.
    """

    answered: list[tuple[int, Any]] = field(default_factory=list)
    refused: int = 0
    lost: list[str] = field(default_factory=list)

    def statuses(self) -> set[int]:
        return {status for status, _ in self.answered}


class Crowd:
    """Clients that each send one request after the other until nobody listens, or told to stop.

    Half of them keep their connections, as proxies do; half connect anew for each request.

    Args:
        url: The service.
        path: Where requests go.
        body: Their JSON.
        headers: Their headers.
        clients: How many there are.
        stubborn: Go on when connections are refused.
    """

    def __init__(
        self,
        url: str,
        path: str,
        body: Any,
        headers: dict[str, str],
        clients: int = 16,
        stubborn: bool = False,
    ) -> None:
        address = httpx.URL(url)
        self._host, self._port = address.host, address.port or 80
        content = json.dumps(body).encode()
        lines = {"host": self._host, "content-type": "application/json", **headers}
        lines["content-length"] = str(len(content))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._request = f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content
        self._clients, self._stubborn = clients, stubborn
        self.noted = Noted()
        self._stopped = False

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        """Send while the block runs."""
        tasks = [asyncio.create_task(self._client(n % 2 == 0)) for n in range(self._clients)]
        try:
            yield self.noted
        finally:
            self._stopped = True
            await asyncio.gather(*tasks)

    async def some_answered(self, more: int) -> None:
        """Wait until so many more were answered."""
        wanted = len(self.noted.answered) + more
        async with asyncio.timeout(60):
            while len(self.noted.answered) < wanted:
                await asyncio.sleep(0.005)

    async def _client(self, keeps: bool) -> None:
        while not self._stopped:
            try:
                async with asyncio.timeout(CONNECT_S):
                    reader, writer = await asyncio.open_connection(self._host, self._port)
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                self.noted.refused += 1
                if not self._stubborn:
                    return
                await asyncio.sleep(0.02)
                continue
            except OSError as error:  # reset between its handshake and here: never accepted
                self.noted.lost.append(f"while connecting: {error!r}")
                continue
            try:
                await self._use(reader, writer, keeps)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def _use(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keeps: bool
    ) -> None:
        used = 0
        while not self._stopped:
            try:
                async with asyncio.timeout(60):
                    writer.write(self._request)
                    await writer.drain()
                    status, closes = await self._answer(reader)
            except (OSError, EOFError, TimeoutError) as error:
                self.noted.lost.append(f"after {used} on its connection: {error!r}")
                return
            used += 1
            if closes or not keeps:
                return
            if status >= 500:
                await asyncio.sleep(0.01)

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bool]:
        head = (await reader.readuntil(END)).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        content = await reader.readexactly(int(headers["content-length"]))
        status = int(first.split()[1])
        self.noted.answered.append((status, json.loads(content)))
        return status, headers.get("connection") == "close"
