"""A small HTTP server on this machine whose answers a test changes while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Loopback:
    """What is answered at which path, and what was asked for.

    Attributes:
        url: `http://127.0.0.1:port`.
        documents: Path -> body, or a function that answers.
        status: Of every answer.
        asked: Paths, in order.
    """

    url: str = ""
    documents: dict[str, bytes | Answer] = field(default_factory=dict)
    status: int = 200
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        document = self.documents.get(request.path)
        if callable(document):
            return await document(request)
        if document is None:
            return web.Response(status=404)
        return web.Response(body=document, status=self.status, content_type="application/json")


@contextlib.asynccontextmanager
async def loopback(port: int = 0) -> AsyncIterator[Loopback]:
    """Serve on an ephemeral port."""
    server = Loopback()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
