"""The InferenceService as the API server sees it: in KServe's own terms, hardened, startable."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from components.deploy.inference_service import SPEC, canary_service, inference_service
from components.deploy.settings import DeploySettings
from components.deploy.target import Target
from tests.deploy.typed import unknown_fields

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]
TARGET = Target("tamis", "7", "a" * 64)
URI = "http://mlflow:5000"
VARIANTS = {
    "raw": DeploySettings(),
    "raw-tls": DeploySettings(predictor_tls="p", transformer_tls="t", image_pull_secrets=("r",)),
    "raw-s3": DeploySettings(storage="s3", uri="s3://models/tamis/"),
    "raw-pvc": DeploySettings(mode="Standard", storage="pvc", uri="pvc://models"),
    "knative": DeploySettings(mode="Serverless", storage="s3", uri="s3://models"),
}


@pytest.fixture(params=VARIANTS)
def settings(request: pytest.FixtureRequest) -> DeploySettings:
    chosen = VARIANTS[request.param]
    chosen.check()
    return chosen


def built(settings: DeploySettings) -> dict[str, Any]:
    return inference_service(settings, TARGET, "serving", URI)


def pods(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield document["spec"]["predictor"]
    yield document["spec"]["transformer"]


def containers(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for pod in pods(document):
        yield from [*pod.get("initContainers", []), *pod["containers"]]


def test_every_field_is_one_of_kserves(settings: DeploySettings) -> None:
    for make in (inference_service, canary_service):
        document = make(settings, TARGET, "serving", URI)
        assert list(unknown_fields(document, "V1beta1InferenceService")) == []


def test_the_check_itself_finds_a_wrong_field() -> None:
    document = built(DeploySettings())
    document["spec"]["predictor"]["containers"][0]["securityContex"] = {}
    document["spec"]["transformer"]["minReplicas"] = "1"
    assert len(list(unknown_fields(document, "V1beta1InferenceService"))) == 2


def test_every_container_is_hardened(settings: DeploySettings) -> None:
    for container in containers(built(settings)):
        assert container["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        for kind in ("requests", "limits"):
            assert set(container["resources"][kind]) == {"cpu", "memory", "ephemeral-storage"}
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]


def test_pods_have_no_token_and_bounded_scratch(settings: DeploySettings) -> None:
    for pod in pods(built(settings)):
        assert pod["automountServiceAccountToken"] is False
        assert pod["serviceAccountName"] == "tamis-serving"
        for volume in pod["volumes"]:
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"]
        mounted = {m["name"] for c in [*pod["containers"], *pod.get("initContainers", [])]
                   for m in c["volumeMounts"]}  # fmt: skip
        assert mounted == {volume["name"] for volume in pod["volumes"]}
        if "securityContext" in pod:
            assert pod["securityContext"]["runAsNonRoot"] is True


def test_probes_differ(settings: DeploySettings) -> None:
    for pod in pods(built(settings)):
        (container,) = pod["containers"]
        names = [name for name in container if name.endswith("Probe")]
        assert {"livenessProbe", "readinessProbe"} <= set(names)
        assert len({str(container[name]) for name in names}) == len(names)
        live = container["livenessProbe"]
        assert live["httpGet"]["path"] == "/v2/health/live"
        assert live["periodSeconds"] * live["failureThreshold"] >= 60


def test_knative_gets_nothing_that_it_refuses() -> None:
    for pod in pods(built(VARIANTS["knative"])):
        assert not {"initContainers", "securityContext", "terminationGracePeriodSeconds",
                    "deploymentStrategy"} & pod.keys()  # fmt: skip
        (container,) = pod["containers"]
        assert [port["name"] for port in container["ports"]] == ["http1"]
        assert "startupProbe" not in container


def test_both_servers_understand_their_arguments(settings: DeploySettings) -> None:
    from serving.predictor.door import read_settings
    from serving.transformer.command import _overrides, _parser

    predictor, transformer = (pod["containers"][0] for pod in pods(built(settings)))
    told = read_settings(predictor["args"])
    assert (str(told.bundle), told.served_name, told.host, told.port) == (
        "/mnt/models", "tamis", "0.0.0.0", 8080,
    )  # fmt: skip
    assert (told.tls is not None) == bool(settings.predictor_tls)
    given = _overrides(_parser().parse_args(transformer["args"]))
    scheme = "https" if settings.predictor_tls else "http"
    assert given["predictor"] == f"{scheme}://tamis-predictor.serving.svc.cluster.local:80"
    assert (given["model"], given["port"]) == ("tamis", 8080)
    for name in ("--model_name", "--predictor_host", "--http_port"):  # else KServe would add them
        assert name in transformer["args"]


@pytest.mark.parametrize(
    ("variant", "uri"),
    [("raw-s3", "s3://models/tamis/" + "a" * 64), ("raw-pvc", "pvc://models/" + "a" * 64)],
)
def test_kserve_fetches_what_lies_under_the_bundles_digest(variant: str, uri: str) -> None:
    for pod in pods(built(VARIANTS[variant])):
        assert {"name": "STORAGE_URI", "value": uri} in pod["containers"][0]["env"]
        assert "initContainers" not in pod


def test_mlflows_bundle_is_fetched_by_version_and_digest() -> None:
    from components.registry.fetch import parser

    for pod in pods(built(DeploySettings())):
        (fetch,) = pod["initContainers"]
        told = parser().parse_args(fetch["args"])
        assert (told.model, told.version, told.digest) == ("tamis", "7", "a" * 64)
        variables = {item["name"]: item for item in fetch["env"]}
        assert variables["MLFLOW_TRACKING_URI"]["value"] == URI
        secret = variables["MLFLOW_TRACKING_PASSWORD"]["valueFrom"]["secretKeyRef"]
        assert secret == {"name": "mlflow-client", "key": "password", "optional": True}


def test_the_same_content_has_the_same_digest_and_another_another() -> None:
    once, again = built(DeploySettings()), built(DeploySettings())
    assert once == again
    digest = once["metadata"]["annotations"][SPEC]
    for change in ({"predictor_image": "other:1"}, {"max_replicas": 5}, {"config_map": "c"}):
        other = built(replace(DeploySettings(), **change))
        assert other["metadata"]["annotations"][SPEC] != digest
    version = inference_service(DeploySettings(), replace(TARGET, digest="b" * 64), "serving", URI)
    assert version["metadata"]["annotations"][SPEC] != digest


def test_a_new_bundle_changes_both_components_and_an_image_only_its_own() -> None:
    def own(document: dict[str, Any]) -> dict[str, str]:
        given = document["metadata"]["annotations"]
        return {c: given[f"deploy.tamis/{c}"] for c in ("predictor", "transformer")}

    before = own(built(DeploySettings()))
    image = own(built(DeploySettings(transformer_image="other:1")))
    assert image["predictor"] == before["predictor"]
    assert image["transformer"] != before["transformer"]
    bundle = own(inference_service(DeploySettings(), replace(TARGET, digest="b" * 64), "s", URI))
    assert not set(bundle.values()) & set(before.values())


def test_the_canary_stands_in_for_the_service_and_stays_inside() -> None:
    document = canary_service(DeploySettings(min_replicas=3, max_replicas=9), TARGET, "s", URI)
    assert document["metadata"]["name"] == "tamis-canary"
    visibility = document["metadata"]["labels"]["networking.kserve.io/visibility"]
    assert visibility == "cluster-local"
    for pod in pods(document):
        assert (pod["minReplicas"], pod["maxReplicas"]) == (1, 1)
    arguments = document["spec"]["transformer"]["containers"][0]["args"]
    assert "http://tamis-canary-predictor.s.svc.cluster.local:80" in arguments
    assert "tamis" in arguments, "the model's name in the URL is the service's"


def test_sizes_of_names_leave_room_for_kserves_suffixes() -> None:
    name = "a" + "b" * 35
    settings = DeploySettings(name=name)
    settings.check()
    assert len(f"{name}-canary-transformer") <= 63
    assert copy.deepcopy(settings) == settings
