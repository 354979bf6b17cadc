"""Who can open a connection to whom, by the rules of NetworkPolicy, computed from the objects.

https://kubernetes.io/docs/concepts/services-networking/network-policies/: a pod that no policy
selects for a direction is open that way; one that is selected is closed but for what the policies
that select it allow together; a connection needs leave at both of its ends.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Selector = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """One end of a connection.

    Attributes:
        name: For tables.
        namespace: Its namespace; empty outside the cluster.
        labels: A pod's labels.
        address: An address outside the cluster.
    """

    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


def selects(selector: Selector | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; an empty one matches all, None matches nothing."""
    if selector is None:
        return False
    unknown = set(selector) - {"matchLabels", "matchExpressions"}
    assert not unknown, unknown
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions") or []
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    if expression["operator"] == "In":
        return labels.get(key) in values
    if expression["operator"] == "NotIn":
        return labels.get(key) not in values
    if expression["operator"] == "Exists":
        return key in labels
    if expression["operator"] == "DoesNotExist":
        return key not in labels
    raise AssertionError(expression)


class Network:
    """The policies of a cluster.

    Args:
        objects: Every object; those that aren't network policies are passed over.
    """

    def __init__(self, objects: Iterable[Mapping[str, Any]]) -> None:
        self._policies = [item for item in objects if item["kind"] == "NetworkPolicy"]

    def open(self, source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
        """Whether `source` can open a connection to a port of `target`."""
        return self.allows("Egress", source, target, port, protocol) and self.allows(
            "Ingress", target, source, port, protocol
        )

    def allows(self, way: str, own: Peer, other: Peer, port: int, protocol: str = "TCP") -> bool:
        """Whether one end's policies let a connection to or from the other end through."""
        if not own.namespace:
            return True  # no policy is about what is outside
        policies = [
            policy["spec"]
            for policy in self._policies
            if policy["metadata"]["namespace"] == own.namespace
            and way in policy["spec"]["policyTypes"]
            and selects(policy["spec"]["podSelector"], own.labels)
        ]
        if not policies:
            return True
        side, end = ("egress", "to") if way == "Egress" else ("ingress", "from")
        return any(
            _port(rule, port, protocol) and _peers(rule.get(end), own.namespace, other)
            for spec in policies
            for rule in spec.get(side) or []
        )


def _port(rule: Mapping[str, Any], port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    if not ports:
        return True
    return any(
        entry.get("protocol", "TCP") == protocol
        and (
            "port" not in entry
            or entry["port"] == port
            or entry["port"] <= port <= entry.get("endPort", entry["port"])
        )
        for entry in ports
    )


def _peers(peers: Iterable[Mapping[str, Any]] | None, namespace: str, other: Peer) -> bool:
    if not peers:
        return True
    return any(_peer(peer, namespace, other) for peer in peers)


def _peer(peer: Mapping[str, Any], namespace: str, other: Peer) -> bool:
    if "ipBlock" in peer:
        if not other.address:
            return False  # pods' addresses change; a block is for what is outside
        address = ipaddress.ip_address(other.address)
        inside = address in ipaddress.ip_network(peer["ipBlock"]["cidr"])
        excepted = peer["ipBlock"].get("except") or []
        return inside and not any(address in ipaddress.ip_network(net) for net in excepted)
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        own_name = {"kubernetes.io/metadata.name": other.namespace}
        if not selects(peer["namespaceSelector"], own_name):
            return False
    elif other.namespace != namespace:
        return False
    return "podSelector" not in peer or selects(peer["podSelector"], other.labels)
