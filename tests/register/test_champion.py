from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

from components.contract.artifact import read_manifest
from components.contract.environment import environment
from components.contract.errors import InputError, IntegrityError
from components.register.register import register
from components.registry.aliases import Registry, Version
from components.registry.champion import bundle_store, local_bundle, open_champion
from tests.register.conftest import SETTINGS

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")


@pytest.fixture
def registered(trained, registry, tmp_path, monkeypatch):
    """The registry with the strong model as champion, and the environment pointing at it."""
    register(
        trained.dataset,
        {"logistic": trained.strong},
        tmp_path / "out",
        SETTINGS,
        registry=registry,
    )
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    environment.cache_clear()
    return registry


def test_without_a_champion_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    environment.cache_clear()
    with pytest.raises(InputError) as caught:
        open_champion()
    assert caught.value.code == "no_champion"
    assert "tamis run" in caught.value.hint


def test_the_champion_scores_as_the_trained_model(registered, trained):
    from components.catalogue import open_classifier

    bundle, classifier = open_champion("tamis@champion")
    _, original = open_classifier(trained.strong.bundle)
    assert bundle.manifest.digest == read_manifest(trained.strong.bundle).digest
    texts = ["a superb delight", "", "a dreadful bore"]
    assert np.array_equal(classifier.predict_proba(texts), original.predict_proba(texts))
    assert open_champion("tamis")[0].path == bundle.path


def test_right_after_registration_no_mlflow_is_needed(registered):
    script = (
        "import sys\nfrom components.registry.champion import open_champion\n"
        "open_champion()\nprint('mlflow' in sys.modules, 'pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_a_bundle_that_is_gone_or_damaged_is_downloaded_again(registered, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")  # the registry at hand is the one that is asked
    store = bundle_store(registered)
    champion = registered.resolve("champion")
    shutil.rmtree(store)
    path = local_bundle(registered, champion, store)
    assert read_manifest(path).digest == champion.bundle_digest
    assert [child.name for child in store.iterdir()] == [champion.bundle_digest]
    (path / "manifest.json").write_text("{}")
    assert read_manifest(local_bundle(registered, champion, store)).digest == path.name


def test_a_download_of_something_else_is_refused(registered):
    other = Version("1", {"bundle_digest": "0" * 64})
    with pytest.raises(IntegrityError) as caught:
        local_bundle(registered, other, bundle_store(registered))
    assert caught.value.code == "corrupted"


@pytest.mark.parametrize("digest", ["", "../../etc"])
def test_a_version_of_someone_else_is_refused(digest, tmp_path):
    version = Version("3", {"bundle_digest": digest})
    with pytest.raises(InputError) as caught:
        local_bundle(Registry("sqlite:///none.db", "tamis"), version, tmp_path)
    assert caught.value.code == "no_champion"
