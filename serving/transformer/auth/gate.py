"""The one place where a request is let in: token, then role table, then a line in the audit log."""

from __future__ import annotations

from serving.transformer.auth.audit import Audit
from serving.transformer.auth.authenticator import Authenticator
from serving.transformer.auth.errors import AuthError, ForbiddenError, NoCredentialsError
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.roles import Policy, Verb


class Gate:
    """Lets requests in, or says why not.

    Args:
        authenticator: Tells who asks.
        policy: Tells what they may do.
        served_model: The model that a request is about when its path names none.
    """

    def __init__(self, authenticator: Authenticator, policy: Policy, served_model: str) -> None:
        self._authenticator, self._policy, self._audit = authenticator, policy, Audit()
        self.served_model = served_model

    async def admit(
        self, authorization: str | None, verb: Verb, model: str | None = None, request_id: str = ""
    ) -> Principal:
        """Let a request in.

        Args:
            authorization: Its Authorization header; None for none.
            verb: What it wants to do.
            model: With which model; None for the served one.
            request_id: What other log lines know it by.

        Returns:
            Who asks.

        Raises:
            AuthError: When it may not.
        """
        model = self.served_model if model is None else model
        principal = None
        try:
            principal = await self._authenticator.authenticate(_bearer_token(authorization))
            decision = self._policy.decide(principal, verb, model)
            if not decision.allowed:
                raise ForbiddenError(decision.reason, verb)
        except AuthError as error:
            self._audit.refused(principal, verb, model, error.reason, request_id)
            raise
        self._audit.allowed(principal, verb, model, request_id)
        return principal

    def refuse(
        self, error: AuthError, verb: Verb, model: str | None = None, request_id: str = ""
    ) -> AuthError:
        """Audit a refusal that came before any token was looked at.

        Args:
            error: The refusal.
            verb: What the request wants to do.
            model: With which model; None for the served one.
            request_id: What other log lines know it by.

        Returns:
            The same error, to be raised.
        """
        model = self.served_model if model is None else model
        self._audit.refused(None, verb, model, error.reason, request_id)
        return error

    async def start(self) -> None:
        """Get the issuer's keys, and keep them fresh."""
        await self._authenticator.start()

    async def close(self) -> None:
        """Stop keeping them fresh."""
        await self._authenticator.close()
        self._audit.flush()

    @property
    def ready(self) -> bool:
        """Whether tokens can be judged."""
        return self._authenticator.ready


def _bearer_token(authorization: str | None) -> str:
    """The token of a Bearer header (RFC 6750, section 2.1); the scheme has no case (RFC 9110)."""
    if authorization is None:
        raise NoCredentialsError("no_token")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise NoCredentialsError("wrong_scheme")
    return token.lstrip(" ")
