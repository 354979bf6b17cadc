"""Named limits of the predictor, each with its reason."""

from __future__ import annotations

TEXTS = 1_024
"""Texts in one request: seconds of work for an encoder on two cores; more is a batch job's."""

TEXT_CHARACTERS = 100_000
"""Characters in one text: the longest that ingest may be told to accept."""

BODY_BYTES = 16 * 2**20
"""A request's body: 1,024 texts of 4,000 four-byte characters."""

BODIES_BYTES = 64 * 2**20
"""Bodies held at once. Text and tokens of a body take several times its size, so this bounds the
memory that clients can claim together."""

BODY_SECONDS = 10.0
"""A client that takes longer to send its body is stalling."""

ID_CHARACTERS = 256
"""A request's id is echoed into its answer; a UUID has 36."""

INLINE_BYTES = 256 * 2**10
"""A body up to here is parsed on the event loop, in about a third of a millisecond; handing it to a
thread would cost more than it spares the other requests."""

INLINE_CHARACTERS = 4 * 2**10
"""Texts up to here are tokenised on the event loop, in about a millisecond, likewise."""

CHUNK_CHARACTERS = 2**20
"""Characters tokenised at once: a token is an 8-byte reference at first, then 4 bytes for good."""

FAIR_SLICE_S = 0.001
"""What each text of a request is set back behind the one before it when batches are chosen. A bulk
request of 512 texts thus makes room for requests that come in its first half second, and is never
overtaken by later ones."""

DEADLINE_S = 600.0
"""Longest deadline that a request or a setting may name."""

WAIT_MS = 50.0
"""Longest that a batch may be told to wait for company; nothing was gained beyond 5 ms."""

RETRY_AFTER_S = 1
"""When to come again after a refusal: the queue empties within seconds or not at all."""

FETCH_SECONDS = 900.0
"""A download of a bundle that takes longer hangs."""

BACKOFF_S = 600.0
"""Longest pause between two attempts to load a version that can't be loaded."""
