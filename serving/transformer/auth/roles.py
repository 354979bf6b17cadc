"""Who may do what, as data: roles and scopes grant verbs on models; one function decides.

Scopes say what a token was issued for, roles what its bearer may do at all (RFC 9068, section 5).
A token that carries both is let through by both or not at all; words that the table doesn't know
(`openid`, another service's roles) neither grant nor narrow anything. Nothing granted: denied.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from components.contract.settings import build, read_params, require
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.reasons import Reason

Verb = Literal["predict", "feedback", "drift:read", "admin"]
VERBS: tuple[Verb, ...] = get_args(Verb)

DECISIONS = 4_096
"""Remembered: of as many different callers, whatever models' names they make up."""
NARROWING = "/"
"""`predict/sentiment` is the scope `predict` for one model."""

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PATTERN = re.compile(r"[A-Za-z0-9._*-]{1,128}")


@dataclass(frozen=True)
class Grant:
    """Leave to do one thing.

    Attributes:
        verb: What.
        models: Names of models, `*` standing for any characters.
    """

    verb: Verb
    models: tuple[str, ...] = ("*",)

    def check(self) -> None:
        """Refuse patterns that no model's name could match.

        Raises:
            InputError: `bad_parameter`.
        """
        for pattern in self.models:
            require(bool(_PATTERN.fullmatch(pattern)), "models", f"can't hold {pattern!r}")

    def covers(self, verb: str, model: str) -> bool:
        """Whether this is leave to do `verb` with `model`."""
        return verb == self.verb and any(
            fnmatch.fnmatchcase(model, pattern) for pattern in self.models
        )


def _default_roles() -> dict[str, tuple[Grant, ...]]:
    return {
        "predictor": (Grant("predict"),),
        "annotator": (Grant("predict"), Grant("feedback")),
        "observer": (Grant("drift:read"),),
        "operator": (Grant("predict"), Grant("feedback"), Grant("drift:read")),
        "admin": tuple(Grant(verb) for verb in VERBS),
    }


def _default_scopes() -> dict[str, tuple[Grant, ...]]:
    return {verb: (Grant(verb),) for verb in VERBS}


@dataclass(frozen=True)
class RoleTable:
    """What each role and each scope grants.

    Attributes:
        roles: Role -> grants.
        scopes: Scope -> grants; by default a scope grants the verb of its name, on every model.
    """

    roles: dict[str, tuple[Grant, ...]] = field(default_factory=_default_roles)
    scopes: dict[str, tuple[Grant, ...]] = field(default_factory=_default_scopes)


@dataclass(frozen=True)
class Decision:
    """May they?

    Attributes:
        allowed: The answer.
        reason: `granted`, `not_granted` (roles or scopes that are known grant something else),
            `nothing_granted` (none is known), `unknown_verb` or `bad_model`.
    """

    allowed: bool
    reason: Reason


class Policy:
    """Decides by a role table.

    Args:
        table: What each role and scope grants.
    """

    def __init__(self, table: RoleTable) -> None:
        self._table = table
        # A table doesn't change, so neither does what it says of the same roles and scopes.
        self._decided = lru_cache(DECISIONS)(self._decide)

    def decide(self, principal: Principal, verb: str, model: str) -> Decision:
        """Whether a principal may do something with a model; no is the default.

        Args:
            principal: Who.
            verb: One of `VERBS`.
            model: The model's name.

        Returns:
            The decision.
        """
        return self._decided(principal.roles, principal.scopes, verb, model)

    def _decide(
        self, known_roles: frozenset[str], known_scopes: frozenset[str], verb: str, model: str
    ) -> Decision:
        if verb not in VERBS:
            return Decision(False, "unknown_verb")
        if not is_model_name(model):
            return Decision(False, "bad_model")
        roles = [self._table.roles[role] for role in known_roles if role in self._table.roles]
        scopes = list(self._granted_by(known_scopes, model))
        if not roles and not scopes:
            return Decision(False, "nothing_granted")
        allowed = all(
            any(grant.covers(verb, model) for grants in granted for grant in grants)
            for granted in (roles, scopes)
            if granted
        )
        return Decision(allowed, "granted" if allowed else "not_granted")

    def _granted_by(self, scopes: Iterable[str], model: str) -> Iterable[tuple[Grant, ...]]:
        for scope in scopes:
            name, narrowed, only = scope.partition(NARROWING)
            if scope in self._table.scopes:
                yield self._table.scopes[scope]
            elif narrowed and name in self._table.scopes:
                yield self._table.scopes[name] if only == model else ()


def is_model_name(model: str) -> bool:
    """Whether a model could have this name."""
    return _MODEL.fullmatch(model) is not None


def read_role_table(path: Path) -> RoleTable:
    """The role table in a YAML or JSON file.

    Args:
        path: A file with `roles` and `scopes`, each name -> list of `{verb, models}`; a part that
            is left out takes its default.

    Returns:
        The table.

    Raises:
        InputError: `not_found`, `bad_params`, or what `build` says of a wrong entry.
    """
    document: Mapping[str, object] = read_params(path)
    return build(RoleTable, document, str(path))
