"""Search spaces are data that fit their architecture's settings."""

from __future__ import annotations

import dataclasses

import pytest

from components import catalogue
from components.contract.errors import InputError
from components.contract.search import OneOf, Reals, Search, Whole
from components.contract.settings import build
from components.tune import space
from components.tune.space import changed, distributions, propose, search_of


@pytest.mark.parametrize("name", catalogue.ARCHITECTURES)
def test_a_space_is_of_the_architectures_own_settings(name: str) -> None:
    search, settings = search_of(name), catalogue.architecture(name).load_settings()
    assert set(search.space) | set(search.always) <= {f.name for f in dataclasses.fields(settings)}
    assert not set(search.space) & set(search.always)
    for changes in propose(search, 20, 3):
        build(settings, changes, name)


@pytest.mark.parametrize("name", ["logistic", "lstm", "bert"])
def test_a_space_says_where_its_ends_are(name: str) -> None:
    settings = catalogue.architecture(name).load_settings()
    search = search_of(name)
    for end in (0, -1):
        ends = {
            setting: values.values[end] if isinstance(values, OneOf)
            else (values.low, values.high)[end]
            for setting, values in search.space.items()
        }  # fmt: skip
        build(settings, {**search.always, **ends}, name)
        assert all(values.contains(ends[setting]) for setting, values in search.space.items())


def test_an_architecture_without_a_space_gets_that_of_networks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue.Architecture, "load_search", lambda self: None)
    search = search_of("lstm")
    assert search.space["learning_rate"] == Reals(0.0004, 0.01, log=True)
    assert set(search.space) == {"learning_rate", "dropout", "weight_decay"}
    with pytest.raises(InputError, match=r"search\.py"):
        search_of("logistic")


def test_proposals_are_the_same_for_the_same_seed() -> None:
    search = search_of("lstm")
    first = propose(search, 8, 13)
    assert first == propose(search, 8, 13)
    assert first != propose(search, 8, 14)
    assert first[0] == {}
    assert len({str(changes) for changes in first}) == 8


def test_numbers_are_rounded_and_what_is_always_set_is_set() -> None:
    search = Search({"a": Reals(0, 1), "b": Whole(1, 3)}, {"c": True})
    assert changed(search, {"a": 0.123456, "b": 2}) == {"a": 0.123, "b": 2, "c": True}
    assert set(distributions(search)) == {"a", "b"}


def test_without_the_library_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="Optuna") as raised:
        propose(search_of("logistic"), 3, 1)
    assert raised.value.code == "not_installed"
