"""Settings of the embedded issuer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from components.contract.errors import InputError
from components.contract.settings import require
from serving.transformer.auth.fetch import check_url
from serving.transformer.auth.signing_keys import DEFAULT_ISSUER, MAX_TOKEN_S

Profile = Literal["local", "production"]
DEFAULT_AUDIENCE = "tamis"


@dataclass(frozen=True)
class IssuerSettings:
    """The embedded issuer.

    Attributes:
        state: Directory of its keys and clients.
        url: Its identifier, which is also its address.
        audience: `aud` of its tokens.
        token_s: How long a token lives, in seconds.
        profile: `local`; in `production` it refuses to start.
    """

    state: Path
    url: str = DEFAULT_ISSUER
    audience: str = DEFAULT_AUDIENCE
    token_s: float = 3_600.0
    profile: Profile = "local"

    def check(self) -> None:
        """Refuse what can't be meant.

        Raises:
            InputError: `issuer_in_production`, `bad_url` or `bad_parameter`.
        """
        if self.profile != "local":
            raise InputError(
                "issuer_in_production",
                "The embedded issuer is for a laptop and doesn't start in production.",
                "Name an identity provider by its address.",
            )
        check_url(self.url, "the issuer")
        require(bool(self.audience), "audience", "must be given")
        require(0 < self.token_s <= MAX_TOKEN_S, "token_s", f"must be at most {MAX_TOKEN_S:.0f}")
