"""Scored rows that streams are drawn from; each text is scored once, by a bundle of IMDB."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components import catalogue
from components.contract.bundle import REFERENCE_FILE
from components.contract.calibration import softmax
from components.contract.classifier import Classifier
from components.contract.dataset import Dataset
from components.contract.normalise import normalise
from components.contract.text_marks import mark_texts
from components.drift.reference import Reference, read_reference
from components.drift.stream import Stream
from tests.bench.stages import stage
from tests.conftest import ROOT, reviews

PARAMS = ("--params", str(ROOT / "params/imdb.yaml"))
INJURED = 1_500
"""Held-out rows that are also scored cut, and in a wrong encoding."""
CUTS = (150, 300, 600)
BATCH = 500

Pairs = list[tuple[str, int]]


@dataclass(frozen=True)
class Pool:
    """Scored rows with their labels.

    Attributes:
        stream: n rows.
        labels: (n,) int32.
    """

    stream: Stream
    labels: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.stream.predicted != self.labels, np.bool_)

    def take(self, rows: npt.NDArray[np.intp]) -> Pool:
        return Pool(self.stream.take(rows), self.labels[rows])

    def with_(self, other: Pool) -> Pool:
        """Both, one after the other."""
        mine, theirs = self.stream, other.stream
        assert mine.marks is not None
        assert theirs.marks is not None
        return Pool(
            Stream(
                np.concatenate([mine.features, theirs.features]),
                np.concatenate([mine.probabilities, theirs.probabilities]),
                np.concatenate([mine.lengths, theirs.lengths]),
                np.concatenate([mine.marks, theirs.marks]),
            ),
            np.concatenate([self.labels, other.labels]),
        )


@dataclass(frozen=True)
class Materials:
    """What is drawn from.

    Attributes:
        reference: The bundle's.
        pools: `imdb` (held out, none of the reference's), `rotten_tomatoes`, `cut 150`, ….
        texts: Some held-out texts.
    """

    reference: Reference
    pools: dict[str, Pool]
    texts: list[str]


def prepare(folder: Path) -> Materials:
    """Train and score what is missing in a folder; a minute the first time."""
    bundle = folder / "bundle"
    _train(folder, bundle)
    reference = read_reference(bundle / REFERENCE_FILE)
    dataset = Dataset.open(folder / "dataset")
    # The reference is the first of the validation rows.
    held = _rows(dataset, "test") + _rows(dataset, "validation")[len(reference.labels) :]
    random.Random(1).shuffle(held)
    sources: dict[str, Callable[[], Pairs]] = {
        "imdb": lambda: held,
        "rotten_tomatoes": lambda: [(text, int(label)) for text, label in reviews()],
        "mojibake": lambda: _changed(held, mojibake),
        "replaced": lambda: _changed(held, replaced),
        **{f"cut {n}": lambda n=n: _changed(held, lambda text: text[:n]) for n in CUTS},
    }
    classifier: Classifier | None = None
    pools = {}
    for name, source in sources.items():
        file = folder / f"{name.replace(' ', '-')}.npz"
        if not file.exists():
            classifier = classifier or catalogue.open_classifier(bundle)[1]
            np.savez(file, **_score(classifier, reference, source()))
        pools[name] = _read(file)
    return Materials(reference, pools, [text for text, _ in held[:1_000]])


def mojibake(text: str) -> str:
    """As a client sends it that types curly quotes as UTF-8 and says that they are Windows-1252."""
    return curly(text).encode().decode("cp1252", "replace")


def replaced(text: str) -> str:
    """As a client sends it that types them in Windows-1252 and says that they are UTF-8."""
    return curly(text).encode("cp1252", "replace").decode(errors="replace")


def curly(text: str) -> str:
    return text.replace("'", "\u2019").replace('"', "\u201c")


def _train(folder: Path, bundle: Path) -> None:
    dataset, tokens = folder / "dataset", folder / "tokens"
    data = ("--dataset", str(dataset))
    if not (dataset / "manifest.json").exists():
        stage("ingest", dataset, *PARAMS)
    if not (tokens / "manifest.json").exists():
        stage("tokenize", tokens, *PARAMS, "--tokenizer", "bpe", *data)
    if not (bundle / "manifest.json").exists():
        stage("train_logistic", bundle, *PARAMS, *data, "--tokens", str(tokens))


def _rows(dataset: Dataset, split: str) -> Pairs:
    return [
        (text, int(label))
        for batch in dataset.batches(split)
        for text, label in zip(batch.texts, batch.labels, strict=True)
    ]


def _changed(rows: Pairs, change: Callable[[str], str]) -> Pairs:
    return [(change(text), label) for text, label in rows[:INJURED]]


def _score(classifier: Classifier, reference: Reference, rows: Pairs) -> dict[str, np.ndarray]:
    texts = [text for text, _ in rows]
    probabilities, features, lengths = [], [], []
    for start in range(0, len(texts), BATCH):
        batch = [normalise(text) for text in texts[start : start + BATCH]]
        encoding = classifier.tokenizer.encode(batch)
        scores = classifier.score(encoding)
        probabilities.append(softmax(scores.logits, classifier.temperature))
        features.append(scores.features)
        lengths.append(encoding.lengths)
    return {
        "features": np.concatenate(features),
        "probabilities": np.concatenate(probabilities),
        "lengths": np.concatenate(lengths),
        "marks": mark_texts(texts, reference.vocabulary.terms),
        "labels": np.array([label for _, label in rows], np.int32),
    }


def _read(file: Path) -> Pool:
    with np.load(file) as arrays:
        names = ("features", "probabilities", "lengths", "marks")
        return Pool(Stream(*(arrays[name] for name in names)), arrays["labels"])
