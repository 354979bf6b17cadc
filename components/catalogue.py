"""Factory: names in `params.yaml` -> architectures and tokenizers, imported on use.

One line adds or removes one. Nothing is imported until it is asked for, so opening a logistic
bundle imports no torch and a server needs no training code.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from components.contract.artifact import Manifest
from components.contract.bundle import Bundle
from components.contract.classifier import Classifier
from components.contract.errors import InputError
from components.contract.search import Search
from components.contract.settings import neighbours
from components.contract.tokenizer import Tokenizer


@dataclass(frozen=True)
class Architecture:
    """Where one architecture lives: a folder of `model.py`, `settings.py` and `train.py`.

    A `search.py` there says what of its settings `tamis tune` searches.

    Attributes:
        folder: Its folder under `components/`.
        classifier: The class in `model.py`.
        settings: The dataclass in `settings.py`.
    """

    folder: str
    classifier: str
    settings: str

    def load_classifier(self) -> type[Classifier]:
        """The inference class."""
        module = importlib.import_module(f"components.{self.folder}.model")
        return cast(type[Classifier], getattr(module, self.classifier))

    def load_settings(self) -> type[Any]:
        """The dataclass of its training parameters."""
        module = importlib.import_module(f"components.{self.folder}.settings")
        return cast(type[Any], getattr(module, self.settings))

    def load_train(self) -> Callable[..., Manifest]:
        """Its `train(dataset, tokens, out, settings)`."""
        module = importlib.import_module(f"components.{self.folder}.train")
        return cast(Callable[..., Manifest], module.train)

    def load_search(self) -> Search | None:
        """Its `SEARCH` in `search.py`; None for a folder without that file."""
        name = f"components.{self.folder}.search"
        if importlib.util.find_spec(name) is None:
            return None
        return cast(Search, importlib.import_module(name).SEARCH)


ARCHITECTURES = {
    "logistic": Architecture("train_logistic", "LogisticClassifier", "LogisticSettings"),
    "lstm": Architecture("train_lstm", "LstmClassifier", "LstmSettings"),
    "bert": Architecture("train_bert", "BertClassifier", "BertSettings"),
}

TOKENIZERS = {
    "wordpiece": ("components.tokenize.subword", "WordPieceTokenizer"),
    "bpe": ("components.tokenize.subword", "BpeTokenizer"),
    "spacy": ("components.tokenize.spacy.tokenizer", "SpacyTokenizer"),
}


def architecture(name: str) -> Architecture:
    """The architecture of that name; `InputError` `unknown_architecture` otherwise."""
    if name not in ARCHITECTURES:
        raise InputError(
            "unknown_architecture",
            f"There is no architecture {name!r}.",
            neighbours(name, ARCHITECTURES),
        )
    return ARCHITECTURES[name]


def tokenizer(strategy: str) -> type[Tokenizer]:
    """The tokenizer class of that strategy; `InputError` `unknown_tokenizer` otherwise."""
    if strategy not in TOKENIZERS:
        raise InputError(
            "unknown_tokenizer",
            f"There is no tokenizer {strategy!r}.",
            neighbours(strategy, TOKENIZERS),
        )
    module, name = TOKENIZERS[strategy]
    return cast(type[Tokenizer], getattr(importlib.import_module(module), name))


def open_classifier(path: Path, threads: int | None = None) -> tuple[Bundle, Classifier]:
    """Open a bundle as a server does: verify its digests, load it, replay its golden rows.

    Args:
        path: The bundle's directory.
        threads: CPU threads that one scoring call may use; None takes the environment's.

    Returns:
        The bundle and its classifier, ready to score.

    Raises:
        InputError: `not_found`.
        IntegrityError: `corrupted` or `golden_mismatch`; nothing is parsed before its digest is
            checked.
    """
    bundle = Bundle.open(path)
    own = tokenizer(str(bundle.manifest.facts["tokenizer"])).load(path)
    classifier = architecture(bundle.architecture).load_classifier().load(path, own, threads)
    bundle.replay(classifier)
    return bundle, classifier
