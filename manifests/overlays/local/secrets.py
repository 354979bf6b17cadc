"""Random secrets for a laptop's cluster, as YAML: `python secrets.py | kubectl create -f -`.

`create`, not `apply`: a second run is refused rather than locking everybody out of the database.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
from typing import Any

import yaml

NAMESPACES = ("tamis", "kubeflow")
"""Where the service runs, and where Kubeflow Pipelines runs the tasks that register and deploy."""
AUTH = """\
[mlflow]
default_permission = READ
database_uri = postgresql+psycopg://tamis:{database}@postgresql:5432/mlflow_auth
admin_username = tamis
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


def local_secrets() -> list[dict[str, Any]]:
    """Every secret that the local overlay refers to, with fresh values."""
    database, registry, flask, access, secret = (secrets.token_urlsafe(24) for _ in range(5))
    identity = {
        "name": "tamis",
        "credentials": [{"accessKey": access, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    server = {
        "MLFLOW_BACKEND_STORE_URI": f"postgresql+psycopg://tamis:{database}@postgresql:5432/mlflow",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": flask,
        "MLFLOW_AUTH_ADMIN_PASSWORD": registry,
        "MLFLOW_S3_ENDPOINT_URL": "http://s3:8333",
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
    }
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    tamis = {
        "postgresql": {"password": database},
        "s3-server": {"s3.json": json.dumps({"identities": [identity]})},
        "mlflow-server": server,
        "mlflow-auth": {"basic_auth.ini": AUTH.format(database=database)},
        "tamis-journal-keys": {"k1": key, "active": "k1"},
        "tamis-transformer": {"PGPASSWORD": database},
        "tamis-retrain-webhook": {"token": secrets.token_urlsafe(32)},
    }
    client = {
        "mlflow-client": {"username": "tamis", "password": registry},
        "s3-client": {"access_key": access, "secret_key": secret},
    }
    return [_secret("tamis", name, data) for name, data in tamis.items()] + [
        _secret(namespace, name, data) for namespace in NAMESPACES for name, data in client.items()
    ]


def _secret(namespace: str, name: str, data: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "stringData": data,
    }


if __name__ == "__main__":
    yaml.safe_dump_all(local_secrets(), sys.stdout, sort_keys=False)
