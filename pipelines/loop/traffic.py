"""A client that asks without pause, at an even pace, and tells the true labels where it may."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from pipelines.loop.texts import Text
from pipelines.loop.timeline import Timeline

TEXTS_A_REQUEST = 4
REQUESTS_A_SECOND = 30.0
ASKING = 64
"""Requests under way at once; beyond it the pace waits."""
GIVEN_UP_S = 30.0


@dataclass(frozen=True)
class Asked:
    """A request that was answered.

    Attributes:
        second: When, on the timeline.
        rows: Texts in it.
        right: Of those, how many got their true label.
        version: The model's version that answered.
        kind: What kind of texts.
    """

    second: float
    rows: int
    right: int
    version: str
    kind: str


@dataclass
class Phase:
    """What is being asked about.

    Attributes:
        kind: Names the texts.
        texts: Them; when they are through, they begin again.
        labelled: How many of them get their true label.
        given: How many have it.
    """

    kind: str
    texts: Sequence[Text]
    labelled: int = 0
    given: int = 0
    _taken: int = 0

    def batches(self) -> Iterator[Sequence[Text]]:
        """The texts in requests, without end."""
        while True:
            for start in range(0, len(self.texts), TEXTS_A_REQUEST):
                yield self.texts[start : start + TEXTS_A_REQUEST]

    def take_label(self) -> bool:
        """Whether the next text gets its label."""
        self._taken += 1
        return self._taken <= self.labelled


class Traffic:
    """The client, in a thread of its own; use it as a context manager.

    Args:
        address: The service.
        token: A token for predictions and feedback.
        timeline: The clock.
        first: What it asks about at first.

    Attributes:
        answered: Requests that were answered.
        failed: What became of the others, of predictions and of feedback.
    """

    def __init__(self, address: str, token: str, timeline: Timeline, first: Phase) -> None:
        self.answered: deque[Asked] = deque()
        self.failed: list[str] = []
        self._address, self._token, self._timeline = address, token, timeline
        self._phase = first
        self._stopping = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping = True
        self._thread.join()

    def turn_to(self, phase: Phase) -> None:
        """Ask about other texts from now on."""
        self._phase = phase

    def accuracy(self, kind: str, version: str) -> tuple[float, int]:
        """Of one version's answers about one kind of texts: the share right, and how many."""
        chosen = [a for a in list(self.answered) if (a.kind, a.version) == (kind, version)]
        rows = sum(a.rows for a in chosen)
        return sum(a.right for a in chosen) / max(rows, 1), rows

    async def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        patience = aiohttp.ClientTimeout(total=GIVEN_UP_S)
        async with aiohttp.ClientSession(headers=headers, timeout=patience) as session:
            tasks: set[asyncio.Task[None]] = set()
            phase, batches = self._phase, self._phase.batches()
            loop = asyncio.get_running_loop()
            due = loop.time()
            while not self._stopping:
                if self._phase is not phase:
                    phase, batches = self._phase, self._phase.batches()
                task = asyncio.create_task(self._ask(session, phase, next(batches)))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                due = max(due + 1 / REQUESTS_A_SECOND, loop.time())
                await asyncio.sleep(due - loop.time())
                while len(tasks) >= ASKING:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*tasks)

    async def _ask(
        self, session: aiohttp.ClientSession, phase: Phase, texts: Sequence[Text]
    ) -> None:
        body = {"texts": [text.text for text in texts]}
        answer = await self._post(session, "classify", body)
        if answer is None:
            return
        right = sum(row["label"] == text.label for row, text in zip(answer, texts, strict=True))
        asked = Asked(self._timeline.now, len(texts), right, answer[0]["version"], phase.kind)
        self.answered.append(asked)
        for row, text in zip(answer, texts, strict=True):
            if phase.take_label():
                told = {"id": row["id"], "label": text.label}
                if await self._post(session, "feedback", told) is not None:
                    phase.given += 1

    async def _post(
        self, session: aiohttp.ClientSession, route: str, body: dict[str, Any]
    ) -> Any | None:
        try:
            async with session.post(f"{self._address}/{route}", json=body) as answer:
                if answer.status == 200:
                    return await answer.json()
                self.failed.append(f"{route}: {answer.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            self.failed.append(f"{route}: {type(error).__name__}")
        return None
