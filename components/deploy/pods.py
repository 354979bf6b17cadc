"""The hardened containers of a predictor's and a transformer's pod, as typed objects.

What a pod of the `restricted` Pod Security Standard must say is said here for every container
(https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted), and beyond it a
read-only root file system. It is said of containers, since Knative refuses a pod's own context.
"""

from __future__ import annotations

from typing import Any

from kubernetes import client as k8s

from components.deploy.settings import ContainerResources, DeploySettings
from components.deploy.target import Target

USER = 10_001
BUNDLE = "/mnt/models"
"""Where KServe's storage initializer puts a model, and so does ours."""
PORT, METRICS_PORT = 8080, 9090
CONTAINER = "kserve-container"
TLS = "/etc/tamis-tls"
DRAIN_S, GRACE_S = 10, 30
"""Endpoints take a few seconds to leave every node's tables; requests end within their deadline."""
STARTUP_TRIES = 60
"""Of 5 s each: a bundle is loaded and replayed in seconds, a drift worker starts slower."""


def predictor_container(settings: DeploySettings, target: Target) -> Any:
    """The container that scores.

    Args:
        settings: The stage's parameters.
        target: What it serves.

    Returns:
        A `V1Container`.
    """
    arguments = [
        *("--bundle", BUNDLE, "--model-name", settings.name),
        *("--host", "0.0.0.0", "--port", str(PORT)),  # noqa: S104 - a pod's own address
        *("--reload-seconds", "0", "--grace-seconds", str(GRACE_S)),
    ]
    mounts = []
    if settings.predictor_tls:
        arguments += ["--tls-cert", f"{TLS}/tls.crt", "--tls-key", f"{TLS}/tls.key"]
        arguments += ["--tls-client-ca", f"{TLS}/ca.crt"]
        mounts.append(_mount("tls", TLS))
    if settings.knative:
        probes = _probes(settings, PORT, f"/v2/models/{settings.name}/ready", "HTTP")
    else:
        # A kubelet has no client certificate to show at the port for requests.
        arguments += ["--metrics-port", str(METRICS_PORT), "--drain-seconds", str(DRAIN_S)]
        probes = _probes(settings, METRICS_PORT, "/v2/health/ready", "HTTP")
    return k8s.V1Container(
        name=CONTAINER,
        image=settings.predictor_image,
        image_pull_policy="IfNotPresent",
        command=["python", "-m", "serving.predictor"],
        args=arguments,
        env=[*_storage_variable(settings, target), k8s.V1EnvVar(name="HOME", value="/tmp")],  # noqa: S108
        ports=_ports(settings, "https" if settings.predictor_tls else "http"),
        resources=_resources(settings.predictor),
        security_context=security_context(),
        volume_mounts=[*_bundle_mounts(settings), _tmp(), *mounts],
        **probes,
    )


def transformer_container(
    settings: DeploySettings, target: Target, name: str, namespace: str
) -> Any:
    """The container that authenticates, forwards and watches.

    Its arguments are spelled as KServe spells those that it would add, which it thus leaves out.

    Args:
        settings: The stage's parameters.
        target: What it stands before; its bundle holds the drift reference.
        name: The InferenceService that it belongs to.
        namespace: That one's namespace.

    Returns:
        A `V1Container`.
    """
    scheme = "https" if settings.predictor_tls else "http"
    host = f"{name}-predictor.{namespace}.svc.cluster.local"
    arguments = [
        *("--config", "/etc/tamis/serving.yaml", "--model_name", settings.name),
        *("--predictor_host", f"{scheme}://{host}:{settings.service_port}"),
        *("--host", "0.0.0.0", "--http_port", str(PORT)),  # noqa: S104 - a pod's own address
    ]
    mounts = [_mount("config", "/etc/tamis"), _mount("keys", "/etc/tamis-keys")]
    if settings.transformer_tls:
        mounts.append(_mount("tls", TLS))
    if not settings.knative:
        arguments += ["--metrics-port", str(METRICS_PORT)]
    return k8s.V1Container(
        name=CONTAINER,
        image=settings.transformer_image,
        image_pull_policy="IfNotPresent",
        command=["python", "-m", "serving.transformer"],
        args=arguments,
        env=[*_storage_variable(settings, target), k8s.V1EnvVar(name="HOME", value="/tmp")],  # noqa: S108
        env_from=[
            k8s.V1EnvFromSource(
                secret_ref=k8s.V1SecretEnvSource(name=settings.env_secret, optional=True)
            )
        ],
        ports=_ports(settings, "https" if settings.transformer_tls else "http"),
        resources=_resources(settings.transformer),
        security_context=security_context(),
        volume_mounts=[*_bundle_mounts(settings), _tmp(), *mounts],
        **_probes(
            settings,
            PORT,
            "/v2/health/ready",
            "HTTPS" if settings.transformer_tls else "HTTP",
        ),
    )


