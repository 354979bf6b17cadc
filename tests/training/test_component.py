import pytest

from components.contract.errors import InputError
from components.training.component import train_component


def test_its_source_says_which_architecture_it_trains() -> None:
    made = train_component("textcnn")
    assert made.name == "train-textcnn"
    source = made.component_spec.implementation.container.command[-1]
    assert "def train_textcnn(" in source
    assert 'return run(\n        "textcnn", dataset, tokens, settings, bundle, metrics,' in source


@pytest.mark.parametrize("name", ["", "Bert", "text-cnn", 'x", open("y"', "1d", "a\nb"])
def test_what_is_no_identifier_gets_into_no_source(name: str) -> None:
    with pytest.raises(InputError) as caught:
        train_component(name)
    assert caught.value.code == "bad_parameter"
