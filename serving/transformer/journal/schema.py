"""The journal's tables."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA = 1
"""The version of these tables; a journal of a newer one is refused."""

METADATA = MetaData()
_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by INTEGER alone

JOURNAL = Table(
    "journal",
    METADATA,
    Column("schema", Integer, primary_key=True, autoincrement=False),
    Column("id", LargeBinary, nullable=False),
)
"""One row: the version, and the 16 random bytes that keys are derived with."""

IN_USE, RETIRING, RETIRED = 0, 1, 2

KEYS = Table(
    "keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("check_value", LargeBinary, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("seals", BigInteger, nullable=False),
)
"""Master keys by id, never their bytes. `state`: may seal, may be opened with only, not needed
any more. `seals`: encryptions allotted so far, counted before they are made."""

MODELS = Table(
    "models",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("bundle_digest", Text, nullable=False),
    Column("labels", Text, nullable=False),  # a JSON list
    UniqueConstraint("name", "version", "bundle_digest"),
)

PREDICTIONS = Table(
    "predictions",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("time", BigInteger, nullable=False, index=True),  # microseconds since 1970, UTC
    Column("model", BigInteger, nullable=False),  # no foreign key: models are never deleted
    Column("label", Text, nullable=False),
    Column("score", Double, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("truncated", Boolean, nullable=False),
    Column("subject", LargeBinary, index=True),  # a pseudonym
    Column("key", Text),
    Column("nonce", LargeBinary),
    Column("sealed", LargeBinary),
)
"""One row a text. `subject`, `key`, `nonce` and `sealed` are null once its subject was erased."""

FEEDBACK = Table(
    "feedback",
    METADATA,
    Column(
        "prediction",
        _NUMBER,
        ForeignKey("predictions.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("time", BigInteger, nullable=False),
    Column("label", Text, nullable=False),
    Column("correct", Boolean, nullable=False),
    Column("subject", LargeBinary, index=True),
    Column("key", Text, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
"""At most one row a prediction."""
