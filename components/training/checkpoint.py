"""Checkpoints that survive a kill: published like any artifact, without a pickle.

`latest` holds the weights and the optimizer's moments, `best` the weights that validate best.
Both are removed when the result is published. They stand in `TAMIS_CHECKPOINTS`, a folder that
outlives the process and its output (`tamis run` gives each run new ones; a cluster mounts a
volume), or else beside the result, `.<name>.checkpoint/`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from components.contract import logs
from components.contract.artifact import publish, verify
from components.contract.cache import Fingerprinted, code_digest
from components.contract.environment import environment
from components.contract.errors import InputError, IntegrityError
from components.contract.tokens import Tokens
from components.training.learner import Arrays

KIND = "checkpoint"


def training_key(tokens: Tokens, settings: Any, code: tuple[str, ...], processes: int) -> str:
    """What a checkpoint belongs to: another key means another training.

    Args:
        tokens: The training data.
        settings: The training settings, a dataclass.
        code: Folders under `components/` that decide the training.
        processes: How many train together; the batches are dealt out among them.

    Returns:
        SHA-256 (hex).
    """
    document = [
        tokens.manifest.digest,
        settings.fingerprint()
        if isinstance(settings, Fingerprinted)
        else dataclasses.asdict(settings),
        code_digest(code),
        processes,
    ]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


class Checkpoint:
    """The checkpoints of one training.

    Args:
        out: Where the result will be published.
        key: What the training is; checkpoints with another key are thrown away.
    """

    def __init__(self, out: Path, key: str) -> None:
        out = out.absolute()
        kept = environment().checkpoints
        self._folder = kept / key if kept else out.parent / f".{out.name}.checkpoint"
        self._key = key

    def save(self, name: str, state: Mapping[str, Any], **arrays: Arrays) -> None:
        """Replace a checkpoint atomically.

        Args:
            name: `latest` or `best`.
            state: What JSON can hold.
            **arrays: Name of a safetensors file -> its arrays.

        Raises:
            TamisError: `disk_full` or `not_writable` when the file system refuses.
        """
        from safetensors.numpy import save_file

        with publish(self._folder / name, KIND) as draft:
            for file, group in arrays.items():
                contiguous = {key: np.asarray(value, order="C") for key, value in group.items()}
                save_file(contiguous, str(draft.path / f"{file}.safetensors"))
            draft.facts.update(key=self._key, state=dict(state))

    def load(self, name: str) -> tuple[Mapping[str, Any], Mapping[str, Arrays]] | None:
        """A checkpoint of this training.

        Args:
            name: `latest` or `best`.

        Returns:
            Its state and its arrays by file; None where there is none to go on from.
        """
        from safetensors.numpy import load_file

        try:
            manifest = verify(self._folder / name, KIND)
        except InputError:
            return None
        except IntegrityError as error:
            logs.event("checkpoint_ignored", reason=error.message)
            return None
        if manifest.facts["key"] != self._key:
            logs.event("checkpoint_ignored", reason="It belongs to another training.")
            return None
        files = {Path(file).stem: load_file(self._folder / name / file) for file in manifest.files}
        return manifest.facts["state"], files

    def remove(self) -> None:
        """Delete the checkpoints, once the result is published."""
        shutil.rmtree(self._folder, ignore_errors=True)
