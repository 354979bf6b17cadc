"""The deploy stage: the registered champion behind a live, proved InferenceService."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from components.cluster.objects import CustomObjects
from components.contract import logs
from components.contract.artifact import Manifest, publish, read_manifest
from components.contract.bundle import Bundle
from components.contract.decorators import logged, timed, validated
from components.contract.environment import environment
from components.deploy.bundle_store import put_bundle
from components.deploy.settings import DeploySettings
from components.deploy.target import Target
from components.registry.aliases import Registry, Version
from components.registry.champion import local_bundle

KIND = "deployment"
REGISTRATION = "registration"

Connect = Callable[[DeploySettings], CustomObjects]
Fetch = Callable[[Target, Path], Path]
"""Gives a version's bundle; what it downloads, it puts into a folder that is removed later."""


def connect_kserve(settings: DeploySettings) -> CustomObjects:
    """The cluster's InferenceServices, in the settings' namespace or the stage's own."""
    from components.cluster.objects import connect, own_namespace
    from components.deploy.inference_service import API_VERSION, GROUP, PLURAL

    namespace = settings.namespace or own_namespace()
    return CustomObjects(connect(), namespace, GROUP, API_VERSION, PLURAL)


def fetch_registered(target: Target, store: Path) -> Path:
    """A version's bundle from the environment's MLflow, downloaded into a folder."""
    registry = Registry(environment().tracking_uri, target.model)
    return local_bundle(registry, Version(target.version, {"bundle_digest": target.digest}), store)


@logged("deploy")
@timed("deploy")
@validated
def deploy(
    registration: Path,
    out: Path,
    settings: DeploySettings,
    connect: Connect = connect_kserve,
    fetch: Fetch = fetch_registered,
) -> Manifest:
    """Serve the champion of a registration, canary first.

    Idempotent: what is served already is only asked again. A kill at any step leaves the earlier
    version serving, and another run finishes.

    Args:
        registration: The published registration; its `champion` is what is deployed.
        out: Where the outcome is published.
        settings: What, where and how carefully.
        connect: Gives the cluster's InferenceServices.
        fetch: Gives the champion's bundle, from the environment's MLflow.

    Returns:
        The manifest; facts: `outcome` (`deployed`, `unchanged`, or `skipped` when there is no
        champion), `name`, `namespace`, `model_name`, `version`, `bundle_digest`.

    Raises:
        RolloutError: `not_ready`, `no_answer`, `wrong_prediction`, `not_allowed`, `no_address`,
            `invalid_spec`; the earlier version serves on.
        ConflictError: `changed_meanwhile`.
        TamisError: `forbidden`, `refused`, `cluster_unreachable`, `store_failed`, and what
            fetching the bundle raises.
    """
    facts = read_manifest(registration, REGISTRATION).facts
    champion = facts["champion"]
    told = {"outcome": "skipped", "name": settings.name, "model_name": facts["model_name"]}
    if champion is None:
        logs.event("skipped", stage="deploy", message="There is no champion to deploy.")
    else:
        target = Target(facts["model_name"], champion["version"], champion["bundle_digest"])
        api = connect(settings)
        told |= {
            "outcome": _roll_out(target, settings, api, fetch),
            "namespace": api.namespace,
            "version": target.version,
            "bundle_digest": target.digest,
        }
    with publish(out, KIND) as draft:
        draft.facts.update(told)
    return read_manifest(out, KIND)


def _roll_out(target: Target, settings: DeploySettings, api: CustomObjects, fetch: Fetch) -> str:
    from components.deploy.inference_service import (
        canary_name,
        canary_service,
        inference_service,
    )
    from components.deploy.replacement import Replacement
    from components.deploy.rollout import Rollout, Strategy
    from components.deploy.smoke import Smoke, golden_rows
    from components.deploy.traffic_split import TrafficSplit

    uri = environment().tracking_uri
    with tempfile.TemporaryDirectory(prefix="deploy-") as store:
        path = fetch(target, Path(store))
        bundle = Bundle.open(path)
        put_bundle(bundle, settings)
        golden = golden_rows(path, target.digest, settings.smoke.texts)
    pods_uri = settings.tracking_uri or uri
    wanted = inference_service(settings, target, api.namespace, pods_uri)
    smoke = Smoke(settings.smoke, settings.name, golden, api.issue_token)
    rollout = Rollout(api, settings, smoke)
    live = api.get(settings.name)
    split = settings.knative and live is not None and api.get(canary_name(settings)) is None
    strategy: Strategy
    if split:
        strategy = TrafficSplit(rollout, wanted)
    else:
        canary = canary_service(settings, target, api.namespace, pods_uri)
        strategy = Replacement(rollout, wanted, canary)
    return strategy.run(live)
