"""The whole parameter file, checked before anything runs."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components import catalogue
from components.contract.errors import InputError
from components.contract.settings import build, neighbours, read_params
from components.deploy.settings import NAME_CHARACTERS, DeploySettings
from components.drift.settings import CheckSettings
from components.evaluate.settings import EvaluateSettings
from components.ingest.settings import ingest_settings
from components.register.settings import RegisterSettings
from components.tokenize.settings import TokenizerSettings
from components.training.door import INHERITED
from components.tune.settings import TuneSettings
from pipelines.cluster_settings import ClusterSettings
from pipelines.trigger.settings import RetrainingSettings

SECTIONS = (
    "source", "ingest", "tokenizers", "architectures", "evaluate", "register", "deploy", "cluster",
    "retrain", "drift", "tune", *INHERITED,
)  # fmt: skip


@dataclass(frozen=True)
class Parameters:
    """The parameter file's sections as plain mappings, sound and with every default spelled out.

    Stages build their settings from these again, so that the compiled pipeline shows the whole of
    what it will do.

    Attributes:
        source: Where labelled text comes from.
        ingest: How it is cleaned and split.
        tokenizers: Name -> settings, those that an architecture uses.
        architectures: Name -> settings, those to train, in the catalogue's order.
        evaluate: How models are measured.
        register: How a champion is chosen.
        deploy: Whether and how it is put behind an InferenceService.
        cluster: How a compiled pipeline's tasks run; no stage sees it.
        retrain: When the trigger may start a run, and of what; no stage sees it.
        drift: How hard a journal's export is looked at for drift.
        tune: How many settings a search as a pipeline tries; no stage sees it.
    """

    source: Mapping[str, Any]
    ingest: Mapping[str, Any]
    tokenizers: Mapping[str, Mapping[str, Any]]
    architectures: Mapping[str, Mapping[str, Any]]
    evaluate: Mapping[str, Any]
    register: Mapping[str, Any]
    deploy: Mapping[str, Any] = field(default_factory=dict)
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    retrain: RetrainingSettings = field(default_factory=RetrainingSettings)
    drift: Mapping[str, Any] = field(default_factory=dict)
    tune: TuneSettings = field(default_factory=TuneSettings)


def load(
    path: Path,
    data: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    architectures: Sequence[str] = (),
    model_name: str | None = None,
) -> Parameters:
    """Read and check a parameter file, with a command line's changes.

    Args:
        path: The YAML file.
        data: Another source; the file's row filter, label names, columns and expected labels go
            with its own.
        text_column: The text's column in that source.
        label_column: The label's column in that source.
        architectures: Train these alone; all of the file's when empty.
        model_name: The registered model; by default other data makes one of its own name, since
            its labels and texts are no match for the file's champion.

    Returns:
        Checked parameters.

    Raises:
        InputError: Naming the section and key that is wrong.
    """
    document = read_params(path)
    for key in document:
        if key not in SECTIONS:
            raise InputError(
                "unknown_parameter", f"{key} is not a section.", neighbours(key, SECTIONS)
            )
    changes = {"uri": data, "text_column": text_column, "label_column": label_column}
    source = {} if data else dict(document.get("source") or {})
    source.update({key: value for key, value in changes.items() if value})
    document["source"] = source
    if data:  # the file's expectations name its own labels
        document["evaluate"] = {**(document.get("evaluate") or {}), "minimum_function": []}
    name = model_name or (data and name_of(data))
    if name:
        document["register"] = {**(document.get("register") or {}), "model_name": name}
    return check(document, architectures)


def check(document: Mapping[str, Any], only: Sequence[str] = ()) -> Parameters:
    """Build every section's settings once, to refuse what a stage would refuse later.

    Args:
        document: The parameter file's mapping.
        only: Architectures to keep; all when empty.

    Returns:
        Checked parameters.

    Raises:
        InputError: Naming the section and key that is wrong.
    """
    ingest = _plain(ingest_settings(document))
    source = ingest.pop("source")
    given = document.get("architectures") or {}
    for name in [*given, *only]:
        catalogue.architecture(name)
    chosen = {}
    for name in catalogue.ARCHITECTURES:
        if name not in (only or given):
            continue
        section = dict(given.get(name) or {})
        for key in INHERITED:
            if document.get(key) is not None:
                section.setdefault(key, document[key])
        settings = catalogue.architecture(name).load_settings()
        chosen[name] = _plain(build(settings, section, f"architectures.{name}"))
    if not chosen:
        raise InputError("no_architecture", "The parameters name no architecture to train.")
    register = _plain(build(RegisterSettings, document.get("register"), "register"))
    deploy = dict(document.get("deploy") or {})
    deploy.setdefault("name", _dns_label(register["model_name"]))
    return Parameters(
        source,
        ingest,
        _tokenizers(document.get("tokenizers") or {}, chosen),
        chosen,
        _plain(build(EvaluateSettings, document.get("evaluate"), "evaluate")),
        register,
        _plain(build(DeploySettings, deploy, "deploy")),
        build(ClusterSettings, document.get("cluster"), "cluster"),
        build(RetrainingSettings, document.get("retrain"), "retrain"),
        _plain(build(CheckSettings, {"form": "jsonl", **(document.get("drift") or {})}, "drift")),
        build(TuneSettings, document.get("tune"), "tune"),
    )


def name_of(data: str) -> str:
    """A model's name from its data's address: the last part without endings, letters kept.

    Args:
        data: The address.

    Returns:
        A name that the registry takes.
    """
    last = re.split(r"[/#]", data.rstrip("/*"))[-1].split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", last).strip("-") or "tamis"


def _dns_label(model: str) -> str:
    """A service's name from its model's: another model must not take a service's place."""
    label = re.sub(r"[^a-z0-9]+", "-", model.lower()).lstrip("-0123456789")
    return label[:NAME_CHARACTERS].rstrip("-") or "tamis"


def _plain(settings: Any) -> dict[str, Any]:
    """Settings as JSON knows them, defaults spelled out; what is None is left out."""
    values = json.loads(json.dumps(dataclasses.asdict(settings)))
    return {key: value for key, value in values.items() if value is not None}


def _tokenizers(
    given: Mapping[str, Any], architectures: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    used: dict[str, Mapping[str, Any]] = {}
    for name, section in architectures.items():
        wanted = section["tokenizer"]
        if wanted not in given:
            raise InputError(
                "unknown_tokenizer",
                f"architectures.{name}.tokenizer names {wanted!r}, which tokenizers doesn't hold.",
                neighbours(wanted, given),
            )
        settings = build(TokenizerSettings, given[wanted], f"tokenizers.{wanted}")
        catalogue.tokenizer(settings.strategy)
        used[wanted] = _plain(settings)
    return used
