"""What the serving process holds: no training code, no frameworks."""

from __future__ import annotations

import json
import socket

import pytest

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
