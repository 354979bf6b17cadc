"""Search spaces by architecture, and settings drawn from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from components import catalogue
from components.contract.errors import InputError
from components.contract.search import Range, Reals, Search, Whole

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

GENERIC: Mapping[str, Range] = {
    "dropout": Reals(0.0, 0.6),
    "weight_decay": Reals(1e-4, 0.3, log=True),
}
FACTOR = 5.0
"""How far from its default a learning rate is looked for, where nothing better is known."""
DIGITS = 3
"""Of real numbers; more would tell nothing and can't be read."""


def search_of(name: str) -> Search:
    """An architecture's search space.

    Args:
        name: The architecture's name in the catalogue.

    Returns:
        Its own, or one of the settings that most networks have.

    Raises:
        InputError: `unknown_architecture`; `no_search` when it has neither.
    """
    architecture = catalogue.architecture(name)
    own = architecture.load_search()
    if own is not None:
        return own
    fields = {
        field.name: field.default for field in dataclasses.fields(architecture.load_settings())
    }
    space = {setting: values for setting, values in GENERIC.items() if setting in fields}
    rate = fields.get("learning_rate")
    if isinstance(rate, float):
        space["learning_rate"] = Reals(rate / FACTOR, rate * FACTOR, log=True)
    if not space:
        raise InputError(
            "no_search",
            f"Nothing says where better settings of {name} are to be looked for.",
            f"Put a search.py into components/{architecture.folder}.",
        )
    return Search(space)


def require_optuna() -> None:
    """Refuse to go on without Optuna; raises `InputError` `not_installed`."""
    if find_spec("optuna") is None:
        raise InputError(
            "not_installed",
            "A search needs Optuna, which is not installed here.",
            "Install the extra `tune`.",
        )


def sampler(seed: int) -> BaseSampler:
    """What proposes settings: a tree-structured Parzen estimator, random at first.

    Bergstra et al. 2011 (https://papers.nips.cc/paper/4443); equal seeds and results, equal
    proposals.
    """
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed)


def distributions(search: Search) -> dict[str, BaseDistribution]:
    """A space in Optuna's terms."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    found: dict[str, BaseDistribution] = {}
    for name, values in search.space.items():
        if isinstance(values, Reals):
            found[name] = FloatDistribution(values.low, values.high, log=values.log)
        elif isinstance(values, Whole):
            found[name] = IntDistribution(values.low, values.high, log=values.log)
        else:
            found[name] = CategoricalDistribution(values.values)
    return found


def changed(search: Search, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a trial that its architecture's section is overridden with."""
    rounded = {
        name: float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
        for name, value in drawn.items()
    }
    return {**search.always, **rounded}


def propose(search: Search, number: int, seed: int) -> list[dict[str, Any]]:
    """Settings to try at once, without a result of any.

    Args:
        search: The space.
        number: How many; the first is no change at all.
        seed: Decides the others.

    Returns:
        What each overrides its architecture's section with.
    """
    require_optuna()
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler(seed))
    drawn = [study.ask(distributions(search)).params for _ in range(number - 1)]
    return [{}, *(changed(search, values) for values in drawn)]
