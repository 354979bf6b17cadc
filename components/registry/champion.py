"""Opens the model that an alias points to, downloading its bundle once."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from components.catalogue import open_classifier
from components.contract.artifact import MANIFEST, read_manifest, storage_error
from components.contract.bundle import KIND, Bundle
from components.contract.classifier import Classifier
from components.contract.environment import environment
from components.contract.errors import InputError, IntegrityError, TamisError
from components.registry.aliases import CHAMPION, Registry, Version


def open_champion(model: str = f"tamis@{CHAMPION}") -> tuple[Bundle, Classifier]:
    """Open a registered model by its alias, as a server opens a bundle.

    Args:
        model: `NAME@ALIAS`; the alias is `champion` when left out.

    Returns:
        The bundle and its classifier.

    Raises:
        InputError: `no_champion` when nothing is registered there.
        IntegrityError: `corrupted` when the download isn't the bundle that was registered.
        TamisError: `registry_unreachable` or `tracking_failed`.
    """
    name, _, alias = model.partition("@")
    registry = Registry(environment().tracking_uri, name)
    version = registry.resolve(alias or CHAMPION)
    if version is None:
        raise InputError(
            "no_champion",
            f"There is no model {name!r} with the alias {alias or CHAMPION!r} yet.",
            "Run `tamis run` first.",
        )
    return open_classifier(local_bundle(registry, version, bundle_store(registry)))


def bundle_store(registry: Registry) -> Path:
    """Where bundles of registered models are kept: beside the local registry's database."""
    database = registry.database
    return (database.resolve().parent if database else Path.cwd() / ".tamis") / "models"


def local_bundle(registry: Registry, version: Version, store: Path) -> Path:
    """A registered version's bundle in a local folder.

    Args:
        registry: Where the version is registered.
        version: The version.
        store: Folder of bundles by digest; what it lacks is downloaded into it.

    Returns:
        The bundle's directory. Its manifest carries the registered digest; its files are
        checked by whoever opens it.

    Raises:
        InputError: `no_champion` when the version holds no bundle of ours.
        IntegrityError: `corrupted` when what was downloaded isn't that bundle.
    """
    digest = version.bundle_digest
    if not digest.isalnum():
        raise InputError(
            "no_champion",
            f"Version {version.number} of {registry.model!r} was not registered by Tamis.",
        )
    kept = store / digest
    if _holds(kept, digest):
        return kept
    try:
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=store, prefix=".download-") as directory:
            found = _download(registry, version, Path(directory))
            shutil.rmtree(kept, ignore_errors=True)
            found.rename(kept)
    except OSError as error:
        if not _holds(kept, digest):  # another process may have been quicker
            raise storage_error(error, kept) from error
    return kept


def keep_bundle(registry: Registry, bundle: Bundle) -> None:
    """Put a bundle into the local store, so that opening it later needs no download."""
    kept = bundle_store(registry) / bundle.manifest.digest
    if _holds(kept, bundle.manifest.digest):
        return
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".copy-") as directory:
            copy = Path(directory) / "bundle"
            shutil.copytree(bundle.path, copy)
            shutil.rmtree(kept, ignore_errors=True)
            copy.rename(kept)
    except OSError as error:
        raise storage_error(error, kept) from error


def _holds(path: Path, digest: str) -> bool:
    try:
        manifest = read_manifest(path, KIND)
    except TamisError:
        return False
    return manifest.digest == digest and all((path / name).is_file() for name in manifest.files)


def _download(registry: Registry, version: Version, directory: Path) -> Path:
    from components.registry.mlflow_client import download_artifacts

    for file in download_artifacts(registry, version, directory).rglob(MANIFEST):
        if _holds(file.parent, version.bundle_digest):
            return file.parent
    raise IntegrityError(
        "corrupted",
        f"Version {version.number} of {registry.model!r} does not hold the bundle that was"
        " registered there.",
    )
