"""KServe's own client talks to the service as it would to any server of the protocols."""

from __future__ import annotations

import asyncio

import httpx
import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig

from components.contract.classifier import Classifier
from tests.serving.processes import Pair

TEXTS = ["a wonderful film", "dull and far too long", "电影很好看 \u0000 🎬"]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def readiness(pair: Pair, client: InferenceRESTClient) -> list[object]:
    return [
        await client.is_server_live(pair.url),
        await client.is_model_ready(pair.url, "tamis"),
    ]


@pytest.mark.parametrize("form", ["raw", "json", "list"])
def test_version_2(pair: Pair, classifier: Classifier, form: str) -> None:
    async def scenario() -> None:
        async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=60)) as client:
            assert await readiness(pair, client) == [True, True]
            assert await client.is_server_ready(pair.url) is True
            if form == "list":
                tensor = InferInput("text", [3], "BYTES", data=TEXTS)
            else:
                tensor = InferInput("text", [3], "BYTES")
                values = np.array(TEXTS, dtype=object)
                tensor.set_data_from_numpy(values, binary_data=form == "raw")
            request = InferRequest("tamis", [tensor], request_id="7")
            answer = await client.infer(
                pair.url, request, model_name="tamis", headers=dict(pair.headers("predict"))
            )
        assert (answer.id, answer.model_name) == ("7", "tamis")
        assert len(answer.parameters["bundle_digest"]) == 64
        outputs = {output.name: output.as_numpy() for output in answer.outputs}
        expected = classifier.predict_proba(TEXTS)
        np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
        assert list(map(str, outputs["label"])) == [
            classifier.labels[at] for at in expected.argmax(axis=1)
        ]

    asyncio.run(scenario())


def test_version_1(pair: Pair, classifier: Classifier) -> None:
    async def scenario() -> None:
        async with InferenceRESTClient(RESTConfig(protocol="v1", timeout=60)) as client:
            assert await readiness(pair, client) == [True, True]
            answer = await client.infer(
                pair.url,
                {"instances": TEXTS},
                model_name="tamis",
                headers=pair.headers("predict"),
            )
        expected = classifier.predict_proba(TEXTS)
        assert [row["label"] for row in answer["predictions"]] == [
            classifier.labels[at] for at in expected.argmax(axis=1)
        ]

    asyncio.run(scenario())


def test_without_a_token_it_is_told_so(pair: Pair) -> None:
    async def scenario() -> None:
        async with InferenceRESTClient(RESTConfig(protocol="v1", timeout=60)) as client:
            with pytest.raises(httpx.HTTPStatusError, match="A valid access token is needed"):
                await client.infer(pair.url, {"instances": TEXTS}, model_name="tamis")

    asyncio.run(scenario())
