"""The parameter file's section `retrain`."""

from __future__ import annotations

from typing import Any

import pytest

from components.contract.errors import InputError
from pipelines import parameters
from pipelines.trigger.settings import RetrainingSettings

DOCUMENT = {
    "source": {"uri": "reviews.csv"},
    "tokenizers": {"bpe": {"strategy": "bpe"}},
    "architectures": {"logistic": {}},
}


def test_without_the_section_there_are_defaults() -> None:
    assert parameters.check(DOCUMENT).retrain == RetrainingSettings()


def test_what_is_said_is_taken() -> None:
    section = {
        "runner": "kfp",
        "kfp": {"host": "http://host"},
        "store": "s3://bucket/feedback",
        "runs_per_day": 9,
    }
    chosen = parameters.check({**DOCUMENT, "retrain": section}).retrain
    assert (chosen.runner, chosen.kfp.host, chosen.runs_per_day) == ("kfp", "http://host", 9)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"runer": "kfp"}, "retrain.runer"),
        ({"runner": "airflow"}, "retrain.runner"),
        ({"runner": "kfp"}, "retrain.kfp.host"),
        ({"runner": "kfp", "kfp": {"host": "http://host"}}, "retrain.store"),
        ({"minimum_labels": 0}, "retrain.minimum_labels"),
        ({"cooldown_s": -1}, "retrain.cooldown_s"),
        ({"runs_per_day": 0}, "retrain.runs_per_day"),
        ({"holdout": 1}, "retrain.holdout"),
        ({"margin": 0.6}, "retrain.margin"),
        ({"store": " "}, "retrain.store"),
        ({"attempts": 0}, "retrain.attempts"),
    ],
)
def test_what_cannot_work_is_refused_by_name(section: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        parameters.check({**DOCUMENT, "retrain": section})
    assert told in caught.value.message
