"""A process of its own that asks MLflow, so that the server never imports it.

`python -m serving.predictor.fetch newest|fetch|repair MODEL ALIAS` prints one JSON object: version,
digest and path, or an error's code, message and hint.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys

from components.contract.artifact import verify
from components.contract.bundle import KIND
from components.contract.environment import environment
from components.contract.errors import TamisError
from components.registry.aliases import Registry
from components.registry.champion import bundle_store, local_bundle
from serving.predictor.source import no_champion


def fetch(what: str, model: str, alias: str) -> dict[str, str]:
    """Find the version that an alias points to, and its bundle.

    Args:
        what: `newest` to find it, `fetch` to have it here, `repair` to replace a bad copy.
        model: The registered model's name.
        alias: The alias.

    Returns:
        `version`, `digest` and `path`; the path is empty for `newest`.

    Raises:
        TamisError: `no_champion`, `registry_unreachable`, `tracking_failed` or `corrupted`.
    """
    registry = Registry(environment().tracking_uri, model)
    version = registry.resolve(alias)
    if version is None or not version.bundle_digest.isalnum():
        raise no_champion(model, alias)
    found = {"version": version.number, "digest": version.bundle_digest, "path": ""}
    if what == "newest":
        return found
    store = bundle_store(registry)
    if what == "repair":
        kept = store / version.bundle_digest
        try:
            verify(kept, KIND)
        except TamisError:
            shutil.rmtree(kept, ignore_errors=True)
    return {**found, "path": str(local_bundle(registry, version, store))}


def main(arguments: list[str]) -> None:
    """Print what `fetch` finds; nothing else may reach standard output."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            answer = fetch(*arguments)
        except TamisError as error:
            answer = {"code": error.code, "message": error.message, "hint": error.hint}
    print(json.dumps(answer))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main(sys.argv[1:])
