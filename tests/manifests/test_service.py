"""The service that the manifests hold is the one that the deploy stage makes."""

from __future__ import annotations

from components.deploy.inference_service import BUNDLE_DIGEST, MODE, SPEC, inference_service
from components.deploy.rollout import same
from tests.manifests.rendered import MANIFESTS, pods, render
from tests.manifests.sources import TARGET, TRACKING_URI, deployed, production_settings


def test_it_is_what_the_deploy_stage_makes() -> None:
    (ours,) = render("service")
    theirs = inference_service(production_settings(), TARGET, "tamis", TRACKING_URI)
    assert ours["spec"] == theirs["spec"]
    assert ours["metadata"]["labels"] == theirs["metadata"]["labels"]
    mode = theirs["metadata"]["annotations"][MODE]
    assert ours["metadata"]["annotations"] == {MODE: mode, SPEC: "by-hand"}
    assert not same(ours, theirs)
    assert theirs["metadata"]["annotations"][BUNDLE_DIGEST] == TARGET.digest


def test_a_version_and_a_digest_are_set_in_one_place() -> None:
    text = (MANIFESTS / "service" / "version.yaml").read_text(encoding="utf-8")
    assert f'version: "{TARGET.version}"' in text
    assert TARGET.digest in text
    for file in ("predictor.yaml", "transformer.yaml"):
        assert TARGET.digest not in (MANIFESTS / "service" / file).read_text(encoding="utf-8")


def test_pods_end_after_their_last_request() -> None:
    """The farewell that Kubernetes allows is longer than draining and finishing together."""
    for pod in pods(deployed()):
        arguments = pod.spec["containers"][0]["args"]
        if "--drain-seconds" in arguments:
            drain, grace = (
                float(arguments[arguments.index(flag) + 1])
                for flag in ("--drain-seconds", "--grace-seconds")
            )
            assert pod.spec["terminationGracePeriodSeconds"] > drain + grace, pod.name


def test_the_quota_holds_the_service_at_its_largest_and_a_canary() -> None:
    from tests.manifests.policy import quantity

    (quota,) = (i for i in render("overlays/production") if i["kind"] == "ResourceQuota")
    needed = dict.fromkeys(
        (f"{side}.{name}" for side in ("requests", "limits") for name in ("cpu", "memory")), 0
    )
    replicas = {}
    for item in (*render("overlays/production"), *deployed()):
        if item["kind"] == "InferenceService":
            for component in ("predictor", "transformer"):
                name = f"InferenceService/{item['metadata']['name']}-{component}"
                replicas[name] = item["spec"][component]["maxReplicas"]
    each = {pod.name: pod for pod in pods((*render("overlays/production"), *deployed()))}
    for name, pod in each.items():
        for container in pod.spec["containers"]:
            for side, values in container["resources"].items():
                for resource in ("cpu", "memory"):
                    amount = quantity(values[resource]) * replicas.get(name, 1)
                    needed[f"{side}.{resource}"] += amount
    for name, amount in needed.items():
        assert amount <= quantity(quota["spec"]["hard"][name]), name
