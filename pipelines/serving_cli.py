"""`tamis serve | token | journal`: the service on a laptop; the only door to `serving`."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from components.contract.artifact import storage_error
from components.contract.errors import InputError

STATE = Path(".tamis")
RUNS = STATE / "runs"
Debug = Annotated[bool, typer.Option("--debug", help="Show a stack when something fails.")]
Journal = Annotated[str, typer.Option("--journal", help="A SQLite file or a postgresql:// URL.")]
Keys = Annotated[Path, typer.Option("--keys", help="Its key file, or the mounted secret.")]
JOURNAL, KEYS = str(STATE / "journal.db"), STATE / "journal.keys"

journal = typer.Typer(help="What the service kept: predictions and their feedback, encrypted.")


class Detectors(StrEnum):
    """Who scores drift."""

    ALIBI = "alibi"
    OWN = "own"
    OFF = "off"


def register(app: typer.Typer) -> None:
    """Add the commands to `tamis`.

    Args:
        app: The command line.
    """
    app.command()(serve)
    app.command()(token)
    app.add_typer(journal, name="journal")


def serve(
    model: Annotated[
        str | None, typer.Option("--model", help="NAME@alias; the last run's champion by default.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option("--bundle", help="A bundle's folder.")] = None,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65_535, help="The service's port on 127.0.0.1.")
    ] = 8080,
    metrics_port: Annotated[
        int, typer.Option("--metrics-port", min=1, max=65_535, help="Its metrics' port.")
    ] = 9090,
    tls: Annotated[
        bool, typer.Option("--tls", help="HTTPS, with a certificate made for development.")
    ] = False,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", help="A PEM file.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="A PEM file.")] = None,
    auth: Annotated[bool, typer.Option(help="Ask for tokens.")] = True,
    feedback: Annotated[bool, typer.Option(help="Keep predictions for feedback.")] = True,
    drift: Annotated[Detectors, typer.Option(help="Who scores drift.")] = Detectors.ALIBI,
    debug: Debug = False,
) -> None:
    """Serve the champion here: predictor and transformer on loopback, ready for curl."""
    from pipelines.summary import last_model
    from serving import local

    if bool(tls_cert) != bool(tls_key):
        raise InputError("bad_argument", "--tls-cert and --tls-key must be given together.")
    name = model or f"{last_model(RUNS / 'latest')}@champion"
    served = name.partition("@")[0] if bundle is None else "tamis"
    files = _tls_files(tls, tls_cert, tls_key)
    for wanted in (port, metrics_port):
        local.check_free(wanted)
    predictor_port = local.free_port()
    scheme = "https" if files else "http"
    address = f"{scheme}://localhost:{port}"
    settings: dict[str, Any] = {
        "model": served,
        "predictor": f"http://127.0.0.1:{predictor_port}",
        "port": port,
        "metrics_port": metrics_port,
        "open_to_all": not auth,
        "issuer_state": str(STATE / "issuer"),
        "feedback": feedback,
        "journal": {"url": JOURNAL, "keys": str(KEYS)},
        "drift": {"detectors": drift.value},
        "tls": {key: str(files[key]) for key in ("cert", "key") if key in files},
    }
    config = _write_config(settings)
    if feedback:
        from serving.transformer.journal.keyring import create_keys

        create_keys(KEYS)
    where = ["--bundle", str(bundle)] if bundle else ["--model", name]
    service = local.Service(
        local.module(
            "serving.predictor", *where, "--model-name", served, "--port", str(predictor_port)
        ),
        local.module("serving.transformer", "--config", str(config)),
        f"{address}/v2/health/ready",
    )
    console = Console(stderr=False)
    service.run(lambda: _welcome(console, address, files.get("authority"), auth, metrics_port))


def token(
    scope: Annotated[
        str, typer.Option("--scope", help="predict, feedback, drift:read, admin; by spaces.")
    ] = "predict",
    model: Annotated[str | None, typer.Option("--model", help="Good for this one alone.")] = None,
    ttl: Annotated[float, typer.Option("--ttl", help="Seconds until it expires.")] = 3_600.0,
    debug: Debug = False,
) -> None:
    """Issue a token for the service on this machine; not for production."""
    from serving.transformer.auth.issuer import development_token

    typer.echo(development_token(STATE / "issuer", scope, model, ttl))


@journal.command()
def export(
    out: Annotated[Path, typer.Argument(help="A .jsonl file for `tamis run --data`.")],
    since: Annotated[str, typer.Option(help="A time, or an age such as 30d.")] = "",
    until: Annotated[str, typer.Option(help="A time, or an age such as 1d.")] = "",
    model: Annotated[str, typer.Option(help="A model's name, or name/version.")] = "",
    url: Journal = JOURNAL,
    keys: Keys = KEYS,
    debug: Debug = False,
) -> None:
    """Write the labelled texts, for training."""
    from serving.transformer.journal import commands

    _show(commands.export(out, since, until, model, url, str(keys)))


@journal.command()
def erase(
    subject: Annotated[str, typer.Option("--subject", help="The `sub` of somebody's tokens.")],
    url: Journal = JOURNAL,
    keys: Keys = KEYS,
    debug: Debug = False,
) -> None:
    """Forget a subject: their texts, and who they were."""
    from serving.transformer.journal import commands

    _show(commands.erase(subject, url, str(keys)))


@journal.command()
def prune(
    older_than: Annotated[str, typer.Option("--older-than", help="An age such as 90d.")],
    url: Journal = JOURNAL,
    keys: Keys = KEYS,
    debug: Debug = False,
) -> None:
    """Delete what is older."""
    from serving.transformer.journal import commands

    _show(commands.prune(older_than, url, str(keys)))


@journal.command()
def rotate(url: Journal = JOURNAL, keys: Keys = KEYS, debug: Debug = False) -> None:
    """Encrypt everything anew under a new key."""
    from serving.transformer.journal import commands

    _show(commands.rotate(url, str(keys)))


@journal.command()
def status(url: Journal = JOURNAL, keys: Keys = KEYS, debug: Debug = False) -> None:
    """Count what is kept."""
    from serving.transformer.journal import commands

    _show(commands.status(url, str(keys)))


def _show(report: Any) -> None:
    typer.echo(json.dumps(asdict(report), default=str))


def _tls_files(made: bool, cert: Path | None, key: Path | None) -> dict[str, Path]:
    if cert and key:
        return {"cert": cert, "key": key, "authority": cert}
    if not made:
        return {}
    from serving.development_certificate import development_certificate

    own = development_certificate(STATE / "tls")
    return {"cert": own.certificate, "key": own.key, "authority": own.authority}


def _write_config(settings: dict[str, Any]) -> Path:
    file = STATE / "serving.yaml"
    try:
        STATE.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    except OSError as error:
        raise storage_error(error, file) from error
    return file


def _welcome(
    console: Console, address: str, authority: Path | None, auth: bool, metrics_port: int
) -> None:
    from serving.transformer.auth.issuer import development_token

    command = ["curl", f"{address}/classify", "--json", '{"texts": ["a wonderful film"]}']
    if authority is not None:
        command += ["--cacert", str(authority)]
    if auth:
        bearer = development_token(STATE / "issuer", "predict feedback drift:read")
        command += ["--header", f"Authorization: Bearer {bearer}"]
    console.print(f"Serving at {address}; metrics at http://127.0.0.1:{metrics_port}/metrics.")
    console.print(shlex.join(command), soft_wrap=True, markup=False, highlight=False)
