"""The predictor as a process: protocols, health, metrics, reload, the end."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
import threading
import time
import urllib.request
from pathlib import Path

import httpx
import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

from components.contract.artifact import read_manifest
from serving.development_certificate import development_certificate
from serving.predictor.limits import BODY_BYTES
from serving.tls import TlsFiles, client_context
from tests.serving.predictor.bodies import BAD, infer, predict, tensor
from tests.serving.predictor.parts import MAX_TOKENS, onnx_bundle
from tests.serving.predictor.process import Running, predictor

pytestmark = pytest.mark.service

PATHS = {"v1": "/v1/models/tamis:predict", "v2": "/v2/models/tamis/infer"}


@pytest.fixture(scope="module")
def running(graph_bundle: Path):
    with predictor(graph_bundle) as found:
        yield found


@pytest.fixture(scope="module")
def digest(graph_bundle: Path) -> str:
    return read_manifest(graph_bundle).digest


def outputs(document):
    return {output["name"]: output["data"] for output in document["outputs"]}


def test_health_and_metadata(running: Running, digest: str) -> None:
    assert running.get("/v2/health/live")[1]["live"] is True
    assert running.get("/v2/health/ready") == (200, {"ready": True})
    assert running.get("/")[1]["status"] == "alive"
    assert running.get("/v1/models/tamis") == (200, {"name": "tamis", "ready": True})
    assert running.get("/v2/models/tamis/ready")[1]["ready"] is True
    assert running.get("/v1/models")[1] == running.get("/v2/models")[1] == {"models": ["tamis"]}
    assert running.get("/v2")[1]["name"] == "kserve"
    status, metadata = running.get("/v2/models/tamis")
    assert status == 200
    assert metadata["versions"] == [digest[:12]]
    assert metadata["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    assert {o["name"]: o["shape"] for o in metadata["outputs"]}["probabilities"] == [-1, 3]
    assert running.get(f"/v2/models/tamis/versions/{digest[:12]}")[0] == 200


def test_both_protocols_give_the_same_answer(running: Running, digest: str) -> None:
    texts = ("a good film", "dull <b>plot</b>", "", "film " * (MAX_TOKENS + 1))
    status, second = running.infer(*texts, features=True)
    assert status == 200
    found = outputs(second)
    assert second["parameters"] == {"bundle_digest": digest, "architecture": "lstm"}
    assert second["model_version"] == digest[:12]
    assert found["tokens"][3] == MAX_TOKENS + 1
    assert found["truncated"] == [False, False, False, True]
    assert len(found["features"]) == 4 * 6
    body = predict([texts[0], {"text": texts[1]}, *texts[2:]])
    status, first = running.post(PATHS["v1"], body)
    assert status == 200
    assert (first["model_version"], first["bundle_digest"]) == (digest[:12], digest)
    for i, prediction in enumerate(first["predictions"]):
        assert prediction["label"] == found["label"][i]
        assert prediction["score"] == found["score"][i] == max(prediction["probabilities"].values())
        assert list(prediction["probabilities"]) == found["labels"]
        assert (
            list(prediction["probabilities"].values())
            == (found["probabilities"][3 * i : 3 * i + 3])
        )
        assert prediction["truncated"] == found["truncated"][i]


def test_truncation_can_be_refused(running: Running) -> None:
    status, document = running.infer("film", "film " * (MAX_TOKENS + 1), truncate=False)
    assert (status, document["code"], document["texts"]) == (400, "text_too_long", [1])
    assert running.infer("film", truncate=False)[0] == 200


def test_every_bad_body_is_a_400_that_names_the_field(running: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.ready["port"], timeout=60)
    for protocol, body, code, field in BAD:
        connection.request("POST", PATHS[protocol], body, {"content-type": "application/json"})
        answer = connection.getresponse()
        document = json.loads(answer.read())
        assert (answer.status, document["code"], document["field"]) == (400, code, field)
        assert "Traceback" not in document["error"]
    connection.close()
    assert running.infer("still here")[0] == 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content-type": "text/plain"}, 415, "unsupported_media_type"),
        ({"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        ({"content-type": "application/jsonp"}, 415, "unsupported_media_type"),
        ({"content-encoding": "gzip"}, 415, "unsupported_media_type"),
        ({"x-request-timeout-ms": "0"}, 400, "bad_header"),
        ({"x-request-timeout-ms": "-5"}, 400, "bad_header"),
        ({"x-request-timeout-ms": "1e3"}, 400, "bad_header"),
        ({"x-request-timeout-ms": "9" * 400}, 400, "bad_header"),
        ({"inference-header-content-length": "-1"}, 400, "bad_header"),
        ({"inference-header-content-length": "999999"}, 400, "bad_header"),
    ],
)
def test_bad_headers_are_refused(
    running: Running, headers: dict[str, str], status: int, code: str
) -> None:
    found, document = running.post(PATHS["v2"], infer(), headers)
    assert (found, document["code"]) == (status, code)


def test_json_may_name_its_character_set_or_nothing(running: Running) -> None:
    for kind in ("application/json; charset=utf-8", "Application/JSON", ""):
        assert running.post(PATHS["v2"], infer(), {"content-type": kind})[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/models/other/infer", 404),
        ("POST", "/v1/models/other:predict", 404),
        ("POST", "/v2/models/tamis/versions/9/infer", 404),
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/other/ready", 404),
        ("GET", "/v2/models/tamis/versions/9", 404),
        ("GET", "/nothing", 404),
        ("GET", "/v2/models/tamis/infer", 405),
        # KServe would let any client take the model out of service, or explain nothing with a 500
        ("POST", "/v2/repository/models/tamis/unload", 404),
        ("POST", "/v2/repository/models/tamis/load", 404),
        ("POST", "/v1/models/tamis:explain", 405),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
    ],
)
def test_what_is_not_served_says_so(running: Running, method: str, path: str, status: int) -> None:
    request = urllib.request.Request(running.url + path, infer() if method == "POST" else None)
    request.add_header("content-type", "application/json")
    assert running.ask(request)[0] == status
    assert running.infer("still here")[0] == 200


def test_too_large_a_body_is_refused_before_it_is_read(running: Running) -> None:
    for announced in (True, False):
        connection = http.client.HTTPConnection("127.0.0.1", running.ready["port"], timeout=60)
        connection.putrequest("POST", PATHS["v2"])
        connection.putheader("content-type", "application/json")
        if announced:
            connection.putheader("content-length", str(BODY_BYTES + 1))
            connection.endheaders()
        else:
            connection.putheader("transfer-encoding", "chunked")
            connection.endheaders()
            chunk = b"%x\r\n" % 2**20 + b" " * 2**20 + b"\r\n"
            try:
                for _ in range(BODY_BYTES // 2**20 + 1):
                    connection.send(chunk)
            except OSError:
                pass  # it hung up already, as it should
        answer = connection.getresponse()
        assert answer.status == 413
        assert json.loads(answer.read())["code"] == "body_too_large"
        connection.close()


def test_a_deadline_that_passed_is_a_504(running: Running) -> None:
    many = tensor(shape=[1000], data=["superb acting " * 200] * 1000)
    status, document = running.post(
        PATHS["v2"], infer(inputs=[many]), {"x-request-timeout-ms": "1"}
    )
    assert (status, document["code"]) == (504, "deadline_exceeded")
    assert running.post(PATHS["v2"], infer(), {"x-request-timeout-ms": "60000"})[0] == 200


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_kserves_own_client_works(running: Running, digest: str, binary: bool) -> None:
    async def run():
        async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=60)) as client:
            assert await client.is_server_live(running.url)
            assert await client.is_server_ready(running.url)
            assert await client.is_model_ready(running.url, "tamis")
            tensor = InferInput("text", [2], "BYTES")
            texts = np.array(["a good film", "dull plot"], dtype=object)
            tensor.set_data_from_numpy(texts, binary_data=binary)
            parameters = {"features": True, "binary_data_output": binary}
            request = InferRequest("tamis", [tensor], request_id="7", parameters=parameters)
            return await client.infer(running.url, request, model_name="tamis")

    answer = asyncio.run(run())
    assert (answer.id, answer.model_name) == ("7", "tamis")
    assert answer.parameters["bundle_digest"] == digest
    plain = outputs(running.infer("a good film", "dull plot", features=True)[1])
    for output in answer.outputs:
        found = output.as_numpy()
        assert list(found.shape) == output.shape
        if output.datatype == "BYTES":
            assert [str(value) for value in found] == plain[output.name]
        else:
            np.testing.assert_array_equal(
                found.reshape(-1), np.array(plain[output.name], found.dtype)
            )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_kserves_own_client_speaks_version_1_too(running: Running) -> None:
    async def run():
        async with InferenceRESTClient(RESTConfig(protocol="v1", timeout=60)) as client:
            assert await client.is_model_ready(running.url, "tamis")
            return await client.infer(running.url, {"instances": ["film"]}, model_name="tamis")

    assert list(asyncio.run(run())["predictions"][0]["probabilities"]) == [
        "negative",
        "neutral",
        "positive",
    ]


def test_many_concurrent_requests_are_each_answered_as_if_alone(running: Running) -> None:
    words = ["good", "bad", "film", "dull", "plot", "superb", "acting"]
    random = np.random.default_rng(3)
    texts = [" ".join(random.choice(words, random.integers(0, 25))) for _ in range(60)]
    alone = {text: outputs(running.infer(text)[1])["probabilities"] for text in set(texts)}

    async def run():
        limits = httpx.Limits(max_connections=40)
        async with httpx.AsyncClient(base_url=running.url, limits=limits, timeout=60) as client:

            async def ask(asked: list[str]):
                inputs = [tensor(shape=[len(asked)], data=asked)]
                answer = await client.post(PATHS["v2"], json={"inputs": inputs})
                return asked, outputs(answer.json())["probabilities"]

            requests = [
                [texts[i] for i in random.integers(0, 60, random.integers(1, 6))]
                for _ in range(300)
            ]
            return await asyncio.gather(*map(ask, requests))

    for asked, found in asyncio.run(run()):
        expected = [p for text in asked for p in alone[text]]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_metrics_name_model_phases_and_codes(running: Running, digest: str) -> None:
    running.infer("film")
    running.post(PATHS["v1"], b"{")
    running.post("/v2/models/nobody/infer", infer())
    text = running.get("/metrics")[1]
    assert f'bundle_digest="{digest}"' in text
    assert 'tamis_predictor_requests_total{code="ok",protocol="v2"}' in text
    assert 'tamis_predictor_requests_total{code="bad_json",protocol="v1"}' in text
    for phase in ("tokenise", "queue", "infer"):
        assert f'tamis_predictor_phase_seconds_count{{phase="{phase}"}}' in text
    assert "process_resident_memory_bytes" in text
    assert "nobody" not in text  # a client can't invent label values


def test_overload_refuses_at_once_and_health_is_unaffected(graph_bundle: Path) -> None:
    with predictor(graph_bundle, "--queue-texts", "1024", "--batch-rows", "1") as running:
        bulk = infer(inputs=[tensor(shape=[1000], data=["superb acting " * 99] * 1000)])
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda: statuses.append(running.post(PATHS["v2"], bulk)[0]))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        healthy = [running.get("/v2/health/ready")[0] for _ in range(20)]
        for thread in threads:
            thread.join()
        assert set(healthy) == {200}
        assert 200 in statuses
        assert set(statuses) <= {200, 503}
        assert running.infer("film")[0] == 200


def test_a_newer_bundle_is_served_without_a_gap_and_a_corrupt_one_is_not(tmp_path: Path) -> None:
    folder = onnx_bundle(tmp_path / "served")
    newer = onnx_bundle(tmp_path / "newer", seed=1)
    digests = [read_manifest(path).digest for path in (folder, newer)]
    with predictor(folder, "--reload-seconds", "0.1", "--metrics-port", "0") as running:
        seen: list[str] = []
        stop = threading.Event()

        def keep_asking() -> None:
            while not stop.is_set():
                status, document = running.infer("film")
                seen.append(document["parameters"]["bundle_digest"] if status == 200 else status)

        asking = threading.Thread(target=keep_asking)
        asking.start()
        _replace(folder, newer)
        assert running.event("reloaded")["bundle_digest"] == digests[1]
        (newer / "model.onnx").write_bytes(b"\x00" * 4096)
        document = json.loads((newer / "manifest.json").read_text())
        document["digest"] = "0" * 64
        (newer / "manifest.json").write_text(json.dumps(document))
        _replace(folder, newer)
        assert running.event("reload_failed")["code"] == "corrupted"
        time.sleep(0.1)
        stop.set()
        asking.join()
        assert set(seen) == set(digests)
        assert seen == sorted(seen, key=digests.index)  # never back
        metrics = f"http://127.0.0.1:{running.ready['metrics_port']}/metrics"
        with urllib.request.urlopen(metrics, timeout=30) as answer:
            text = answer.read().decode()
        assert 'tamis_reload_failures_total{code="corrupted"}' in text
        assert digests[0] not in text  # one time series for the model in service
        assert digests[1] in text
        assert running.get("/metrics")[0] == 404


def _replace(folder: Path, other: Path) -> None:
    """As the publisher does: the new directory takes the old one's place at once."""
    copy = shutil.copytree(other, folder.with_name("copy"))
    old = folder.with_name(f".{folder.name}.old")
    folder.rename(old)
    copy.rename(folder)
    shutil.rmtree(old, ignore_errors=True)  # a publisher's clean-up may be at it as well


