"""The composition root: settings in, a running predictor out."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import logging
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from components.contract import logs
from components.contract.environment import environment
from serving.lifecycle import bind
from serving.predictor.engine import Engine
from serving.predictor.metrics import PredictorMetrics
from serving.predictor.reload import Reloader, load
from serving.predictor.settings import PredictorSettings
from serving.predictor.source import open_source
from serving.tls import expires, server_context


def serve(settings: PredictorSettings) -> None:
    """Open the model, serve it until a signal says to stop.

    Args:
        settings: The settings.

    Raises:
        TamisError: When the model can't be had or isn't sound, or an address can't be listened at.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(bind(settings.host, settings.port))
        side = None
        if settings.metrics_port is not None:
            side = stack.enter_context(bind(settings.host, settings.metrics_port))
        tls = server_context(settings.tls) if settings.tls else None
        batch = dataclasses.replace(
            settings.batch, workers=settings.batch.workers or environment().threads
        )
        # Its own threads would take cores from those that score, for 2 % of a bulk's time.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        source = open_source(settings.bundle, settings.model)
        release = asyncio.run(source.newest())  # a wrong path is told before anything slow begins
        with _unwatched(), ThreadPoolExecutor(1) as opener:
            # Hashing the files and opening the graph need no Python: KServe is imported meanwhile.
            opening = opener.submit(asyncio.run, load(source, release, batch))
            with _quiet_kserve():
                from serving.predictor.model import TextModel
                from serving.predictor.server import PredictorServer
            served = opening.result()
        metrics = PredictorMetrics()
        metrics.serves(settings.served_name, served)
        if settings.tls and settings.tls.certificate:
            metrics.certificate("server", expires(settings.tls.certificate))
        engine = Engine(served, batch, metrics)
        reloader = Reloader(source, batch, settings.reload_s, metrics)
        server = PredictorServer(settings, engine, reloader, metrics, tls, listener, side)
        server.start([TextModel(settings.served_name, engine)])


@contextlib.contextmanager
def _unwatched() -> Iterator[None]:
    # What is imported stays: its 160,000 objects need no looking through, which takes a tenth of
    # the start and later 60 ms from whatever request it falls upon.
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def _quiet_kserve() -> Iterator[None]:
    # KServe parses the command line when it is imported, takes `--model` for its `--model_name`,
    # and sets up logging unless somebody has.
    for name in ("kserve", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers[:] = logs.LOGGER.handlers
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    argv, sys.argv = sys.argv, sys.argv[:1]
    try:
        yield
    finally:
        sys.argv = argv
