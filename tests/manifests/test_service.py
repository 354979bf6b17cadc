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


def test_what_is_scraped_is_a_port_of_the_pods() -> None:
    from tests.manifests.reachability import selects

    monitors = [item for item in render("overlays/production") if item["kind"] == "PodMonitor"]
    everything = list(pods((*render("overlays/production"), *deployed())))
    for item in monitors:
        chosen = [pod for pod in everything if selects(item["spec"]["selector"], pod.labels)]
        assert chosen, item["metadata"]["name"]
        for pod in chosen:
            ports = {port["name"] for port in pod.spec["containers"][0]["ports"]}
            assert {end["port"] for end in item["spec"]["podMetricsEndpoints"]} <= ports, pod.name


def test_certificates_are_of_the_names_that_are_called() -> None:
    names: dict[str, list[str]] = {}
    for item in render("overlays/production"):
        if item["kind"] == "Certificate":
            names[item["spec"]["secretName"]] = item["spec"].get("dnsNames", [])
    for pod in pods(deployed()):
        if not pod.name.endswith("-transformer"):
            continue
        arguments = pod.spec["containers"][0]["args"]
        url = arguments[arguments.index("--predictor_host") + 1]
        host = url.removeprefix("https://").partition(":")[0]
        assert url.startswith("https://")
        assert host in names["tamis-predictor-tls"]
        assert host.replace("-predictor.", "-transformer.") in names["tamis-transformer-tls"]
    (backend,) = (i for i in render("overlays/production") if i["kind"] == "BackendTLSPolicy")
    assert backend["spec"]["validation"]["hostname"] in names["tamis-transformer-tls"]
    (gateway,) = (i for i in render("overlays/production") if i["kind"] == "Gateway")
    for listener in gateway["spec"]["listeners"]:
        (secret,) = (ref["name"] for ref in listener["tls"]["certificateRefs"])
        assert listener["hostname"] in names[secret]


def test_only_the_transformer_s_certificate_is_a_client_s() -> None:
    """The predictor lets in whoever shows one of this authority, so nobody else may have one."""
    clients = {
        item["metadata"]["name"]
        for item in render("overlays/production")
        if item["kind"] == "Certificate" and "client auth" in item["spec"].get("usages", [])
    }
    assert clients == {"tamis-transformer"}
