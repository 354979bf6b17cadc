"""The deploy stage against a cluster in miniature: what serves after each step and each fault."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.cluster import objects
from components.cluster.errors import ConflictError
from components.cluster.objects import CustomObjects
from components.contract.artifact import Manifest, read_manifest
from components.contract.errors import InputError, TamisError
from components.deploy import smoke
from components.deploy.deploy import deploy
from components.deploy.errors import RolloutError
from components.deploy.settings import DeploySettings, SmokeSettings
from tests.conftest import ROOT
from tests.deploy.cluster import Cluster, wait_until

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]
Settings = Callable[..., DeploySettings]
Registration = Callable[..., Path]


class KilledError(BaseException):
    """The process ends here, as if killed: nothing of the stage's own catches it."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "PAUSE_S", 0.05)
    monkeypatch.setattr(objects, "WAIT_S", 0.01)


class Run:
    """Deploys one bundle after another to one cluster."""

    def __init__(
        self, cluster: Cluster, settings: Settings, registration: Registration, out: Path
    ) -> None:
        self.cluster, self._settings, self._registration = cluster, settings, registration
        self._out = out
        self.bundles: dict[str, Path] = {}
        self.changes: dict[str, Any] = {}

    def __call__(self, bundle: Path | None, version: str = "1", **changes: Any) -> Manifest:
        settings = self._settings(self.cluster, **{**self.changes, **changes})
        return deploy(
            self._registration(bundle, version),
            self._out,
            settings,
            lambda chosen: self.cluster.objects,
            lambda target, store: bundle or Path(),
        )


@pytest.fixture
def first(bundle: Path) -> str:
    return read_manifest(bundle).digest


@pytest.fixture
def second(second_bundle: Path) -> str:
    return read_manifest(second_bundle).digest


@pytest.fixture(params=["RawDeployment", "Serverless"])
def run(
    request: pytest.FixtureRequest,
    settings: Settings,
    registration: Registration,
    bundle: Path,
    second_bundle: Path,
    tmp_path: Path,
) -> Any:
    """A runner for each mode; Knative's bundles lie on a claim."""
    knative = request.param == "Serverless"
    with Cluster(bundle, second_bundle, knative=knative) as cluster:
        made = Run(cluster, settings, registration, tmp_path / "deployment")
        if knative:
            made.changes = {"mode": "Serverless", "storage": "pvc", "uri": "pvc://bundles"}
        yield made


