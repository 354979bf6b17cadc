"""Where pretrained weights are: a hub id, a folder, or a folder inside a Python package."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from pathlib import Path

from components.contract.artifact import file_digest
from components.contract.errors import InputError

SCHEME = "package://"
HUB_ID = re.compile(r"[\w][\w.-]{0,95}(/[\w][\w.-]{0,95})?")
"""`name` or `owner/name`, https://huggingface.co/docs/huggingface_hub/package_reference/utilities"""


def resolve_weights(uri: str) -> str:
    """A folder, or a hub id to download, for an encoder's address.

    Args:
        uri: `package://<package>/<folder>` (found without importing the package), a folder, or a
            hub id such as `google-bert/bert-base-uncased`.

    Returns:
        The folder's path, or the hub id as given.

    Raises:
        InputError: `no_weights` when the package or the folder isn't there, or the address is
            none of these.
    """
    if uri.startswith(SCHEME):
        return str(_in_package(uri))
    if uri and Path(uri).is_dir():
        return uri
    if HUB_ID.fullmatch(uri):
        return uri
    raise InputError(
        "no_weights",
        f"There are no weights at {uri!r}.",
        "Give a hub id, a folder or package://<package>/<folder>.",
    )


def weights_fingerprint(uri: str) -> str:
    """What identifies an encoder's content.

    Args:
        uri: As `resolve_weights` takes it.

    Returns:
        SHA-256 (hex) over a folder's files, or the hub id as given: a hub's revision is part of
        no address, so pin a model by downloading it.
    """
    folder = Path(resolve_weights(uri))
    if not folder.is_dir():
        return uri
    files = sorted(path for path in folder.iterdir() if path.is_file())
    listed = json.dumps([[path.name, file_digest(path)] for path in files])
    return hashlib.sha256(listed.encode()).hexdigest()


def _in_package(uri: str) -> Path:
    package, _, inner = uri.removeprefix(SCHEME).partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise InputError(
            "no_weights",
            f"The Python package {package!r} of {uri!r} is not installed.",
            "Install it, or give a hub id or a folder.",
        )
    for place in places:
        folder = Path(place, inner)
        if ".." not in Path(inner).parts and folder.is_dir():
            return folder
    raise InputError("no_weights", f"The package {package!r} holds no folder {inner!r}.")
