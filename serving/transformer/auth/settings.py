"""From settings to a gate: the choice between an identity provider, a key file and the laptop's."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from components.contract.errors import InputError
from serving.transformer.auth.algorithms import DEFAULT_ALGORITHMS
from serving.transformer.auth.authenticator import Authenticator
from serving.transformer.auth.gate import Gate
from serving.transformer.auth.issuer import Issuer
from serving.transformer.auth.issuer_settings import DEFAULT_AUDIENCE
from serving.transformer.auth.key_source import FileKeys, KeySource
from serving.transformer.auth.remote_keys import RemoteKeys, RemoteKeySettings
from serving.transformer.auth.roles import Policy, RoleTable, read_role_table
from serving.transformer.auth.rules import TokenRules


@dataclass(frozen=True)
class AuthSettings:
    """Whose tokens are taken, and what they allow.

    Attributes:
        issuer: The identity provider's identifier; empty for the embedded issuer.
        audience: What tokens must be meant for.
        jwks_uri: Address of the provider's key set; empty finds it by discovery.
        jwks_file: A file with its key set instead; empty for none.
        roles_file: The role table; empty for the default one.
        algorithms: As `TokenRules.algorithms`.
        types: As `TokenRules.types`.
        leeway_s: As `TokenRules.leeway_s`, in seconds.
        roles_claim: As `TokenRules.roles_claim`.
        refresh_s: Seconds between looks at the provider's keys.
    """

    issuer: str = ""
    audience: str = DEFAULT_AUDIENCE
    jwks_uri: str = ""
    jwks_file: str = ""
    roles_file: str = ""
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    types: tuple[str, ...] = ("at+jwt", "jwt")
    leeway_s: float = 30.0
    roles_claim: tuple[str, ...] = field(default=("roles",))
    refresh_s: float = 600.0


def open_gate(
    settings: AuthSettings,
    served_model: str,
    embedded: Issuer | None = None,
    tls: ssl.SSLContext | None = None,
) -> Gate:
    """The gate that the settings describe; start it inside the running loop.

    Args:
        settings: Whose tokens are taken.
        served_model: The model that a request is about when its path names none.
        embedded: The embedded issuer, for settings without an identity provider.
        tls: Client context for the provider; None takes the system's authorities.

    Returns:
        A gate that is not started.

    Raises:
        InputError: `no_issuer`, `two_issuers`, `bad_url`, `bad_parameter`, or what the role table
            or the key file is refused for.
    """
    if not settings.issuer and embedded is None:
        raise InputError(
            "no_issuer", "Nobody is named whose tokens to take.", "Set the issuer's address."
        )
    if settings.issuer and embedded is not None:
        raise InputError(
            "two_issuers", f"Tokens come from {settings.issuer!r} or the embedded issuer, not both."
        )
    rules = TokenRules(
        issuer=embedded.settings.url if embedded is not None else settings.issuer,
        audience=embedded.settings.audience if embedded is not None else settings.audience,
        algorithms=settings.algorithms,
        types=settings.types,
        leeway_s=settings.leeway_s,
        roles_claim=settings.roles_claim,
    )
    table = read_role_table(Path(settings.roles_file)) if settings.roles_file else RoleTable()
    source: KeySource
    if embedded is not None:
        source = embedded.key_source()
    elif settings.jwks_file:
        source = FileKeys(Path(settings.jwks_file))
    else:
        source = RemoteKeys(
            RemoteKeySettings(settings.issuer, settings.jwks_uri, settings.refresh_s), tls
        )
    return Gate(Authenticator(source, rules), Policy(table), served_model)
