"""Where the model comes from: a directory, or an alias in the model registry."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from components.contract.artifact import read_manifest
from components.contract.bundle import KIND
from components.contract.environment import environment
from components.contract.errors import InputError, TamisError
from components.registry.aliases import CHAMPION, Registry
from components.registry.champion import bundle_store
from serving.predictor.limits import FETCH_SECONDS


@dataclass(frozen=True)
class Release:
    """A bundle that could be served.

    Attributes:
        version: Its version in the registry; empty when it has none.
        digest: SHA-256 (hex) of its content.
    """

    version: str
    digest: str


class Source(Protocol):
    """A place that bundles come from."""

    async def newest(self) -> Release:
        """What should be served now; cheap enough to ask every few seconds.

        Returns:
            The release.

        Raises:
            TamisError: When the place can't be read or holds none.
        """
        ...

    async def fetch(self, release: Release) -> Path:
        """A release's bundle on this machine, not yet verified.

        Args:
            release: The release.

        Returns:
            Its directory.

        Raises:
            TamisError: When it can't be had.
        """
        ...

    async def repair(self, release: Release) -> Path | None:
        """Replace a copy that proved bad.

        Args:
            release: The release.

        Returns:
            Its directory; None when there is nowhere to get another copy from.

        Raises:
            TamisError: When it can't be had.
        """
        ...


@dataclass(frozen=True)
class DirectorySource:
    """A bundle in a directory, as KServe's storage initializer mounts it.

    Attributes:
        path: The directory.
    """

    path: Path

    async def newest(self) -> Release:
        manifest = await asyncio.to_thread(read_manifest, self.path, KIND)
        return Release("", manifest.digest)

    async def fetch(self, release: Release) -> Path:
        return self.path

    async def repair(self, release: Release) -> Path | None:
        return None


@dataclass(frozen=True)
class RegistrySource:
    """The version that an alias in the model registry points to.

    MLflow is never imported here: what its quick look-ups can't answer, a process of its own does.

    Attributes:
        registry: The registered model.
        alias: The alias.
    """

    registry: Registry
    alias: str

    async def newest(self) -> Release:
        if not self._quick:
            number, digest, _ = await self._ask("newest")
            return Release(number, digest)
        version = await asyncio.to_thread(self.registry.resolve, self.alias)
        if version is None or not version.bundle_digest.isalnum():
            raise no_champion(self.registry.model, self.alias)
        return Release(version.number, version.bundle_digest)

    async def fetch(self, release: Release) -> Path:
        kept = bundle_store(self.registry) / release.digest
        with contextlib.suppress(TamisError):
            manifest = await asyncio.to_thread(read_manifest, kept, KIND)
            if manifest.digest == release.digest:
                return kept
        return await self._download("fetch", release)

    async def repair(self, release: Release) -> Path | None:
        return await self._download("repair", release)

    async def _download(self, what: str, release: Release) -> Path:
        version, digest, path = await self._ask(what)
        if Release(version, digest) != release:
            raise TamisError("moved", f"The alias {self.alias!r} moved while it was followed.")
        return Path(path)

    @property
    def _quick(self) -> bool:
        address = urllib.parse.urlsplit(self.registry.uri)
        web = address.scheme in ("http", "https") and address.username is None
        return web or self.registry.database is not None

    async def _ask(self, what: str) -> tuple[str, str, str]:
        """Version, digest and path from a process that may import MLflow."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "serving.predictor.fetch"),
            *(what, self.registry.model, self.alias),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                output, _ = await process.communicate()
        except TimeoutError:
            raise TamisError(
                "fetch_timeout", f"The bundle took longer than {FETCH_SECONDS:.0f} s."
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            told = json.loads(output)
            if "code" in told:
                raise TamisError(told["code"], told["message"], told["hint"])
            return told["version"], told["digest"], told["path"]
        except (ValueError, KeyError, TypeError) as error:
            raise TamisError(
                "fetch_failed", f"Fetching the bundle ended with status {process.returncode}."
            ) from error


def no_champion(model: str, alias: str) -> InputError:
    """Nothing that can be served is registered there."""
    return InputError(
        "no_champion",
        f"There is no model {model!r} with the alias {alias!r} yet, or it holds no bundle.",
        "Run `tamis run` first, or give --bundle.",
    )


def open_source(bundle: Path | None, model: str) -> Source:
    """The source that the settings name.

    Args:
        bundle: A bundle's directory; None takes the registry's model.
        model: `NAME@ALIAS`; the alias is `champion` when left out.

    Returns:
        The source.
    """
    if bundle is not None:
        return DirectorySource(bundle)
    name, _, alias = model.partition("@")
    return RegistrySource(Registry(environment().tracking_uri, name), alias or CHAMPION)
