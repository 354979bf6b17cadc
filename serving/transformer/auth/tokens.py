"""Verifies an access token: a pure function of the token, the keys, the rules and the time.

RFC 8725 (JWT best practices) in the order of its checks; nothing in a token is believed before its
signature holds, and nothing in its header is ever fetched or imported.
https://www.rfc-editor.org/rfc/rfc8725
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.transformer.auth.algorithms import ALGORITHMS
from serving.transformer.auth.claims import principal_of
from serving.transformer.auth.compact import take_apart
from serving.transformer.auth.errors import UnauthenticatedError
from serving.transformer.auth.keys import MAX_KEY_ID_CHARACTERS, PublicKeys
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.reasons import Reason
from serving.transformer.auth.rules import ABSENT, TokenRules
from serving.transformer.auth.strict_json import NotStrictError, parse_object

MAX_HEADER_BYTES = 1_024
"""Three or four short members; a certificate chain has no business there."""

_REFUSED_MEMBERS: Mapping[str, Reason] = {
    "crit": "critical_header",  # no extension is understood here (RFC 7515, section 4.1.11)
    "b64": "critical_header",  # RFC 7797: an unencoded payload
    "jwk": "embedded_key",  # a key that a token brings along proves nothing
    "jku": "embedded_key",
    "x5u": "embedded_key",
    "x5c": "embedded_key",
    "enc": "encrypted",
    "zip": "encrypted",
    "cty": "nested_token",  # RFC 7519, section 5.2
}


@dataclass(frozen=True)
class Header:
    """What a token's header asks for.

    Attributes:
        algorithm: `alg`, an allowed one.
        key_id: `kid`; None for none.
        typ: `typ` in lower case without `application/`, or `absent`.
    """

    algorithm: str
    key_id: str | None
    typ: str


def verify(token: bytes, keys: PublicKeys, rules: TokenRules, now: float) -> Principal:
    """Who bears a token.

    Args:
        token: A compact JWS, as it stood in the Authorization header.
        keys: The issuer's keys.
        rules: What the token must say.
        now: Seconds since 1970.

    Returns:
        The principal.

    Raises:
        UnauthenticatedError: For any other bytes than a valid access token for this service.
        UnknownKeyError: When its `kid` is not among the keys.
    """
    parts = take_apart(token)
    header = _header(parts.header, rules)
    key = keys.find(header.key_id, header.algorithm)
    algorithm = ALGORITHMS[header.algorithm]
    if not algorithm.verifies(parts.signing_input, parts.signature, key.jose):
        raise UnauthenticatedError("bad_signature")
    return principal_of(_parse(parts.payload), header.typ, rules, now)


def _header(data: bytes, rules: TokenRules) -> Header:
    if len(data) > MAX_HEADER_BYTES:
        raise UnauthenticatedError("too_long")
    members = _parse(data)
    for name, reason in _REFUSED_MEMBERS.items():
        if name in members:
            raise UnauthenticatedError(reason)
    algorithm = members.get("alg")
    if not isinstance(algorithm, str) or algorithm not in rules.algorithms:
        raise UnauthenticatedError("bad_algorithm")
    return Header(algorithm, _key_id(members), _type(members, rules))


def _key_id(members: Mapping[str, Any]) -> str | None:
    if "kid" not in members:
        return None
    key_id = members["kid"]
    if not isinstance(key_id, str) or not 0 < len(key_id) <= MAX_KEY_ID_CHARACTERS:
        raise UnauthenticatedError("bad_key_id")
    return key_id


def _type(members: Mapping[str, Any], rules: TokenRules) -> str:
    typ = ABSENT
    if "typ" in members:
        if not isinstance(members["typ"], str):
            raise UnauthenticatedError("wrong_type")
        # A media type: no case, and `application/` may be left out (RFC 7515, section 4.1.9).
        typ = members["typ"].lower().removeprefix("application/")
        if typ == ABSENT:
            raise UnauthenticatedError("wrong_type")
    if typ not in rules.types:
        raise UnauthenticatedError("wrong_type")
    return typ


def _parse(data: bytes) -> dict[str, Any]:
    try:
        return parse_object(data)
    except NotStrictError as error:
        raise UnauthenticatedError(error.reason) from None
