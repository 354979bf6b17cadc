"""The claims of an access token whose signature has been verified.

https://www.rfc-editor.org/rfc/rfc9068#section-4
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from serving.transformer.auth.errors import UnauthenticatedError
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.reasons import Reason
from serving.transformer.auth.rules import TokenRules

MAX_NAME_CHARACTERS = 256
"""OpenID Connect Core, section 2, ends a `sub` at 255; names also go into every audit line."""
MAX_NAMES = 256
"""Scopes or roles of one token; each is looked up in the role table."""
LATEST_TIME = 253_402_300_799
"""The last second of the year 9999; beyond it `exp` means that somebody forgot about it."""

_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")  # RFC 6749, section 3.3
_NAME = re.compile(r"[^\x00-\x1F\x7F-\x9F\u2028\u2029]+")

# Marks of ID tokens (OpenID Connect Core, section 2), logout tokens and DPoP proofs (RFC 9449)
_OTHER_TOKENS = {"nonce", "at_hash", "c_hash", "s_hash", "events", "htm", "htu"}
# Providers that write `JWT` on each of their tokens tell them apart by these (Keycloak, Cognito)
_KIND_CLAIMS = {"typ": "Bearer", "token_use": "access"}


def principal_of(claims: Mapping[str, Any], typ: str, rules: TokenRules, now: float) -> Principal:
    """Who a token speaks of, when its claims are those of a valid access token for this service.

    Args:
        claims: The token's payload.
        typ: Its normalised `typ`.
        rules: What it must say.
        now: Seconds since 1970.

    Returns:
        The principal.

    Raises:
        UnauthenticatedError: Naming the first claim that is wrong.
    """
    if claims.get("iss") != rules.issuer:
        raise UnauthenticatedError("wrong_issuer")
    _check_audience(claims.get("aud"), rules.audience)
    expires_at = _check_times(claims, rules.leeway_s, now)
    _check_kind(claims, typ)
    return Principal(
        subject=_name(claims.get("sub"), "bad_subject"),
        client=_client(claims),
        issuer=rules.issuer,
        scopes=_scopes(claims, rules),
        roles=_roles(claims, rules),
        expires_at=expires_at,
        token_id=_name(claims["jti"], "bad_token_id") if "jti" in claims else "",
    )


def _check_audience(audience: Any, ours: str) -> None:
    values = audience if isinstance(audience, list) else [audience]
    if len(values) > MAX_NAMES or not all(isinstance(value, str) for value in values):
        raise UnauthenticatedError("wrong_audience")
    if ours not in values:
        raise UnauthenticatedError("wrong_audience")


def _check_times(claims: Mapping[str, Any], leeway_s: float, now: float) -> float:
    if "exp" not in claims:
        raise UnauthenticatedError("no_expiry")
    expires_at = _time(claims["exp"])
    if now >= expires_at + leeway_s:
        raise UnauthenticatedError("expired")
    if "nbf" in claims and _time(claims["nbf"]) > now + leeway_s:
        raise UnauthenticatedError("not_yet_valid")
    if "iat" in claims and _time(claims["iat"]) > now + leeway_s:
        raise UnauthenticatedError("issued_in_future")
    return expires_at


def _time(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= LATEST_TIME:
        raise UnauthenticatedError("bad_time")
    return float(value)


def _check_kind(claims: Mapping[str, Any], typ: str) -> None:
    if "cnf" in claims:  # RFC 7800: good only with a proof of possession, which nobody checks here
        raise UnauthenticatedError("sender_constrained")
    other = bool(_OTHER_TOKENS & claims.keys())
    for claim, meant in _KIND_CLAIMS.items():
        other = other or claims.get(claim, meant) != meant
    if other and typ != "at+jwt":
        raise UnauthenticatedError("not_an_access_token")


def _client(claims: Mapping[str, Any]) -> str:
    for claim in ("client_id", "azp"):
        if claim in claims:
            return _name(claims[claim], "bad_client")
    return ""


def _scopes(claims: Mapping[str, Any], rules: TokenRules) -> frozenset[str]:
    value = next((claims[name] for name in rules.scope_claims if name in claims), "")
    scopes = [part for part in value.split(" ") if part] if isinstance(value, str) else value
    if not isinstance(scopes, list) or len(scopes) > MAX_NAMES:
        raise UnauthenticatedError("bad_scope")
    for scope in scopes:
        if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
            raise UnauthenticatedError("bad_scope")
    return frozenset(scopes)


def _roles(claims: Mapping[str, Any], rules: TokenRules) -> frozenset[str]:
    value: Any = claims
    for key in rules.roles_claim:
        if not isinstance(value, Mapping):
            raise UnauthenticatedError("bad_roles")
        if key not in value:
            return frozenset()
        value = value[key]
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        raise UnauthenticatedError("bad_roles")
    return frozenset(_name(role, "bad_roles") for role in value)


def _name(value: Any, reason: Reason) -> str:
    if not isinstance(value, str) or len(value) > MAX_NAME_CHARACTERS or not _NAME.fullmatch(value):
        raise UnauthenticatedError(reason)
    return value
