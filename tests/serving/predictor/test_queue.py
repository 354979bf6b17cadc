from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.predictor.errors import RequestError
from serving.predictor.limits import FAIR_SLICE_S
from serving.predictor.queue import BatchQueue
from serving.predictor.served import BatchLimits, Served
from serving.predictor.ticket import Ticket
from serving.predictor.tokens import Tokenised
from tests.serving.predictor.parts import open_part

FOREVER = time.monotonic() + 10**6


def model(graph: Served, rows: int = 4, tokens: int = 100, parallel: int = 1, padding: int = 999):
    return Served("1", "d", graph.classifier, BatchLimits(rows, tokens, padding, parallel))


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def ticket(served, loop, lengths, arrived=0.0, deadline=FOREVER):
    rows = [np.arange(length, dtype=np.uint32) for length in lengths]
    tokenised = Tokenised(rows, np.array(lengths), np.zeros(len(lengths), bool))
    return Ticket(served, tokenised, arrived, deadline, loop.create_future())


def put(queue: BatchQueue, *tickets: Ticket) -> None:
    for one in tickets:
        queue.reserve(len(one.tokenised.rows))
        queue.put(one)


def costs(batch) -> list[int]:
    return [item.cost for item in batch.items]


def test_texts_of_similar_length_share_a_batch(graph, loop):
    served, queue = model(graph), BatchQueue(100)
    put(queue, *(ticket(served, loop, [n], i) for i, n in enumerate([5, 40, 6, 41, 7, 42, 8])))
    taken = []
    for _ in range(2):
        batch = queue.take()
        taken.append(costs(batch))
        queue.done(batch)
    assert taken == [[5, 6, 7, 8], [40, 41]]  # three of 42 tokens are more than the budget


def test_a_batch_keeps_to_rows_and_tokens(graph, loop):
    served, queue = model(graph, rows=3, tokens=60), BatchQueue(100)
    put(queue, ticket(served, loop, [30, 29, 28, 10, 10, 10, 10, 90]))
    taken = []
    while queue.waiting:
        batch = queue.take()
        taken.append(costs(batch))
        queue.done(batch)
    # The longest first; one beyond the budget goes alone.
    assert taken == [[90], [29, 30], [10, 28], [10, 10, 10]]


def test_a_text_that_would_mostly_be_padding_waits_for_its_like(graph, loop):
    served, queue = model(graph, padding=4), BatchQueue(100)
    put(queue, *(ticket(served, loop, [n], i) for i, n in enumerate([20, 16, 15, 21, 22])))
    first = queue.take()
    assert costs(first) == [20, 21, 22]  # 16 would add 6 tokens of padding
    queue.done(first)
    assert costs(queue.take()) == [15, 16]


@given(
    st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=20), min_size=1, max_size=20),
    st.integers(1, 9),
    st.integers(1, 200),
    st.integers(0, 50),
)
@settings(max_examples=60, deadline=None)
def test_every_text_is_taken_once_and_the_one_whose_turn_it_is_first(
    requests, rows, tokens, padding
):
    loop = asyncio.new_event_loop()
    served = Served("1", "d", Labels(), BatchLimits(rows, tokens, padding, 1))  # type: ignore[arg-type]
    queue = BatchQueue(1_000)
    tickets = [ticket(served, loop, lengths, i * 0.0004) for i, lengths in enumerate(requests)]
    put(queue, *tickets)
    left = {
        (id(one), row): one.arrived + place * FAIR_SLICE_S
        for one in tickets
        for place, row in enumerate(
            sorted(range(len(one.tokenised.rows)), key=lambda row: -len(one.tokenised.rows[row]))
        )
    }
    while queue.waiting:
        batch = queue.take()
        assert len(batch.items) <= rows
        assert len(batch.items) == 1 or len(batch.items) * max(costs(batch)) <= tokens
        assert costs(batch) == sorted(costs(batch))
        ranks = [left.pop((id(item.ticket), item.row)) for item in batch.items]
        assert min(ranks) <= min(left.values(), default=np.inf)
        queue.done(batch)
    assert not left
    loop.close()


class Labels:
    labels = ("a", "b")


def test_a_long_text_is_not_starved_by_short_ones(graph, loop):
    served, queue = model(graph, rows=4, tokens=10_000), BatchQueue(1_000)
    put(queue, *(ticket(served, loop, [5], 0.0) for _ in range(8)))
    put(queue, ticket(served, loop, [900], 0.001))
    batches = 0
    while True:
        put(queue, *(ticket(served, loop, [5], 0.002 + batches) for _ in range(4)))
        batch = queue.take()
        batches += 1
        queue.done(batch)
        if 900 in costs(batch):
            break
    assert batches == 3  # the eight before it are two batches


