"""Classifiers that ONNX Runtime runs: `model.onnx` and `classifier.json`, any architecture.

The graph takes a padded rectangle of token ids and gives `logits` and `features` (the pooled
vector that drift detection compares), so one forward pass serves both.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from components.contract.artifact import write_json
from components.contract.bundle import CLASSIFIER_FILE
from components.contract.classifier import Classifier, Scores
from components.contract.encoding import Encoding, Ids, Lengths, head_tail, length_buckets, pad
from components.contract.environment import environment
from components.contract.errors import IntegrityError
from components.contract.tokenizer import Tokenizer

MODEL_FILE = "model.onnx"
BATCH_ROWS = 32
BATCH_TOKENS = 4_096
"""One batch's activations stay within a few cache-friendly megabytes; larger gains nothing on a
CPU."""


@dataclass(frozen=True)
class Frame:
    """How texts become a model's rectangle: cut to head and tail, framed, padded.

    Attributes:
        max_tokens: Longest row, prefix and suffix counted.
        padding: The id that fills a row's end.
        prefix: Ids before each text.
        suffix: Ids behind each text.
    """

    max_tokens: int
    padding: int
    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()

    @property
    def text_tokens(self) -> int:
        """What prefix and suffix leave of `max_tokens` to the text."""
        return self.max_tokens - len(self.prefix) - len(self.suffix)

    def rectangle(self, rows: Sequence[Ids]) -> tuple[npt.NDArray[np.int64], Lengths]:
        """Ids (b, longest) int64 and lengths (b,) int64 of b texts."""
        cut = [head_tail(row, self.text_tokens) for row in rows]
        return pad(cut, self.padding, self.prefix, self.suffix)


class OnnxSession:
    """A graph opened for exact, repeatable scoring on the CPU.

    Args:
        file: The ONNX file.
        threads: CPU threads that one run may use; None takes the environment's.

    Raises:
        IntegrityError: `corrupted` when it isn't a graph with the outputs that we read.
    """

    def __init__(self, file: Path, threads: int | None = None) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or environment().threads
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.enable_mem_pattern = False  # batches differ in shape: nothing to plan ahead
        # Idle threads that spin would take the cores that the tokenizer and the server need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # errors reach us as exceptions
        refusals = (
            state.Fail,
            state.InvalidArgument,
            state.InvalidGraph,
            state.InvalidProtobuf,
            state.NoSuchFile,
            state.NotImplemented,
            state.RuntimeException,
        )
        try:
            self._session = onnxruntime.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
        except refusals as error:
            raise IntegrityError("corrupted", f"{str(file)!r} is not a readable graph.") from error
        self._widths = {output.name: output.shape[-1] for output in self._session.get_outputs()}
        if not {"logits", "features"} <= self._widths.keys():
            raise IntegrityError("corrupted", f"{str(file)!r} doesn't give logits and features.")

    def width(self, output: str) -> int:
        """The size of an output's last axis."""
        return int(self._widths[output])

    def run(
        self,
        inputs: Mapping[str, npt.NDArray[Any]],
        outputs: Sequence[str] = ("logits", "features"),
    ) -> tuple[npt.NDArray[np.float32], ...]:
        """Logits (b, k) and features (b, d), float32, of one batch; or other named outputs."""
        return tuple(self._session.run(list(outputs), dict(inputs)))


class OnnxClassifier(Classifier):
    """What the ONNX architectures share; see the contract for the attributes.

    Args:
        file: The graph.
        tokenizer: The tokenizer it was trained with.
        labels: Label names in the order of the logits.
        max_tokens: Longest row that the model is given.
        temperature: Divides the logits before the softmax.
        threads: CPU threads that one run may use; None takes the environment's.
    """

    architecture: ClassVar[str]
    framed: ClassVar[bool]
    """Whether the model expects the tokenizer's prefix and suffix."""

    def __init__(
        self,
        file: Path,
        tokenizer: Tokenizer,
        labels: Sequence[str],
        max_tokens: int,
        temperature: float = 1.0,
        threads: int | None = None,
    ) -> None:
        self.labels = tuple(labels)
        self.tokenizer = tokenizer
        self.temperature = temperature
        self._file = file
        prefix, suffix = (tokenizer.prefix, tokenizer.suffix) if self.framed else ((), ())
        self._frame = Frame(max_tokens, tokenizer.padding, prefix, suffix)
        self._session = OnnxSession(file, threads)
        if self._session.width("logits") != len(self.labels):
            raise IntegrityError("corrupted", f"{str(file)!r} doesn't score {self.labels}.")

    @property
    def max_tokens(self) -> int | None:
        return self._frame.text_tokens

    def inputs(
        self, ids: npt.NDArray[np.int64], lengths: Lengths
    ) -> Mapping[str, npt.NDArray[Any]]:
        """The graph's inputs for a rectangle (b, t) of ids and its rows' lengths (b,)."""
        raise NotImplementedError

    def score(self, encoding: Encoding) -> Scores:
        """Logits and features of n texts, in their order, in one pass over each.

        Args:
            encoding: Ids of n texts.

        Returns:
            Scores of n rows; a row's scores don't depend on the others.
        """
        n = len(encoding)
        logits = np.zeros((n, len(self.labels)), np.float32)
        features = np.zeros((n, self._session.width("features")), np.float32)
        for rows, inputs in self.batches(encoding):
            logits[rows], features[rows] = self._session.run(inputs)
        return Scores(logits, features)

    def batches(
        self, encoding: Encoding
    ) -> Iterator[tuple[npt.NDArray[np.intp], Mapping[str, npt.NDArray[Any]]]]:
        """The graph's inputs for n texts, similar lengths together.

        Args:
            encoding: Ids of n texts.

        Yields:
            Row numbers of a batch, and its inputs; each row appears once.
        """
        lengths = np.minimum(encoding.lengths, self._frame.max_tokens)
        for rows in length_buckets(lengths, BATCH_TOKENS, BATCH_ROWS):
            ids, real = self._frame.rectangle([encoding.text(row) for row in rows])
            yield rows, self.inputs(ids, real)

    def save(self, directory: Path) -> None:
        target = directory / MODEL_FILE
        if target.resolve() != self._file.resolve():
            shutil.copyfile(self._file, target)
        self.tokenizer.save(directory)
        document = {
            "labels": list(self.labels),
            "temperature": self.temperature,
            "max_tokens": self._frame.max_tokens,
            "tokenizer_digest": self.tokenizer.digest,
        }
        write_json(directory / CLASSIFIER_FILE, document)

    @classmethod
    def load(cls, directory: Path, tokenizer: Tokenizer, threads: int | None = None) -> Self:
        file = directory / CLASSIFIER_FILE
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            labels = [str(label) for label in document["labels"]]
            max_tokens, temperature = int(document["max_tokens"]), float(document["temperature"])
            digest = document["tokenizer_digest"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError("corrupted", f"{str(file)!r} can't be read.") from error
        if digest != tokenizer.digest:
            raise IntegrityError("corrupted", f"{str(file)!r} was saved with another tokenizer.")
        if not (labels and max_tokens > 0 and 0 < temperature < np.inf):
            raise IntegrityError("corrupted", f"{str(file)!r} holds impossible values.")
        return cls(directory / MODEL_FILE, tokenizer, labels, max_tokens, temperature, threads)
