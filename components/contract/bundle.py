"""The model bundle: everything a server needs, published whole, opened only by digest.

Files: `classifier.json`, weights (`weights.safetensors` or `model.onnx`), `tokenizer.json`,
`golden.jsonl` (text, ids, probabilities, replayed before a server says that it is ready),
`reference.safetensors` (of up to 1,000 validation rows, for drift: probabilities (n, k), features
(n, d), token lengths (n,), labels (n,), marks (`text_marks.py`), and the training texts' frequent
words (`vocabulary.py`)) and `history.json` (metrics by epoch). No file is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.contract.artifact import Draft, Manifest, verify, write_json
from components.contract.classifier import Classifier
from components.contract.errors import IntegrityError
from components.contract.normalise import normalise

KIND = "bundle"
CLASSIFIER_FILE = "classifier.json"
GOLDEN_FILE = "golden.jsonl"
REFERENCE_FILE = "reference.safetensors"
HISTORY_FILE = "history.json"
GOLDEN_TOLERANCE = 1e-4
"""Largest |difference| of a replayed probability: another CPU's kernels round differently."""
QUANTISED_TOLERANCE = 3e-2
"""The same for an 8-bit engine, where a last bit can tip an activation over to its next step:
changing MiniLM's inputs by 1e-7 to 1e-5 of their size moved probabilities by 0.013 to 0.026."""


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files have been checked against their digests.

    Attributes:
        path: Its directory.
        manifest: Facts: `architecture`, `labels`, `tokenizer` (strategy), `data_digest`,
            `settings`, `validation` (accuracy, log_loss, rows), `split` (the rule that chose its
            training rows), and where an architecture has several, `engine` (name, why).
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """Verify every file; raises as `verify`."""
        return cls(path, verify(path, KIND))

    @property
    def architecture(self) -> str:
        """The name that the catalogue knows its classifier by."""
        return str(self.manifest.facts["architecture"])

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in the order of the probability columns."""
        return tuple(self.manifest.facts["labels"])

    @property
    def engine(self) -> str:
        """The arithmetic it is served with: `fp32` or `int8`."""
        return str(self.manifest.facts.get("engine", {}).get("name", "fp32"))

    @property
    def tolerance(self) -> float:
        """Largest |difference| of a replayed probability."""
        return QUANTISED_TOLERANCE if self.engine == "int8" else GOLDEN_TOLERANCE

    def golden_texts(self) -> Iterator[str]:
        """The golden rows' texts: held-out texts of its data, or others where none are held out."""
        return (row["text"] for row in self._golden())

    def _golden(self) -> Iterator[Any]:
        with (self.path / GOLDEN_FILE).open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)

    def replay(self, classifier: Classifier) -> None:
        """Score the golden rows and compare.

        Args:
            classifier: The classifier loaded from this bundle.

        Raises:
            IntegrityError: `golden_mismatch` when token ids or probabilities differ.
        """
        for row in self._golden():
            if classifier.tokenizer.encode([normalise(row["text"])]).ids.tolist() != row["ids"]:
                raise IntegrityError(
                    "golden_mismatch", f"The tokenizer splits {row['text'][:60]!r} differently."
                )
            scored = classifier.predict_proba([row["text"]])[0]
            expected = np.array([row["probabilities"][label] for label in classifier.labels])
            if not np.allclose(scored, expected, rtol=0, atol=self.tolerance):
                raise IntegrityError(
                    "golden_mismatch", f"The model scores {row['text'][:60]!r} differently."
                )


def write_bundle(
    draft: Draft,
    classifier: Classifier,
    golden: Sequence[str],
    history: Sequence[Mapping[str, Any]],
    reference: Mapping[str, Any],
) -> None:
    """Write a classifier's files into a draft directory; facts are the caller's.

    Args:
        draft: The draft of kind `bundle`.
        classifier: The calibrated classifier, as a server will run it.
        golden: Texts to replay later; their ids and probabilities are computed here.
        history: One mapping an epoch: `epoch`, `train_loss`, `validation_loss`, ….
        reference: Name -> array, kept for drift detection.
    """
    from safetensors.numpy import save_file

    classifier.save(draft.path)
    draft.facts.update(
        architecture=classifier.architecture,
        labels=list(classifier.labels),
        tokenizer=classifier.tokenizer.strategy,
    )
    write_json(draft.path / HISTORY_FILE, list(history))
    save_file(
        {name: np.ascontiguousarray(array) for name, array in reference.items()},
        str(draft.path / REFERENCE_FILE),
    )
    lines = []
    for text in golden:
        probabilities = classifier.predict_proba([text])[0]
        row = {
            "text": text,
            "ids": classifier.tokenizer.encode([normalise(text)]).ids.tolist(),
            "probabilities": {
                label: float(p) for label, p in zip(classifier.labels, probabilities, strict=True)
            },
        }
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    (draft.path / GOLDEN_FILE).write_text("".join(lines), encoding="utf-8")
