"""A real S3 server on loopback, and PostgreSQL."""

from tests.register.conftest import trained
from tests.serving.transformer.journal.conftest import postgres

__all__ = ["postgres", "trained"]
