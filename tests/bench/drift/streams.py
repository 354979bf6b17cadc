"""Streams, drawn from scored rows: the same number, the same stream."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.bench.drift.materials import CUTS, Materials, Pool

CLEAN_ROWS = 5_000
INCIDENT_BEFORE, INCIDENT_AFTER = 500, 1_000
INCIDENT_LABELS = 400
"""Of the texts after an incident so many get feedback."""
WINDOW = 500
KINDS = ("covariate", "label_mix", "concept", "truncated", "encoding")


def chance(number: int) -> np.random.Generator:
    return np.random.default_rng([2026, number])


def drawn(generator: np.random.Generator, pool: Pool, rows: int) -> Pool:
    """Rows drawn with replacement."""
    return pool.take(generator.integers(0, len(pool), rows))


def mixed(generator: np.random.Generator, first: Pool, second: Pool, share: float, n: int) -> Pool:
    """Rows of the first pool, a share of them replaced by the second's, in random order."""
    others = int((generator.random(n) < share).sum())
    both = drawn(generator, first, n - others).with_(drawn(generator, second, others))
    return both.take(generator.permutation(n))


def labelled(generator: np.random.Generator, pool: Pool, positive: float, n: int) -> Pool:
    """Rows of which a share is positive."""
    groups = [np.flatnonzero(pool.labels == label) for label in (0, 1)]
    chosen = (generator.random(n) < positive).astype(int)
    picks = [generator.choice(group, n) for group in groups]
    return pool.take(np.where(chosen == 1, picks[1], picks[0]))


def incident(generator: np.random.Generator, made: Materials, kind: str) -> tuple[Pool, np.ndarray]:
    """What comes after something has happened, mildly or badly, and whether answers were wrong."""
    imdb, n = made.pools["imdb"], INCIDENT_AFTER
    if kind == "covariate":
        other = made.pools["rotten_tomatoes"]
        after = mixed(generator, imdb, other, generator.uniform(0.3, 1), n)
    elif kind == "label_mix":
        positive = generator.uniform(0.75, 0.9)
        after = labelled(generator, imdb, positive if generator.random() < 0.5 else 1 - positive, n)
    elif kind == "truncated":
        cut = made.pools[f"cut {generator.choice(CUTS)}"]
        after = mixed(generator, imdb, cut, generator.uniform(0.5, 1), n)
    elif kind == "encoding":
        broken = made.pools[str(generator.choice(["mojibake", "replaced"]))]
        after = mixed(generator, imdb, broken, generator.uniform(0.3, 1), n)
    else:
        after = drawn(generator, imdb, n)
        return after, generator.random(n) < generator.uniform(0.25, 0.4)
    return after, after.wrong


def shifted(made: Materials) -> Iterator[tuple[str, Pool]]:
    """A hundred windows of ten kinds, by name."""
    imdb, other = made.pools["imdb"], made.pools["rotten_tomatoes"]
    short, long = (
        imdb.take(np.flatnonzero(rows))
        for rows in (imdb.stream.lengths < 130, imdb.stream.lengths > 400)
    )
    for number in range(10):
        g = chance(9_000 + number)
        yield "Rotten Tomatoes", drawn(g, other, WINDOW)
        yield "30 % Rotten Tomatoes", mixed(g, imdb, other, 0.3, WINDOW)
        yield "60 % Rotten Tomatoes", mixed(g, imdb, other, 0.6, WINDOW)
        yield "80 % positive", labelled(g, imdb, 0.8, WINDOW)
        for cut in CUTS:
            yield f"cut to {cut} characters", drawn(g, made.pools[f"cut {cut}"], WINDOW)
        yield "wrong encoding", drawn(g, made.pools["mojibake"], WINDOW)
        yield "short reviews", drawn(g, short, WINDOW)
        yield "long reviews", drawn(g, long, WINDOW)
