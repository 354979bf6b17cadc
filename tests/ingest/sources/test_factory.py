from __future__ import annotations

from pathlib import Path

import pytest

from components.contract.errors import InputError
from components.ingest.settings import SourceSettings
from components.ingest.sources import Source, open_source
from components.ingest.sources.factory import SCHEMES


def test_an_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        open_source(SourceSettings("ftp://x.example/a.csv"))
    assert caught.value.code == "unknown_scheme"
    assert "http" in caught.value.hint
    with pytest.raises(InputError) as caught:
        open_source(SourceSettings("zzzzzzz://a"))
    for scheme in SCHEMES:
        assert scheme in caught.value.hint


def test_an_unknown_format_is_told_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(InputError) as caught:
        open_source(SourceSettings(str(tmp_path / "a.xlsx")))
    assert caught.value.code == "unknown_format"


def test_schemes_may_be_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\na,1\n")
    source = open_source(SourceSettings(f"FILE://{tmp_path}/a.csv"))
    assert isinstance(source, Source)
    assert len(list(source.rows())) == 1
