"""spaCy pipelines that are installed as Python packages: found, identified, opened.

Nothing of the package is imported: the bundle says which one, and a bundle must not be able to
have any code run. What it consists of is data that spaCy reads (configuration, msgpack, arrays).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.contract.artifact import file_digest
from components.contract.errors import InputError, IntegrityError

LEMMATIZERS = {"lemmatizer", "trainable_lemmatizer"}
NEEDED = {
    "attribute_ruler", "curated_transformer", "morphologizer", "tagger", "tok2vec", "transformer",
} | LEMMATIZERS  # fmt: skip
"""Factories of components that lemmas may need; parsers and entity recognisers are left out."""


@dataclass(frozen=True)
class Installed:
    """An installed pipeline.

    Attributes:
        name: Its package.
        version: As its `meta.json` says.
        digest: SHA-256 (hex) over its files' names and bytes.
        folder: Where its data is.
        meta: Its `meta.json`.
    """

    name: str
    version: str
    digest: str
    folder: Path
    meta: Mapping[str, Any]


def find(name: str) -> Installed:
    """Find a pipeline without importing its package.

    Args:
        name: The package's name, e.g. `fr_core_news_sm`.

    Returns:
        The pipeline.

    Raises:
        InputError: `no_pipeline` when no package of that name holds one.
    """
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        try:
            meta = json.loads(Path(place, "meta.json").read_text(encoding="utf-8"))
            folder = Path(place, f"{meta['lang']}_{meta['name']}-{meta['version']}")
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if folder.is_dir():
            return Installed(name, str(meta["version"]), _digest(folder), folder, meta)
    raise InputError(
        "no_pipeline",
        f"There is no spaCy pipeline {name!r} installed here.",
        "Install its package, or take blank:<language>, e.g. blank:fr.",
    )


def find_exactly(name: str, version: str, digest: str) -> Installed:
    """Find the pipeline that a tokenizer was made with.

    Args:
        name: The package's name.
        version: Its version.
        digest: Its files' digest.

    Returns:
        The pipeline.

    Raises:
        InputError: As `find`.
        IntegrityError: `other_pipeline` when the one that is installed is another.
    """
    found = find(name)
    if (found.version, found.digest) != (version, digest):
        raise IntegrityError(
            "other_pipeline",
            f"The tokenizer was made with the spaCy pipeline {name} {version} "
            f"({digest[:12]}…); here {found.version} ({found.digest[:12]}…) is installed.",
            f"Install {name} {version}, or train again.",
        )
    return found


def load(installed: Installed, lemmas: bool) -> Any:
    """Open a pipeline with no more components than are needed.

    Args:
        installed: The pipeline.
        lemmas: Whether words' lemmas are wanted.

    Returns:
        The spaCy pipeline.

    Raises:
        InputError: `no_lemmas` when lemmas are wanted and it makes none, `no_pipeline` when this
            spaCy can't open it.
    """
    from spacy.util import load_config, load_model_from_path

    try:
        config = load_config(installed.folder / "config.cfg")
        factories = {name: part["factory"] for name, part in config["components"].items()}
        wanted = {n for n, factory in factories.items() if lemmas and factory in NEEDED}
        nlp = load_model_from_path(
            installed.folder, meta=dict(installed.meta), exclude=sorted(set(factories) - wanted)
        )
    except Exception as error:  # components raise what they like
        raise InputError(
            "no_pipeline",
            f"The spaCy pipeline {installed.name} {installed.version} can't be opened: "
            f"{' '.join(str(error).split())}",
            "Install a version that was made for this spaCy.",
        ) from error
    if lemmas and not LEMMATIZERS & {factories[name] for name in nlp.pipe_names}:
        raise InputError(
            "no_lemmas",
            f"The spaCy pipeline {installed.name} makes no lemmas.",
            "Set lemmas to false, or take a pipeline that has a lemmatizer.",
        )
    return nlp


def _digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = [[path.relative_to(folder).as_posix(), file_digest(path)] for path in files]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()