@pytest.fixture(autouse=True)
def claim(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the claim would be mounted."""
    from components.deploy import deploy as module
    from components.deploy.bundle_store import put_bundle

    folder = tmp_path / "claim"
    monkeypatch.setattr(
        module, "put_bundle", lambda bundle, chosen: put_bundle(bundle, chosen, folder)
    )
    return folder


def served(cluster: Cluster) -> list[str]:
    return sorted(set(cluster.serving.get("tamis", [])))


def test_the_first_version_is_served_after_its_canary(run: Run, bundle: Path, first: str) -> None:
    facts = run(bundle).facts
    assert facts["outcome"] == "deployed"
    assert facts["bundle_digest"] == first
    assert served(run.cluster) == [first]
    assert list(run.cluster.api.objects) == ["tamis"]
    asked = [name for name, _ in run.cluster.asked]
    assert asked == ["tamis-canary"] * 3 + ["tamis"] * 3


def test_the_same_again_changes_nothing(run: Run, bundle: Path) -> None:
    run(bundle)
    before = run.cluster.api.objects["tamis"]["metadata"]["resourceVersion"]
    run.cluster.api.requests.clear()
    assert run(bundle).facts["outcome"] == "unchanged"
    assert run.cluster.api.objects["tamis"]["metadata"]["resourceVersion"] == before
    assert {method for method, _ in run.cluster.api.requests} == {"GET"}


def test_a_new_version_takes_over_without_a_gap(
    run: Run, bundle: Path, second_bundle: Path, second: str
) -> None:
    run(bundle)
    outages = run.cluster.outages
    assert run(second_bundle, "2").facts["outcome"] == "deployed"
    assert served(run.cluster) == [second]
    assert list(run.cluster.api.objects) == ["tamis"]
    assert run.cluster.outages == outages
    spec = run.cluster.api.objects["tamis"]["spec"]
    assert "canaryTrafficPercent" not in str(spec)


@pytest.mark.parametrize("fault", ["broken", "wrong"])
def test_a_bad_version_is_taken_back(
    run: Run, bundle: Path, second_bundle: Path, first: str, second: str, fault: str
) -> None:
    run(bundle)
    getattr(run.cluster, fault).add(second)
    with pytest.raises(RolloutError) as caught:
        run(second_bundle, "2")
    assert caught.value.code == {"broken": "not_ready", "wrong": "wrong_prediction"}[fault]
    assert "earlier version of 'tamis' serves on" in str(caught.value)
    assert "\n" not in str(caught.value)
    wait_until(lambda: served(run.cluster) == [first])
    assert list(run.cluster.api.objects) == ["tamis"]
    getattr(run.cluster, fault).clear()  # whatever was wrong is mended: the same version gets in
    assert run(second_bundle, "2").facts["outcome"] == "deployed"
    assert served(run.cluster) == [second]


def test_what_fails_only_in_the_services_place_is_taken_back_too(
    run: Run, bundle: Path, second_bundle: Path, first: str, second: str
) -> None:
    run(bundle)
    run.cluster.wrong_when_live.add(second)
    with pytest.raises(RolloutError) as caught:
        run(second_bundle, "2")
    assert caught.value.code == "wrong_prediction"
    wait_until(lambda: served(run.cluster) == [first])
    assert list(run.cluster.api.objects) == ["tamis"]


def test_a_first_version_that_fails_is_not_left_serving(run: Run, bundle: Path, first: str) -> None:
    run.cluster.wrong.add(first)
    with pytest.raises(RolloutError) as caught:
        run(bundle)
    assert "no earlier version" in str(caught.value)
    assert run.cluster.api.objects == {}


def test_the_reason_is_in_kserves_words(run: Run, bundle: Path, first: str) -> None:
    run.cluster.broken.add(first)
    with pytest.raises(RolloutError) as caught:
        run(bundle)
    assert "PredictorReady: 0 of 1 pods are ready" in str(caught.value)
    assert "exit 137" in str(caught.value)


def test_no_champion_is_nothing_to_deploy(run: Run) -> None:
    assert run(None).facts["outcome"] == "skipped"
    assert run.cluster.api.requests == []


def test_a_token_that_is_not_taken_fails_the_stage(
    run: Run, bundle: Path, second_bundle: Path, first: str
) -> None:
    run(bundle)
    issued = run.cluster._post

    def other(path: str, headers: dict[str, str], body: bytes) -> Any:
        return issued(path, {**headers, "Authorization": "Basic x"}, body)

    run.cluster._post = other  # type: ignore[method-assign]
    with pytest.raises(RolloutError) as caught:
        run(second_bundle, "2")
    assert caught.value.code == "not_allowed"
    wait_until(lambda: served(run.cluster) == [first])


def test_kubernetes_issues_the_token_where_the_cluster_is_the_issuer(
    run: Run, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TAMIS_CLIENT_SECRET")
    asked = []
    status = {"token": run.cluster.token, "expirationTimestamp": "2030-01-01T00:00:00Z"}

    def issue(name: str, request: Any) -> tuple[int, Any]:
        asked.append((name, request["spec"]))
        return 201, {**request, "status": status}

    run.cluster.api.issue = issue
    asking = SmokeSettings(texts=3, service_account="tamis-smoke", audience="tamis", timeout_s=1.0)
    assert run(bundle, smoke=asking).facts["outcome"] == "deployed"
    assert set(map(str, asked)) == {
        str(("tamis-smoke", {"audiences": ["tamis"], "expirationSeconds": 600}))
    }


@pytest.mark.parametrize(("status", "code"), [(403, "forbidden"), (404, "refused")])
def test_a_token_that_kubernetes_refuses_fails_the_stage(
    run: Run, bundle: Path, status: int, code: str
) -> None:
    run.cluster.api.issue = lambda name, request: (status, {"message": "no", "kind": "Status"})
    asking = SmokeSettings(texts=3, service_account="tamis-smoke", audience="tamis", timeout_s=1.0)
    with pytest.raises(TamisError) as caught:
        run(bundle, smoke=asking)
    assert caught.value.code == code


def test_the_client_secret_has_to_be_there(
    run: Run, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TAMIS_CLIENT_SECRET")
    with pytest.raises(InputError) as caught:
        run(bundle)
    assert caught.value.code == "missing_credentials"


def test_status_writes_in_between_are_no_conflict(
    run: Run, bundle: Path, second_bundle: Path, second: str
) -> None:
    run(bundle)
    api = run.cluster.api
    disturbed: list[str] = []

    def disturb(verb: str, name: str) -> None:
        if verb == "update" and len(disturbed) < 5:
            disturbed.append(name)
            api.set_status(name, api.objects[name]["status"])

    api.before = disturb
    run(second_bundle, "2")
    assert len(disturbed) == 5
    assert served(run.cluster) == [second]


def test_somebody_elses_change_meanwhile_is_kept(
    run: Run, bundle: Path, second_bundle: Path
) -> None:
    run(bundle)
    api = run.cluster.api
    done: list[bool] = []

    def interfere(verb: str, name: str) -> None:
        if verb == "update" and name == "tamis" and not done:
            done.append(True)
            spec = dict(api.objects["tamis"]["spec"])
            spec["predictor"] = {**spec["predictor"], "minReplicas": 2}
            api.put("tamis", spec)

    api.before = interfere
    with pytest.raises(ConflictError) as caught:
        run(second_bundle, "2")
    assert caught.value.code == "changed_meanwhile"
    assert api.objects["tamis"]["spec"]["predictor"]["minReplicas"] == 2
    assert list(api.objects) == ["tamis"]


def dying(cluster: Cluster, kill_at: int, applied: bool) -> CustomObjects:
    """A client whose process ends at its n-th change, before or after it takes effect."""
    api, count = cluster.objects, itertools.count(1)

    def mortal(call: Callable[..., Any]) -> Callable[..., Any]:
        def change(*arguments: Any) -> Any:
            fatal = next(count) == kill_at
            if fatal and not applied:
                raise KilledError
            result = call(*arguments)
            if fatal:
                raise KilledError
            return result

        return change

    for name in ("create", "update", "delete"):
        setattr(api, name, mortal(getattr(api, name)))
    return api


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kill_at", [1, 2, 3])
def test_a_kill_at_any_change_leaves_a_version_serving_and_a_rerun_finishes(
    run: Run, bundle: Path, second_bundle: Path, first: str, second: str,
    kill_at: int, applied: bool,
) -> None:  # fmt: skip
    run(bundle)
    cluster, outages = run.cluster, run.cluster.outages
    api = dying(cluster, kill_at, applied)
    registration = run._registration(second_bundle, "2")
    settings = run._settings(cluster, **run.changes)
    arguments = (registration, run._out, settings, lambda _: api, lambda t, s: second_bundle)
    if cluster.knative and kill_at == 3:  # a share and its end are all that Knative's way changes
        assert deploy(*arguments).facts["outcome"] == "deployed"
    else:
        with pytest.raises(KilledError):
            deploy(*arguments)
    assert set(served(cluster)) <= {first, second}
    assert served(cluster)
    assert run(second_bundle, "2").facts["outcome"] in ("deployed", "unchanged")
    wait_until(lambda: served(cluster) == [second])
    assert list(cluster.api.objects) == ["tamis"]
    assert cluster.outages == outages


def test_after_a_kill_behind_the_promotion_a_rerun_can_still_go_back(
    settings: Settings, registration: Registration, bundle: Path, second_bundle: Path,
    first: str, second: str, tmp_path: Path,
) -> None:  # fmt: skip
    with Cluster(bundle, second_bundle) as cluster:
        run = Run(cluster, settings, registration, tmp_path / "out")
        run(bundle)

        api = dying(cluster, kill_at=2, applied=True)
        chosen = settings(cluster)
        with pytest.raises(KilledError):
            deploy(registration(second_bundle, "2"), tmp_path / "out", chosen,
                   lambda _: api, lambda t, s: second_bundle)  # fmt: skip
        assert set(cluster.api.objects) == {"tamis", "tamis-canary"}
        cluster.wrong_when_live.add(second)
        with pytest.raises(RolloutError):
            run(second_bundle, "2")
        wait_until(lambda: served(cluster) == [first])
        assert cluster.digest() == first
        assert list(cluster.api.objects) == ["tamis"]


def test_a_service_made_by_hand_is_given_back_as_it_was(
    settings: Settings, registration: Registration, bundle: Path, second: str,
    second_bundle: Path, tmp_path: Path,
) -> None:  # fmt: skip
    with Cluster(bundle, second_bundle) as cluster:
        spec = {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}}
        annotations = {"serving.kserve.io/deploymentMode": "Standard", "team": "reviews"}
        cluster.api.put("tamis", spec, annotations=annotations)
        cluster.serving["tamis"] = ["by-hand"]
        wait_until(lambda: "status" in cluster.api.objects["tamis"])
        cluster.wrong_when_live.add(second)
        with pytest.raises(RolloutError):
            Run(cluster, settings, registration, tmp_path / "out")(second_bundle, "2")
        assert cluster.api.objects["tamis"]["spec"] == spec
        assert cluster.api.objects["tamis"]["metadata"]["annotations"] == annotations


def test_missing_rights_are_named(run: Run, bundle: Path) -> None:
    run.cluster.api.forbidden = {"create"}
    with pytest.raises(TamisError) as caught:
        run(bundle)
    assert caught.value.code == "forbidden"
    assert "cannot create resource" in str(caught.value)
    assert "0007-cluster.md" in str(caught.value)


def test_passing_faults_of_the_api_server_are_ridden_out(
    run: Run, bundle: Path, first: str
) -> None:
    faults = iter([(503, {"message": "starting"}), (500, {}), (429, {}), None] * 6)
    run.cluster.api.before = lambda verb, name: next(faults, None)
    run(bundle)
    assert served(run.cluster) == [first]


def test_no_cluster_is_one_sentence(
    settings: Settings, registration: Registration, bundle: Path, tmp_path: Path
) -> None:
    with Cluster(bundle) as cluster:
        run = Run(cluster, settings, registration, tmp_path / "out")
        api = cluster.objects
        chosen = settings(cluster)
    with pytest.raises(TamisError) as caught:
        deploy(registration(bundle), tmp_path / "out", chosen, lambda _: api, lambda t, s: bundle)
    assert run.cluster is cluster
    assert caught.value.code == "cluster_unreachable"
    assert "\n" not in str(caught.value)


SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
from kubernetes import client
from components.cluster.objects import CustomObjects
from components.deploy.deploy import deploy
from components.deploy.inference_service import API_VERSION, GROUP, PLURAL
from components.deploy.settings import DeploySettings, SmokeSettings

api, web, registration, bundle, out = sys.argv[1:]
objects = CustomObjects(
    client.ApiClient(client.Configuration(host=api)), "serving", GROUP, API_VERSION, PLURAL
)
smoke = SmokeSettings(texts=3, token_url=web + "/token", timeout_s=20)
deploy(Path(registration), Path(out), DeploySettings(smoke=smoke), lambda _: objects,
       lambda target, store: Path(bundle))
"""


@pytest.mark.slow
def test_a_real_kill_in_the_middle(
    settings: Settings, registration: Registration, bundle: Path, second_bundle: Path,
    first: str, second: str, tmp_path: Path,
) -> None:  # fmt: skip
    with Cluster(bundle, second_bundle) as cluster:
        run = Run(cluster, settings, registration, tmp_path / "out")
        run(bundle)
        processes: list[subprocess.Popen[bytes]] = []

        def kill(verb: str, name: str) -> None:
            if (verb, name) == ("update", "tamis") and processes:
                os.kill(processes.pop().pid, signal.SIGKILL)

        cluster.api.after = kill
        arguments = [cluster.api.url, cluster.web, registration(second_bundle, "2"),
                     second_bundle, tmp_path / "dead"]  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SCRIPT, *map(str, arguments)],
            cwd=ROOT, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        processes.append(process)
        assert process.wait(120) == -signal.SIGKILL
        assert not (tmp_path / "dead").exists()
        assert set(cluster.api.objects) == {"tamis", "tamis-canary"}
        assert run(second_bundle, "2").facts["outcome"] == "deployed"
        assert served(cluster) == [second]
        assert list(cluster.api.objects) == ["tamis"]


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "{web}/tamis"),
        ({"transformer_tls": "t"}, "https://tamis-transformer.serving.svc.cluster.local:80"),
        ({"smoke": SmokeSettings(url="https://{name}.x/{namespace}")}, "https://tamis.x/serving"),
    ],
)
def test_where_the_smoke_predictions_go(
    bundle: Path, changes: dict[str, Any], url: str, settings: Settings
) -> None:
    from components.deploy.rollout import Rollout

    asked: list[str] = []

    class Recorder:
        def check(self, address: str, all_new: bool, patience_s: float) -> None:
            asked.append(address)

    with Cluster(bundle) as cluster:
        spec = {"predictor": {"minReplicas": 1}}
        mode = {"serving.kserve.io/deploymentMode": "Standard"}
        cluster.api.put("tamis", spec, annotations=mode)
        chosen = settings(cluster, **changes)
        Rollout(cluster.objects, chosen, Recorder()).prove("tamis")  # type: ignore[arg-type]
        assert asked == [url.replace("{web}", cluster.web)]
