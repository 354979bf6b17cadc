"""`python -m serving.transformer`: flags, a YAML file, and a server that drains."""

from __future__ import annotations

import argparse
import dataclasses
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.contract import logs
from components.contract.exits import exit_on_error
from components.contract.settings import build as build_settings
from components.contract.settings import read_params
from serving.transformer.settings import TransformerSettings


def main(argv: Sequence[str] | None = None) -> None:
    """Run the transformer until it is told to stop.

    Args:
        argv: Arguments; the process's own by default.

    Raises:
        SystemExit: With the error's exit status.
    """
    arguments = _parser().parse_args(argv)
    with exit_on_error():
        serve(read_settings(arguments.config, _overrides(arguments)))


def read_settings(config: Path | None, overrides: dict[str, Any]) -> TransformerSettings:
    """The settings of a YAML file with a command line's changes.

    Args:
        config: The file; None for the defaults.
        overrides: Field -> value.

    Returns:
        Checked settings.

    Raises:
        InputError: Naming the key that is wrong.
    """
    document = read_params(config) if config else {}
    return build_settings(TransformerSettings, {**document, **overrides}, "serving")


def serve(settings: TransformerSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: What to serve.

    Raises:
        TamisError: As `build` and `server.serve`.
    """
    import uvloop

    from serving.transformer import server
    from serving.transformer.app import build

    logs.event("serving", settings=_shown(settings))
    gc.freeze()  # what is loaded now stays: collections need not walk through it
    uvloop.run(server.serve(settings, lambda draining: build(settings, draining)))


def _shown(settings: TransformerSettings) -> dict[str, Any]:
    shown = dataclasses.asdict(settings)
    shown["journal"]["url"] = settings.journal.url.partition("@")[2] or settings.journal.url
    return shown


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="serving.transformer", description=__doc__)
    parser.add_argument("--config", type=Path, help="a YAML file of TransformerSettings")
    # KServe adds arguments with underscores to a custom transformer's container.
    parser.add_argument("--model-name", "--model_name", dest="model")
    parser.add_argument("--predictor", "--predictor-host", "--predictor_host")
    parser.add_argument("--predictor_protocol", help="accepted from KServe; it is always v2")
    parser.add_argument("--host")
    parser.add_argument("--port", "--http-port", "--http_port", type=int)
    parser.add_argument("--metrics-port", type=int)
    return parser


def _overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("model", "host", "port", "metrics_port")
    given = {name: getattr(arguments, name) for name in names}
    address = arguments.predictor
    if address and "://" not in address:  # KServe names the host alone
        address = f"http://{address}"
    given["predictor"] = address
    return {name: value for name, value in given.items() if value is not None}
