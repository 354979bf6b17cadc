"""Factory: the setting `drift.detectors` -> detectors, imported on use."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from components.contract.errors import InputError
from components.contract.settings import neighbours
from components.drift.detectors.detector import Detector
from components.drift.reference import Reference
from components.drift.settings import DetectorSettings

_HERE = "components.drift.detectors"
DETECTORS = {
    "own": (
        (f"{_HERE}.mmd", "FeatureMmd"),
        (f"{_HERE}.kolmogorov_smirnov", "LengthKs"),
        (f"{_HERE}.kolmogorov_smirnov", "ProbabilityKs"),
        (f"{_HERE}.chi_square", "LabelChiSquare"),
        (f"{_HERE}.error_run", "ErrorRun"),
    ),
    "alibi": (
        (f"{_HERE}.alibi", "FeatureLsdd"),
        (f"{_HERE}.alibi", "FeatureMmd"),
        (f"{_HERE}.alibi", "LengthKs"),
        (f"{_HERE}.alibi", "ProbabilityKs"),
        (f"{_HERE}.alibi", "LabelChiSquare"),
        (f"{_HERE}.alibi", "ErrorFet"),
    ),
}

Make = Callable[[Reference, DetectorSettings], Detector]


def detectors(name: str) -> list[Make]:
    """The detectors of that name; importing alibi's takes seconds.

    Args:
        name: A key of `DETECTORS`.

    Returns:
        Their classes.

    Raises:
        InputError: `unknown_detectors`; `missing_package` when alibi-detect isn't installed.
    """
    if name not in DETECTORS:
        raise InputError(
            "unknown_detectors", f"There are no detectors {name!r}.", neighbours(name, DETECTORS)
        )
    try:
        return [
            cast(Make, getattr(importlib.import_module(module), attribute))
            for module, attribute in DETECTORS[name]
        ]
    except ModuleNotFoundError as error:
        raise InputError(
            "missing_package", f"The detectors {name!r} need {error.name}.", "Install tamis[drift]."
        ) from error
