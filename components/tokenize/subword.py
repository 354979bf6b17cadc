"""Subword tokenizers in HuggingFace's `tokenizers` format, stored as `tokenizer.json`."""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from components.contract.encoding import Encoding
from components.contract.environment import environment
from components.contract.errors import InputError, IntegrityError
from components.tokenize.pieces import Pieces

FILE = "tokenizer.json"
PADDING = "[PAD]"
ALONE_TEXTS, ALONE_THREADS = 32, 4
"""Up to so many texts, or so many threads, one core by `Pieces` is ahead of all by the library."""


class SubwordTokenizer:
    """A tokenizer that runs in the `tokenizers` library; see the contract for its attributes.

    Args:
        backend: The library's tokenizer; its own truncation and padding are switched off, since
            models cut and pad (a hub's file often carries both).
    """

    strategy: ClassVar[str]

    def __init__(self, backend: Backend) -> None:
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        framed = backend.encode("a").ids
        bare = backend.encode("a", add_special_tokens=False).ids
        start = next((i for i in range(len(framed)) if framed[i : i + len(bare)] == bare), 0)
        self._prefix = tuple(framed[:start])
        self._suffix = tuple(framed[start + len(bare) :])

    @property
    def vocab_size(self) -> int:
        return int(self._backend.get_vocab_size())

    @functools.cached_property
    def digest(self) -> str:
        return hashlib.sha256(self._backend.to_str().encode()).hexdigest()

    @property
    def padding(self) -> int:
        return int(self._backend.token_to_id(PADDING) or 0)

    @property
    def prefix(self) -> tuple[int, ...]:
        return self._prefix

    @property
    def suffix(self) -> tuple[int, ...]:
        return self._suffix

    def encode(self, texts: Sequence[str]) -> Encoding:
        rows = [encoding.ids for encoding in self._batch(list(texts))]
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        flat = np.fromiter(
            itertools.chain.from_iterable(rows), dtype=np.uint32, count=int(offsets[-1])
        )
        return Encoding(flat, offsets)

    def spans(self, text: str) -> npt.NDArray[np.int64]:
        found = self._backend.encode(text, add_special_tokens=False).offsets
        return np.array(found, np.int64).reshape(-1, 2)

    def _batch(self, texts: list[str]) -> Any:
        return self._backend.encode_batch_fast(texts, add_special_tokens=False)

    def save(self, directory: Path) -> None:
        (directory / FILE).write_text(self._backend.to_str(), encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        return cls(_read(directory / FILE))


class BpeTokenizer(SubwordTokenizer):
    """Byte-level byte-pair encoding (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909).

    Works on bytes, so that no text of any language holds an unknown token.
    """

    strategy: ClassVar[str] = "bpe"

    @functools.cached_property
    def _pieces(self) -> Pieces | None:
        return Pieces.of(self._backend)

    def encode(self, texts: Sequence[str]) -> Encoding:
        # The library encodes a batch on all cores at once, Python on one.
        alone = len(texts) <= ALONE_TEXTS or environment().threads <= ALONE_THREADS
        if self._pieces is None or not alone:
            return super().encode(texts)
        return self._pieces.encode(texts, self._batch)

    @classmethod
    def train(
        cls, texts: Iterator[list[str]], vocab_size: int, min_frequency: int, lowercase: bool
    ) -> Self:
        """Learn a vocabulary.

        Args:
            texts: Batches of training texts; read once, never held.
            vocab_size: Entries, bytes and the padding token counted.
            min_frequency: Fewest occurrences of a pair that becomes an entry.
            lowercase: Whether to fold case.

        Returns:
            The tokenizer; the same texts give the same vocabulary.
        """
        backend = Backend(models.BPE())
        backend.normalizer = normalizers.Sequence(
            [normalizers.NFKC(), *([normalizers.Lowercase()] if lowercase else [])]
        )
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        backend.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=min_frequency,
            special_tokens=[PADDING],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        backend.train_from_iterator(texts, trainer)
        return cls(backend)


class WordPieceTokenizer(SubwordTokenizer):
    """The tokenizer that a pretrained encoder was trained with.

    BERT's is WordPiece (Devlin et al. 2019, https://arxiv.org/abs/1810.04805); any encoder whose
    folder holds a `tokenizer.json` will do.
    """

    strategy: ClassVar[str] = "wordpiece"

    @classmethod
    def pretrained(cls, encoder: str) -> Self:
        """The tokenizer of a hub id, a folder or a `package://` address.

        Args:
            encoder: Where the encoder is.

        Returns:
            Its tokenizer.

        Raises:
            InputError: `no_tokenizer` when there is none to be had.
        """
        from components.contract.weights import resolve_weights

        where = resolve_weights(encoder)
        file = Path(where) / FILE
        if not file.is_file():
            from huggingface_hub import hf_hub_download
            from huggingface_hub.errors import HfHubHTTPError, HFValidationError

            try:
                file = Path(hf_hub_download(where, FILE))
            except (HfHubHTTPError, HFValidationError, OSError) as error:
                raise InputError(
                    "no_tokenizer",
                    f"No {FILE} could be found for the encoder {encoder!r}.",
                    "Give a hub id, a folder or package://<package>/<folder>.",
                ) from error
        return cls(_read(file))


def _read(file: Path) -> Backend:
    try:
        return Backend.from_str(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise IntegrityError("corrupted", f"{str(file)!r} can't be read.") from error
    except Exception as error:  # the library raises bare Exception
        raise IntegrityError("corrupted", f"{str(file)!r} is not a tokenizer.") from error
