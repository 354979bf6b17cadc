"""The hop to the predictor: requests that arrive while one is under way share the next.

No timer: a lone client's text leaves at once, and under load calls fill by themselves.
"""

from __future__ import annotations

import asyncio
import collections
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import orjson

from components.contract import logs
from components.contract.errors import TamisError
from serving import binary
from serving.transformer.limits import ANSWER_BYTES, HOP_TEXTS, HOPS, WAITING_TEXTS
from serving.transformer.problems import (
    RefusalError,
    bad_predictor,
    no_predictor,
    overloaded,
    too_late,
)
from serving.transformer.scored import FEATURES, OUTPUTS, Scored, read_answer


@dataclass
class _Waiting:
    texts: Sequence[str]
    answer: asyncio.Future[Scored]


class Forwarder:
    """Asks the predictor; use it as an async context manager inside the running loop.

    Args:
        address: The predictor's base URL, e.g. `http://127.0.0.1:8081`.
        model: The name that it serves the model by.
        features: Whether to ask for drift features.
        deadline_s: Longest wait for an answer, in seconds.
        tls: Client context for an `https` predictor; None takes the system's.
    """

    def __init__(
        self,
        address: str,
        model: str,
        features: bool,
        deadline_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._url = f"{address.rstrip('/')}/v2/models/{model}"
        self._ready_url = f"{address.rstrip('/')}/v2/models/{model}/ready"
        self._features, self._deadline_s, self._tls = features, deadline_s, tls
        self._queue: collections.deque[_Waiting] = collections.deque()
        self._waiting_texts = 0
        self._hops: set[asyncio.Task[None]] = set()
        self._closed = False
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=2 * HOPS, ssl=self._tls or True),
            timeout=aiohttp.ClientTimeout(total=self._deadline_s, connect=1.0),
            headers={"content-type": "application/json"},
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        hops = tuple(self._hops)
        for hop in hops:
            hop.cancel()
        await asyncio.gather(*hops, return_exceptions=True)
        _fail(self._queue, no_predictor())
        await self._session.close()

    async def ask(self, texts: Sequence[str]) -> Scored:
        """Score texts.

        Args:
            texts: n texts, n at least 1.

        Returns:
            Their scores, in their order.

        Raises:
            RefusalError: 502 or 503 when the predictor fails or is away, 503 when too much is
                waiting, 504 when the deadline passes.
        """
        if self._closed:
            raise no_predictor()
        if self._waiting_texts + len(texts) > WAITING_TEXTS:
            raise overloaded()
        waiting = _Waiting(texts, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._waiting_texts += len(texts)
        self._start_hops()
        try:
            async with asyncio.timeout(self._deadline_s):
                return await waiting.answer
        except TimeoutError:
            raise too_late() from None

    async def ready(self) -> bool:
        """Whether the predictor says that its model is ready."""
        try:
            async with self._session.get(self._ready_url, timeout=_QUICK) as answer:
                document = orjson.loads(await answer.content.read(2**16))
                return answer.status == 200 and document.get("ready", True) is True
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError):
            return False

    async def reference(self) -> tuple[str, bytes]:
        """What drift is measured against.

        Returns:
            The digest of the bundle in service, and its `reference.safetensors`.

        Raises:
            TamisError: `no_reference`.
        """
        try:
            async with self._session.get(f"{self._url}/reference") as answer:
                content = await _content(answer)
                digest = answer.headers.get("etag", "").strip('"')
                if answer.status == 200 and content and digest.isalnum():
                    return digest, bytes(content)
                told = f"status {answer.status}"
        except (aiohttp.ClientError, TimeoutError, RefusalError) as error:
            told = type(error).__name__
        raise TamisError("no_reference", f"The predictor gave no drift reference ({told}).")

    def _start_hops(self) -> None:
        while self._queue and len(self._hops) < HOPS and not self._closed:
            hop = asyncio.create_task(self._hop(self._share()))
            self._hops.add(hop)
            hop.add_done_callback(self._hop_ended)

    def _hop_ended(self, hop: asyncio.Task[None]) -> None:
        self._hops.discard(hop)
        self._start_hops()

    def _share(self) -> list[_Waiting]:
        """The requests of the next hop: as many as fit, or a single large one by itself."""
        shared: list[_Waiting] = []
        size = 0
        while self._queue:
            waiting = self._queue[0]
            if shared and size + len(waiting.texts) > HOP_TEXTS:
                break
            self._queue.popleft()
            self._waiting_texts -= len(waiting.texts)
            if waiting.answer.done():  # its client has gone, or its deadline passed
                continue
            shared.append(waiting)
            size += len(waiting.texts)
        return shared

    async def _hop(self, shared: list[_Waiting]) -> None:
        if not shared:
            return
        texts = [text for waiting in shared for text in waiting.texts]
        try:
            scored = await self._call(texts)
        except RefusalError as problem:
            await self._one_by_one(shared, problem)
            return
        except BaseException:  # cancelled, or a bug: nobody is left waiting for it
            _fail(shared, bad_predictor())
            raise
        start = 0
        for waiting in shared:
            end = start + len(waiting.texts)
            if not waiting.answer.done():
                waiting.answer.set_result(scored.part(start, end))
            start = end

    async def _one_by_one(self, shared: list[_Waiting], problem: RefusalError) -> None:
        """After a failed hop: a poisonous text must fail alone."""
        if len(shared) == 1 or problem.code != "predictor_failed":
            _fail(shared, problem)
            return
        for waiting in shared:
            if not waiting.answer.done():  # its deadline may pass while others are tried
                await self._hop([waiting])

    async def _call(self, texts: Sequence[str]) -> Scored:
        text = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}
        outputs: list[dict[str, Any]] = [{"name": name} for name in OUTPUTS]
        if self._features:  # hundreds of numbers a text: raw, they cost next to nothing
            outputs.append({"name": FEATURES, "parameters": {"binary_data": True}})
        parameters = {"truncate": True, FEATURES: self._features}
        body = orjson.dumps({"inputs": [text], "outputs": outputs, "parameters": parameters})
        for last in (False, True):
            try:
                return await self._post(body, len(texts))
            except aiohttp.ClientConnectionError as error:
                # A kept connection of a predictor that has been replaced; asking twice is safe.
                if last or isinstance(error, _NEVER_CONNECTED):
                    raise no_predictor() from None
            except TimeoutError:
                raise too_late() from None
            except aiohttp.ClientError as error:
                logs.event("hop_failed", error=type(error).__name__)
                raise bad_predictor() from None
        raise no_predictor()

    async def _post(self, body: bytes, n: int) -> Scored:
        url = f"{self._url}/infer"
        async with self._session.post(url, data=body, allow_redirects=False) as answer:
            content = await _content(answer)
            return read_answer(answer.status, content, n, answer.headers.get(binary.HEADER))


def _fail(shared: Sequence[_Waiting], problem: RefusalError) -> None:
    for waiting in shared:
        if not waiting.answer.done():
            waiting.answer.set_exception(problem)


_QUICK = aiohttp.ClientTimeout(total=2.0)
_NEVER_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError)


async def _content(answer: aiohttp.ClientResponse) -> bytearray:
    """A body within `ANSWER_BYTES`, announced or not."""
    raw = bytearray()
    if (answer.content_length or 0) <= ANSWER_BYTES:
        async for part in answer.content.iter_any():
            raw += part
            if len(raw) > ANSWER_BYTES:
                break
        else:
            return raw
    logs.event("hop_too_large", status=answer.status)
    raise bad_predictor()
