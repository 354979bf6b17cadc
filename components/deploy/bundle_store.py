"""Puts a bundle where KServe fetches it: an object store or a mounted volume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.contract import logs
from components.contract.artifact import MANIFEST, storage_error
from components.contract.bundle import Bundle
from components.contract.errors import InputError, TamisError
from components.deploy.settings import DeploySettings

CLAIM = Path("/mnt/bundles")
"""Where the pipeline mounts the claim of `deploy.uri: pvc://…`."""


def put_bundle(bundle: Bundle, settings: DeploySettings, claim: Path = CLAIM) -> None:
    """Copy a bundle to `<deploy.uri>/<digest>`, its manifest last, unless it is there.

    The folder is named by content, so a copy that was cut short is completed by the next one and
    no reader is ever shown two contents.

    Args:
        bundle: A verified bundle.
        settings: `storage` and `uri`; nothing is done for `mlflow`.
        claim: Where the volume is mounted.

    Raises:
        InputError: `missing_package`, `not_writable`.
        TamisError: `store_failed`, `disk_full`.
    """
    if settings.storage == "mlflow":
        return
    digest = bundle.manifest.digest
    if settings.storage == "pvc":
        root = settings.uri.removeprefix("pvc://").partition("/")[2].strip("/")
        address = (claim / root / digest).as_uri()
    else:
        address = f"{settings.uri.rstrip('/')}/{digest}"
    try:
        filesystem, path = _open(address)
        if _holds(filesystem, f"{path}/{MANIFEST}", digest):
            return
        names = [*bundle.manifest.files, MANIFEST]
        for name in names:
            target = f"{path}/{name}"
            filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
            filesystem.put_file(str(bundle.path / name), target)
    except OSError as error:
        if settings.storage == "pvc":
            raise storage_error(error, claim) from error
        raise _failed(address, error) from error
    except TamisError:
        raise
    except Exception as error:
        raise _failed(address, error) from error
    logs.event("stored", stage="deploy", address=address)


def _open(address: str) -> tuple[Any, str]:
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(
            address, skip_instance_cache=True, use_listings_cache=False
        )
    except ImportError as error:
        raise InputError(
            "missing_package", f"{address!r} can't be opened: {error}.", "Install tamis[cloud]."
        ) from error
    return filesystem, str(path).rstrip("/")


def _holds(filesystem: Any, manifest: str, digest: str) -> bool:
    if not filesystem.exists(manifest):
        return False
    try:
        return bool(json.loads(filesystem.cat_file(manifest))["digest"] == digest)
    except (ValueError, KeyError, TypeError):
        return False


def _failed(address: str, error: Exception) -> TamisError:
    return TamisError(
        "store_failed", f"{address!r} can't be written ({type(error).__name__}: {error})."
    )
