"""Every pod of this project: of the overlays, and of the deploy stage in all its modes."""

from __future__ import annotations

import functools
import itertools

from components.deploy.inference_service import canary_service, inference_service
from components.deploy.settings import DeploySettings
from components.deploy.target import Target
from tests.manifests.rendered import Object, Pod, pods, render

OVERLAYS = {"overlays/local": False, "overlays/production": True, "service": True}
"""Folder under `manifests/` -> whether it is for production."""
REGISTRY = "registry.example.com/tamis"
TARGET = Target("tamis", "1", "0" * 64)
TRACKING_URI = "http://mlflow.tamis.svc.cluster.local:5000"


def production_settings(**changes: object) -> DeploySettings:
    """What the deploy stage is told in production."""
    values = {
        "namespace": "tamis",
        "tracking_uri": TRACKING_URI,
        "predictor_image": f"{REGISTRY}/tamis-predictor@sha256:{'3' * 64}",
        "transformer_image": f"{REGISTRY}/tamis-transformer@sha256:{'4' * 64}",
        "pinned": True,
        "predictor_tls": "tamis-predictor-tls",
        "transformer_tls": "tamis-transformer-tls",
        "min_replicas": 2,
        "max_replicas": 8,
    }
    return DeploySettings(**{**values, **changes})  # type: ignore[arg-type]


@functools.cache
def deployed() -> tuple[Object, ...]:
    """InferenceServices that the deploy stage makes where KServe runs plain Deployments."""
    made = []
    for storage, mode in itertools.product(("mlflow", "s3", "pvc"), ("RawDeployment", "Standard")):
        uri = "" if storage == "mlflow" else f"{storage}://tamis/bundles"
        settings = production_settings(storage=storage, uri=uri, mode=mode)
        made += [
            build(settings, TARGET, "tamis", TRACKING_URI)
            for build in (inference_service, canary_service)
        ]
    return tuple(made)


@functools.cache
def every_pod() -> tuple[Pod, ...]:
    """All of them."""
    found = [pod for folder, live in OVERLAYS.items() for pod in pods(render(folder), live)]
    return (*found, *pods(deployed(), production=True))
