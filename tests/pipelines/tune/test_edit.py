"""Settings written into a parameter file: the values, and not a byte more."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
import yaml

from components.contract.errors import InputError
from pipelines.tune.edit import write_settings
from tests.conftest import ROOT

CHANGES = {"alpha": 1e-05, "ngrams": 3, "weighting": "nb", "tokenizer": "bpe"}
FILES = {
    "block": "seed: 1 # one\narchitectures:\n  # why\n  logistic:\n    alpha: 1.0e-3   # tuned\n"
    "    tokenizer: 'bpe'\n\n  lstm: {epochs: 3}\n# end\nregister: {floor: 0.5}\n",
    "flow": "architectures: {logistic: {alpha: 2, ngrams: 1}, lstm: {}} # x\n",
    "empty-flow": "architectures:\n  logistic: {}\n",
    "null": "architectures:\n  logistic:\n  lstm:\n    epochs: 2\n",
    "tilde": "architectures:\n  logistic: ~  # nothing yet\n",
    "absent": "architectures:\n  lstm: {epochs: 2}\n\n# cluster\ncluster: {shards: 2}\n",
    "no-section": "seed: 3\n",
    "nested-last": "architectures:\n  logistic:\n    x:\n      - a\n      - b\n\n\nseed: 2\n",
    "windows": "architectures:\r\n  logistic:\r\n    alpha: 1\r\n# é\r\nseed: 2\r\n",
    "no-newline": "architectures:\n  logistic:\n    ngrams: 1",
    "bom": "\ufeffarchitectures:\n  logistic: {ngrams: 1}\n",
}


@pytest.mark.parametrize("name", FILES)
def test_only_the_settings_change(name: str, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(FILES[name].encode())
    file.chmod(0o640)
    write_settings(file, "logistic", CHANGES)
    after = file.read_bytes().decode()
    before = yaml.safe_load(FILES[name])
    sections = before.get("architectures") or {}
    own = {**(sections.get("logistic") or {}), **CHANGES}
    assert yaml.safe_load(after) == {**before, "architectures": {**sections, "logistic": own}}
    kept = [line for line in FILES[name].splitlines() if "#" in line]
    for line in kept:
        assert line.partition("#")[2] in after
    assert list(tmp_path.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o640
    if "\r\n" in FILES[name]:
        assert after.count("\n") == after.count("\r\n")


def test_the_demos_file_keeps_all_but_a_line(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    before = (ROOT / "params.yaml").read_text(encoding="utf-8")
    file.write_text(before, encoding="utf-8")
    write_settings(file, "bert", {"learning_rate": 2e-4, "frozen_layers": 2})
    after = file.read_text(encoding="utf-8")
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))
    changed = [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert sorted(changed) == sorted([
        "-    frozen_layers: 1  # a ninth of the CPU time, and no loss on the validation rows",
        "-    learning_rate: 1.0e-4",
        "+    frozen_layers: 2  # a ninth of the CPU time, and no loss on the validation rows",
        "+    learning_rate: 0.0002",
    ])  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {ngrams: 1}\narchitectures: {logistic: *a}\n",
        "architectures: {logistic: {alpha: [1, 2]}}\n",
        "architectures: {logistic: 3}\n",
    ],
    ids=["alias", "list", "number"],
)
def test_what_cant_be_changed_safely_is_left_alone(text: str, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as raised:
        write_settings(file, "logistic", {"alpha": 1e-05})
    assert raised.value.code == "cant_edit"
    assert "alpha: 1.0e-05" in raised.value.hint
    assert file.read_text() == text
