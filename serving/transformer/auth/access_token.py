"""Writes the embedded issuer's access tokens."""

from __future__ import annotations

import json
import secrets

from joserfc import jws

from serving.transformer.auth.signing_keys import ALGORITHM, KeyFile


def access_token(
    key_file: KeyFile, subject: str, scope: str, audience: str, token_s: float, now: float
) -> str:
    """A signed access token (RFC 9068, section 2).

    Args:
        key_file: The issuer's name and keys; the last one signs.
        subject: Client and subject: with client credentials they are one.
        scope: Scopes, separated by spaces.
        audience: `aud`.
        token_s: How long it lives, in seconds.
        now: Seconds since 1970.

    Returns:
        A compact JWS.
    """
    key = key_file.keys[-1]
    claims = {
        "iss": key_file.issuer,
        "sub": subject,
        "client_id": subject,
        "aud": audience,
        "scope": scope,
        "iat": int(now),
        "exp": int(now + token_s),
        "jti": secrets.token_urlsafe(16),
    }
    header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": key.key_id}
    payload = json.dumps(claims, separators=(",", ":"))
    return jws.serialize_compact(header, payload, key.jose, [ALGORITHM])
