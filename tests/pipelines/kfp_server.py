"""A local HTTP server that plays Kubeflow Pipelines' API server.

Every request's body is read into kfp-server-api's own models, and a field that they don't have is
refused, as the real one refuses it. A compiled pipeline is parsed into KFP's protocol buffers.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import kfp_server_api
import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

API = "/apis/v2beta1"
Document = dict[str, Any]


class RefusalError(Exception):
    """What the server answers instead."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class KfpServer:
    """The server; use it as a context manager.

    Attributes:
        token: The bearer token that is let in; empty lets everyone in.
        namespaces: Namespaces that the caller may use.
        unknown: Fields of a task's Kubernetes configuration that this back end doesn't know.
        states: What each look at a run finds: task states by name, and the run's own under "".
        requests: Method and path of each request.
        fail_after: A method and path part; the server dies on the request after one that fits.
        page: Most objects in a list's answer.
    """

    def __init__(self) -> None:
        self.token = ""
        self.namespaces = {""}
        self.unknown: set[str] = set()
        self.states: list[dict[str, str]] = [{"": "SUCCEEDED"}]
        self.errors: dict[str, str] = {}
        self.requests: list[tuple[str, str]] = []
        self.refuse: dict[tuple[str, str], tuple[int, str]] = {}
        self.page = 1
        self.experiments: dict[str, Document] = {}
        self.pipelines: dict[str, Document] = {}
        self.versions: dict[str, Document] = {}
        self.runs: dict[str, Document] = {}
        self.recurring: dict[str, Document] = {}
        self._count = 0
        self._looks = 0

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def log_message(self, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                owner._handle(self)

            do_POST = do_DELETE = do_GET  # noqa: N815 - the library's names

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        url = urlsplit(request.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        method, path = request.command, url.path.removeprefix(API)
        self.requests.append((method, path))
        try:
            self._admit(request, method, path, query)
            status, answer = 200, self._route(method, path, query, request.headers, body)
        except RefusalError as error:
            status, answer = error.status, {"error_message": str(error), "code": 3}
        data = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _admit(
        self, request: BaseHTTPRequestHandler, method: str, path: str, query: dict[str, str]
    ) -> None:
        if not request.path.startswith(API):
            raise RefusalError(404, "Not Found")
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            raise RefusalError(401, "Unauthenticated")
        for (verb, part), (status, message) in self.refuse.items():
            if verb == method and part in path:
                raise RefusalError(status, message)
        if query.get("namespace", "") not in self.namespaces:
            raise RefusalError(403, "User is not authorized with reason: namespace")

    def _route(
        self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes
    ) -> Document:
        routes: list[tuple[str, str, Callable[..., Document]]] = [
            ("GET", "/experiments", lambda: self._list("experiments", self.experiments, query)),
            ("POST", "/experiments", lambda: self._keep(
                self.experiments, "experiment_id", _typed(body, "V2beta1Experiment"))),
            ("GET", "/pipelines", lambda: self._list("pipelines", self.pipelines, query)),
            ("POST", "/pipelines/upload", lambda: self._upload(query, headers, body)),
            ("POST", "/pipelines/upload_version",
             lambda: self._upload_version(query, headers, body)),
            ("GET", "/pipelines/([^/]+)/versions", lambda own: self._versions(own, query)),
            ("GET", "/runs", lambda: self._list("runs", self.runs, query)),
            ("POST", "/runs", lambda: self._start(_typed(body, "V2beta1Run"))),
            ("GET", "/runs/([^/]+)", self._look),
            ("GET", "/recurringruns",
             lambda: self._list("recurringRuns", self.recurring, query)),
            ("POST", "/recurringruns", lambda: self._repeat(_typed(body, "V2beta1RecurringRun"))),
            ("DELETE", "/recurringruns/([^/]+)", self._forget),
        ]  # fmt: skip
        for verb, pattern, answer in routes:
            if verb == method and (match := re.fullmatch(pattern, path)):
                return answer(*match.groups())
        raise RefusalError(404, f"{method} {path}")

    def _versions(self, pipeline: str, query: dict[str, str]) -> Document:
        own = {k: v for k, v in self.versions.items() if v["pipeline_id"] == pipeline}
        return self._list("pipeline_versions", own, query)

    def _forget(self, identity: str) -> Document:
        if self.recurring.pop(identity, None) is None:
            raise RefusalError(404, "recurring run not found")
        return {}

    def _keep(self, table: dict[str, Document], key: str, document: Document) -> Document:
        self._count += 1
        identity = f"{key.removesuffix('_id')}-{self._count}"
        table[identity] = {**document, key: identity}
        return table[identity]

    def _list(self, field: str, table: dict[str, Document], query: dict[str, str]) -> Document:
        found = list(table.values())
        if "filter" in query:
            _typed(query["filter"].encode(), "V2beta1Filter")
            for predicate in json.loads(query["filter"])["predicates"]:
                assert predicate["operation"] == "EQUALS", predicate
                key, value = predicate["key"], predicate["stringValue"]
                found = [item for item in found if item.get(key) == value]
        size = min(self.page, int(query.get("page_size") or 10))
        start = int(query.get("page_token") or 0)
        answer: Document = {field: found[start : start + size], "total_size": len(found)}
        if start + size < len(found):
            answer["next_page_token"] = str(start + size)
        return answer

    def _upload(self, query: dict[str, str], headers: Any, body: bytes) -> Document:
        self._check(_file(headers, body))
        if any(p["display_name"] == query["name"] for p in self.pipelines.values()):
            raise RefusalError(409, "Already exist error: pipeline name")
        made = {"display_name": query["name"], "namespace": query.get("namespace", "")}
        pipeline = self._keep(self.pipelines, "pipeline_id", made)
        first = {"pipeline_id": pipeline["pipeline_id"], "display_name": query["name"]}
        self._keep(self.versions, "pipeline_version_id", first)
        return pipeline

    def _upload_version(self, query: dict[str, str], headers: Any, body: bytes) -> Document:
        self._check(_file(headers, body))
        if query["pipelineid"] not in self.pipelines:
            raise RefusalError(404, "pipeline not found")
        made = {"pipeline_id": query["pipelineid"], "display_name": query["name"]}
        if any(made.items() <= version.items() for version in self.versions.values()):
            raise RefusalError(409, "Already exist error: version name")
        return self._keep(self.versions, "pipeline_version_id", made)

    def _check(self, content: bytes) -> None:
        spec, *platforms = yaml.safe_load_all(content)
        json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
        for platform in platforms:
            json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
            executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
            for own in executors.values():
                if unknown := self.unknown & own.keys():
                    text = f'unknown field "{unknown.pop()}"'
                    raise RefusalError(400, f"failed to unmarshal kubernetes config: {text}")
                message = kubernetes_executor_config_pb2.KubernetesExecutorConfig()
                json_format.ParseDict(own, message)

    def _runnable(self, document: Document) -> None:
        reference = document["pipeline_version_reference"]
        version = self.versions.get(reference["pipeline_version_id"])
        if version is None or version["pipeline_id"] != reference["pipeline_id"]:
            raise RefusalError(404, "pipeline version not found")
        if document["experiment_id"] not in self.experiments:
            raise RefusalError(404, "experiment not found")

    def _start(self, document: Document) -> Document:
        self._runnable(document)
        return self._keep(self.runs, "run_id", {**document, "state": "PENDING"})

    def _look(self, run_id: str) -> Document:
        states = self.states[min(self._looks, len(self.states) - 1)]
        self._looks += 1
        tasks = [
            {"display_name": name, "state": state, **self._error(name)}
            for name, state in states.items()
            if name
        ]
        drivers = [{"display_name": f"{task['display_name']}-driver", "state": "SUCCEEDED"}
                   for task in tasks]  # fmt: skip
        return {
            **self.runs[run_id],
            "state": states.get("", "RUNNING"),
            "run_details": {"task_details": [*drivers, *tasks]},
        }

    def _error(self, name: str) -> Document:
        return {"error": {"code": 13, "message": self.errors[name]}} if name in self.errors else {}

    def _repeat(self, document: Document) -> Document:
        self._runnable(document)
        cron = document["trigger"]["cron_schedule"]["cron"]
        if len(cron.split()) != 6:
            raise RefusalError(400, f"Expected 5 or 6 fields, found {cron!r}: no seconds")
        if document.get("mode") != "ENABLE":
            raise RefusalError(400, "mode must be ENABLE or DISABLE")
        made = {**document, "status": "ENABLED"}
        made.setdefault("service_account", "pipeline-runner")
        return self._keep(self.recurring, "recurring_run_id", made)


def _file(headers: Any, body: bytes) -> bytes:
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    for part in BytesParser().parsebytes(head + body).get_payload():  # type: ignore[union-attr]
        if part.get_param("name", header="Content-Disposition") == "uploadfile":  # type: ignore[union-attr]
            return bytes(part.get_payload(decode=True))  # type: ignore[union-attr, arg-type]
    raise RefusalError(400, "no uploadfile")


def _typed(body: bytes, model: str) -> Document:
    """A body as one of the API's models; an unknown field, at any depth, is refused."""
    document = json.loads(body)
    for path in _unknown(document, model):
        raise RefusalError(400, f"unknown field {path!r} in {model}")
    response = type("Response", (), {"data": body.decode()})
    read = kfp_server_api.ApiClient().deserialize(response, model)  # types and enumerations
    return _plain(read.to_dict())


def _unknown(document: Any, model: str, where: str = "") -> list[str]:
    if match := re.fullmatch(r"list\[(.+)\]", model):
        return [bad for item in document for bad in _unknown(item, match[1], where)]
    cls = getattr(kfp_server_api, model, None)
    if cls is None or not cls.openapi_types or not isinstance(document, dict):
        return []
    fields = {cls.attribute_map[name]: kind for name, kind in cls.openapi_types.items()}
    fields |= dict(cls.openapi_types)  # protojson takes both spellings
    fields |= {re.sub(r"_(\w)", lambda m: m[1].upper(), k): v for k, v in fields.items()}
    bad = [f"{where}.{key}" for key in document if key not in fields]
    for key, value in document.items():
        bad += _unknown(value, fields.get(key, ""), f"{where}.{key}")
    return bad


def _plain(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _plain(value) for key, value in document.items() if value is not None}
    return document
