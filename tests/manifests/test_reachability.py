"""Who can reach whom, for all pairs: the table below is the whole of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.manifests.reachability import Network, Peer, selects
from tests.manifests.rendered import pods, render
from tests.manifests.sources import deployed

PORTS = (53, 80, 443, 5000, 5432, 8080, 8333, 8888, 9090)
TASK = {"pipelines.kubeflow.org/v2_component": "true"}
OUTSIDE = (
    Peer("gateway", "envoy-gateway-system", {"app.kubernetes.io/component": "proxy"}),
    Peer("istio", "istio-system", {"istio": "ingressgateway"}),
    Peer("istiod", "istio-system", {"app": "istiod"}),
    Peer("task", "kubeflow", TASK),
    Peer("kfp", "kubeflow", {"app": "ml-pipeline"}),
    Peer("notebook", "kubeflow", {"app": "notebook"}),
    Peer("prometheus", "monitoring", {"app.kubernetes.io/name": "prometheus"}),
    Peer("alertmanager", "monitoring", {"app.kubernetes.io/name": "alertmanager"}),
    Peer("grafana", "monitoring", {"app.kubernetes.io/name": "grafana"}),
    Peer("dns", "kube-system", {"k8s-app": "kube-dns"}),
    Peer("metrics-server", "kube-system", {"k8s-app": "metrics-server"}),
    Peer("gateway-controller", "envoy-gateway-system", {"control-plane": "envoy-gateway"}),
    Peer("stranger", "default", {"component": "transformer", "app.kubernetes.io/part-of": "tamis"}),
    Peer("intruder", "tamis", {}),
    Peer("issuer", address="192.0.2.10"),
    Peer("managed-postgresql", address="192.0.2.20"),
    Peer("bucket", address="192.0.2.30"),
    Peer("internet", address="198.51.100.1"),
    Peer("metadata-service", address="169.254.169.254"),
)
SERVING = ("predictor", "transformer")
DATABASE_CLIENTS = ("transformer", "mlflow", "retrain", "journal-rotate")
COMMON = {
    *((source, target, 8080) for source in ("gateway", "istio", "task") for target in SERVING[1:]),
    ("transformer", "predictor", 8080),
    *((source, "mlflow", 5000) for source in (*SERVING, "retrain", "task")),
    *(("prometheus", target, 9090) for target in (*SERVING, "retrain")),
    ("alertmanager", "retrain", 8080),
    ("retrain", "kfp", 8888),
}
LOCAL = {
    *((source, "postgresql", 5432) for source in DATABASE_CLIENTS),
    *((source, "s3", 8333) for source in ("mlflow", "retrain", "task")),
}
PRODUCTION = {
    ("transformer", "issuer", 443),
    *((source, "managed-postgresql", 5432) for source in DATABASE_CLIENTS),
    *((source, "bucket", 443) for source in ("mlflow", "retrain")),
}
TABLES = {"overlays/local": COMMON | LOCAL, "overlays/production": COMMON | PRODUCTION}


def _inside(overlay: str) -> list[Peer]:
    """Our own pods; each component of live service and canary counts as the one."""
    found = {}
    for pod in pods((*render(overlay), *deployed())):
        name = pod.labels.get("component") or pod.name.partition("/")[2].removeprefix("tamis-")
        found[pod.name, pod.labels.get("app", "")] = Peer(name, pod.namespace, pod.labels)
    return list(found.values())


def _connections(overlay: str, network: Network) -> set[tuple[str, str, int]]:
    inside = _inside(overlay)
    everyone = [*inside, *OUTSIDE]
    return {
        (source.name, target.name, port)
        for source in everyone
        for target in everyone
        for port in PORTS
        if (source in inside or target in inside)
        and source is not target
        and network.open(source, target, port)
    }


@pytest.mark.parametrize("overlay", TABLES)
def test_connections_are_those_of_the_table(overlay: str) -> None:
    dns = {(source.name, "dns", 53) for source in _inside(overlay)}
    assert _connections(overlay, Network(render(overlay))) == TABLES[overlay] | dns


@pytest.mark.parametrize("overlay", TABLES)
def test_an_intruder_in_the_namespace_reaches_nothing_but_dns(overlay: str) -> None:
    network = Network(render(overlay))
    intruder = next(peer for peer in OUTSIDE if peer.name == "intruder")
    reached = {
        (peer.name, port)
        for peer in (*_inside(overlay), *OUTSIDE)
        for port in PORTS
        if peer is not intruder and network.open(intruder, peer, port)
    }
    assert reached == {("dns", 53)}


@pytest.mark.parametrize("overlay", TABLES)
def test_names_resolve_over_both_protocols(overlay: str) -> None:
    network = Network(render(overlay))
    dns = next(peer for peer in OUTSIDE if peer.name == "dns")
    for pod in _inside(overlay):
        assert network.open(pod, dns, 53, "UDP"), pod.name
        assert not network.open(pod, dns, 5353, "UDP"), pod.name


@pytest.mark.parametrize("overlay", TABLES)
def test_without_any_one_policy_the_table_is_another(overlay: str) -> None:
    """No policy is idle: each one's absence opens or closes something."""
    objects = list(render(overlay))
    whole = _connections(overlay, Network(objects))
    for policy in [item for item in objects if item["kind"] == "NetworkPolicy"]:
        rest = [item for item in objects if item is not policy]
        name = policy["metadata"]["name"]
        if name == "default-deny":
            continue  # it is for pods that the others don't know; see the test of the intruder
        assert _connections(overlay, Network(rest)) != whole, name


