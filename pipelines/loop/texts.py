"""The two kinds of texts that the service is asked about, with their true labels."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from components.contract.normalise import normalise
from components.ingest.settings import SourceSettings, ingest_settings
from components.ingest.sources import open_source

OTHER = {"source": "rotten_tomatoes"}
SEED = 13


class Text(NamedTuple):
    """A text and its true label.

    Attributes:
        text: The text.
        label: The label's name.
    """

    text: str
    label: str


def familiar_texts(document: Mapping[str, Any]) -> list[Text]:
    """Texts of the kind that the first model knows: the rows that its training held out.

    Args:
        document: The parameter file.

    Returns:
        The test split's rows, shuffled.
    """
    settings = ingest_settings(document)
    rule = settings.split.rule
    rows = _rows(settings.source)
    return _shuffled([text for text in rows if rule.split(normalise(text.text)) == "test"])


def other_texts(document: Mapping[str, Any]) -> list[Text]:
    """Texts of another kind with the same labels.

    Args:
        document: The parameter file.

    Returns:
        All of the demo package's Rotten Tomatoes sentences, shuffled.
    """
    source = {**document["source"], "where": OTHER}
    return _shuffled(list(_rows(ingest_settings({"source": source}).source)))


def _rows(source: SourceSettings) -> Iterator[Text]:
    for row in open_source(source).rows():
        if all(str(row[column]) == value for column, value in source.where.items()):
            yield Text(str(row[source.text_column]), source.label_names[str(row["label"])])


def _shuffled(texts: list[Text]) -> list[Text]:
    random.Random(SEED).shuffle(texts)  # noqa: S311 - an order, not a secret
    return texts