def fetch_container(settings: DeploySettings, target: Target, tracking_uri: str) -> Any:
    """The init container that fetches the bundle from MLflow.

    Args:
        settings: The stage's parameters.
        target: What it fetches.
        tracking_uri: MLflow's address.

    Returns:
        A `V1Container`; its image is the predictor's, which holds the registry's client.
    """
    secret = settings.mlflow_secret
    variables = {"username": "MLFLOW_TRACKING_USERNAME", "password": "MLFLOW_TRACKING_PASSWORD"}
    return k8s.V1Container(
        name="fetch-bundle",
        image=settings.predictor_image,
        image_pull_policy="IfNotPresent",
        command=["python", "-m", "components.registry.fetch"],
        args=[
            *("--model", target.model, "--version", target.version),
            *("--digest", target.digest, "--out", BUNDLE),
        ],
        env=[
            k8s.V1EnvVar(name="HOME", value="/tmp"),  # noqa: S108
            k8s.V1EnvVar(name="MLFLOW_TRACKING_URI", value=tracking_uri),
            *(
                k8s.V1EnvVar(
                    name=variable,
                    value_from=k8s.V1EnvVarSource(
                        secret_key_ref=k8s.V1SecretKeySelector(name=secret, key=key, optional=True)
                    ),
                )
                for key, variable in variables.items()
            ),
        ],
        resources=_resources(settings.predictor),
        security_context=security_context(),
        volume_mounts=[k8s.V1VolumeMount(name="bundle", mount_path=BUNDLE), _tmp()],
    )


def security_context() -> Any:
    """The `V1SecurityContext` of every container."""
    return k8s.V1SecurityContext(
        run_as_non_root=True,
        run_as_user=USER,
        run_as_group=USER,
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=k8s.V1Capabilities(drop=["ALL"]),
        seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
    )


def _probes(settings: DeploySettings, port: int, ready: str, scheme: str) -> dict[str, Any]:
    """Start-up, then readiness, then liveness: the last alone restarts, so it asks the least."""

    def probe(path: str, period: int, tries: int, delay: int | None = None) -> Any:
        return k8s.V1Probe(
            http_get=k8s.V1HTTPGetAction(path=path, port=port, scheme=scheme),
            initial_delay_seconds=delay,
            period_seconds=period,
            timeout_seconds=3,
            failure_threshold=tries,
        )

    if settings.knative:
        # Knative refuses a start-up probe in older releases; its own waits for readiness.
        return {
            "liveness_probe": probe("/v2/health/live", 15, 4, delay=5 * STARTUP_TRIES),
            "readiness_probe": probe(ready, 5, 3),
        }
    return {
        "startup_probe": probe("/v2/health/live", 5, STARTUP_TRIES),
        "liveness_probe": probe("/v2/health/live", 15, 4),
        "readiness_probe": probe(ready, 5, 3),
    }


def _ports(settings: DeploySettings, scheme: str) -> list[Any]:
    if settings.knative:  # one port, of a name that Knative knows
        return [k8s.V1ContainerPort(name="http1", container_port=PORT, protocol="TCP")]
    return [
        k8s.V1ContainerPort(name=scheme, container_port=PORT, protocol="TCP"),
        k8s.V1ContainerPort(name="metrics", container_port=METRICS_PORT, protocol="TCP"),
    ]


def _resources(own: ContainerResources) -> Any:
    return k8s.V1ResourceRequirements(
        requests={
            "cpu": own.cpu_request,
            "memory": own.memory_request,
            "ephemeral-storage": own.ephemeral_request,
        },
        limits={
            "cpu": own.cpu_limit,
            "memory": own.memory_limit,
            "ephemeral-storage": own.ephemeral_limit,
        },
    )


def _storage_variable(settings: DeploySettings, target: Target) -> list[Any]:
    if settings.storage == "mlflow":
        return []
    # KServe's webhook reads this of a custom container and mounts the model at /mnt/models.
    uri = f"{settings.uri.rstrip('/')}/{target.digest}"
    return [k8s.V1EnvVar(name="STORAGE_URI", value=uri)]


def _bundle_mounts(settings: DeploySettings) -> list[Any]:
    if settings.storage != "mlflow":
        return []
    return [k8s.V1VolumeMount(name="bundle", mount_path=BUNDLE, read_only=True)]


def _mount(volume: str, path: str) -> Any:
    return k8s.V1VolumeMount(name=volume, mount_path=path, read_only=True)


def _tmp() -> Any:
    return k8s.V1VolumeMount(name="tmp", mount_path="/tmp")  # noqa: S108