def test_a_bulk_makes_room_for_later_requests_and_still_ends(graph, loop):
    served, queue = model(graph, rows=4, tokens=10_000), BatchQueue(1_000)
    bulk = ticket(served, loop, [10] * 400, arrived=0.0)
    later = ticket(served, loop, [50], arrived=100 * FAIR_SLICE_S)
    put(queue, bulk, later)
    seen = []
    while queue.waiting:
        batch = queue.take()
        seen.extend(item.ticket for item in batch.items)
        queue.done(batch)
    assert 100 <= seen.index(later) < 108  # a batch more or less: it stands last in its own
    assert len(seen) == 401


def test_the_queue_is_bounded_and_a_request_comes_in_whole_or_not(graph, loop):
    served, queue = model(graph), BatchQueue(10)
    put(queue, ticket(served, loop, [1] * 8))
    with pytest.raises(RequestError) as caught:
        queue.reserve(3)
    assert (caught.value.status, caught.value.code) == (503, "overloaded")
    assert caught.value.retry_after > 0
    queue.reserve(2)
    queue.release(2)
    assert queue.waiting == 8


def test_what_is_late_or_unwanted_is_not_handed_out(graph, loop):
    served, queue = model(graph), BatchQueue(100)
    late = ticket(served, loop, [5, 5], deadline=time.monotonic() - 1)
    gone, wanted = ticket(served, loop, [5]), ticket(served, loop, [5], 0.1)
    gone.answered.cancel()
    put(queue, late, gone, wanted)
    batch = queue.take()
    assert [item.ticket for item in batch.items] == [wanted]
    assert queue.waiting == 0


def test_a_discarded_request_leaves_its_places(graph, loop):
    served, queue = model(graph), BatchQueue(100)
    first, second = ticket(served, loop, [5] * 6), ticket(served, loop, [5], 1.0)
    put(queue, first, second)
    queue.done(queue.take())
    queue.discard(first)
    queue.discard(first)
    assert queue.waiting == 1
    assert [item.ticket for item in queue.take().items] == [second]


def test_models_never_share_a_batch_and_a_replaced_one_is_let_go(graph_bundle, graph, loop):
    old, new = open_part(graph_bundle, rows=4), model(graph)
    queue = BatchQueue(100)
    put(queue, ticket(old, loop, [5] * 3), ticket(new, loop, [5] * 3, 1.0))
    first, second = queue.take(), queue.take()
    assert (first.served, second.served) == (old, new)
    assert {len(first.items), len(second.items)} == {3}
    queue.done(second)
    queue.done(first)
    watched = weakref.ref(old)
    del old, first
    gc.collect()
    assert watched() is None


def test_a_few_texts_are_shared_among_idle_threads(graph, loop):
    served, queue = model(graph, rows=8, parallel=2), BatchQueue(100)
    taken, both = [], threading.Barrier(2)

    def work():
        batch = queue.take()
        taken.append(len(batch.items))
        both.wait(10)  # neither ends before the other has begun
        queue.done(batch)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    while queue._idle < 2:
        time.sleep(0.001)
    put(queue, ticket(served, loop, [5] * 8))
    for thread in threads:
        thread.join(10)
    assert taken == [4, 4]


def test_a_batch_may_wait_for_company(graph, loop):
    served, queue = model(graph, rows=2), BatchQueue(100, wait_s=30.0)
    put(queue, ticket(served, loop, [5], time.monotonic()))
    later = threading.Timer(0.05, put, [queue, ticket(served, loop, [6], time.monotonic())])
    later.start()
    assert costs(queue.take()) == [5, 6]  # full: there is nothing more to wait for
    later.join()


def test_a_closed_queue_hands_out_what_waits_and_then_nothing(graph, loop):
    served, queue = model(graph), BatchQueue(100)
    put(queue, ticket(served, loop, [5] * 6))
    queue.close()
    sizes = []
    while (batch := queue.take()) is not None:
        sizes.append(len(batch.items))
        queue.done(batch)
    assert sizes == [4, 2]


def test_what_no_thread_scores_is_polled(graph, loop):
    served, queue = model(graph, rows=4, parallel=0), BatchQueue(100)
    assert queue.poll() is None
    put(queue, ticket(served, loop, [5] * 6))
    sizes = []
    while (batch := queue.poll()) is not None:
        sizes.append(len(batch.items))
        queue.done(batch)
    assert sizes == [4, 2]
    queue.close()
    assert queue.take() is None
