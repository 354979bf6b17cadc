import pytest
import torch

from components.training.schedule import one_cycle, warmup_linear


def test_one_cycle_is_torchs() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    steps = 1000
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=steps, pct_start=0.3, cycle_momentum=False
    )
    factor = one_cycle(warmup=0.3)
    for step in range(steps):
        # torch's first and last steps are the ends of the curve
        assert factor(step / (steps - 1)) == pytest.approx(
            optimizer.param_groups[0]["lr"], abs=5e-3
        )
        optimizer.step()
        if step < steps - 1:
            reference.step()


def test_linear_rises_then_falls_to_zero() -> None:
    factor = warmup_linear(0.1)
    assert factor(0.0) == 0.0
    assert factor(0.05) == pytest.approx(0.5)
    assert factor(0.1) == pytest.approx(1.0)
    assert factor(0.55) == pytest.approx(0.5)
    assert factor(1.0) == pytest.approx(0.0)


def test_no_warmup_starts_at_the_peak() -> None:
    assert warmup_linear(0.0)(0.0) == 1.0
    assert one_cycle(0.0)(0.0) == pytest.approx(1.0)
