"""The thread that gathers rows and has them tested."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path

from prometheus_client import CollectorRegistry

from components.contract import logs
from components.drift.reference import read_reference
from serving.transformer.drift.metrics import DriftMetrics
from serving.transformer.drift.process import WorkerLostError
from serving.transformer.drift.report import DriftReport
from serving.transformer.drift.settings import DriftSettings
from serving.transformer.drift.supervisor import Supervisor
from serving.transformer.drift.tap import DriftTap, Reason
from serving.transformer.drift.watched import Watched

GATHER_S = 0.2
"""How often waiting rows are gathered: room for 4,096 of them is room for 20,000 a second."""
RETRY_S = 5.0
"""How soon a bug in here may be met again."""


class _ClosingError(Exception):
    """Nobody waits for the worker's answer any more."""


class DriftMonitor:
    """Drift scoring beside a server: `start`, `watch` a bundle, leave rows at `tap`, `close`.

    Args:
        settings: What to look for, and how hard; `detectors` is not `off`.
        registry: Where its metrics are registered.

    Attributes:
        tap: Where the request path leaves rows and outcomes.
    """

    def __init__(self, settings: DriftSettings, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._metrics = DriftMetrics(registry, self._age_s)
        self.tap = DriftTap(self._drop)
        self._supervisor = Supervisor(settings, self._while_waiting, self._restarted)
        self._report = DriftReport(settings.detectors)
        self._watched: Watched | None = None
        self._switch = threading.Lock()  # a bundle's window never gets another's rows
        self._dropped = self._restarts = 0
        self._rest_until = 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drift", daemon=True)

    def start(self) -> None:
        """Start the thread; the worker starts with the first window."""
        self._thread.start()

    def watch(self, bundle_digest: str, reference: Path) -> None:
        """Compare with this bundle's reference from now on; forget windows and feedback so far.

        Args:
            bundle_digest: SHA-256 (hex) of the bundle whose answers will come.
            reference: Its `reference.safetensors`; read here, not needed later.

        Raises:
            TamisError: As `read_reference`; the bundle watched so far stays.
        """
        watched = Watched(bundle_digest, read_reference(reference), self._settings)
        arrays = watched.reference
        with self._switch:
            self.tap.watch(bundle_digest, arrays.features.shape[1], arrays.probabilities.shape[1])
            self._watched = watched
            self._publish(watched, "")

    @property
    def report(self) -> DriftReport:
        """The newest report."""
        return dataclasses.replace(
            self._report, dropped=self._dropped, worker_restarts=self._restarts
        )

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        return self._supervisor.pid

    def close(self) -> None:
        """End the thread and the worker; within a second."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._supervisor.close()

    def _run(self) -> None:
        while not self._closing.wait(GATHER_S):
            try:
                watched = self._gather()
                if watched is not None and self._may_test(watched):
                    self._test(watched)
            except _ClosingError:
                return
            except Exception:  # noqa: BLE001 - a bug here must not end drift scoring until the next start
                logs.LOGGER.exception("drift_failed")
                self._rest_until = time.monotonic() + RETRY_S

    def _gather(self) -> Watched | None:
        with self._switch:
            watched = self._watched
            if watched is not None:
                drained = self.tap.drain()
                if drained.rows.filled or len(drained.outcomes):
                    surplus = watched.gather(drained, time.time())
                    if surplus:
                        self._metrics.drop(surplus, "sampled")
                    self._publish(watched, self._report.problem)
        return watched

    def _may_test(self, watched: Watched) -> bool:
        now = time.monotonic()
        return now >= self._rest_until and not self._supervisor.pausing and watched.due(now)

    def _test(self, watched: Watched) -> None:
        try:
            anew = self._supervisor.prepare(watched.digest, watched.reference)
            answer = self._supervisor.score(watched.window(all_outcomes=anew), watched.fresh())
        except WorkerLostError as error:
            with self._switch:
                if self._watched is watched:
                    self._publish(watched, str(error))
            return
        cpu_s = float(answer["cpu_s"])
        self._metrics.worker_cpu.inc(cpu_s)
        now = time.monotonic()
        self._rest_until = now + cpu_s * (1 / self._settings.cpu_share - 1)
        watched.conclude(answer, now, time.time())
        with self._switch:
            if self._watched is watched:
                self._publish(watched, "")

    def _while_waiting(self) -> None:
        if self._closing.is_set():
            raise _ClosingError
        self._gather()

    def _publish(self, watched: Watched, problem: str) -> None:
        self._report = DriftReport(
            self._settings.detectors,
            watched.digest,
            watched.findings,
            len(watched),
            watched.outcomes,
            watched.diagnosis,
            watched.diagnosed_at or None,
            problem=problem,
        )
        self._metrics.show(self._report)

    def _drop(self, rows: int, reason: Reason) -> None:
        self._dropped += rows
        self._metrics.drop(rows, reason)

    def _restarted(self) -> None:
        self._restarts += 1
        self._metrics.restarts.inc()

    def _age_s(self) -> float:
        computed = self._report.computed_at
        return float("nan") if computed is None else max(0.0, time.time() - computed)
