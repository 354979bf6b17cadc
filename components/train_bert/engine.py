"""From a trained network to the graph that is served: 8-bit where that decides alike, else fp32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from components.contract import logs
from components.contract.encoding import Encoding, from_rows
from components.contract.onnx_session import MODEL_FILE, Frame
from components.contract.tokenizer import Tokenizer
from components.contract.tokens import Tokens
from components.train_bert import export
from components.train_bert.graph import write_graph
from components.train_bert.layers import EncoderWeights, read_weights
from components.train_bert.model import BertClassifier
from components.train_bert.network import BertNetwork
from components.train_bert.quantise import quantise, watch
from components.train_bert.settings import BertSettings
from components.training.batches import TokenRows
from components.training.engine_gate import compare

CALIBRATION_ROWS = 64
"""Training rows that the rounding is fitted to; with twice as many the demo's probabilities are no
closer to float32's."""
COMPARED_ROWS = 16
GRAPH_TOLERANCE = 1e-2
"""Largest |difference| of a logit between our graph and the network, which may be on a GPU."""
WATCHED_FILE = "watched.onnx"
CANDIDATE_FILE = "candidate.onnx"


def write_engine(
    network: BertNetwork,
    directory: Path,
    tokenizer: Tokenizer,
    tokens: Tokens,
    settings: BertSettings,
) -> tuple[BertClassifier, dict[str, Any]]:
    """Write the graph that will be served.

    Args:
        network: The trained network; left in evaluation mode.
        directory: Where `model.onnx` is written; nothing else is left there.
        tokenizer: What its ids come from.
        tokens: Published tokens: training rows to calibrate with, validation rows to compare on.
        settings: How it was trained.

    Returns:
        The classifier, uncalibrated, and what the bundle says of its engine: `name` (`int8` or
        `fp32`), with the gate's `gate` figures or the `reason` why it wasn't asked.
    """

    def opened(file: Path) -> BertClassifier:
        return BertClassifier(file, tokenizer, tokens.labels, settings.max_tokens)

    network.eval()
    model, candidate = directory / MODEL_FILE, directory / CANDIDATE_FILE
    rows = calibration_rows(tokens)
    weights = read_weights(network)
    if weights is not None:
        write_graph(weights, model)
        frame = Frame(settings.max_tokens, tokenizer.padding, tokenizer.prefix, tokenizer.suffix)
        if not scores_alike(network, opened(model), frame, rows):
            weights = None
    if weights is None:
        export.write_graph(network, model)
        return opened(model), _told("fp32", reason="The encoder isn't built as BERT is.")
    if settings.engine == "fp32":
        return opened(model), _told("fp32", reason="The settings ask for it.")

    write_int8(weights, candidate, opened(model), rows)
    comparison = compare(opened(candidate), opened(model), tokens)
    if comparison.refusals:
        candidate.unlink()
    else:
        candidate.replace(model)
    name = "fp32" if comparison.refusals else "int8"
    return opened(model), _told(name, gate=comparison.record())


def write_int8(weights: EncoderWeights, file: Path, fp32: BertClassifier, rows: Encoding) -> None:
    """Calibrate, round and write the 8-bit graph.

    Args:
        weights: The network's.
        file: Where the graph goes.
        fp32: The network in float32.
        rows: Texts like those that will be scored.
    """
    inputs = (inputs for _, inputs in fp32.batches(rows))
    seen = watch(weights, inputs, file.with_name(WATCHED_FILE))
    write_graph(weights, file, quantise(weights, seen))


def calibration_rows(tokens: Tokens) -> Encoding:
    """`CALIBRATION_ROWS` training rows, evenly spread: files may be sorted."""
    train = TokenRows(tokens, "train")
    spread = np.linspace(0, len(train) - 1, min(CALIBRATION_ROWS, len(train)))
    return from_rows([np.array(train.ids(row)) for row in spread.astype(np.int64).tolist()])


def scores_alike(
    network: BertNetwork, classifier: BertClassifier, frame: Frame, rows: Encoding
) -> bool:
    """Whether a graph gives what its network gives: transformers may rewire an encoder any day.

    Args:
        network: In evaluation mode.
        classifier: Opened from the graph.
        frame: How rows are cut, framed and padded.
        rows: Texts, the first `COMPARED_ROWS` of which are compared.

    Returns:
        Whether no logit differs by more than `GRAPH_TOLERANCE`.
    """
    rows = rows.select(slice(COMPARED_ROWS))
    ids, lengths = frame.rectangle([rows.text(row) for row in range(len(rows))])
    device = network.head.weight.device
    with torch.inference_mode():
        expected = network(torch.from_numpy(ids).to(device), torch.from_numpy(lengths).to(device))
    difference = classifier.logits(rows) - expected.float().cpu().numpy()
    return bool(np.abs(difference).max() <= GRAPH_TOLERANCE)


def _told(name: str, **why: Any) -> dict[str, Any]:
    logs.event("engine_chosen", engine=name, **why)
    return {"name": name, **why}
