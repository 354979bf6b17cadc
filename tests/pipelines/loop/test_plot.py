"""The picture and the timeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.loop.plot import draw
from pipelines.loop.timeline import Timeline
from pipelines.loop.traffic import Asked


def test_a_picture_is_drawn_of_whatever_was_answered(tmp_path: Path) -> None:
    timeline = Timeline()
    timeline.tell("It begins.", "begin")
    one = [Asked(n / 10, 4, 3, "1", "old") for n in range(300)]
    two = [Asked(30 + n / 10, 4, 2, "2", "new") for n in range(1)]
    draw(tmp_path / "loop.png", [*one, *two], timeline.moments, "A title")
    with Image.open(tmp_path / "loop.png") as picture:
        assert picture.size[0] > 1_000
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20


def test_what_is_told_is_printed_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    timeline = Timeline()
    timeline.tell("It begins.")
    timeline.tell("It ends.", "end")
    assert capsys.readouterr().out == "00:00  It begins.\n00:00  It ends.\n"
    assert [moment.name for moment in timeline.moments] == ["", "end"]
