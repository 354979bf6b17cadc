"""The register stage: candidates into MLflow, the best one through the gate."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.contract import logs
from components.contract.artifact import Manifest, publish, read_manifest, verify, write_json
from components.contract.bundle import Bundle
from components.contract.cache import cache_key
from components.contract.dataset import Dataset
from components.contract.decorators import logged, timed, validated
from components.contract.environment import environment
from components.contract.errors import InputError, TamisError
from components.register.gate import Decision, choose
from components.register.revision import git_revision, tamis_version
from components.register.settings import RegisterSettings
from components.registry.aliases import (
    CHALLENGER,
    CHAMPION,
    Registry,
    Version,
    decision_tags,
)

KIND = "registration"
CODE = ("contract", "register", "catalogue.py")
DECISION_FILE = "decision.json"


@dataclass(frozen=True)
class Candidate:
    """A trained model and what evaluating it found.

    Attributes:
        bundle: Its published bundle.
        evaluation: Its published evaluation on this dataset.
    """

    bundle: Path
    evaluation: Path


@dataclass(frozen=True)
class _Opened:
    bundle: Bundle
    evaluation: Path
    metrics: Mapping[str, Any]


def register(
    dataset: Path,
    candidates: Mapping[str, Candidate],
    out: Path,
    settings: RegisterSettings,
    run_id: str = "",
    registry: Registry | None = None,
) -> Manifest:
    """Register candidates and promote the best one if the gate lets it through.

    A result is kept in the stage cache together with the fingerprint that the registry had when
    it was done, and recalled only while the registry still has that fingerprint. A run that
    changes nothing thus needs no MLflow.

    Args:
        dataset: The published dataset that the candidates were trained and evaluated on.
        candidates: Architecture -> candidate.
        out: Where `decision.json` is published.
        settings: Names and the gate's parameters.
        run_id: The pipeline run, kept as a tag.
        registry: Where to register; the environment's by default.

    Returns:
        The manifest; facts: `model_name`, `versions`, `champion`, `challenger`, `decision`,
        `bundle_digests`, `data_digest`, `git_revision`, `registry` (its fingerprint when done).

    Raises:
        InputError: `no_candidates`, `mismatched_candidate`, or what opening an artifact raises.
        TamisError: `registry_unreachable`, `tracking_failed`, `champion_moved`.
    """
    registry = registry or Registry(environment().tracking_uri, settings.model_name)
    entry = _cache_entry(dataset, candidates, settings)
    if entry is not None:
        kept = _recalled(entry, registry)
        if kept is not None:
            _copy(entry, kept, out)
            logs.event("cached", stage="register")
            return kept
    manifest = _register(dataset, candidates, out, settings, run_id, registry)
    if entry is not None:
        _copy(out, manifest, entry)
    return manifest


@logged("register")
@timed("register")
@validated
def _register(
    dataset: Path,
    candidates: Mapping[str, Candidate],
    out: Path,
    settings: RegisterSettings,
    run_id: str,
    registry: Registry,
) -> Manifest:
    from components.register.contest import contest
    from components.register.tracking import Tracking

    data = Dataset.open(dataset)
    opened = {name: _open(name, pair, data) for name, pair in sorted(candidates.items())}
    if not opened:
        raise InputError("no_candidates", "There is no candidate to register.")
    tracking = Tracking(registry, settings.experiment)
    versions = {}
    for name, candidate in opened.items():
        digest = candidate.bundle.manifest.digest
        versions[name] = tracking.version_of(digest) or tracking.register(
            candidate.bundle, candidate.evaluation, _tags(candidate.bundle, run_id)
        )
    best = choose({n: float(c.metrics["validation"][settings.metric]) for n, c in opened.items()})
    challenger = versions[best]
    tracking.point(CHALLENGER, challenger)
    champion = registry.resolve(CHAMPION)
    decision = contest(
        data, opened[best].bundle, opened[best].evaluation, registry, champion, settings
    )
    _record(tracking, challenger, decision, run_id)
    if decision.promote:
        _promote(tracking, registry, champion, challenger, opened[best].bundle)
        champion = challenger
    with publish(out, KIND) as draft:
        write_json(draft.path / DECISION_FILE, decision.document())
        draft.facts.update(
            model_name=settings.model_name,
            versions={name: version.number for name, version in versions.items()},
            champion=champion and champion.document(),
            challenger=challenger.document(),
            decision={
                "promote": decision.promote,
                "outcome": decision.outcome,
                "reason": decision.reason,
            },
            bundle_digests={n: c.bundle.manifest.digest for n, c in opened.items()},
            data_digest=data.manifest.digest,
            git_revision=git_revision(),
            registry=registry.fingerprint(),
        )
    return read_manifest(out, KIND)


def _open(name: str, candidate: Candidate, data: Dataset) -> _Opened:
    bundle = Bundle.open(candidate.bundle)
    evaluation = verify(candidate.evaluation, "evaluation")
    found = {
        "architecture": (bundle.architecture, name),
        "evaluated bundle": (evaluation.facts["bundle_digest"], bundle.manifest.digest),
        "training data": (bundle.manifest.facts["data_digest"], data.manifest.digest),
        "evaluation data": (evaluation.facts["data_digest"], data.manifest.digest),
    }
    for what, (is_, expected) in found.items():
        if is_ != expected:
            raise InputError(
                "mismatched_candidate",
                f"The candidate {name!r} doesn't fit: its {what} is {is_!r}, not {expected!r}.",
                "Give the bundle and the evaluation of one run.",
            )
    metrics = json.loads((candidate.evaluation / "metrics.json").read_text(encoding="utf-8"))
    return _Opened(bundle, candidate.evaluation, metrics)


def _tags(bundle: Bundle, run_id: str) -> dict[str, str]:
    tags = {
        "architecture": bundle.architecture,
        "bundle_digest": bundle.manifest.digest,
        "data_digest": str(bundle.manifest.facts["data_digest"]),
        "git_revision": git_revision(),
        "tamis_version": tamis_version(),
    }
    return tags | ({"kfp_run_id": run_id} if run_id else {})


def _record(tracking: Any, challenger: Version, decision: Decision, run_id: str) -> None:
    # A rerun that finds its challenger promoted already keeps the decision that promoted it.
    if decision.outcome != "unchanged" or "gate" not in challenger.tags:
        tracking.record(challenger, decision.document())
    if run_id:  # whoever started the run learns what it, and no other, came to
        tracking.tag(challenger, decision_tags(run_id, decision.outcome, decision.reason))


def _promote(
    tracking: Any,
    registry: Registry,
    champion: Version | None,
    challenger: Version,
    bundle: Bundle,
) -> None:
    """Move the champion's alias, the stage's last change: a crash before it changes nothing."""
    from components.registry.champion import keep_bundle

    now = registry.resolve(CHAMPION)
    if (now and now.number) != (champion and champion.number):
        raise TamisError(
            "champion_moved",
            f"The champion of {registry.model!r} changed while the challenger was being compared.",
            "Run again.",
        )
    if registry.database is not None:
        keep_bundle(registry, bundle)
    tracking.point(CHAMPION, challenger)


def _cache_entry(
    dataset: Path, candidates: Mapping[str, Candidate], settings: RegisterSettings
) -> Path | None:
    root = environment().cache
    if root is None:
        return None
    identity = {
        "dataset": read_manifest(dataset).digest,
        "candidates": {
            name: [read_manifest(c.bundle).digest, read_manifest(c.evaluation).digest]
            for name, c in candidates.items()
        },
        "settings": dataclasses.asdict(settings),
    }
    return root / "register" / cache_key("register", CODE, identity)


def _recalled(entry: Path, registry: Registry) -> Manifest | None:
    try:
        manifest = verify(entry, KIND)
    except TamisError:
        return None
    return manifest if manifest.facts["registry"] == registry.fingerprint() else None


def _copy(source: Path, manifest: Manifest, target: Path) -> None:
    with publish(target, KIND) as draft:
        for name in manifest.files:
            shutil.copyfile(source / name, draft.path / name)
        draft.facts.update(manifest.facts)
        draft.measured.update(manifest.measured)
