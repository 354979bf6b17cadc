"""Why a request was let in or refused: the words of the audit log, and of metrics' labels."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    # how the request carries its token
    "no_token",
    "wrong_scheme",
    "query_token",
    "several_tokens",
    # what the token is made of
    "too_long",
    "wrong_parts",
    "bad_base64",
    "not_utf8",
    "not_json",
    "not_an_object",
    "duplicate_key",
    "not_finite",
    "too_deep",
    "lone_surrogate",
    # its header
    "bad_algorithm",
    "critical_header",
    "embedded_key",
    "encrypted",
    "nested_token",
    "wrong_type",
    "bad_key_id",
    # its key and signature
    "unknown_key",
    "key_id_needed",
    "wrong_key",
    "bad_signature",
    "keys_unavailable",
    # its claims
    "wrong_issuer",
    "wrong_audience",
    "bad_time",
    "no_expiry",
    "expired",
    "not_yet_valid",
    "issued_in_future",
    "bad_subject",
    "bad_client",
    "bad_scope",
    "bad_roles",
    "bad_token_id",
    "not_an_access_token",
    "sender_constrained",
    # what it allows
    "unknown_verb",
    "bad_model",
    "nothing_granted",
    "not_granted",
    "granted",
]
