"""The predictor's command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from components.contract.errors import InputError
from components.contract.exits import exit_on_error
from serving.predictor.serve import serve
from serving.predictor.settings import BatchSettings, PredictorSettings
from serving.tls import TlsFiles


def main(argv: list[str] | None = None) -> None:
    """Run `python -m serving.predictor`.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    with exit_on_error():
        serve(read_settings(argv))


def read_settings(argv: list[str] | None = None) -> PredictorSettings:
    """The settings that a command line asks for.

    Args:
        argv: Arguments; the process's own by default.

    Returns:
        The settings, checked.

    Raises:
        InputError: `bad_parameter`.
        SystemExit: When the arguments aren't understood.
    """
    told = _parser().parse_args(argv)
    if bool(told.tls_cert) != bool(told.tls_key) or (told.tls_client_ca and not told.tls_cert):
        raise InputError("bad_parameter", "--tls-cert and --tls-key must be given together.")
    settings = PredictorSettings(
        bundle=told.bundle,
        model=told.model,
        model_name=told.model_name,
        host=told.host,
        port=told.port,
        metrics_port=told.metrics_port,
        reload_s=told.reload_seconds,
        deadline_s=told.deadline_seconds,
        drain_s=told.drain_seconds,
        grace_s=told.grace_seconds,
        batch=BatchSettings(
            rows=told.batch_rows,
            tokens=told.batch_tokens,
            wait_ms=told.batch_wait_ms,
            queue_texts=told.queue_texts,
            workers=told.workers,
        ),
        tls=TlsFiles(told.tls_cert, told.tls_key, told.tls_client_ca) if told.tls_cert else None,
    )
    settings.check()
    return settings


def _parser() -> argparse.ArgumentParser:
    default, batch = PredictorSettings(), BatchSettings()
    parser = argparse.ArgumentParser(
        prog="serving.predictor",
        description="Serve a text classifier over the Open Inference Protocol.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--bundle", type=Path, help="a bundle's directory, e.g. /mnt/models")
    which.add_argument("--model", default=default.model, help="NAME@ALIAS in the model registry")
    add("--model-name", default="", help="the name in the URL; the registry's, or tamis")
    add("--host", default=default.host, help="address to listen at")
    add("--port", type=int, default=default.port, help="0 takes a free one")
    add("--metrics-port", type=int, help="metrics and health on a port of their own")
    add("--workers", type=int, default=batch.workers, help="threads that score; 0: the cores")
    add("--reload-seconds", type=float, default=default.reload_s, help="0: never")
    add("--deadline-seconds", type=float, default=default.deadline_s, help="of one request")
    add(
        "--drain-seconds",
        type=float,
        default=default.drain_s,
        help="between SIGTERM and closing the socket",
    )
    add("--grace-seconds", type=float, default=default.grace_s, help="for what is under way then")
    add("--batch-rows", type=int, default=batch.rows, help="0: what suits the model")
    add("--batch-tokens", type=int, default=batch.tokens, help="0: what suits the model")
    add("--batch-wait-ms", type=float, default=batch.wait_ms, help="for a batch that isn't full")
    add("--queue-texts", type=int, default=batch.queue_texts, help="most texts that wait")
    add("--tls-cert", type=Path, help="PEM file; serves HTTPS")
    add("--tls-key", type=Path, help="PEM file")
    add("--tls-client-ca", type=Path, help="PEM file; clients must show its certificates")
    return parser
