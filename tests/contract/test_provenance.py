from pathlib import Path

import pytest

from components.contract.artifact import read_manifest
from components.contract.errors import InputError, IntegrityError
from components.contract.provenance import require_digest


def test_the_right_digest_passes(dataset: Path) -> None:
    require_digest(dataset, "dataset", read_manifest(dataset).digest)


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_another_content_is_refused_in_one_sentence(dataset: Path, digest: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        require_digest(dataset, "dataset", digest)
    assert caught.value.code == "other_content"
    assert read_manifest(dataset).digest[:12] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_kind_is_refused(tokens: Path) -> None:
    with pytest.raises(InputError) as caught:
        require_digest(tokens, "dataset", read_manifest(tokens).digest)
    assert caught.value.code == "wrong_kind"
