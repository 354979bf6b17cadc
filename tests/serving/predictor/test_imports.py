"""What the serving process holds: no training code, no frameworks."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from components.tokenize.settings import TokenizerSettings
from components.tokenize.tokenize import tokenize
from components.train_logistic.settings import LogisticSettings
from components.train_logistic.train import train
from tests.conftest import run_python

FORBIDDEN = {
    *("torch", "transformers", "kfp", "dvc", "mlflow", "sklearn", "tensorflow", "alibi_detect"),
    *("spacy", "matplotlib", "scipy", "datasets", "huggingface_hub"),
}
"""pandas isn't among them: `import kserve` brings it along, whatever is served."""

SCRIPT = """
import http.client, json, os, signal, sys, threading, time
from serving.predictor.door import main

bundle, port = sys.argv[1:]
tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a good film"]}

def ask():
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
        try:
            connection.request("POST", "/v2/models/tamis/infer", json.dumps({"inputs": [tensor]}))
            status = connection.getresponse().status
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    print(json.dumps([status, sorted(sys.modules)]))
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=ask).start()
main(["--bundle", bundle, "--port", port])
"""


@pytest.mark.service
@pytest.mark.parametrize("kind", ["graph_bundle", "bundle"])
def test_the_serving_process_holds_no_training_code(
    kind: str, request: pytest.FixtureRequest
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    printed = run_python(SCRIPT, str(request.getfixturevalue(kind)), str(port))
    status, modules = json.loads(printed)
    assert status == 200
    assert "kserve" in modules
    assert not FORBIDDEN.intersection(modules)
    ours = [name for name in modules if name.startswith(("components.", "pipelines"))]
    assert not [name for name in ours if name.endswith((".train", ".fit", ".component", ".door"))]


@pytest.mark.service
def test_spacy_comes_with_a_bundle_of_its_words(dataset: Path, tmp_path: Path) -> None:
    words = TokenizerSettings("spacy", pipeline="blank:en", lemmas=True)
    tokenize(dataset, tmp_path / "tokens", words)
    train(dataset, tmp_path / "tokens", tmp_path / "bundle", LogisticSettings(hash_bits=16))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, modules = json.loads(run_python(SCRIPT, str(tmp_path / "bundle"), str(port)))
    assert status == 200
    assert "spacy" in modules
    assert not {"spacy_lookups_data", "components.tokenize.words"}.intersection(modules)
