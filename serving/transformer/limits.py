"""Named limits of the transformer, each with its reason."""

from __future__ import annotations

BODY_BYTES = 4 * 2**20
"""A request's body: 1,024 texts of 4,000 bytes; longer bodies are a batch job's."""

BODY_SECONDS = 10.0
"""A client that takes longer to send its body is stalling, or holding memory on purpose."""

FIELD_CHARACTERS = 200
"""Of a field's name in an answer: a client may have made it up, megabytes long."""

TEXTS = 1_024
"""Texts in one request: some seconds of work for an encoder on two cores, below any deadline."""

TEXT_CHARACTERS = 100_000
"""Characters in one text: the longest that ingest may be told to accept."""

HOP_TEXTS = 64
"""Texts that requests share in one call of the predictor; more would make the first wait for the
last without filling its batches better."""

HOPS = 4
"""Calls of the predictor under way at once: one scored by each worker and one waiting for it."""

WAITING_TEXTS = 2_048
"""Texts waiting for a hop; beyond it a client is told at once to come again later."""

ANSWER_BYTES = 64 * 2**20
"""An answer of the predictor: 1,024 texts with 768 features each are some 10 MB of JSON."""

ID_CHARACTERS = 64
"""A prediction id has 22; anything longer was never issued."""
