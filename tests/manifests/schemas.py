"""Strict schemas of custom resources that PyPI has no models of, from their published fields.

Only the fields that the manifests use; anything else is refused, so that a new one is looked up.
https://external-secrets.io/latest/api/spec/ (external-secrets.io/v1)
https://gateway-api.sigs.k8s.io/reference/spec/ (gateway.networking.k8s.io/v1)
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
NAME: Schema = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"}
TEXT: Schema = {"type": "string", "minLength": 1}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
HOSTNAME: Schema = {"type": "string", "pattern": r"^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"}
DURATION: Schema = {"type": "string", "pattern": r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: Schema, least: int = 1) -> Schema:
    return {"type": "array", "items": items, "minItems": least}


METADATA = _object(
    {"name": NAME, "namespace": NAME},
    {
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
)


def _resource(group_version: str, kind: str, spec: Schema) -> Schema:
    return _object(
        {
            "apiVersion": {"const": group_version},
            "kind": {"const": kind},
            "metadata": METADATA,
            "spec": spec,
        }
    )


_REMOTE = _object({"key": TEXT}, {"property": TEXT, "version": TEXT})
EXTERNAL_SECRET = _resource(
    "external-secrets.io/v1",
    "ExternalSecret",
    {
        **_object(
            {
                "refreshInterval": DURATION,
                "secretStoreRef": _object(
                    {"name": NAME, "kind": {"enum": ["SecretStore", "ClusterSecretStore"]}}
                ),
                "target": _object(
                    {"name": NAME, "creationPolicy": {"enum": ["Owner", "Orphan", "Merge", "None"]}}
                ),
            },
            {
                "data": _list(_object({"secretKey": TEXT, "remoteRef": _REMOTE})),
                "dataFrom": _list(_object({"extract": _REMOTE})),
            },
        ),
        "anyOf": [{"required": ["data"]}, {"required": ["dataFrom"]}],
    },
)
_VAULT = _object(
    {
        "server": {"type": "string", "pattern": "^https://"},
        "auth": _object(
            {
                "kubernetes": _object(
                    {"mountPath": TEXT, "role": TEXT, "serviceAccountRef": _object({"name": NAME})}
                )
            }
        ),
    },
    {"path": TEXT, "version": {"enum": ["v1", "v2"]}},
)
SECRET_STORE = _resource(
    "external-secrets.io/v1",
    "SecretStore",
    _object({"provider": _object({"vault": _VAULT})}),
)
_LISTENER = _object(
    {
        "name": NAME,
        "protocol": {"const": "HTTPS"},
        "port": PORT,
        "hostname": HOSTNAME,
        "tls": _object(
            {
                "mode": {"enum": ["Terminate", "Passthrough"]},
                "certificateRefs": _list(_object({"kind": {"const": "Secret"}, "name": NAME})),
            }
        ),
        "allowedRoutes": _object(
            {"namespaces": _object({"from": {"enum": ["All", "Same", "Selector"]}})}
        ),
    }
)
GATEWAY = _resource(
    "gateway.networking.k8s.io/v1",
    "Gateway",
    _object({"gatewayClassName": NAME, "listeners": _list(_LISTENER)}),
)
_RULE = _object(
    {
        "matches": _list(
            _object(
                {
                    "path": _object(
                        {"type": {"enum": ["Exact", "PathPrefix"]}, "value": {"pattern": "^/"}}
                    )
                }
            )
        ),
        "backendRefs": _list(_object({"name": NAME, "port": PORT})),
    },
    {"timeouts": _object({"request": DURATION}, {"backendRequest": DURATION})},
)
HTTP_ROUTE = _resource(
    "gateway.networking.k8s.io/v1",
    "HTTPRoute",
    _object(
        {
            "parentRefs": _list(_object({"name": NAME}, {"sectionName": NAME, "namespace": NAME})),
            "hostnames": _list(HOSTNAME),
            "rules": _list(_RULE),
        }
    ),
)
BACKEND_TLS = _resource(
    "gateway.networking.k8s.io/v1",
    "BackendTLSPolicy",
    _object(
        {
            "targetRefs": _list(
                _object(
                    {"group": {"const": ""}, "kind": {"const": "Service"}, "name": NAME},
                    {"sectionName": NAME},
                )
            ),
            "validation": _object(
                {
                    "hostname": HOSTNAME,
                    "caCertificateRefs": _list(
                        _object(
                            {
                                "group": {"const": ""},
                                "kind": {"enum": ["ConfigMap", "Secret"]},
                                "name": NAME,
                            }
                        )
                    ),
                }
            ),
        }
    ),
)
SCHEMAS = {
    "ExternalSecret": EXTERNAL_SECRET,
    "SecretStore": SECRET_STORE,
    "Gateway": GATEWAY,
    "HTTPRoute": HTTP_ROUTE,
    "BackendTLSPolicy": BACKEND_TLS,
}
