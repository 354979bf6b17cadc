"""`@timed`, `@logged`, `@validated`: what every stage does besides its work."""

from __future__ import annotations

import functools
import inspect
import time
import types
import typing
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from components.contract import logs, metrics
from components.contract.errors import InputError, TamisError

P = ParamSpec("P")
R = TypeVar("R")


def timed(stage: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Export a call's wall and CPU seconds and its outcome as Prometheus metrics, and log them.

    Args:
        stage: Value of the metrics' `stage` label.

    Returns:
        A decorator.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            wall, cpu, outcome = time.perf_counter(), time.process_time(), "failed"
            try:
                result = function(*args, **kwargs)
                outcome = "succeeded"
                return result
            finally:
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                metrics.STAGE_SECONDS.labels(stage).set(wall)
                metrics.STAGE_CPU_SECONDS.labels(stage).set(cpu)
                metrics.STAGE_RUNS.labels(stage, outcome).inc()
                metrics.export(stage)
                logs.event("timed", stage=stage, wall_s=round(wall, 3), cpu_s=round(cpu, 3))

        return call

    return decorate


def logged(stage: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Log a call's start and its end, with the error's code when it fails.

    Args:
        stage: The `stage` field of the log lines.

    Returns:
        A decorator.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            logs.event("started", stage=stage)
            try:
                result = function(*args, **kwargs)
            except TamisError as error:
                logs.event(
                    "failed",
                    stage=stage,
                    code=error.code,
                    message=error.message,
                    hint=error.hint,
                    exit_status=error.exit_status,
                )
                raise
            except Exception as error:
                logs.LOGGER.exception(
                    "failed",
                    extra={"fields": {"stage": stage, "code": "bug", "message": repr(error)}},
                )
                raise
            logs.event("finished", stage=stage)
            return result

        return call

    return decorate


def validated(function: Callable[P, R]) -> Callable[P, R]:
    """Check a call's arguments against the function's annotations before it starts.

    Args:
        function: A function whose parameters are annotated with classes, generics or unions.

    Returns:
        The function, refusing wrong arguments with `InputError` `bad_argument`.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        hints = typing.get_type_hints(function)
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            accepted = _classes(hints[name])
            if accepted and not isinstance(value, accepted):
                names = " or ".join(c.__name__ for c in accepted)
                raise InputError(
                    "bad_argument",
                    f"{function.__name__}() takes {names} as {name}, not {value!r}.",
                )
        return function(*args, **kwargs)

    return call


def _classes(hint: Any) -> tuple[type, ...]:
    """The classes that a value of this annotation may have; empty when any will do."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        parts = [_classes(part) for part in typing.get_args(hint)]
        return () if () in parts else tuple(c for part in parts for c in part)
    kind = typing.get_origin(hint) or hint
    if not isinstance(kind, type) or typing.is_typeddict(kind):
        return ()
    if getattr(kind, "_is_protocol", False) and not getattr(kind, "_is_runtime_protocol", False):
        return ()
    return (kind,)
