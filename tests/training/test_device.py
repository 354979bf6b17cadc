import pytest
import torch

from components.contract.environment import environment
from components.training.device import Device, training_device


def test_the_block_is_deterministic_and_leaves_no_trace() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with training_device() as device:
        assert torch.are_deterministic_algorithms_enabled()
        assert device.main
        assert device.processes == 1
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_threads_are_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIS_THREADS", "1")
    environment.cache_clear()
    with training_device():
        assert torch.get_num_threads() == 1


@pytest.mark.parametrize(("bf16", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_autocast_follows_the_device(bf16: bool, expected: torch.dtype) -> None:
    left, right = torch.ones(2, 2), torch.ones(2, 2)
    with Device(torch.device("cpu"), bf16).autocast():
        assert (left @ right).dtype == expected


def test_alone_there_is_nothing_to_add_nor_to_wait_for() -> None:
    device = Device(torch.device("cpu"), bf16=False)
    assert device.sum(torch.tensor([2.0])).tolist() == [2.0]
    device.wait()
