"""Opening what a training stage is given, and refusing what doesn't belong together."""

from __future__ import annotations

from pathlib import Path

from components.catalogue import tokenizer
from components.contract.dataset import Dataset
from components.contract.errors import InputError
from components.contract.tokenizer import Tokenizer
from components.contract.tokens import Tokens


def open_inputs(dataset: Path, tokens: Path) -> tuple[Dataset, Tokens, Tokenizer]:
    """Open a dataset, its tokens and the tokenizer that made them.

    Args:
        dataset: A published dataset.
        tokens: Tokens published from it.

    Returns:
        All three.

    Raises:
        InputError: `not_found` or `wrong_kind` from opening, `tokens_mismatch` when the tokens
            were made from another dataset, `too_few_labels` or `no_rows` when there is nothing to
            learn from.
    """
    data, encoded = Dataset.open(dataset), Tokens.open(tokens)
    if encoded.manifest.facts["dataset_digest"] != data.manifest.digest:
        raise InputError(
            "tokens_mismatch",
            f"The tokens in {str(tokens)!r} were not made from the dataset in {str(dataset)!r}.",
            "Run the tokenize stage again.",
        )
    if len(encoded.labels) < 2:
        raise InputError(
            "too_few_labels", f"A classifier needs two labels or more, not {list(encoded.labels)}."
        )
    if not encoded.rows("train"):
        raise InputError("no_rows", f"The train split of {str(dataset)!r} is empty.")
    return data, encoded, tokenizer(str(encoded.manifest.facts["strategy"])).load(tokens)
