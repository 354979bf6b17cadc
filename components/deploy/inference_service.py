"""The InferenceService of a registered version, built with KServe's own models."""

from __future__ import annotations

import sys
from typing import Any

from components.deploy.settings import DeploySettings
from components.deploy.target import Target, content_digest

GROUP, API_VERSION, PLURAL = "serving.kserve.io", "v1beta1", "inferenceservices"
MODE = "serving.kserve.io/deploymentMode"
SPEC, BUNDLE_DIGEST, VERSION = "deploy.tamis/spec", "deploy.tamis/bundle", "deploy.tamis/version"
"""Annotations. KServe copies them to the pods, so none may change while the spec stays."""
COMPONENTS = ("predictor", "transformer")
PRIVATE = {"networking.kserve.io/visibility": "cluster-local"}
GRACE_S = 60
"""A pod's whole farewell: draining, then the requests under way."""


def component_annotation(component: str) -> str:
    """The annotation that holds a component's own digest."""
    return f"deploy.tamis/{component}"


def inference_service(
    settings: DeploySettings, target: Target, namespace: str, tracking_uri: str
) -> dict[str, Any]:
    """The InferenceService as the API server takes it.

    Args:
        settings: The stage's parameters.
        target: What is served.
        namespace: Where.
        tracking_uri: MLflow's address, for `storage: mlflow`.

    Returns:
        A plain mapping; its annotations identify it by content.
    """
    return _service(settings, target, namespace, tracking_uri, settings.name)


def canary_service(
    settings: DeploySettings, target: Target, namespace: str, tracking_uri: str
) -> dict[str, Any]:
    """The same under `<name>-canary`: one pod of each, unreachable from outside the cluster.

    Args:
        settings: The stage's parameters.
        target: What is served.
        namespace: Where.
        tracking_uri: MLflow's address, for `storage: mlflow`.

    Returns:
        A plain mapping; its annotations are those of the service that it stands in for.
    """
    name = canary_name(settings)
    document = _service(settings, target, namespace, tracking_uri, name)
    for component in COMPONENTS:
        document["spec"][component] |= {"minReplicas": 1, "maxReplicas": 1}
    wanted = inference_service(settings, target, namespace, tracking_uri)
    document["metadata"]["annotations"] = wanted["metadata"]["annotations"]
    document["metadata"]["labels"] |= PRIVATE
    return document


def canary_name(settings: DeploySettings) -> str:
    """The canary's own InferenceService."""
    return f"{settings.name}-canary"


def _service(
    settings: DeploySettings, target: Target, namespace: str, tracking_uri: str, name: str
) -> dict[str, Any]:
    from kubernetes import client as k8s

    kserve = _import_kserve()
    spec = kserve.V1beta1InferenceServiceSpec(
        predictor=kserve.V1beta1PredictorSpec(
            **_component(settings, "predictor", target, name, namespace, tracking_uri)
        ),
        transformer=kserve.V1beta1TransformerSpec(
            **_component(settings, "transformer", target, name, namespace, tracking_uri)
        ),
    )
    plain = k8s.ApiClient().sanitize_for_serialization(spec)
    annotations = {
        MODE: settings.mode,
        SPEC: content_digest(plain),
        BUNDLE_DIGEST: target.digest,
        VERSION: target.version,
        **{component_annotation(c): content_digest(plain[c]) for c in COMPONENTS},
    }
    document: dict[str, Any] = k8s.ApiClient().sanitize_for_serialization(
        kserve.V1beta1InferenceService(
            api_version=f"{GROUP}/{API_VERSION}",
            kind="InferenceService",
            metadata=k8s.V1ObjectMeta(
                name=name,
                namespace=namespace,
                annotations=annotations,
                labels={
                    "app.kubernetes.io/name": settings.name,
                    "app.kubernetes.io/part-of": "tamis",
                    "app.kubernetes.io/managed-by": "tamis-deploy",
                },
            ),
            spec=spec,
        )
    )
    return document


def _component(
    settings: DeploySettings,
    component: str,
    target: Target,
    name: str,
    namespace: str,
    tracking_uri: str,
) -> dict[str, Any]:
    """A component's pod and scale: the fields that predictors and transformers have in common."""
    from kubernetes import client as k8s

    from components.deploy import pods

    if component == "predictor":
        container = pods.predictor_container(settings, target)
    else:
        container = pods.transformer_container(settings, target, name, namespace)
    fields: dict[str, Any] = {
        "containers": [container],
        "volumes": _volumes(settings, component),
        "min_replicas": settings.min_replicas,
        "max_replicas": settings.max_replicas,
        "service_account_name": settings.service_account,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "image_pull_secrets": [
            k8s.V1LocalObjectReference(name=secret) for secret in settings.image_pull_secrets
        ]
        or None,
    }
    if settings.knative:  # which refuses what follows
        return fields
    if settings.storage == "mlflow":
        fields["init_containers"] = [pods.fetch_container(settings, target, tracking_uri)]
    fields["termination_grace_period_seconds"] = GRACE_S
    fields["security_context"] = k8s.V1PodSecurityContext(
        run_as_non_root=True,
        run_as_user=pods.USER,
        run_as_group=pods.USER,
        fs_group=pods.USER,
        seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
    )
    return fields


def _volumes(settings: DeploySettings, component: str) -> list[Any]:
    from kubernetes import client as k8s

    own = settings.predictor if component == "predictor" else settings.transformer
    size = own.ephemeral_limit
    volumes = [k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource(size_limit=size))]
    if settings.storage == "mlflow":
        empty = k8s.V1EmptyDirVolumeSource(size_limit=size)
        volumes.append(k8s.V1Volume(name="bundle", empty_dir=empty))
    if component == "transformer":
        volumes += [
            k8s.V1Volume(
                name="config", config_map=k8s.V1ConfigMapVolumeSource(name=settings.config_map)
            ),
            _secret_volume(settings, "keys", settings.keys_secret, optional=True),
        ]
    tls = settings.predictor_tls if component == "predictor" else settings.transformer_tls
    if tls:
        volumes.append(_secret_volume(settings, "tls", tls, optional=False))
    return volumes


def _secret_volume(settings: DeploySettings, name: str, secret: str, optional: bool) -> Any:
    from kubernetes import client as k8s

    # The files are root's; the pod's fsGroup may read them, and Knative allows no fsGroup.
    mode = 0o444 if settings.knative else 0o440
    source = k8s.V1SecretVolumeSource(secret_name=secret, optional=optional, default_mode=mode)
    return k8s.V1Volume(name=name, secret=source)


def _import_kserve() -> Any:
    """KServe's package, which parses the command line when it is imported."""
    argv, sys.argv = sys.argv, sys.argv[:1]
    try:
        import kserve
    finally:
        sys.argv = argv
    return kserve
