"""Parameters from YAML to frozen dataclasses; an unknown key names its neighbours."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from components.contract.errors import InputError

T = TypeVar("T")


def read_params(path: Path) -> dict[str, Any]:
    """The mapping in a YAML parameter file.

    Args:
        path: The file.

    Returns:
        Its top-level mapping; an empty file is an empty mapping.

    Raises:
        InputError: `not_found` or `bad_params`.
    """
    import yaml

    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            "not_found", f"The parameter file {str(path)!r} can't be read: {error.strerror}."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise InputError("bad_params", f"{str(path)!r} is not valid YAML{line}.") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InputError("bad_params", f"{str(path)!r} must hold a mapping at its top level.")
    return document


def build(cls: type[T], mapping: Mapping[str, Any] | None, where: str) -> T:
    """A settings dataclass from a mapping, strictly.

    Args:
        cls: A frozen dataclass; nested dataclasses are built in turn, and a `check()` method is
            called on the result if there is one.
        mapping: Keys are field names; an absent key takes the field's default.
        where: Dotted path of the mapping in the parameter file, for messages.

    Returns:
        The settings.

    Raises:
        InputError: `unknown_parameter`, `missing_parameter` or `bad_parameter`, naming the key.
    """
    if mapping is None:
        mapping = {}
    if not isinstance(mapping, Mapping):
        raise InputError("bad_parameter", f"{where} must be a mapping, not {mapping!r}.")
    hints = get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in mapping:
        if key not in fields:
            raise InputError(
                "unknown_parameter", f"{where}.{key} is not a parameter.", neighbours(key, fields)
            )
    values = {}
    for name, spec in fields.items():
        if name in mapping:
            values[name] = _convert(hints[name], mapping[name], f"{where}.{name}")
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            raise InputError("missing_parameter", f"{where}.{name} must be given.")
    settings = cls(**values)
    check = getattr(settings, "check", None)
    if check is not None:
        check()
    return settings


def neighbours(name: object, known: typing.Iterable[str]) -> str:
    """A sentence that names the known words nearest to a mistyped one."""
    known = sorted(known)
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(known)}."


def require(condition: bool, parameter: str, sentence: str) -> None:
    """Refuse a parameter's value unless the condition holds.

    Args:
        condition: What must be true.
        parameter: The parameter's name.
        sentence: What it must be, e.g. `must be between 0 and 1, not 2`.

    Raises:
        InputError: `bad_parameter`.
    """
    if not condition:
        raise InputError("bad_parameter", f"{parameter} {sentence}.")


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return _convert(next(a for a in args if a is not type(None)), value, where)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value, where)
    if origin is typing.Literal:
        if value not in args:
            raise InputError(
                "bad_parameter", f"{where} can't be {value!r}.", neighbours(value, map(str, args))
            )
        return value
    if origin is not None:
        return _collection(origin, args, value, where)
    return _scalar(hint, value, where)


def _collection(origin: type, args: tuple[Any, ...], value: Any, where: str) -> Any:
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise InputError("bad_parameter", f"{where} must be a list, not {value!r}.")
        return tuple(_convert(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if not isinstance(value, Mapping):
        raise InputError("bad_parameter", f"{where} must be a mapping, not {value!r}.")
    return {
        _convert(args[0], key, where): _convert(args[1], item, f"{where}.{key}")
        for key, item in value.items()
    }


def _scalar(hint: type, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)  # Kubeflow's structures know one kind of number
    if hint is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise InputError("bad_parameter", f"{where} must be {hint.__name__}, not {value!r}.")
    return value
