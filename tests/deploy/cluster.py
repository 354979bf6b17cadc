"""A cluster in miniature: the API server, KServe's controller, and transformers with an issuer."""

from __future__ import annotations

import copy
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs

from kubernetes import client

from components.cluster.objects import CustomObjects
from components.contract.artifact import read_manifest
from components.deploy.inference_service import API_VERSION, BUNDLE_DIGEST, GROUP, MODE, PLURAL
from tests.cluster.server import ApiServer, Document
from tests.deploy.typed import unknown_fields

NAMESPACE = "serving"
PREFIX = f"/apis/{GROUP}/{API_VERSION}/namespaces/{NAMESPACE}/{PLURAL}"
READY_AFTER_S = 0.05


class Cluster:
    """The cluster; use it as a context manager.

    Args:
        bundles: Bundles whose answers the transformers know.
        knative: Whether KServe runs pods with Knative.

    Attributes:
        broken: Digests of bundles whose pods never get ready.
        wrong: Digests of bundles that answer other probabilities than they were made with.
        asked: Name of the service and digest that answered, in order.
        serving: Name -> digests of the pods that answer for it, by their share.
        outages: Requests that found no pod.
    """

    def __init__(self, *bundles: Path, knative: bool = False) -> None:
        self.api = ApiServer(PREFIX)
        self.api.check = _refusal
        self.api.controller = self._reconcile
        self.knative = knative
        self.golden = {read_manifest(path).digest: _golden(path) for path in bundles}
        self.broken: set[str] = set()
        self.wrong: set[str] = set()
        self.wrong_when_live: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.token = "token-1"
        self.serving: dict[str, list[str]] = {}
        self.outages = 0
        self._turn = 0
        self._timers: list[threading.Timer] = []

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one segment an answer: no wait for an acknowledgement

            def log_message(self, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code, document = owner._post(self.path, dict(self.headers), body)
                data = json.dumps(document).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.api.__enter__()
        self._web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._web.daemon_threads = True
        self._thread = threading.Thread(target=self._web.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        for timer in self._timers:
            timer.cancel()
            timer.join()
        self._web.shutdown()
        self._thread.join()
        self._web.server_close()
        self.api.__exit__()

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self._web.server_address[1]}"

    @property
    def objects(self) -> CustomObjects:
        configuration = client.Configuration(host=self.api.url)
        configuration.retries = False
        return CustomObjects(client.ApiClient(configuration), NAMESPACE, GROUP, API_VERSION, PLURAL)

    def digest(self, name: str = "tamis") -> str:
        """The bundle that a service is meant to serve."""
        return str(self.api.objects[name]["metadata"]["annotations"][BUNDLE_DIGEST])

    def _reconcile(self, name: str) -> None:
        """What KServe does: new pods, and a status; the old pods answer until the new ones can."""
        document = self.api.objects.get(name)
        if document is None:
            self.serving.pop(name, None)
            return
        document = copy.deepcopy(document)
        timer = threading.Timer(READY_AFTER_S, self._finish, (name, document))
        self._timers.append(timer)
        timer.start()

    def _finish(self, name: str, document: Document) -> None:
        digest = document["metadata"]["annotations"].get(BUNDLE_DIGEST, "by-hand")
        percent = document["spec"]["predictor"].get("canaryTrafficPercent")
        before = self.serving.get(name, [])
        ok = digest not in self.broken
        if name in self.api.objects:
            if ok and percent is None:
                self.serving[name] = [digest]
            elif ok and percent and before:
                old = [item for item in before if item != digest][:1]
                self.serving[name] = [*(old * (9 if percent < 50 else 1)), digest]
            elif percent == 0:
                self.serving[name] = [item for item in before if item != digest][:1]
        mode = document["metadata"]["annotations"][MODE]
        recorded = {"RawDeployment": "Standard", "Serverless": "Knative"}.get(mode, mode)
        said = {"type": "PredictorReady", "status": "False", "message": "0 of 1 pods are ready"}
        status: Document = {
            "deploymentMode": recorded,
            "address": {"url": f"{self.web}/{name}"},
            "conditions": [
                {"type": "Ready", "status": "True" if ok else "False", "reason": "Pods"},
                *([] if ok else [said]),
            ],
        }
        if not ok:
            status["modelStatus"] = {
                "transitionStatus": "BlockedByFailedLoad",
                "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "exit 137"},
            }
        self.api.set_status(name, status)

    def _post(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Document]:
        if path == "/token":
            form = {key: value[0] for key, value in parse_qs(body.decode()).items()}
            sound = headers.get("Authorization", "").startswith("Basic ")
            if not sound or form.get("grant_type") != "client_credentials":
                return 401, {"error": "invalid_client"}
            return 200, {"access_token": self.token, "token_type": "Bearer", "expires_in": 300}
        if headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"code": "not_authenticated"}
        name = path.split("/")[1]
        pods = self.serving.get(name)
        if not pods:
            self.outages += 1
            return 503, {"code": "not_ready"}
        self._turn += 1
        digest = pods[self._turn % len(pods)]
        self.asked.append((name, digest))
        texts = json.loads(body)["inputs"][0]["data"]
        known = self.golden.get(digest) or next(iter(self.golden.values()))
        labels = list(next(iter(known.values())))
        wrong = digest in self.wrong or (digest in self.wrong_when_live and name == "tamis")
        off = 0.3 if wrong else 0.0
        flat = [known[text][label] - off for text in texts for label in labels]
        return 200, {
            "model_name": "tamis",
            "parameters": {"bundle_digest": digest},
            "outputs": [
                {"name": "labels", "datatype": "BYTES", "shape": [2], "data": labels},
                {"name": "probabilities", "datatype": "FP32", "shape": [1], "data": flat},
            ],
        }


def _golden(path: Path) -> dict[str, dict[str, float]]:
    rows = [json.loads(line) for line in (path / "golden.jsonl").read_text().splitlines()]
    return {row["text"]: row["probabilities"] for row in rows}


def _refusal(document: Document) -> str:
    """What the API server's schema and KServe's webhook would say."""
    own = ("generation", "uid", "resourceVersion")
    metadata = {key: value for key, value in document["metadata"].items() if key not in own}
    written = {key: value for key, value in document.items() if key != "status"}
    wrong = [*unknown_fields({**written, "metadata": metadata}, "V1beta1InferenceService")]
    recorded = document.get("status", {}).get("deploymentMode")
    if recorded and metadata["annotations"][MODE] != recorded:
        wrong.append(f"deploymentMode cannot be changed from {recorded!r}")
    return "; ".join(wrong)


def wait_until(condition: Any, seconds: float = 5.0) -> None:
    """Wait for something that a timer does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
