"""Drift scoring as the application sees it: on, or off and nowhere in the way."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from prometheus_client import CollectorRegistry

from serving.transformer.drift.monitor import DriftMonitor
from serving.transformer.drift.report import payload
from serving.transformer.drift.settings import DriftSettings
from serving.transformer.drift.tap import DriftTap
from serving.transformer.reference import Fetch, ReferenceKeeper


class Drift:
    """The monitor and what it compares with; use it as an async context manager.

    Args:
        settings: How drift is scored; `detectors: off` makes everything here do nothing.
        fetch: Asks the predictor for its bundle's reference.
        registry: Where metrics are registered.

    Attributes:
        monitor: The monitor; None when it is off.
    """

    def __init__(self, settings: DriftSettings, fetch: Fetch, registry: CollectorRegistry) -> None:
        on = settings.detectors != "off"
        self.monitor = DriftMonitor(settings, registry) if on else None
        self._fetch = fetch
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._keeper: ReferenceKeeper | None = None

    @property
    def tap(self) -> DriftTap | None:
        """Where the request path leaves rows; None when drift is not scored."""
        return self.monitor.tap if self.monitor is not None else None

    async def __aenter__(self) -> Self:
        if self.monitor is not None:
            self._folder = tempfile.TemporaryDirectory(prefix="tamis-drift-")
            self._keeper = ReferenceKeeper(self._fetch, Path(self._folder.name), self.monitor.watch)
            self.monitor.start()
            self._keeper.served("whichever answers")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper is not None:
            await self._keeper.close()
        if self.monitor is not None:
            self.monitor.close()
        if self._folder is not None:
            self._folder.cleanup()

    def served(self, bundle_digest: str) -> None:
        """Say which bundle answers now."""
        if self._keeper is not None:
            self._keeper.served(bundle_digest)

    def feedback(self, correct: bool, bundle_digest: str) -> None:
        """Say whether a bundle's prediction was right."""
        if self.monitor is not None:
            self.monitor.tap.offer_feedback(correct, bundle_digest)

    def report(self) -> Mapping[str, Any]:
        """The newest report as JSON."""
        if self.monitor is None:
            return {}
        return payload(self.monitor.report, time.time())
