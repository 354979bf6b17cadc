"""Predictions as rows: who asked and about what encrypted, all else in the clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serving.transformer.journal.bulk import Row
from serving.transformer.journal.entry import Recording
from serving.transformer.journal.models import Model
from serving.transformer.journal.records import bind_prediction, pack_content
from serving.transformer.journal.vault import Vault
from serving.transformer.prediction import ModelIdentity


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
        ValueError: When a request's ids, texts and arrays differ in length.
    """
    clear: list[Row] = []
    secret: list[tuple[bytes, bytes]] = []
    pseudonyms: dict[str, bytes] = {}  # most requests of a moment come from few subjects
    for recording in recordings:
        answered, time = recording.answered, recording.time
        subject, labels, model = answered.subject, answered.labels, models[answered.model]
        pseudonym = pseudonyms.get(subject) or vault.pseudonym(subject)
        pseudonyms[subject] = pseudonym
        for name, text, best, probabilities, tokens, truncated in zip(
            answered.ids,
            answered.texts,
            answered.probabilities.argmax(axis=1).tolist(),
            answered.probabilities,
            answered.tokens.tolist(),
            answered.truncated.tolist(),
            strict=True,
        ):
            label, score = labels[best], float(probabilities[best])
            clear.append((name, time, model.number, label, score, tokens, truncated, pseudonym))
            bound = bind_prediction(name, model.digest, time, label, score, tokens, truncated)
            secret.append((pack_content(subject, text), bound))
    return [
        (*row, sealed.key, sealed.nonce, sealed.data)
        for row, sealed in zip(clear, vault.seal(secret), strict=True)
    ]
