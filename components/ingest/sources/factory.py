"""Factory: an address's scheme -> the files behind it."""

from __future__ import annotations

import re
from collections.abc import Callable

from components.contract.errors import InputError
from components.contract.settings import neighbours
from components.ingest.settings import SourceSettings
from components.ingest.sources.files import Files, FileSource
from components.ingest.sources.formats import format_of
from components.ingest.sources.local import find_local, find_packaged
from components.ingest.sources.remote import find_remote
from components.ingest.sources.revision import find_revision

SCHEMES: dict[str, Callable[[str], Files]] = {
    "file": find_local,
    "package": find_packaged,
    "http": find_remote,
    "https": find_remote,
    "s3": find_remote,
    "gs": find_remote,
    "hf": find_remote,
    "dvc": find_revision,
}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_source(settings: SourceSettings) -> FileSource:
    """The source that an address names.

    Args:
        settings: The address and the columns.

    Returns:
        The source; nothing but names has been read.

    Raises:
        InputError: `unknown_scheme`, naming the known ones; `not_found`, `unknown_format` and
            what else finding the files raises.
    """
    match = _SCHEME.match(settings.uri)
    scheme = match[1].lower() if match else "file"
    if scheme not in SCHEMES:
        raise InputError(
            "unknown_scheme",
            f"{settings.uri!r} begins with the unknown scheme {scheme!r}.",
            neighbours(scheme, SCHEMES),
        )
    files = SCHEMES[scheme](settings.uri)
    for name in files.names:
        format_of(name)
    return FileSource(files, settings)
