"""The server's side of TLS."""

from __future__ import annotations

import ssl

from components.contract.errors import InputError
from serving.predictor.settings import TlsSettings


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """A context for TLS 1.2 and later (RFC 9325, https://www.rfc-editor.org/rfc/rfc9325).

    Args:
        settings: The files.

    Returns:
        The context; with `client_ca`, clients without a certificate of it are turned away.

    Raises:
        InputError: `bad_certificate` when a file can't be read or the key is another's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        # An empty password, so that an encrypted key is an error rather than a prompt.
        context.load_cert_chain(settings.cert, settings.key, password="")
        if settings.client_ca is not None:
            context.load_verify_locations(settings.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", "") or getattr(error, "strerror", "") or error
        raise InputError(
            "bad_certificate",
            f"The TLS files {str(settings.cert)!r} and {str(settings.key)!r} can't be used"
            f" ({reason}).",
        ) from error
    return context
