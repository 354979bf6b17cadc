"""Who is asking, as a verified token says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Principal:
    """The bearer of a verified access token.

    Attributes:
        subject: The token's `sub`.
        client: Its `client_id` (RFC 9068) or `azp` (OpenID Connect); empty for none.
        issuer: Its `iss`.
        scopes: Its scopes (RFC 6749, section 3.3).
        roles: Its roles, from the claim that the settings name.
        expires_at: Its `exp`, in seconds since 1970.
        token_id: Its `jti`; empty for none.
    """

    subject: str
    client: str
    issuer: str
    scopes: frozenset[str]
    roles: frozenset[str]
    expires_at: float
    token_id: str
