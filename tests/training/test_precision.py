from collections.abc import Iterator

import pytest
import torch

from components.training import precision


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    """What these tests make it answer is no answer for others in the same process."""
    precision.bf16_pays.cache_clear()
    yield
    precision.bf16_pays.cache_clear()


@pytest.mark.parametrize(("share", "expected"), [(0.4, True), (1.0, False), (2.5, False)])
def test_it_is_used_where_the_watch_says_so(
    monkeypatch: pytest.MonkeyPatch, share: float, expected: bool
) -> None:
    step = precision._step
    took: dict[bool, float] = {}

    def measured(layer: torch.nn.Module, rows: torch.Tensor, bf16: bool) -> float:
        step(layer, rows, bf16)  # the real passes; what they take here is another machine's affair
        took[bf16] = share if bf16 else 1.0
        return took[bf16]

    monkeypatch.setattr(precision, "_cpu_flags", lambda: {"avx512_bf16"})
    monkeypatch.setattr(precision, "_step", measured)
    assert precision.bf16_pays() is expected


def test_it_is_not_where_it_would_be_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_cpu_flags", lambda: {"avx2"})
    assert not precision.bf16_pays()


def test_asking_leaves_the_random_numbers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_cpu_flags", lambda: {"avx512_bf16"})
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    precision.bf16_pays()
    assert torch.equal(torch.rand(4), expected)
