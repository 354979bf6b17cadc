"""A second InferenceService first: RawDeployment or Standard mode, and any mode's first version.

`<name>-canary` runs the new version beside the old one, takes no client's request, and is asked
the smoke predictions. Then the service itself is changed; its Deployment brings new pods up before
it takes old ones down. The canary's annotation keeps what was there before, so that a rerun after
a kill can still go back; it is deleted last.
"""

from __future__ import annotations

import json
from typing import Any

from components.cluster.errors import ConflictError
from components.cluster.objects import Document
from components.deploy.errors import RolloutError
from components.deploy.rollout import (
    Rollout,
    annotation,
    create,
    failure,
    name_of,
    own_annotations,
    same,
    step,
)

PREVIOUS = "deploy.tamis/previous"


class Replacement:
    """A new version in an InferenceService of its own, then in the service's place.

    Args:
        rollout: What is done with InferenceServices.
        wanted: The service as it shall be.
        canary: The same under its canary's name.
    """

    def __init__(self, rollout: Rollout, wanted: Document, canary: Document) -> None:
        self._rollout, self._api = rollout, rollout.api
        self._wanted, self._canary = wanted, canary
        self._name, self._canary_name = name_of(wanted), name_of(canary)

    def run(self, live: Document | None) -> str:
        """Bring the new version in; see `Strategy`."""
        if live is not None and same(live, self._wanted):
            return self._finish(self._api.get(self._canary_name))
        canary = self._prepare(live)
        step("canary", service=self._canary_name)
        try:
            self._rollout.prove(self._canary_name)
        except RolloutError as error:
            self._rollout.discard(self._canary_name)
            raise failure(error, self._serving(live is not None)) from error
        try:
            self._promote(live)
        except ConflictError:
            self._rollout.discard(self._canary_name)
            raise
        step("promoted", service=self._name)
        return self._finish(canary)

    def _prepare(self, live: Document | None) -> Document:
        """The canary, with what to go back to in its annotation."""
        found = self._api.wait_gone_if_leaving(self._canary_name, self._rollout.settings.ready_s)
        previous: Any = _kept(live)
        if found is not None and live is not None and same(found, live):
            previous = _previous(found)  # that version was never proved: not what to go back to
        remembered = json.dumps(previous, sort_keys=True)
        annotations = {**self._canary["metadata"]["annotations"], PREVIOUS: remembered}
        if found is None:
            metadata = {**self._canary["metadata"], "annotations": annotations}
            return create(self._api, {**self._canary, "metadata": metadata})
        if same(found, self._canary) and annotation(found, PREVIOUS) == remembered:
            return found
        return self._rollout.replace(self._canary_name, found, self._canary["spec"], annotations)

    def _promote(self, live: Document | None) -> None:
        if live is None:
            create(self._api, self._wanted)
            return
        annotations = self._wanted["metadata"]["annotations"]
        self._rollout.replace(self._name, live, self._wanted["spec"], annotations)

    def _finish(self, canary: Document | None) -> str:
        """Prove what serves now, or go back to what the canary remembers.

        Without a canary the version was proved by an earlier run, and stays.
        """
        patience = self._rollout.settings.ready_s if canary else 0.0
        try:
            self._rollout.prove(self._name, patience_s=patience)
        except RolloutError as error:
            if canary is None:
                raise failure(error, "Nothing was changed.") from error
            previous = _previous(canary)
            if previous:
                self._restore(previous)
            self._rollout.discard(self._canary_name)
            raise failure(error, self._serving(bool(previous))) from error
        if canary is None:
            return "unchanged"
        self._api.delete(self._canary_name)
        return "deployed"

    def _restore(self, previous: Document) -> None:
        live = self._api.get(self._name)
        if live is not None and same(live, self._wanted):
            annotations: dict[str, str | None] = dict.fromkeys(own_annotations(live))
            annotations |= previous["annotations"]
            self._rollout.replace(self._name, live, previous["spec"], annotations)
            step("rolled_back", service=self._name)

    def _serving(self, earlier: bool) -> str:
        if earlier:
            return f"The earlier version of {self._name!r} serves on."
        return f"There is no earlier version of {self._name!r} to go back to."


def _kept(live: Document | None) -> Document | None:
    """What has to be remembered of a service to bring it back."""
    return live and {"spec": live["spec"], "annotations": own_annotations(live)}


def _previous(canary: Document) -> Document | None:
    text = annotation(canary, PREVIOUS)
    previous: Document | None = json.loads(text) if text else None
    return previous
