import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from components.contract import logs, metrics
from components.contract.decorators import logged, timed, validated
from components.contract.environment import environment
from components.contract.errors import InputError, TamisError


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    level = logs.LOGGER.level
    logs.LOGGER.addHandler(handler)
    logs.LOGGER.setLevel(logging.INFO)
    yield records
    logs.LOGGER.removeHandler(handler)
    logs.LOGGER.setLevel(level)


def value(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, labels)


def test_timed_exports_metrics_of_success_and_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAMIS_METRICS", str(tmp_path / "metrics"))
    environment.cache_clear()

    @timed("stage-a")
    def work(x: int) -> float:
        return 1 / x

    assert work(1) == 1
    with pytest.raises(ZeroDivisionError):
        work(0)
    environment.cache_clear()
    assert value("tamis_stage_runs_total", stage="stage-a", outcome="succeeded") == 1
    assert value("tamis_stage_runs_total", stage="stage-a", outcome="failed") == 1
    assert value("tamis_stage_seconds", stage="stage-a") is not None
    text = (tmp_path / "metrics" / "stage-a.prom").read_text()
    assert 'tamis_stage_runs_total{outcome="failed",stage="stage-a"} 1.0' in text


def test_logged_tells_start_end_and_the_error_code(lines: list[logging.LogRecord]) -> None:
    @logged("stage-b")
    def work(fail: str) -> None:
        if fail == "expected":
            raise TamisError("disk_full", "No space.")
        if fail == "bug":
            raise KeyError("x")

    work("")
    for kind, error in (("expected", TamisError), ("bug", KeyError)):
        with pytest.raises(error):
            work(kind)
    told = [json.loads(logs.JsonFormatter().format(record)) for record in lines]
    assert [t["event"] for t in told] == [
        "started", "finished", "started", "failed", "started", "failed",
    ]  # fmt: skip
    assert all(t["stage"] == "stage-b" and "run_id" in t for t in told)
    assert (told[3]["code"], told[5]["code"]) == ("disk_full", "bug")
    assert "traceback" in told[5]


def test_validated_refuses_wrong_types() -> None:
    @validated
    def work(path: Path, names: Mapping[str, int], count: int | None = None) -> int:
        return count or 0

    assert work(Path("a"), {"a": 1}, 3) == 3
    assert work(Path("a"), {}) == 0
    for arguments in (("a", {}), (Path("a"), []), (Path("a"), {}, "3")):
        with pytest.raises(InputError) as caught:
            work(*arguments)  # type: ignore[arg-type]
        assert caught.value.code == "bad_argument"


def test_decorators_keep_the_function_readable() -> None:
    @logged("s")
    @timed("s")
    @validated
    def work(x: int) -> int:
        """Double."""
        return 2 * x

    assert (work.__name__, work.__doc__, work(2)) == ("work", "Double.", 4)


def test_progress_is_limited_but_always_tells_the_end(lines: list[logging.LogRecord]) -> None:
    progress = logs.Progress("stage-c", 1000)
    for done in range(1001):
        progress.update(done)
    seen = [record.fields["done"] for record in lines]  # type: ignore[attr-defined]
    assert seen[0] == 0
    assert seen[-1] == 1000
    assert len(seen) < 10
