"""What a token must say to be taken: settings, from a parameter file or a composition root."""

from __future__ import annotations

from dataclasses import dataclass

from components.contract.settings import neighbours, require
from serving.transformer.auth.algorithms import ALGORITHMS, DEFAULT_ALGORITHMS

MAX_LEEWAY_S = 60
"""Clocks kept by NTP differ by milliseconds; a minute is generous, more only serves replays."""
ABSENT = "absent"


@dataclass(frozen=True)
class TokenRules:
    """Rules for access tokens of one issuer.

    RFC 9068 wants `typ` to be `at+jwt`; identity providers older than it write `JWT`, so both are
    taken. What `JWT` might also be (an ID token, a logout token, a DPoP proof) is told by its
    claims and refused.

    Attributes:
        issuer: `iss`, compared character by character.
        audience: Must be `aud`, or in it.
        algorithms: `alg` names allowed.
        types: `typ` values allowed, in lower case and without `application/`; `absent` allows a
            header without one.
        leeway_s: Tolerated difference between clocks, in seconds, at most 60.
        roles_claim: Path of keys to the list of roles, e.g. `[realm_access, roles]`.
        scope_claims: Claims that may hold the scopes; the first one present counts.
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    types: tuple[str, ...] = ("at+jwt", "jwt")
    leeway_s: float = 30.0
    roles_claim: tuple[str, ...] = ("roles",)
    scope_claims: tuple[str, ...] = ("scope", "scp")

    def check(self) -> None:
        """Refuse rules that can't be meant.

        Raises:
            InputError: `bad_parameter`.
        """
        require(bool(self.issuer), "issuer", "must be given")
        require(bool(self.audience), "audience", "must be given")
        require(bool(self.algorithms), "algorithms", "must name at least one")
        for name in self.algorithms:
            known = neighbours(name, ALGORITHMS)
            require(name in ALGORITHMS, "algorithms", f"can't hold {name!r}; {known.rstrip('.')}")
        require(bool(self.types), "types", "must name at least one")
        require(
            0 <= self.leeway_s <= MAX_LEEWAY_S,
            "leeway_s",
            f"must be between 0 and {MAX_LEEWAY_S}, not {self.leeway_s}",
        )
        require(bool(self.roles_claim), "roles_claim", "must have at least one key")
        require(bool(self.scope_claims), "scope_claims", "must name at least one")
