from __future__ import annotations

from pathlib import Path

import pytest

from components.ingest import shards
from components.ingest.ingest import ingest
from components.ingest.settings import ingest_settings
from components.ingest.sources import open_source


@pytest.fixture(scope="session")
def sharded(reviews_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows of `dataset`, in shards of 100 rows."""
    names = {"label_names": {0: "negative", 1: "positive"}}
    settings = ingest_settings({"source": {"uri": str(reviews_csv), **names}})
    out = tmp_path_factory.mktemp("sharded") / "dataset"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_ROWS", 100)
        patch.setattr(shards, "GROUP_ROWS", 50)
        ingest(open_source(settings.source), out, settings)
    return out
