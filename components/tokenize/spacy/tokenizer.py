"""Words as token ids: by a spaCy pipeline and a vocabulary, stored as one small JSON file."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from components.contract.encoding import Encoding
from components.contract.errors import IntegrityError
from components.tokenize.spacy.pipeline import Word, open_pipeline

FILE = "tokenizer.json"
FORMAT = "tamis-spacy-1"
PADDING, UNKNOWN, FIRST = 0, 1, 2
"""Ids: of padding, of every word outside the vocabulary, of the vocabulary's first word."""
REMEMBERED = 2**17
"""Words whose id is remembered; the rest is worked out again, so that memory stays flat."""


class SpacyTokenizer:
    """A tokenizer that splits with spaCy; see the contract for its attributes.

    Args:
        document: What `tokenizer.json` holds: `format`; `pipeline` (see `open_pipeline`);
            `lowercase`; `stop_words`, lower case, which are left out; `lemmas` (a word -> its
            lemma, None for one outside the vocabulary); `vocabulary`, the words by id.

    Raises:
        InputError: `no_spacy`, `no_pipeline`.
        IntegrityError: `other_pipeline` when what is installed would split differently.
        ValueError: When the document makes no sense; also `KeyError` and `TypeError`.
    """

    strategy: ClassVar[str] = "spacy"

    def __init__(self, document: Mapping[str, Any]) -> None:
        if document["format"] != FORMAT:
            raise ValueError(f"not {FORMAT}")
        self._document = document
        self._vocabulary = {word: FIRST + i for i, word in enumerate(document["vocabulary"])}
        if len(self._vocabulary) != len(document["vocabulary"]):
            raise ValueError("a word has two ids")
        self._lowercase = bool(document["lowercase"])
        self._stop_words = frozenset(document["stop_words"])
        self._lemmas = dict(document["lemmas"])
        self._pipeline = open_pipeline(document["pipeline"])
        self._alone = threading.Lock()  # spaCy's tables take one writer
        self._id = functools.lru_cache(REMEMBERED)(self._find)

    @property
    def vocab_size(self) -> int:
        return FIRST + len(self._vocabulary)

    @functools.cached_property
    def digest(self) -> str:
        return hashlib.sha256(_written(self._document).encode()).hexdigest()

    @property
    def padding(self) -> int:
        return PADDING

    @property
    def prefix(self) -> tuple[int, ...]:
        return ()

    @property
    def suffix(self) -> tuple[int, ...]:
        return ()

    def encode(self, texts: Sequence[str]) -> Encoding:
        flat: list[int] = []
        offsets = np.zeros(len(texts) + 1, np.int64)
        with self._alone:
            for row, words in enumerate(self._pipeline.split(texts)):
                flat.extend(found for word in words if (found := self._id(word)) is not None)
                offsets[row + 1] = len(flat)
        return Encoding(np.array(flat, np.uint32), offsets)

    def spans(self, text: str) -> npt.NDArray[np.int64]:
        found, end = [], 0
        with self._alone:
            for word in next(iter(self._pipeline.split([text]))):
                start = max(text.find(word[0], end), end)  # a word stands behind the one before
                end = min(start + len(word[0]), len(text))
                if self._id(word) is not None:
                    found.append((start, end))
        return np.array(found, np.int64).reshape(-1, 2)

    def forms(self, texts: Sequence[str]) -> Iterator[str]:
        """What the vocabulary is counted from: the texts' words as ids are looked up by."""
        with self._alone:
            for words in self._pipeline.split(texts):
                yield from (form for word in words if (form := self._form(word)))

    def save(self, directory: Path) -> None:
        (directory / FILE).write_text(_written(self._document), encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        file = directory / FILE
        try:
            return cls(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError("corrupted", f"{str(file)!r} is not a tokenizer.") from error

    def _find(self, word: Word) -> int | None:
        form = self._form(word)
        return None if form == "" else self._vocabulary.get(form or "", UNKNOWN)

    def _form(self, word: Word) -> str | None:
        """What stands for a word: "" for a stop-word, None for no word of the vocabulary."""
        text, lemma = word
        lower = text.lower()
        if lower in self._stop_words:
            return ""
        # Tables hold few words as they begin a sentence.
        key = lower if self._lowercase and text not in self._lemmas else text
        form: str | None = self._lemmas.get(key, lemma or text)
        return form.lower() if form and self._lowercase else form


def _written(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True)
