from __future__ import annotations

import asyncio
import json

import pytest

from components.contract.errors import TamisError
from serving.transformer.auth.discovery import find_key_set, metadata_urls
from tests.serving.transformer.auth.loopback import loopback

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"


def test_where_metadata_may_be():
    assert metadata_urls("https://a.example") == (
        f"https://a.example{OPENID}",
        f"https://a.example{OAUTH}",
    )
    assert metadata_urls("https://a.example/realms/x/") == (
        f"https://a.example/realms/x{OPENID}",
        f"https://a.example{OAUTH}/realms/x",
    )


def found(documents, issuer="{url}"):
    """What is found at a server whose documents may name its own address as {url}."""

    async def run():
        async with loopback() as server:
            for path, document in documents.items():
                text = document if isinstance(document, str) else json.dumps(document)
                server.documents[path] = text.replace("{url}", server.url).encode()
            own = issuer.replace("{url}", server.url)
            return (await find_key_set(own, None)).replace(server.url, "{url}"), server.asked

    return asyncio.run(run())


def test_openid_first():
    sound = {"issuer": "{url}", "jwks_uri": "{url}/jwks"}
    assert found({OPENID: sound}) == ("{url}/jwks", [OPENID])


def test_oauth_where_there_is_no_openid():
    sound = {"issuer": "{url}/a", "jwks_uri": "{url}/keys"}
    assert found({f"{OAUTH}/a": sound}, "{url}/a") == (
        "{url}/keys",
        [f"/a{OPENID}", f"{OAUTH}/a"],
    )


def test_the_key_set_may_be_on_another_host():
    sound = {"issuer": "{url}", "jwks_uri": "https://keys.example/jwks"}
    assert found({OPENID: sound})[0] == "https://keys.example/jwks"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"issuer": "{url}/", "jwks_uri": "{url}/jwks"}, "bad_metadata"),
        ({"issuer": "https://other.example", "jwks_uri": "{url}/jwks"}, "bad_metadata"),
        ({"issuer": ["{url}"], "jwks_uri": "{url}/jwks"}, "bad_metadata"),
        ({"jwks_uri": "{url}/jwks"}, "bad_metadata"),
        ({"issuer": "{url}"}, "bad_metadata"),
        ({"issuer": "{url}", "jwks_uri": 7}, "bad_metadata"),
        ({"issuer": "{url}", "jwks_uri": "http://keys.example/jwks"}, "bad_url"),
        ({"issuer": "{url}", "jwks_uri": "file:///etc/passwd"}, "bad_url"),
        ({"issuer": "{url}", "jwks_uri": "/jwks"}, "bad_url"),
        ("<html>", "bad_metadata"),
        ('{"issuer":"x","issuer":"{url}","jwks_uri":"{url}/jwks"}', "bad_metadata"),
    ],
)
def test_metadata_that_is_not_this_issuers(document, code):
    with pytest.raises(TamisError) as refusal:
        found({OPENID: document})
    assert refusal.value.code == code


def test_an_issuer_by_https_may_not_name_keys_on_this_machine():
    from serving.transformer.auth.discovery import _key_set_url

    issuer = "https://issuer.example"
    document = json.dumps({"issuer": issuer, "jwks_uri": "http://127.0.0.1:2375/keys"})
    with pytest.raises(TamisError, match="isn't secure"):
        _key_set_url(document.encode(), issuer)
