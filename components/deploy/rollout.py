"""What bringing in a new version consists of, whichever way it is brought in.

Every step is one conditional call, so a kill leaves the old version serving, and a rerun finds
where it was by comparing the digests that are annotated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from components.cluster.errors import ConflictError
from components.cluster.objects import CustomObjects, Document
from components.contract import logs
from components.contract.errors import TamisError
from components.deploy.errors import RolloutError
from components.deploy.inference_service import MODE, SPEC
from components.deploy.readiness import address, is_ready, reason
from components.deploy.settings import DeploySettings
from components.deploy.smoke import Smoke

OWN = "deploy.tamis/"
"""What this stage's annotations start with."""
TLS_URL = "https://{name}-transformer.{namespace}.svc.cluster.local:{port}"
CONFLICTS = 20
"""KServe writes a status every few seconds; a change is tried again while the spec stays."""


class Strategy(Protocol):
    """A way to bring a new version in."""

    def run(self, live: Document | None) -> str:
        """Bring it in: `deployed` or `unchanged`; a `RolloutError` comes after going back."""
        ...


class Rollout:
    """What both ways do with an InferenceService.

    Args:
        api: InferenceServices of the namespace.
        settings: The stage's parameters.
        smoke: The predictions that decide.
    """

    def __init__(self, api: CustomObjects, settings: DeploySettings, smoke: Smoke) -> None:
        self.api, self.settings, self.smoke = api, settings, smoke

    def prove(self, name: str, all_new: bool = True, patience_s: float = 0.0) -> None:
        """Wait until a service is ready and answers as the new bundle does.

        Args:
            name: The service.
            all_new: Whether every answer has to be the new bundle's.
            patience_s: Seconds that pods may take to be exchanged while the service is ready.

        Raises:
            RolloutError: `not_ready`, `no_address`, or what the smoke predictions raise.
        """
        seen = self.api.wait(name, is_ready, self.settings.ready_s)
        if seen is None or not is_ready(seen):
            raise RolloutError(
                "not_ready",
                f"{name!r} is not ready after {self.settings.ready_s:.0f} s: {reason(seen)}.",
            )
        given = TLS_URL if self.settings.transformer_tls else address(seen)
        url = self.settings.smoke.url or given
        if not url:
            raise RolloutError(
                "no_address", f"KServe reports no address of {name!r}.", "Give deploy.smoke.url."
            )
        words = {"name": name, "namespace": self.api.namespace, "port": self.settings.service_port}
        for word, value in words.items():
            url = url.replace(f"{{{word}}}", str(value))
        try:
            self.smoke.check(url, all_new, patience_s)
        except RolloutError as error:
            now = self.api.get(name)
            if error.code == "no_answer" and (now is None or not is_ready(now)):
                raise RolloutError("not_ready", f"{name!r} fell behind: {reason(now)}.") from error
            raise

    def replace(
        self,
        name: str,
        seen: Document,
        spec: Mapping[str, Any],
        annotations: Mapping[str, str | None],
    ) -> Document:
        """Replace a service's spec, if it is still the one that was seen.

        Args:
            name: The service.
            seen: What it was when this was decided.
            spec: Its new spec.
            annotations: Set beside it; None removes one.

        Returns:
            The service.

        Raises:
            ConflictError: When somebody else changed the spec since.
        """
        now: Document | None = seen
        for _ in range(CONFLICTS):
            if now is None or _generation(now) != _generation(seen):
                break
            try:
                return self.api.update(_changed(now, spec, annotations))
            except ConflictError:
                now = self.api.get(name)
        raise ConflictError(
            "changed_meanwhile",
            f"{name!r} was changed by somebody else while its successor was tested.",
            "Run the stage again.",
        )

    def discard(self, name: str) -> None:
        """Delete a service that isn't needed; that it can't be hides no earlier failure."""
        try:
            self.api.delete(name)
        except TamisError as error:
            logs.event("not_deleted", stage="deploy", service=name, message=str(error))


def same(document: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether two services serve the same, by the digests that this stage annotates."""
    return bool(annotation(wanted, SPEC)) and annotation(document, SPEC) == annotation(wanted, SPEC)


def create(api: CustomObjects, document: Document) -> Document:
    """Create an object; one of the same content that is there already, as after a retry, will do.

    Args:
        api: Where.
        document: The object.

    Returns:
        The object as it is there.

    Raises:
        ConflictError: When there is another of its name.
    """
    try:
        return api.create(document)
    except ConflictError:
        found = api.get(name_of(document))
        if found is not None and same(found, document):
            return found
        raise


def step(name: str, **fields: Any) -> None:
    """Log a step of the rollout."""
    logs.event("rollout", step=name, stage="deploy", **fields)


def failure(error: RolloutError, end: str) -> RolloutError:
    """A failure, with a sentence on what serves in its wake."""
    return RolloutError(error.code, f"{error.message} {end}", error.hint)


def own_annotations(document: Mapping[str, Any]) -> dict[str, str]:
    """A service's annotations that this stage made."""
    given = document["metadata"].get("annotations") or {}
    return {key: value for key, value in given.items() if key.startswith(OWN)}


def annotation(document: Mapping[str, Any], key: str) -> str:
    """An annotation's value; empty when there is none."""
    return str((document["metadata"].get("annotations") or {}).get(key) or "")


def name_of(document: Mapping[str, Any]) -> str:
    """An object's name."""
    return str(document["metadata"]["name"])


def _changed(
    now: Document, spec: Mapping[str, Any], annotations: Mapping[str, str | None]
) -> Document:
    """The object with another spec; its `resourceVersion` lets it replace only what was read."""
    metadata = now["metadata"]
    merged = {**(metadata.get("annotations") or {}), **annotations}
    if recorded := (now.get("status") or {}).get("deploymentMode"):
        merged[MODE] = recorded  # KServe refuses its own older spelling of it
    kept = {key: value for key, value in merged.items() if value is not None}
    return {**now, "metadata": {**metadata, "annotations": kept}, "spec": dict(spec)}


def _generation(document: Mapping[str, Any]) -> Any:
    return document["metadata"].get("generation")
