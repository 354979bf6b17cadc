from pathlib import Path

import numpy as np
import pytest
import torch

from components.contract.onnx_session import Frame
from components.contract.tokens import Tokens
from components.train_lstm.network import LstmNetwork
from components.training.batches import TokenRows
from components.training.device import Device
from components.training.evaluation import evaluate, split_logits

CPU = Device(torch.device("cpu"), bf16=False)


@pytest.fixture
def network(tokens: Path) -> LstmNetwork:
    torch.manual_seed(0)
    return LstmNetwork(Tokens.open(tokens).vocab_size, 2, 8, 8, dropout=0.5)


def test_logits_stand_in_row_order(network: LstmNetwork, tokens: Path) -> None:
    rows = TokenRows(Tokens.open(tokens), "validation")
    logits = split_logits(network, rows, Frame(16, 0), CPU)
    with torch.inference_mode():
        for row in range(len(rows)):
            alone = network(*CPU.tensors(*rows.rectangle(np.array([row]), Frame(16, 0))))
            np.testing.assert_allclose(logits[row], alone[0].numpy(), atol=1e-5)


def test_processes_share_the_batches_and_the_sum_is_whole(
    network: LstmNetwork, tokens: Path
) -> None:
    rows = TokenRows(Tokens.open(tokens), "train")
    whole = split_logits(network, rows, Frame(16, 0), CPU)

    class Alone(Device):
        def sum(self, tensor: torch.Tensor) -> torch.Tensor:
            return tensor

    shares = [Alone(torch.device("cpu"), bf16=False, rank=r, processes=3) for r in range(3)]
    parts = [split_logits(network, rows, Frame(16, 0), share) for share in shares]
    assert all((part == 0).any() for part in parts)
    np.testing.assert_array_equal(sum(parts), whole)


def test_loss_and_accuracy_are_those_of_the_logits(network: LstmNetwork, tokens: Path) -> None:
    rows = TokenRows(Tokens.open(tokens), "validation")
    loss, share = evaluate(network, rows, Frame(16, 0), CPU)
    logits = torch.from_numpy(split_logits(network, rows, Frame(16, 0), CPU))
    labels = torch.from_numpy(rows.labels.astype(np.int64))
    # calibration can only lower the loss
    assert 0 < loss <= torch.nn.functional.cross_entropy(logits, labels).item() + 1e-9
    assert share == pytest.approx((logits.argmax(1) == labels).float().mean().item(), abs=1e-6)


def test_no_rows_have_no_loss(network: LstmNetwork, tokens: Path) -> None:
    rows = TokenRows(Tokens.open(tokens), "validation", limit=0)
    assert evaluate(network, rows, Frame(16, 0), CPU) == (0.0, 0.0)
