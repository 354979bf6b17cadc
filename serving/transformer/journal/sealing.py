"""Predictions as rows: who asked and about what encrypted, all else in the clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serving.transformer.journal.bulk import Row
from serving.transformer.journal.entry import Recording
from serving.transformer.journal.models import Model
from serving.transformer.journal.records import bind_prediction, pack_content
from serving.transformer.journal.vault import Vault
from serving.transformer.model_identity import ModelIdentity


def sealed_rows(
    recordings: Sequence[Recording], models: Mapping[ModelIdentity, Model], vault: Vault
) -> list[Row]:
    """The rows of many requests' predictions, encrypted in one go.

    Args:
        recordings: The predictions.
        models: The rows of their models.
        vault: The keys.

    Returns:
        A row a text, in the order of `bulk.COLUMNS`.

    Raises:
        ValueError: When a request's ids, texts and the rest differ in length.
    """
    clear: list[Row] = []
    secret: list[tuple[bytes, bytes]] = []
    pseudonyms: dict[str, bytes] = {}  # most requests of a moment come from few subjects
    for recording in recordings:
        time, subject, model = recording.time, recording.subject, models[recording.model]
        pseudonym = pseudonyms.get(subject) or vault.pseudonym(subject)
        pseudonyms[subject] = pseudonym
        for name, text, label, score, tokens, truncated in zip(
            recording.ids,
            recording.texts,
            recording.predicted,
            recording.scores,
            recording.tokens,
            recording.truncated,
            strict=True,
        ):
            clear.append((name, time, model.number, label, score, tokens, truncated, pseudonym))
            bound = bind_prediction(name, model.digest, time, label, score, tokens, truncated)
            secret.append((pack_content(subject, text), bound))
    return [
        (*row, sealed.key, sealed.nonce, sealed.data)
        for row, sealed in zip(clear, vault.seal(secret), strict=True)
    ]