def test_a_signal_under_load_loses_nothing(graph_bundle: Path) -> None:
    """Clients watch readiness, as a load balancer does; what they send before is answered."""
    with predictor(graph_bundle, "--drain-seconds", "1") as running:
        sent, answered, troubles = [0] * 8, [0] * 8, []
        started = threading.Barrier(9)

        def client(number: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", running.ready["port"], timeout=60)
            started.wait(60)
            while running.get("/v2/health/ready")[0] == 200:
                sent[number] += 1
                try:
                    connection.request(
                        "POST", PATHS["v2"], infer(), {"content-type": "application/json"}
                    )
                    answer = connection.getresponse()
                    document = json.loads(answer.read())
                    answered[number] += answer.status == 200 and len(document["outputs"]) == 6
                except (OSError, http.client.HTTPException) as error:
                    troubles.append(repr(error))

            connection.close()

        clients = [threading.Thread(target=client, args=(i,)) for i in range(8)]
        for one in clients:
            one.start()
        started.wait(60)
        time.sleep(0.5)
        assert running.stop() == 0
        for one in clients:
            one.join(60)
        assert not troubles
        assert sent == answered
        assert min(sent) > 0
        events = [running.event(name)["event"] for name in ("draining", "stopped")]
        assert events == ["draining", "stopped"]
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", running.ready["port"]), 1)


def test_while_it_drains_it_is_not_ready_answers_and_closes_connections(
    graph_bundle: Path,
) -> None:
    with predictor(graph_bundle, "--drain-seconds", "30") as running:
        kept = http.client.HTTPConnection("127.0.0.1", running.ready["port"], timeout=60)
        kept.request("GET", "/v2/health/ready")
        assert kept.getresponse().read() == b'{"ready":true}'
        running.process.terminate()
        running.event("draining")
        assert running.get("/v2/health/ready") == (503, {"ready": False})
        assert running.get("/v2/models/tamis/ready")[0] == 503
        assert running.get("/v2/health/live")[0] == 200
        kept.request("POST", PATHS["v2"], infer(), {"content-type": "application/json"})
        answer = kept.getresponse()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        answer.read()
        kept.close()
        running.process.terminate()  # a second signal cuts the wait short
        assert running.process.wait(30) == 0


def test_a_client_needs_a_certificate_and_probes_do_not(graph_bundle: Path, tmp_path: Path) -> None:
    made = development_certificate(tmp_path / "tls")
    context = client_context(made.client())
    arguments = ["--tls-cert", str(made.certificate), "--tls-key", str(made.key)]
    arguments += ["--tls-client-ca", str(made.authority), "--metrics-port", "0"]
    with predictor(graph_bundle, *arguments, scheme="https", context=context) as running:
        assert running.infer("film")[0] == 200
        running.context = client_context(TlsFiles(authority=made.authority))
        with pytest.raises(OSError):  # noqa: PT011 - the handshake, or the first read after it
            running.infer("film")
        running.scheme, running.ready["port"] = "http", running.ready["metrics_port"]
        assert running.get("/v2/health/ready") == (200, {"ready": True})
        assert running.infer("film")[0] == 404
