"""Smoke predictions: the bundle's golden rows through the transformer, with a real token."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.contract.bundle import GOLDEN_FILE, GOLDEN_TOLERANCE
from components.contract.errors import InputError
from components.deploy.errors import RolloutError
from components.deploy.settings import SmokeSettings

Issue = Callable[[str, str, int], str]

TIMEOUT_S = 15.0
PAUSE_S = 1.0
CLIENT_ID, CLIENT_SECRET = "TAMIS_CLIENT_ID", "TAMIS_CLIENT_SECRET"
TOKEN_S = 600
"""The shortest life that Kubernetes gives a token; a new one is asked for at half of it."""
RIGHT_ANSWERS = 3
"""One right answer may be luck of routing: every replica should have had its turn."""


@dataclass(frozen=True)
class Golden:
    """What a bundle answers.

    Attributes:
        digest: The bundle's digest.
        texts: Held-out texts.
        probabilities: For each, label -> probability.
    """

    digest: str
    texts: tuple[str, ...]
    probabilities: tuple[Mapping[str, float], ...]


def golden_rows(bundle: Path, digest: str, most: int) -> Golden:
    """A bundle's first golden rows.

    Args:
        bundle: Its directory.
        digest: Its digest.
        most: How many rows.

    Returns:
        The rows.
    """
    with (bundle / GOLDEN_FILE).open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(most), strict=False)]
    return Golden(
        digest,
        tuple(row["text"] for row in rows),
        tuple(row["probabilities"] for row in rows),
    )


class Smoke:
    """Asks a transformer until it has answered rightly, or can't any more.

    Args:
        settings: Where, how often, with which token.
        model: The model's name in the URL.
        golden: What it has to answer.
        issue: Issues a service account's token for an audience, good for so many seconds.
    """

    def __init__(
        self, settings: SmokeSettings, model: str, golden: Golden, issue: Issue | None = None
    ) -> None:
        self._settings, self._model, self._golden, self._issue = settings, model, golden, issue
        self._session: Any = None
        self._renew_at = float("inf")

    def check(self, address: str, all_new: bool, patience_s: float = 0.0) -> None:
        """Send golden rows until enough answers were the new bundle's, and right.

        Args:
            address: The transformer's base URL.
            all_new: Whether the answers have to come from the new bundle one after the other, as
                when it serves alone; else others may come between, as from a canary's service.
            patience_s: Seconds beyond the settings' own, for pods that aren't there yet.

        Raises:
            RolloutError: `wrong_prediction`, `not_allowed` at once; `no_answer` when the time is
                up.
            InputError: `missing_credentials`.
        """
        seconds = self._settings.timeout_s + patience_s
        deadline = time.monotonic() + seconds
        right, last = 0, "it was never asked"
        while right < RIGHT_ANSWERS:
            digest, last = self._ask(address)
            if digest == self._golden.digest:
                right += 1
                continue
            if all_new:
                right = 0
            if time.monotonic() >= deadline:
                raise RolloutError(
                    "no_answer",
                    f"{address} gave {right} of {RIGHT_ANSWERS} answers of the new bundle within"
                    f" {seconds:.0f} s; the last: {last}.",
                )
            # A canary's share of requests is small, and asking costs little.
            time.sleep(PAUSE_S if all_new or not digest else PAUSE_S / 10)

    def _ask(self, address: str) -> tuple[str, str]:
        """The digest of the bundle that answered, empty for none, and what happened."""
        import requests

        url = f"{address.rstrip('/')}/v2/models/{self._model}/infer"
        texts = list(self._golden.texts)
        tensor = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}
        try:
            answer = self._authorised().post(
                url, json={"inputs": [tensor]}, timeout=TIMEOUT_S, allow_redirects=False
            )
        except (requests.RequestException, OSError) as error:
            return "", f"{type(error).__name__}"
        if answer.status_code in (400, 401, 403, 413, 422):
            raise RolloutError(
                "not_allowed",
                f"{url} answers {answer.status_code} to the smoke predictions: "
                f"{' '.join(answer.text.split())[:200]}",
                "Check deploy.smoke's scope and audience against the service's.",
            )
        if answer.status_code != 200:
            return "", f"status {answer.status_code}"
        try:
            document = answer.json()
            digest = str(document["parameters"]["bundle_digest"])
            if digest == self._golden.digest:
                self._compare(document)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise RolloutError(
                "wrong_prediction", f"{url} answers something else than the protocol says."
            ) from error
        return digest, f"bundle {digest[:12]}…"

    def _compare(self, document: Mapping[str, Any]) -> None:
        outputs = {output["name"]: output["data"] for output in document["outputs"]}
        labels, flat = outputs["labels"], outputs["probabilities"]
        if len(flat) != len(labels) * len(self._golden.texts):
            raise ValueError("shape")
        for row, expected in enumerate(self._golden.probabilities):
            given = flat[row * len(labels) : (row + 1) * len(labels)]
            for label, probability in zip(labels, given, strict=True):
                if abs(float(probability) - expected[label]) > GOLDEN_TOLERANCE:
                    text = self._golden.texts[row][:60]
                    raise RolloutError(
                        "wrong_prediction",
                        f"{text!r} is {label!r} with {probability:.4f}, not"
                        f" {expected[label]:.4f} as when the bundle was made.",
                    )

    def _authorised(self) -> Any:
        if self._session is not None and not self._expired():
            return self._session
        import requests
        from authlib.integrations.requests_client import OAuth2Session, OAuthError

        settings = self._settings
        if settings.service_account and self._issue is not None:
            session = requests.Session()
            token = self._issue(settings.service_account, settings.audience, TOKEN_S)
            session.headers["Authorization"] = f"Bearer {token}"
            self._renew_at = time.monotonic() + TOKEN_S / 2
        elif not settings.token_url:
            session = requests.Session()
        else:
            identity, secret = os.environ.get(CLIENT_ID), os.environ.get(CLIENT_SECRET)
            if not identity or not secret:
                raise InputError(
                    "missing_credentials",
                    f"deploy.smoke.token_url needs {CLIENT_ID} and {CLIENT_SECRET}.",
                    "Put them into the secret tamis-smoke-client.",
                )
            session = OAuth2Session(identity, secret, scope=settings.scope)
            wanted = {"resource": settings.audience} if settings.audience else {}
            try:
                session.fetch_token(
                    settings.token_url,
                    grant_type="client_credentials",
                    timeout=TIMEOUT_S,
                    **wanted,
                )
            except OAuthError as error:
                raise RolloutError(
                    "not_allowed", f"The issuer refuses the smoke client: {error.error}."
                ) from error
        session.verify = settings.ca or True
        self._session = session
        return session

    def _expired(self) -> bool:
        if time.monotonic() >= self._renew_at:
            return True
        token: Any = getattr(self._session, "token", None)
        return bool(token) and bool(token.is_expired(leeway=30))
