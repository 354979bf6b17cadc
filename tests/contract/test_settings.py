from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from components.contract.errors import InputError
from components.contract.settings import build, read_params, require


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5

    def check(self) -> None:
        require(0 <= self.rate <= 1, "rate", f"must be between 0 and 1, not {self.rate}")


@dataclass(frozen=True)
class Outer:
    name: str
    size: int = 3
    mode: Literal["fast", "slow"] = "fast"
    limit: float | None = None
    flag: bool = False
    inner: Inner = Inner()
    names: tuple[str, ...] = ()
    table: Mapping[str, str] = field(default_factory=dict)


def test_values_are_converted_and_defaults_kept() -> None:
    settings = build(
        Outer,
        {
            "name": 5,
            "size": 3.0,
            "limit": 1,
            "inner": {"rate": 1},
            "names": ["a"],
            "table": {0: "no"},
        },
        "section",
    )
    assert settings == Outer("5", limit=1.0, inner=Inner(1.0), names=("a",), table={"0": "no"})
    assert isinstance(settings.limit, float)


@pytest.mark.parametrize(
    ("mapping", "code", "words"),
    [
        ({}, "missing_parameter", "section.name"),
        ({"name": "a", "sise": 1}, "unknown_parameter", "Did you mean size?"),
        ({"name": "a", "zzz": 1}, "unknown_parameter", "Known: flag"),
        ({"name": "a", "size": "3"}, "bad_parameter", "section.size must be int"),
        ({"name": "a", "size": True}, "bad_parameter", "section.size must be int"),
        ({"name": "a", "size": 1.5}, "bad_parameter", "section.size must be int"),
        ({"name": "a", "flag": 1}, "bad_parameter", "section.flag must be bool"),
        ({"name": "a", "mode": "fats"}, "bad_parameter", "Did you mean fast?"),
        ({"name": "a", "inner": 3}, "bad_parameter", "section.inner must be a mapping"),
        ({"name": "a", "inner": {"rat": 1}}, "unknown_parameter", "section.inner.rat"),
        ({"name": "a", "inner": {"rate": 2}}, "bad_parameter", "between 0 and 1, not 2"),
        ({"name": "a", "names": "abc"}, "bad_parameter", "section.names must be a list"),
        ({"name": None}, "bad_parameter", "section.name must be str"),
        ([], "bad_parameter", "must be a mapping"),
    ],
)
def test_wrong_parameters_are_named(mapping: Any, code: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        build(Outer, mapping, "section")
    assert caught.value.code == code
    assert words in str(caught.value)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"a: [", "bad_params"), (b"- 1", "bad_params"), (b"\xff\xfe\x00", "bad_params")],
)
def test_unreadable_parameter_files(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_params(file)
    assert caught.value.code == code


def test_missing_and_empty_parameter_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        read_params(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").touch()
    assert read_params(tmp_path / "empty.yaml") == {}


def test_yaml_cannot_build_objects(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a: !!python/object/apply:os.system ['true']")
    with pytest.raises(InputError):
        read_params(file)
