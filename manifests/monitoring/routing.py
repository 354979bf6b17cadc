"""Where alerts go: those that may start a retraining to its trigger, all of them to people."""

from __future__ import annotations

from typing import Any

RETRAIN, PEOPLE = "tamis-retrain", "people"
LABEL = ("retrain", "true")
IN_CLUSTER = "http://tamis-retrain.tamis.svc.cluster.local:8080/alerts"
TOKEN_SECRET = {"name": "tamis-retrain-webhook", "key": "token"}
"""The one that the trigger's own pod reads."""
GROUP_BY = ["alertname", "kind"]
WAIT, INTERVAL = "10s", "1m"
REPEAT, RETRAIN_REPEAT = "12h", "1h"
"""The trigger refuses while it cools down or has no budget left, and is asked again."""


def alertmanager(webhook: str, token_file: str, wait: str = WAIT) -> dict[str, Any]:
    """Alertmanager's file; https://prometheus.io/docs/alerting/latest/configuration/.

    Args:
        webhook: The trigger's address.
        token_file: Where the token that it asks for is; read anew for each notification.
        wait: How long a group gathers alerts before its first notification.

    Returns:
        Its content. `people` is told nothing before somebody adds how.
    """
    credentials = {"type": "Bearer", "credentials_file": token_file}
    hook = {
        "url": webhook,
        "send_resolved": True,
        "http_config": {"authorization": credentials, "follow_redirects": False},
    }
    return {
        "route": {
            "receiver": PEOPLE,
            "group_by": GROUP_BY,
            "group_wait": wait,
            "group_interval": INTERVAL,
            "repeat_interval": REPEAT,
            "routes": [
                {
                    "receiver": RETRAIN,
                    "matchers": ['{}="{}"'.format(*LABEL)],
                    "repeat_interval": RETRAIN_REPEAT,
                    "continue": True,
                },
                {"receiver": PEOPLE},
            ],
        },
        "receivers": [{"name": PEOPLE}, {"name": RETRAIN, "webhook_configs": [hook]}],
    }


def alertmanager_object() -> dict[str, Any]:
    """The cluster's part: the operator merges it into its Alertmanager's own routes.

    People are told by the cluster's own.
    https://prometheus-operator.dev/docs/api-reference/api/ (AlertmanagerConfig)

    Returns:
        An AlertmanagerConfig.
    """
    name, value = LABEL
    hook = {
        "url": IN_CLUSTER,
        "sendResolved": True,
        "httpConfig": {
            "authorization": {"type": "Bearer", "credentials": TOKEN_SECRET},
            "followRedirects": False,
        },
    }
    return {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": {"name": "tamis", "namespace": "tamis"},
        "spec": {
            "route": {
                "receiver": RETRAIN,
                "groupBy": GROUP_BY,
                "groupWait": WAIT,
                "groupInterval": INTERVAL,
                "repeatInterval": RETRAIN_REPEAT,
                "matchers": [{"name": name, "value": value}],
                "continue": True,
            },
            "receivers": [{"name": RETRAIN, "webhookConfigs": [hook]}],
        },
    }
