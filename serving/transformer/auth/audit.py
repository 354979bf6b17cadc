"""The audit log: a line a decision, never with the token.

Leave that was given is most of what a busy service has to tell, always the same of the same caller
but for time and request. So those lines are put together from parts, and the lines of one turn of
the event loop are written at once: before any of their requests is answered, which takes another
turn at least. A refusal is written on the spot.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from functools import lru_cache
from json import dumps
from json.encoder import encode_basestring

from components.contract import logs
from components.contract.environment import environment
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.reasons import Reason

MODEL_CHARACTERS = 128
"""Of a model's name that a client made up; a valid one is no longer."""
TOKEN_ID_CHARACTERS = 16
"""64 bits tell tokens apart without being of use to anybody who reads the log."""
CALLERS = 4_096
"""Whose parts are kept: some 2 MB."""


class Audit:
    """Writes decisions; `allowed` from inside a running event loop."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._time = ""
        self._part = lru_cache(CALLERS)(_part)

    def allowed(self, principal: Principal, verb: str, model: str, request_id: str) -> None:
        """Leave was given.

        Args:
            principal: To whom.
            verb: To do what.
            model: With which model.
            request_id: What other lines know the request by.
        """
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
            self._time = f'{{"time": {time.time():.3f}, '
        part, request = self._part(principal, verb, model), encode_basestring(request_id)
        self._lines.append(f'{self._time}{part}, "request_id": {request}}}')

    def refused(
        self, principal: Principal | None, verb: str, model: str, reason: Reason, request_id: str
    ) -> None:
        """Leave was not given.

        Args:
            principal: To whom; None when nobody knows.
            verb: To do what.
            model: With which model.
            reason: Why not.
            request_id: What other lines know the request by.
        """
        told = _told(principal, verb, model, "refused", reason)
        logs.event("audit", **told, request_id=request_id)

    def flush(self) -> None:
        """Write the lines that wait."""
        if self._lines:
            lines, self._lines = self._lines, []
            logs.lines(lines)


def _part(principal: Principal, verb: str, model: str) -> str:
    """All of a line but its time and its request, without braces."""
    told = _told(principal, verb, model, "allowed", "granted")
    head = {"level": "info", "event": "audit", "run_id": environment().run_id}
    return dumps({**head, **told}, ensure_ascii=False)[1:-1]


def _told(
    principal: Principal | None, verb: str, model: str, decision: str, reason: Reason
) -> dict[str, str]:
    token_id = principal.token_id if principal is not None else ""
    digest = hashlib.sha256(token_id.encode()).hexdigest() if token_id else ""
    return {
        "decision": decision,
        "reason": reason,
        "subject": principal.subject if principal is not None else "",
        "client": principal.client if principal is not None else "",
        "verb": verb,
        "model": model[:MODEL_CHARACTERS],
        "token_id": digest[:TOKEN_ID_CHARACTERS],
    }
