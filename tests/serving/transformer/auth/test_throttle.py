from __future__ import annotations

from serving.transformer.auth.throttle import CAPACITY, FORGET_S, Throttle


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


def test_each_further_failure_doubles_the_wait_up_to_a_minute():
    throttle = Throttle(free=3, clock=Clock())
    waits = []
    for _ in range(12):
        waits.append(throttle.wait_s("a"))
        throttle.failed("a")
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert throttle.wait_s("b") == 0


def test_waiting_and_success_end_it():
    clock = Clock()
    throttle = Throttle(free=1, clock=clock)
    throttle.failed("a")
    assert throttle.wait_s("a") == 1
    clock.now += 1
    assert throttle.wait_s("a") == 0
    throttle.failed("a")
    assert throttle.wait_s("a") == 2
    throttle.succeeded("a")
    assert throttle.wait_s("a") == 0


def test_old_failures_are_forgotten():
    clock = Clock()
    throttle = Throttle(free=1, clock=clock)
    for _ in range(10):
        throttle.failed("a")
    clock.now += FORGET_S + 1
    throttle.failed("a")
    assert throttle.wait_s("a") == 1


def test_memory_is_bounded():
    throttle = Throttle(free=0)
    for number in range(CAPACITY + 100):
        throttle.failed(number)
    assert len(throttle._failures) == CAPACITY
    assert throttle.wait_s(0) == 0
    assert throttle.wait_s(CAPACITY + 99) > 0
