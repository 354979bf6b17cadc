from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.contract.dataset import SPLITS
from components.contract.errors import InputError
from components.ingest.ingest import ingest
from components.ingest.settings import IngestSettings, SourceSettings
from components.ingest.sources import open_source
from components.inspect.survey import PERCENTILES, Lengths, Survey, split_name, survey
from tests.conftest import ROOT, reviews, write_csv


def look(uri: Path, scratch: Path, split_column: str = "", **source: Any) -> Survey:
    scratch.mkdir()
    settings = IngestSettings(SourceSettings(str(uri), **source))
    return survey(open_source(settings.source), settings, scratch, split_column)


def test_a_survey_counts_what_ingest_counts(tmp_path: Path) -> None:
    rows = reviews(each=150)
    rows += [*rows[:7], (rows[8][0], "0"), (rows[8][0], "1"), ("", "1"), ("odd", "")]
    path = write_csv(tmp_path / "reviews.csv", rows)
    names = {"0": "negative", "1": "positive"}
    found = look(path, tmp_path / "scratch", label_names=names)
    settings = IngestSettings(SourceSettings(str(path), label_names=names))
    facts = ingest(open_source(settings.source), tmp_path / "dataset", settings).facts
    assert found.rejected == facts["rejected"]
    assert found.rows_in == facts["rows_in"] == 311
    assert found.labels == {
        name: tuple(facts["rows"][split][name] for split in SPLITS) for name in facts["labels"]
    }
    assert found.refusal == ""
    assert found.files == 1
    assert found.shared is None
    assert {reason for reason, _ in found.samples} == {
        reason for reason, count in facts["rejected"].items() if count
    }


def test_lengths_are_exact(tmp_path: Path) -> None:
    texts = [text for text, _ in reviews(each=200)]
    path = write_csv(tmp_path / "a.csv", [(text, str(i % 2)) for i, text in enumerate(texts)])
    found = look(path, tmp_path / "scratch")
    for of_all, lengths in (
        (found.characters, [len(text) for text in texts]),
        (found.words, [len(text.split()) for text in texts]),
    ):
        for percent in PERCENTILES:
            expected = np.percentile(lengths, percent, method="inverted_cdf")
            assert of_all[percent] == expected
    rows, edges = found.histogram
    assert sum(rows) >= 0.99 * len(texts)
    assert len(edges) == len(rows) + 1


def test_no_lengths_are_zero() -> None:
    lengths = Lengths()
    assert lengths.percentile(50) == 0
    assert lengths.histogram(4)[0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("train.csv", "train"),
        ("data/train-00000-of-00002.parquet", "train"),
        ("imdb_test.jsonl.gz", "test"),
        ("x/dev/part-1.csv", "validation"),
        ("Validation.csv", "validation"),
        ("testimonials.csv", ""),
        ("strained.csv", ""),
        ("a.csv", ""),
    ],
)
def test_a_files_name_tells_its_split(file: str, name: str) -> None:
    assert split_name(file) == name


def test_texts_in_two_files_that_should_be_apart_are_told(tmp_path: Path) -> None:
    rows, folder = reviews(each=60), tmp_path / "data"
    folder.mkdir()
    write_csv(folder / "train.csv", rows[:80])
    write_csv(folder / "test.csv", [*rows[80:], *((f"{t.upper()} !", y) for t, y in rows[:5])])
    found = look(folder, tmp_path / "scratch")
    assert found.shared is not None
    assert found.names == ("test", "train")
    assert (found.shared.rows, found.shared.looked_at) == (10, 125)


def test_a_column_may_tell_the_splits(tmp_path: Path) -> None:
    lines = [f'"{t.replace(chr(34), "")}",{y},{"ab"[i % 2]}' for i, (t, y) in enumerate(reviews(
        each=20))]  # fmt: skip
    lines.append(lines[0][:-1] + "b")
    (tmp_path / "a.csv").write_text("\n".join(["text,label,part", *lines]), encoding="utf-8")
    found = look(tmp_path / "a.csv", tmp_path / "scratch", "part", slices=("part",))
    assert found.shared is not None
    assert found.shared.rows == 2


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n")
    with pytest.raises(InputError) as caught:
        look(tmp_path / "a.csv", tmp_path / "scratch")
    assert caught.value.code == "empty_source"


MEASURE = """
import sys, tempfile
from pathlib import Path
from components.contract.artifact import peak_rss_mb
from components.ingest.settings import IngestSettings, SourceSettings
from components.ingest.sources import open_source
from components.inspect.survey import survey
settings = IngestSettings(SourceSettings(sys.argv[1]))
with tempfile.TemporaryDirectory() as scratch:
    print(survey(open_source(settings.source), settings, Path(scratch)).rows)
print(peak_rss_mb())
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_data(tmp_path: Path) -> None:
    peaks = []
    for times in (1, 8):
        draw = random.Random(times)
        rows = [
            (f"{text} {draw.random()}", label) for text, label in reviews() for _ in range(times)
        ]
        path = write_csv(tmp_path / f"{times}.csv", rows)
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found, peak = done.stdout.split()
        assert int(found) == len(rows)
        peaks.append(float(peak))
    assert peaks[1] < 1.2 * peaks[0]
