"""Writes settings into a parameter file and leaves everything else in it as it is.

Only the values' own characters are replaced, at the places that the YAML parser tells: comments,
order, quotes and line ends of the rest stay byte for byte.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components.contract.artifact import storage_error
from components.contract.errors import InputError

SECTION = "architectures"


def write_settings(file: Path, architecture: str, changes: Mapping[str, Any]) -> None:
    """Set values in an architecture's section, replacing the file at once or not at all.

    Args:
        file: The parameter file.
        architecture: The section under `architectures`.
        changes: Setting -> value.

    Raises:
        InputError: `cant_edit` when the file is written in a way that this can't change safely
            (aliases, several documents); it is left as it was.
        TamisError: When the file system refuses.
    """
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            before = stream.read()
    except OSError as error:
        raise storage_error(error, file) from error
    wanted = copy.deepcopy(yaml.safe_load(before)) or {}
    section = (wanted.setdefault(SECTION, {}) or {}).get(architecture) or {}
    kept = section if isinstance(section, Mapping) else {}
    wanted[SECTION] = {**(wanted[SECTION] or {}), architecture: {**kept, **changes}}
    after = before
    for name, value in changes.items():
        after = _with(after, [SECTION, architecture, name], value)
    if yaml.safe_load(after) != wanted:
        told = ", ".join(f"{name}: {_scalar(value)}" for name, value in changes.items())
        raise InputError(
            "cant_edit",
            f"{str(file)!r} is written in a way that can't be changed safely.",
            f"Put this under {SECTION}.{architecture} yourself: {told}",
        )
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            stream.write(after)
            stream.flush()
            os.fsync(stream.fileno())
        partial.chmod(file.stat().st_mode & 0o777)
        partial.replace(file.resolve())
    except OSError as error:
        raise storage_error(error, file) from error
    finally:
        partial.unlink(missing_ok=True)


def _with(text: str, path: list[str], value: Any) -> str:
    """The text with a value at a path; what is missing of the path is added."""
    node = yaml.compose(text, yaml.SafeLoader)
    for depth, name in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            if node is None or node.value not in ("", "~", "null"):
                return text  # no place for a setting: the caller refuses
            start, end = node.start_mark.index, node.end_mark.index
            space = "" if text[start - 1 : start] == " " else " "
            return f"{text[:start]}{space}{_nested(path[depth:], value)}{text[end:]}"
        found = next((item for key, item in node.value if key.value == name), None)
        if found is None:
            return _added(text, node, name, _nested(path[depth + 1 :], value))
        node = found
    if not isinstance(node, yaml.ScalarNode):
        return text
    return text[: node.start_mark.index] + _scalar(value) + text[node.end_mark.index :]


def _added(text: str, node: yaml.MappingNode, name: str, value: str) -> str:
    """The text with one more entry at a mapping's end."""
    if node.flow_style:
        close = node.end_mark.index - 1
        if not node.value:
            return f"{text[:close]}{name}: {value}{text[close:]}"
        end = node.value[-1][1].end_mark.index
        return f"{text[:end]}, {name}: {value}{text[end:]}"
    indent = " " * node.start_mark.column
    last = node.value[-1][1]
    end = last.end_mark.index
    if isinstance(last, yaml.MappingNode | yaml.SequenceNode) and not last.flow_style:
        end = len(text[:end].rstrip())  # a block ends where the next one begins
    line = text.find("\n", end)
    newline = "\r\n" if "\r\n" in text else "\n"
    if line < 0:
        return f"{text}{newline}{indent}{name}: {value}{newline}"
    return f"{text[: line + 1]}{indent}{name}: {value}{newline}{text[line + 1 :]}"


def _nested(path: list[str], value: Any) -> str:
    """A value in flow mappings by the names of a path."""
    text = _scalar(value)
    for name in reversed(path):
        text = f"{{{name}: {text}}}"
    return text


def _scalar(value: Any) -> str:
    """A value in YAML 1.1, whose numbers with an exponent need a point."""
    if isinstance(value, float):
        mantissa, exponent, power = repr(value).partition("e")
        return f"{mantissa}{'' if '.' in mantissa or not exponent else '.0'}{exponent}{power}"
    return str(yaml.safe_dump(value, default_flow_style=True)).removesuffix("\n...\n").strip()
