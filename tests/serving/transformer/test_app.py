"""What every route has in common: who may, request ids, methods, addresses."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from serving.transformer.auth.issuer import development_token
from tests.serving.processes import EVERY, Pair

TENSOR = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["fine"]}
PREDICTING: list[tuple[str, str, Any]] = [
    ("POST", "/classify", {"texts": ["fine"]}),
    ("POST", "/v1/models/tamis:predict", {"instances": ["fine"]}),
    ("POST", "/v2/models/tamis/infer", {"inputs": [TENSOR]}),
    ("GET", "/v2/models/tamis", None),
]
GUARDED = [
    *PREDICTING,
    ("POST", "/feedback", {"id": "x", "label": "positive"}),
    ("GET", "/drift", None),
]
OPEN = ["/", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/tamis/ready"]
UNAUTHENTICATED = {
    "error": {"code": "unauthenticated", "message": "A valid access token is needed."}
}
FORBIDDEN = {"error": {"code": "forbidden", "message": "The access token does not allow this."}}


def ask(pair: Pair, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    told = {"content-type": "application/json", **headers} if body is not None else headers
    content = None if body is None else json.dumps(body)
    return httpx.request(
        method, pair.url + path, content=content, headers=told, trust_env=False, timeout=30
    )


def scope_of(path: str) -> str:
    return {"/feedback": "feedback", "/drift": "drift:read"}.get(path, "predict")


class TestWhoMay:
    @pytest.mark.parametrize(("method", "path", "body"), GUARDED)
    def test_no_token(self, pair: Pair, method: str, path: str, body: Any) -> None:
        answer = ask(pair, method, path, body)
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
        assert answer.headers["www-authenticate"] == 'Bearer realm="tamis"'
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"]

    @pytest.mark.parametrize(("method", "path", "body"), GUARDED)
    @pytest.mark.parametrize("token", ["x", "a.b.c", "ey" + "J" * 9_000])
    def test_no_valid_token(
        self, pair: Pair, method: str, path: str, body: Any, token: str
    ) -> None:
        answer = ask(pair, method, path, body, authorization=f"Bearer {token}")
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
        told = answer.headers["www-authenticate"]
        assert told == 'Bearer realm="tamis", error="invalid_token"'

    @pytest.mark.parametrize(("method", "path", "body"), GUARDED)
    def test_the_body_of_a_refused_request_is_not_looked_at(
        self, pair: Pair, method: str, path: str, body: Any
    ) -> None:
        answer = ask(pair, method, path, {"no": "sense"} if body else None)
        assert answer.json() == UNAUTHENTICATED

    @pytest.mark.parametrize(("method", "path", "body"), GUARDED)
    def test_a_token_for_something_else(
        self, pair: Pair, method: str, path: str, body: Any
    ) -> None:
        needed = scope_of(path)
        others = " ".join(scope for scope in EVERY.split() if scope != needed)
        answer = ask(pair, method, path, body, **pair.headers(others))
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
        told = answer.headers["www-authenticate"]
        assert told == f'Bearer realm="tamis", error="insufficient_scope", scope="{needed}"'
        assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(("method", "path", "body"), GUARDED)
    def test_the_one_scope_is_enough(self, pair: Pair, method: str, path: str, body: Any) -> None:
        answer = ask(pair, method, path, body, **pair.headers(scope_of(path)))
        assert answer.status_code == (404 if path == "/feedback" else 200)

    @pytest.mark.parametrize(("method", "path", "body"), PREDICTING)
    def test_a_token_for_another_model(self, pair: Pair, method: str, path: str, body: Any) -> None:
        other = development_token(pair.folder / "issuer", "predict", "other")
        ours = development_token(pair.folder / "issuer", "predict", "tamis")
        assert ask(pair, method, path, body, authorization=f"Bearer {other}").status_code == 403
        assert ask(pair, method, path, body, authorization=f"Bearer {ours}").status_code == 200

    def test_tokens_for_another_audience_and_expired_ones(self, pair: Pair) -> None:
        state = pair.folder / "issuer"
        for token in (
            development_token(state, "predict", audience="elsewhere"),
            development_token(pair.folder / "another-issuer", "predict"),
        ):
            answer = ask(
                pair, "POST", "/classify", {"texts": ["x"]}, authorization=f"Bearer {token}"
            )
            assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)

    def test_a_token_in_the_address_is_none(self, pair: Pair) -> None:
        path = f"/classify?access_token={pair.token()}"
        answer = ask(pair, "POST", path, {"texts": ["x"]})
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)

    def test_two_tokens_are_ambiguous(self, pair: Pair) -> None:
        headers = [("authorization", f"Bearer {pair.token()}")] * 2
        answer = httpx.post(
            f"{pair.url}/classify", headers=headers, json={"texts": ["x"]}, trust_env=False
        )
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "ambiguous_credentials"

    def test_tokens_stay_out_of_the_log(self, pair: Pair) -> None:
        ask(pair, "POST", "/classify", {"texts": ["secret text 4711"]}, **pair.headers())
        ask(pair, "POST", f"/classify?access_token={pair.token('predict')}", {"texts": ["x"]})
        log = pair.transformer.text() + pair.predictor.text()
        for token in pair.tokens.values():
            assert token not in log
            assert token.rpartition(".")[2] not in log
        assert "secret text 4711" not in log

    def test_each_decision_is_in_the_log_by_the_requests_id(self, pair: Pair) -> None:
        ask(pair, "POST", "/classify", {"texts": ["x"]}, **{"x-request-id": "told-1"})
        granted = {**pair.headers("predict"), "x-request-id": "told-2"}
        ask(pair, "POST", "/classify", {"texts": ["x"]}, **granted)
        found = {event["request_id"]: event for event in pair.transformer.events("audit")}
        assert (found["told-1"]["decision"], found["told-1"]["reason"]) == ("refused", "no_token")
        assert (found["told-2"]["decision"], found["told-2"]["verb"]) == ("allowed", "predict")


class TestRequestIds:
    @pytest.mark.parametrize("told", ["a", "A-b_c.9", "x" * 64])
    def test_a_sane_one_is_kept(self, pair: Pair, told: str) -> None:
        for path in ("/v2/health/live", "/nowhere"):
            answer = ask(pair, "GET", path, **{"x-request-id": told})
            assert answer.headers["x-request-id"] == told
        assert answer.json()["error"]["request_id"] == told

    @pytest.mark.parametrize("told", ["", "x" * 65, "a b", "<b>", "a,b", "\xe9", "x\ty", '"'])
    def test_another_is_replaced(self, pair: Pair, told: str) -> None:
        headers = [(b"x-request-id", told.encode("latin-1"))]
        answer = httpx.get(f"{pair.url}/nowhere", headers=headers, trust_env=False)
        given = answer.headers["x-request-id"]
        assert given != told
        assert len(given) == 22
        assert answer.json()["error"]["request_id"] == given

    def test_each_request_gets_its_own(self, pair: Pair) -> None:
        given = {ask(pair, "GET", "/").headers["x-request-id"] for _ in range(20)}
        assert len(given) == 20


class TestAddresses:
    @pytest.mark.parametrize(
        "path",
        [
            "/nowhere",
            "/classify/",
            "/v2/health/ready/",
            "/v2/models/tamis/",
            "//classify",
            "/v2/models/tamis/infer/x",
            "/docs",
            "/redoc",
            "/%2e%2e/etc/passwd",
            "/%ff%00",
            "/classify%00",
            "/x" * 4_000,
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_there_is_nothing_elsewhere_and_no_redirect(
        self, pair: Pair, method: str, path: str
    ) -> None:
        answer = ask(pair, method, path, **pair.headers())
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] in ("not_found", "unknown_model")

    @pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
    @pytest.mark.parametrize(
        "path", ["/classify", "/feedback", "/v2/models/tamis/infer", *OPEN, "/v2/models/tamis"]
    )
    def test_another_method_is_told_which_one_there_is(
        self, pair: Pair, method: str, path: str
    ) -> None:
        answer = ask(pair, method, path, **pair.headers())
        posted = path in ("/classify", "/feedback", "/v2/models/tamis/infer")
        assert answer.status_code == 405
        assert answer.headers["allow"] == ("POST" if posted else "GET")
        if method == "HEAD":
            assert answer.content == b""
        else:
            assert answer.json()["error"]["code"] == "wrong_method"
        assert "access-control-allow-origin" not in answer.headers

    def test_answers_are_never_sniffed(self, pair: Pair) -> None:
        for method, path, body in [*GUARDED, ("GET", "/", None), ("GET", "/nowhere", None)]:
            for headers in ({}, pair.headers()):
                answer = ask(pair, method, path, body, **headers)
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["content-type"] == "application/json"
                assert "server" not in answer.headers


class TestIssuer:
    """The laptop's own issuer, over HTTP."""

    def test_it_says_what_it_is_and_gives_strangers_nothing(self, pair: Pair) -> None:
        metadata = ask(pair, "GET", "/.well-known/oauth-authorization-server").json()
        assert metadata["grant_types_supported"] == ["client_credentials"]
        assert ask(pair, "GET", "/.well-known/jwks.json").json()["keys"]
        form = "grant_type=client_credentials&client_id=nobody&client_secret=guess"
        answer = httpx.post(
            f"{pair.url}/oauth/token",
            content=form,
            headers={"content-type": "application/x-www-form-urlencoded"},
            trust_env=False,
            timeout=30,
        )
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
