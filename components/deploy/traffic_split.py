"""A share of the service's own requests first: Serverless or Knative mode.

`canaryTrafficPercent` sends a share of the requests to the new revision; promotion removes the
field, and rolling back sets it to 0, which is KServe's own way back
(https://kserve.github.io/website/docs/model-serving/predictive-inference/rollout-strategies/canary).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from components.cluster.errors import ConflictError
from components.cluster.objects import Document
from components.deploy.errors import RolloutError
from components.deploy.inference_service import COMPONENTS, component_annotation
from components.deploy.rollout import Rollout, annotation, failure, name_of, same, step

CHANGED = "deploy.tamis/changed"
"""The components that the new version changes. Only they have a new revision: a share for another
would send the rest of its requests to the revision before its present one."""
PERCENT = "canaryTrafficPercent"


class TrafficSplit:
    """A new revision of the service, given a share of the requests before it gets all.

    Args:
        rollout: What is done with InferenceServices.
        wanted: The service as it shall be.
    """

    def __init__(self, rollout: Rollout, wanted: Document) -> None:
        self._rollout, self._wanted, self._name = rollout, wanted, name_of(wanted)
        self._percent = rollout.settings.canary_percent

    def run(self, live: Document | None) -> str:
        """Bring the new version in; see `Strategy`. There has to be an old one."""
        if live is None:
            raise ConflictError("changed_meanwhile", f"{self._name!r} was deleted meanwhile.")
        if not same(live, self._wanted):
            live = self._start(live)
        elif 0 in _shares(live):  # it was rolled back: try the same once more
            live = self._split(live, self._percent)
        if not _shares(live):
            return self._recheck()
        step("canary", service=self._name, percent=self._percent)
        self._prove(all_new=False)
        self._split(self._now(), None)
        step("promoted", service=self._name)
        self._prove(all_new=True)
        return "deployed"

    def _start(self, live: Document) -> Document:
        changed = [
            component
            for component in COMPONENTS
            if annotation(live, component_annotation(component))
            != annotation(self._wanted, component_annotation(component))
        ]
        annotations = {
            **self._wanted["metadata"]["annotations"],
            CHANGED: ",".join(changed or COMPONENTS),
        }
        return self._split(live, self._percent, annotations)

    def _recheck(self) -> str:
        try:
            self._rollout.prove(self._name)
        except RolloutError as error:
            raise failure(error, "Nothing was changed.") from error
        return "unchanged"

    def _prove(self, all_new: bool) -> None:
        try:
            self._rollout.prove(self._name, all_new, self._rollout.settings.ready_s)
        except RolloutError as error:
            # After a whole rollout too, 0 sends all requests to the revision before.
            self._split(self._now(), 0)
            step("rolled_back", service=self._name)
            end = f"The earlier version of {self._name!r} serves on."
            raise failure(error, end) from error

    def _split(
        self, live: Document, percent: int | None, annotations: Mapping[str, str] | None = None
    ) -> Document:
        """Set the changed components' share; None for all requests."""
        told = (annotations or {}).get(CHANGED) or annotation(live, CHANGED)
        spec = copy.deepcopy(self._wanted["spec"])
        if percent is not None:
            for component in told.split(",") if told else COMPONENTS:
                spec[component][PERCENT] = percent
        return self._rollout.replace(self._name, live, spec, annotations or {})

    def _now(self) -> Document:
        live = self._rollout.api.get(self._name)
        if live is None or not same(live, self._wanted):
            raise ConflictError(
                "changed_meanwhile",
                f"{self._name!r} was changed by somebody else while its successor was tested.",
                "Run the stage again.",
            )
        return live


def _shares(document: Document) -> list[int]:
    spec = document["spec"]
    return [spec[c][PERCENT] for c in COMPONENTS if spec.get(c, {}).get(PERCENT) is not None]
