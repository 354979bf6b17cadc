"""What the model registry says, read without importing MLflow.

Importing MLflow takes seconds; a run whose stages are all cached only has to know whether the
champion is still the one it left. SQLite is read as such, a tracking server by its REST API, and
whatever else through MLflow itself.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.contract.errors import TamisError

CHAMPION, CHALLENGER = "champion", "challenger"
TIMEOUT_S = 10.0
ANSWER_BYTES = 2**20
"""A model version's JSON with all its tags is a few kilobytes."""


@dataclass(frozen=True)
class Version:
    """A registered model version.

    Attributes:
        number: MLflow's version, `1` upwards.
        tags: Its tags; `bundle_digest` and `architecture` among them.
    """

    number: str
    tags: dict[str, str]

    @property
    def bundle_digest(self) -> str:
        """The digest of the bundle it holds; empty when something else registered it."""
        return self.tags.get("bundle_digest", "")

    def decision_of(self, run_id: str) -> tuple[str, str] | None:
        """The gate's outcome and reason in a run; None when another run came to it last."""
        if self.tags.get("run") != run_id:
            return None
        return self.tags.get("run_outcome", ""), self.tags.get("run_reason", "")

    def document(self) -> dict[str, str]:
        """What a registration says of it."""
        return {
            "version": self.number,
            "architecture": self.tags.get("architecture", ""),
            "bundle_digest": self.bundle_digest,
        }


def decision_tags(run_id: str, outcome: str, reason: str) -> dict[str, str]:
    """What `Version.decision_of` reads; the run last, so that what carries its id is whole.

    Args:
        run_id: The pipeline run.
        outcome: What its gate decided about the version.
        reason: Why.

    Returns:
        Tags, to be set in this order.
    """
    return {"run_outcome": outcome, "run_reason": reason, "run": run_id}


@dataclass(frozen=True)
class Registry:
    """One registered model of one MLflow.

    Attributes:
        uri: The tracking URI.
        model: The registered model's name.
    """

    uri: str
    model: str

    @property
    def database(self) -> Path | None:
        """The SQLite file, when the tracking URI names one."""
        scheme, found, path = self.uri.partition(":///")
        return Path(path) if found and scheme.split("+")[0] == "sqlite" else None

    def fingerprint(self) -> str:
        """SHA-256 (hex) of where this registry is and which version is its champion."""
        champion = self.resolve(CHAMPION)
        state = [self.uri, self.model, champion and [champion.number, champion.bundle_digest]]
        return hashlib.sha256(json.dumps(state).encode()).hexdigest()

    def resolve(self, alias: str) -> Version | None:
        """The version that an alias points to.

        Args:
            alias: `champion`, `challenger` or any other.

        Returns:
            The version; None when there is no such alias, model or registry yet.

        Raises:
            TamisError: `registry_unreachable`.
        """
        if self.database is not None:
            return _from_sqlite(self.database, self.model, alias)
        address = urllib.parse.urlsplit(self.uri)
        if address.scheme in ("http", "https") and address.username is None:
            return _from_server(self.uri, self.model, alias)
        return _from_client(self.uri, self.model, alias)


def _from_sqlite(database: Path, model: str, alias: str) -> Version | None:
    if not database.is_file():
        return None
    address = f"{database.resolve().as_uri()}?mode=ro"
    try:
        with contextlib.closing(
            sqlite3.connect(address, uri=True, timeout=TIMEOUT_S)
        ) as connection:
            found = connection.execute(
                "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?",
                (model, alias),
            ).fetchone()
            if found is None:
                return None
            tags = connection.execute(
                "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?",
                (model, found[0]),
            ).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None  # MLflow has made the file and not yet its tables
        raise _unreachable(database.name, error) from error
    except sqlite3.DatabaseError as error:
        raise _unreachable(database.name, error) from error
    return Version(str(found[0]), dict(tags))


def _from_server(uri: str, model: str, alias: str) -> Version | None:
    """One call of MLflow's REST API (https://mlflow.org/docs/latest/api_reference/rest-api.html)."""
    query = urllib.parse.urlencode({"name": model, "alias": alias})
    address = f"{uri.rstrip('/')}/api/2.0/mlflow/registered-models/alias?{query}"
    request = urllib.request.Request(address, headers=_authorization())  # noqa: S310 - http(s) only
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            document: dict[str, Any] = json.loads(answer.read(ANSWER_BYTES))
        version = document["model_version"]
        tags = {tag["key"]: tag["value"] for tag in version.get("tags", [])}
        return Version(str(version["version"]), tags)
    except urllib.error.HTTPError as error:
        with error:  # it holds the connection
            # An unknown model answers 404, an unknown alias 400 INVALID_PARAMETER_VALUE.
            if error.code in (400, 404) and _is_absence(error.read(ANSWER_BYTES)):
                return None
        raise _unreachable(_host(uri), error) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreachable(_host(uri), error) from error


def _is_absence(body: bytes) -> bool:
    try:
        document = json.loads(body)
    except ValueError:
        return False
    code, message = document.get("error_code"), str(document.get("message", ""))
    absent = code == "INVALID_PARAMETER_VALUE" and "not found" in message
    return absent or code == "RESOURCE_DOES_NOT_EXIST"


def _authorization() -> dict[str, str]:
    """The same variables as MLflow's own client reads, a password before a token as there."""
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD")
    if user and password is not None:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {token}"} if token else {}


def _from_client(uri: str, model: str, alias: str) -> Version | None:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        version = MlflowClient(uri).get_model_version_by_alias(model, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise _unreachable(_host(uri), error) from error
    return Version(str(version.version), dict(version.tags))


def _host(uri: str) -> str:
    """A tracking URI without the password that it may hold."""
    return urllib.parse.urlsplit(uri).hostname or uri.partition(":")[0]


def _unreachable(where: str, error: Exception) -> TamisError:
    return TamisError(
        "registry_unreachable",
        f"The model registry at {where!r} can't be read ({type(error).__name__}).",
        "Check MLFLOW_TRACKING_URI and its credentials.",
    )
