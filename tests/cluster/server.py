"""A local HTTP server that plays the Kubernetes API for custom objects of one namespace.

It keeps what the real one would: resourceVersions with conflicts, generations that count changes
of the spec, watches, and a status that its writers alone change. Whoever plays the controller is
called after each change.
"""

from __future__ import annotations

import contextlib
import copy
import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Document = dict[str, Any]
_TOKEN_REQUEST = re.compile(r"/api/v1/namespaces/[^/]+/serviceaccounts/([^/]+)/token$")


class ApiServer:
    """The server; use it as a context manager.

    Attributes:
        objects: Name -> object.
        requests: Method and path of each request, in order.
        tokens: Bearer tokens that are let in; None lets everyone in.
        forbidden: Verbs (`get`, `create`, `update`, `watch`, `delete`) that are refused.
        check: Called with each document that a client writes; its text is the refusal.
        controller: Called after each change of a spec with the name, None when it was deleted.
        issue: Answers a TokenRequest for a service account.
        before: Called before each request is looked at; may answer in the request's place.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.objects: dict[str, Document] = {}
        self.requests: list[tuple[str, str]] = []
        self.tokens: set[str] | None = None
        self.forbidden: set[str] = set()
        self.check: Callable[[Document], str] = lambda document: ""
        self.controller: Callable[[str], None] = lambda name: None
        self.issue: Callable[[str, Document], tuple[int, Document]] = _no_account
        self.before: Callable[[str, str], tuple[int, Document] | None] = lambda verb, name: None
        self.after: Callable[[str, str], None] = lambda verb, name: None
        self.lock = threading.Condition(threading.RLock())
        self._version = 100
        self._closing = False

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one segment an answer: no wait for an acknowledgement

            def log_message(self, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                owner._handle(self)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the library's names

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        with self.lock:
            self._closing = True
            self.lock.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def set_status(self, name: str, status: Document) -> None:
        """What a controller does: writes a status, which changes the resourceVersion."""
        with self.lock:
            if name in self.objects:
                self.objects[name]["status"] = copy.deepcopy(status)
                self._bump(name)

    def put(self, name: str, spec: Document, **metadata: Any) -> None:
        """Somebody else's object, or change of one."""
        with self.lock:
            old = self.objects.get(name, {"metadata": {"generation": 0}})
            self.objects[name] = {
                **old,
                "spec": copy.deepcopy(spec),
                "metadata": {**old["metadata"], "name": name, **metadata},
            }
            self.objects[name]["metadata"]["generation"] += 1
            self._bump(name)
        self.controller(name)

    def _bump(self, name: str) -> None:
        self._version += 1
        self.objects[name]["metadata"]["resourceVersion"] = str(self._version)
        self.lock.notify_all()

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        body = json.loads(request.rfile.read(length) or b"null")
        url = urlsplit(request.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.requests.append((request.command, request.path))
        if account := _TOKEN_REQUEST.search(url.path):
            return self._answer(request, *self.issue(account[1], body))
        if not url.path.startswith(self.prefix):
            return self._answer(request, 404, _status(404, "no such path"))
        name = url.path.removeprefix(self.prefix).strip("/")
        watching = query.get("watch") in ("true", "True", "1")
        verbs = {"GET": "get", "POST": "create", "PUT": "update", "DELETE": "delete"}
        verb = "watch" if watching else verbs[request.command]
        token = (request.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.tokens is not None and token not in self.tokens:
            return self._answer(request, 401, _status(401, "Unauthorized"))
        if verb in self.forbidden:
            refusal = f'inferenceservices "{name}" is forbidden: cannot {verb} resource'
            return self._answer(request, 403, _status(403, refusal))
        early = self.before(verb, name or query.get("fieldSelector", ""))
        if early is not None:
            return self._answer(request, *early)
        if verb == "watch":
            return self._watch(request, query)
        code, document, changed = self._store(verb, name, body)
        if changed:
            self.controller(changed)
        self.after(verb, name or changed)
        return self._answer(request, code, document)

    def _store(self, verb: str, name: str, body: Any) -> tuple[int, Document, str]:
        with self.lock:
            if verb == "create":
                return self._create(body)
            if name not in self.objects:
                return 404, _status(404, f"{name!r} not found"), ""
            if verb == "get":
                return 200, copy.deepcopy(self.objects[name]), ""
            if verb == "delete":
                del self.objects[name]
                self.lock.notify_all()
                return 200, _status(200, "deleted"), name
            if verb == "update":
                return self._update(name, body)
            return 405, _status(405, f"{verb} is not allowed"), ""

    def _create(self, body: Document) -> tuple[int, Document, str]:
        name = body["metadata"]["name"]
        if refusal := self.check(body):
            return 422, _status(422, refusal), ""
        if name in self.objects:
            return 409, _status(409, f"{name!r} already exists"), ""
        self.objects[name] = copy.deepcopy(body)
        self.objects[name]["metadata"] |= {"generation": 1, "uid": f"uid-{self._version}"}
        self._bump(name)
        return 201, copy.deepcopy(self.objects[name]), name

    def _update(self, name: str, body: Document) -> tuple[int, Document, str]:
        old = self.objects[name]
        if body["metadata"].get("resourceVersion") != old["metadata"]["resourceVersion"]:
            return 409, _status(409, "the object has been modified"), ""
        new = {**copy.deepcopy(body), "status": old.get("status", {})}  # a resource of its own
        if refusal := self.check(new):
            return 422, _status(422, refusal), ""
        changed = new["spec"] != old["spec"]
        new["metadata"]["generation"] = old["metadata"]["generation"] + changed
        self.objects[name] = new
        self._bump(name)
        return 200, copy.deepcopy(new), name if changed else ""

    def _watch(self, request: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        selector = query.get("fieldSelector", "")
        assert selector.startswith("metadata.name="), "a watch without a name needs more rights"
        name = selector.removeprefix("metadata.name=")
        since = int(query.get("resourceVersion") or 0)
        deadline = time.monotonic() + int(query.get("timeoutSeconds") or 60)
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        known = since
        with self.lock:
            while not self._closing and time.monotonic() < deadline:
                found = self.objects.get(name)
                version = int(found["metadata"]["resourceVersion"]) if found else 0
                if found and version > known:
                    known = version
                    event = json.dumps({"type": "MODIFIED", "object": found}).encode() + b"\n"
                    if not _chunk(request, event):
                        return
                self.lock.wait(0.2)
        _chunk(request, b"")

    def _answer(self, request: BaseHTTPRequestHandler, code: int, document: Document) -> None:
        data = json.dumps(document).encode()
        request.send_response(code)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        with contextlib.suppress(OSError):  # whoever asked may be dead
            request.wfile.write(data)
            request.wfile.flush()


def _chunk(request: BaseHTTPRequestHandler, data: bytes) -> bool:
    """Send a piece of an answer; False when nobody listens any more."""
    try:
        request.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        request.wfile.flush()
    except OSError:
        request.close_connection = True
        return False
    return True


def _status(code: int, message: str) -> Document:
    return {"kind": "Status", "status": "Failure", "message": message, "code": code}


def _no_account(name: str, request: Document) -> tuple[int, Document]:
    return 404, _status(404, f'serviceaccounts "{name}" not found')
