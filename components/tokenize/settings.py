"""Parameters of one tokenizer."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from components.contract.settings import require
from components.contract.weights import weights_fingerprint


@dataclass(frozen=True)
class TokenizerSettings:
    """How texts become token ids.

    Attributes:
        strategy: `bpe` or `spacy` (trained on the train split), or `wordpiece` (comes with an
            encoder).
        vocab_size: Entries of a trained vocabulary.
        min_frequency: Fewest occurrences that make a pair of symbols, or for `spacy` a word, a
            vocabulary entry.
        lowercase: Whether a trained tokenizer folds case.
        sample_rows: Rows that a tokenizer is trained on at most; they stand in the order of their
            digests, so the first ones are a fair sample, and memory stays flat as data grows.
        sample_characters: Characters of them at most, the row that passes it counted.
        encoder: Hub id, folder or `package://` of a pretrained encoder, for `wordpiece`.
        pipeline: For `spacy`, the name of an installed pipeline (`fr_core_news_sm`), or `blank:`
            and a language's code (`blank:fr`; `xx` is any language).
        lemmas: For `spacy`, whether words stand for their lemmas.
        remove_stop_words: For `spacy`, whether the language's stop-words are left out; English
            ones hold `not` and `never`, which a sentiment may hang on.
    """

    strategy: str
    vocab_size: int = 20_000
    min_frequency: int = 2
    lowercase: bool = True
    sample_rows: int = 200_000
    sample_characters: int = 4_000_000
    encoder: str = ""
    pipeline: str = "blank:xx"
    lemmas: bool = False
    remove_stop_words: bool = False

    def fingerprint(self) -> str:
        """Every parameter, the encoder by its content: what decides the tokenizer."""
        encoder = weights_fingerprint(self.encoder) if self.encoder else ""
        return json.dumps({**dataclasses.asdict(self), "encoder": encoder}, sort_keys=True)

    def check(self) -> None:
        """Refuse values that can't work."""
        require(self.vocab_size >= 300, "vocab_size", "must be at least 300 (256 are single bytes)")
        require(self.min_frequency >= 1, "min_frequency", "must be at least 1")
        for name in ("sample_rows", "sample_characters"):
            require(getattr(self, name) >= 1, name, "must be at least 1")
