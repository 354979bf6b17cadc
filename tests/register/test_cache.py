from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from components.contract.environment import environment
from components.register.register import register
from tests.register.conftest import SETTINGS

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")

REGISTER = """
import sys
from pathlib import Path
from components.register.register import Candidate, register
from components.registry.aliases import Registry
from components.register.settings import RegisterSettings
dataset, bundle, evaluation, out, uri = sys.argv[1:]
{before}
facts = register(
    Path(dataset), {{"logistic": Candidate(Path(bundle), Path(evaluation))}}, Path(out),
    RegisterSettings(floor=0.4), registry=Registry(uri, "tamis"),
).facts
import json
print(json.dumps({{"facts": dict(facts), "mlflow": "mlflow" in sys.modules}}))
"""
CRASH = """
import os
from mlflow import MlflowClient
point = MlflowClient.set_registered_model_alias
def dies(self, name, alias, version):
    if alias == "champion":
        os._exit(9)
    point(self, name, alias, version)
MlflowClient.set_registered_model_alias = dies
"""


def run(trained, chosen, out, registry, before="", cache=None):
    arguments = [trained.dataset, chosen.bundle, chosen.evaluation, out, registry.uri]
    extra = {"TAMIS_CACHE": str(cache)} if cache else {}
    return subprocess.run(
        [sys.executable, "-c", REGISTER.format(before=before), *map(str, arguments)],
        env=os.environ | extra,
        capture_output=True,
        text=True,
        check=False,
    )


def versions(registry):
    from mlflow import MlflowClient

    return MlflowClient(registry.uri).search_model_versions("name = 'tamis'")


@pytest.mark.slow
def test_a_crash_before_the_alias_moves_leaves_the_old_champion(trained, registry, tmp_path):
    register(
        trained.dataset,
        {"logistic": trained.weak},
        tmp_path / "first",
        SETTINGS,
        registry=registry,
    )
    died = run(trained, trained.strong, tmp_path / "out", registry, CRASH)
    assert died.returncode == 9, died.stderr
    assert registry.resolve("champion").number == "1"
    assert not (tmp_path / "out").exists()
    facts = register(
        trained.dataset,
        {"logistic": trained.strong},
        tmp_path / "out",
        SETTINGS,
        registry=registry,
    ).facts
    assert facts["decision"]["outcome"] == "promoted"
    assert facts["champion"]["version"] == "2"
    assert len(versions(registry)) == 2


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))
    environment.cache_clear()
    return tmp_path / "cache"


def test_a_second_run_recalls_the_first_without_mlflow(trained, registry, tmp_path, cache):
    first = register(
        trained.dataset,
        {"logistic": trained.strong},
        tmp_path / "first",
        SETTINGS,
        registry=registry,
    )
    again = run(trained, trained.strong, tmp_path / "second", registry, cache=cache)
    assert again.returncode == 0, again.stderr
    answer = json.loads(again.stdout)
    assert answer == {"facts": dict(first.facts), "mlflow": False}
    for name in ("decision.json", "manifest.json"):
        assert (tmp_path / "second" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()


def test_a_result_is_not_recalled_once_the_champion_changed(trained, registry, tmp_path, cache):
    def call(chosen):
        return register(
            trained.dataset, {"logistic": chosen}, tmp_path / "out", SETTINGS, registry=registry
        ).facts

    assert call(trained.weak)["decision"]["outcome"] == "promoted"
    assert call(trained.strong)["decision"]["outcome"] == "promoted"
    assert call(trained.weak)["decision"]["outcome"] == "refused"
    from mlflow import MlflowClient

    MlflowClient(registry.uri).delete_registered_model_alias("tamis", "champion")
    facts = call(trained.strong)
    assert facts["decision"]["outcome"] == "promoted"
    assert facts["champion"]["version"] == "2"
    assert registry.resolve("champion").number == "2"
    assert len(versions(registry)) == 2