def test_default_deny_is_what_stops_an_intruder() -> None:
    objects = [item for item in render("overlays/production") if item["kind"] == "NetworkPolicy"]
    rest = [item for item in objects if item["metadata"]["name"] != "default-deny"]
    metadata = next(peer for peer in OUTSIDE if peer.name == "metadata-service")
    intruder = next(peer for peer in OUTSIDE if peer.name == "intruder")
    outsider = next(peer for peer in OUTSIDE if peer.name == "internet")
    assert not Network(objects).open(outsider, intruder, 8080)
    assert Network(rest).open(outsider, intruder, 8080)
    assert not Network(objects).open(intruder, metadata, 80)


@pytest.mark.parametrize("overlay", TABLES)
def test_each_rule_is_as_narrow_as_it_can_be(overlay: str) -> None:
    """Without its ports or a peer's selector a rule leaves its own end open to somebody else.

    Asked of one end, since a connection that one end allows too freely may still fail at the other.
    """
    objects = list(render(overlay))
    whole = _allowed(overlay, Network(objects))
    changed = _loosened(objects)
    assert len(changed) >= 30
    assert [name for name, mutant in changed if _allowed(overlay, Network(mutant)) == whole] == []


def _allowed(overlay: str, network: Network) -> set[tuple[str, str, str, int]]:
    inside = _inside(overlay)
    return {
        (way, own.name, other.name, port)
        for way in ("Ingress", "Egress")
        for own in inside
        for other in (*inside, *OUTSIDE)
        for port in PORTS
        if network.allows(way, own, other, port)
    }


def _loosened(objects: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    found = []
    for i, policy in enumerate(objects):
        if policy["kind"] != "NetworkPolicy":
            continue
        for side, end in (("ingress", "from"), ("egress", "to")):
            for j, rule in enumerate(policy["spec"].get(side) or []):
                for path in ((), *((k,) for k in range(len(rule[end])))):
                    changed = copy.deepcopy(objects)
                    loose = changed[i]["spec"][side][j]
                    if path:
                        peer = loose[end][path[0]]
                        if "ipBlock" in peer:
                            peer["ipBlock"]["cidr"] = "0.0.0.0/0"
                        else:
                            peer["podSelector"] = {}
                    else:
                        del loose["ports"]
                    found.append((f"{policy['metadata']['name']} {side} {j} {path}", changed))
    return found


def test_selectors_follow_the_rules_of_kubernetes() -> None:
    labels = {"a": "1"}
    assert selects({}, labels)
    assert not selects(None, labels)
    for operator, values, expected in (
        ("In", ["1"], True),
        ("NotIn", ["1"], False),
        ("Exists", None, True),
        ("DoesNotExist", None, False),
    ):
        expression = {"key": "a", "operator": operator, "values": values}
        assert selects({"matchExpressions": [expression]}, labels) is expected
