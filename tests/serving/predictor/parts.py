"""Real parts for the predictor's tests: a small ONNX bundle, and models that can be watched."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from components.catalogue import open_classifier
from components.contract.artifact import publish
from components.contract.bundle import write_bundle
from components.contract.classifier import Scores
from components.contract.encoding import Encoding
from components.tokenize.subword import BpeTokenizer
from components.train_lstm.model import LstmClassifier
from serving.predictor.engine import Engine
from serving.predictor.metrics import PredictorMetrics
from serving.predictor.served import Served, batch_limits
from serving.predictor.settings import BatchSettings

T = TypeVar("T")
LABELS = ("negative", "neutral", "positive")
MAX_TOKENS = 16
TEXTS = ("a good film", "a bad film", "")


def small_tokenizer() -> BpeTokenizer:
    words = ["good film", "bad film", "dull plot", "superb acting", "poisonous"] * 9
    return BpeTokenizer.train(iter([words]), 320, 2, lowercase=True)


def poisonous_word(tokenizer: BpeTokenizer) -> str:
    """The word that alone is spelled with the vocabulary's last token."""
    for word in ("poisonous", "superb", "acting", "film", "good", "bad", "dull", "plot"):
        if tokenizer.vocab_size - 1 in tokenizer.encode([word]).ids:
            return word
    raise AssertionError("no word has the last token")


def embedding_graph(file: Path, table: np.ndarray, weights: np.ndarray) -> Path:
    """Logits = the mean embedding of a row's tokens times weights; ids beyond the table fail."""
    info, node = helper.make_tensor_value_info, helper.make_node
    nodes = [
        node("Gather", ["table", "ids"], ["embedded"]),
        node("Shape", ["ids"], ["shape"]),
        node("Gather", ["shape", "one"], ["width"]),
        node("Range", ["zero", "width", "one"], ["positions"]),
        node("Unsqueeze", ["lengths", "axis"], ["column"]),
        node("Less", ["positions", "column"], ["inside"]),
        node("Cast", ["inside"], ["mask"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["mask", "last"], ["masks"]),
        node("Mul", ["embedded", "masks"], ["kept"]),
        node("ReduceSum", ["kept", "axis"], ["summed"], keepdims=0),
        node("Cast", ["column"], ["counts"], to=TensorProto.FLOAT),
        node("Div", ["summed", "counts"], ["features"]),
        node("MatMul", ["features", "weights"], ["logits"]),
    ]
    constants = {
        "table": table.astype(np.float32),
        "weights": weights.astype(np.float32),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "axis": np.array([1], np.int64),
        "last": np.array([2], np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "embedding",
        [info("ids", TensorProto.INT64, ["b", "t"]), info("lengths", TensorProto.INT64, ["b"])],
        [
            info("logits", TensorProto.FLOAT, ["b", weights.shape[1]]),
            info("features", TensorProto.FLOAT, ["b", table.shape[1]]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), file)
    return file


def onnx_bundle(out: Path, seed: int = 0, known: int = 0, hollow: Sequence[int] = ()) -> Path:
    """Publish a bundle that ONNX Runtime scores.

    Args:
        out: Where.
        seed: Another seed gives another model.
        known: Tokens that it can score, counted back from the vocabulary's end when negative.
        hollow: Tokens whose scores are no numbers.
    """
    tokenizer = small_tokenizer()
    random = np.random.default_rng(seed)
    rows = known if known > 0 else tokenizer.vocab_size + known
    table = random.normal(size=(rows, 6))
    table[list(hollow)] = np.nan
    graph = embedding_graph(out.parent / f"{out.name}.onnx", table, random.normal(size=(6, 3)))
    classifier = LstmClassifier(graph, tokenizer, LABELS, MAX_TOKENS, temperature=1.5)
    with publish(out, "bundle") as draft:
        write_bundle(draft, classifier, TEXTS, [], {"features": np.zeros((1, 6), np.float32)})
    return out


def open_part(path: Path, **limits: int) -> Served:
    """A bundle as the predictor serves it, with other limits than its own when given."""
    bundle, classifier = open_classifier(path, threads=1)
    own = batch_limits(classifier, BatchSettings(workers=2))
    chosen = dataclasses.replace(own, **limits)
    return Served(bundle.manifest.digest[:12], bundle.manifest.digest, classifier, chosen)


@dataclass
class Watched:
    """A classifier that notes what it is asked; everything else is the real one's.

    Attributes:
        real: The real one.
        before: Called with each encoding before it is scored.
        scored: Rows of each call.
        tokenised: Texts of each call of its tokenizer.
    """

    real: Any
    before: Callable[[Encoding], None] = lambda encoding: None
    scored: list[Encoding] = field(default_factory=list)
    tokenised: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    @property
    def tokenizer(self) -> Watched:
        return self

    def encode(self, texts: Sequence[str]) -> Encoding:
        self.tokenised.extend(texts)
        encoding: Encoding = self.real.tokenizer.encode(texts)
        return encoding

    def score(self, encoding: Encoding) -> Scores:
        self.scored.append(encoding)
        self.before(encoding)
        scores: Scores = self.real.score(encoding)
        return scores


def watched(served: Served, before: Callable[[Encoding], None] | None = None) -> Served:
    """The same model, watched; its classifier is the `Watched`."""
    watcher = Watched(served.classifier)
    if before is not None:
        watcher.before = before
    return Served(served.version, served.digest, watcher, served.limits)  # type: ignore[arg-type]


def with_engine(
    served: Served,
    use: Callable[[Engine], Coroutine[Any, Any, T]],
    metrics: PredictorMetrics | None = None,
    **settings: Any,
) -> T:
    """What a coroutine gives that is handed a running engine."""

    async def run() -> T:
        batch = BatchSettings(**{"workers": 2, **settings})
        async with Engine(served, batch, metrics or PredictorMetrics()) as engine:
            return await use(engine)

    return asyncio.run(run())
