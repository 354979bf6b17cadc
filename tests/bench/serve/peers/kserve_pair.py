"""Reference row 2: KServe's own transformer class before a KServe predictor, torch or nothing.

`kserve_pair.py predictor|empty|transformer`; v1 protocol, as the transformer class is documented.
"""

import argparse
import os
import sys

role = sys.argv.pop(1)

from kserve import Model, ModelServer, model_server  # noqa: E402 - KServe reads sys.argv here


class Torch(Model):
    """The torch model, a request at a time."""

    def load(self) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self._torch = torch
        self._tokenizer = AutoTokenizer.from_pretrained(os.environ["PEER_MODEL"])
        self._model = AutoModelForSequenceClassification.from_pretrained(os.environ["PEER_MODEL"])
        self._model.eval()
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        with self._torch.inference_mode():
            batch = self._tokenizer(
                payload["instances"], return_tensors="pt", padding=True, truncation=True
            )
            rows = self._model(**batch).logits.softmax(1).tolist()
        return {"predictions": rows}


class Empty(Model):
    """A model that does nothing."""

    def load(self) -> None:
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        return {"predictions": [[0.5, 0.5] for _ in payload["instances"]]}


class Transformer(Model):
    """KServe's transformer: the base class forwards to `--predictor_host`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ready = True

    def preprocess(self, payload, headers=None):
        return payload

    def postprocess(self, result, headers=None, response_headers=None):
        return result


parser = argparse.ArgumentParser(parents=[model_server.parser])
arguments, _ = parser.parse_known_args()
model = {
    "predictor": lambda: Torch("tamis"),
    "empty": lambda: Empty("tamis"),
    "transformer": lambda: Transformer("tamis"),
}[role]()
if role != "transformer":
    model.load()
ModelServer(enable_grpc=False, enable_latency_logging=False).start([model])
