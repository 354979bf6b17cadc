from pathlib import Path

import pytest

from components.contract.artifact import read_manifest
from components.contract.errors import InputError, IntegrityError
from components.contract.provenance import require_digest, require_digests


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


def test_collected_inputs_may_come_in_any_order(dataset: Path, tmp_path: Path) -> None:
    digest = read_manifest(dataset).digest
    require_digests([dataset, dataset], "dataset", [digest, digest])
    require_digests([], "dataset", [])
    for digests in ([digest], [digest, "0" * 64], [digest] * 3, []):
        with pytest.raises(IntegrityError) as caught:
            require_digests([dataset, dataset], "dataset", digests)
        assert caught.value.code == "other_content"
    with pytest.raises(InputError):
        require_digests([tmp_path], "dataset", [digest])
