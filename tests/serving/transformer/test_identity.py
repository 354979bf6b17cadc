import base64
import re
from itertools import islice

from serving.transformer.identity import AT_ONCE, ID_BYTES, new_ids


def test_they_are_long_and_differ_within_and_between_draws() -> None:
    ids = list(islice(new_ids(), 3 * AT_ONCE)) + list(islice(new_ids(), AT_ONCE))
    assert len(set(ids)) == 4 * AT_ONCE
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", name) for name in ids)


def test_every_bit_varies() -> None:
    drawn = [base64.urlsafe_b64decode(name + "==") for name in islice(new_ids(), 2 * AT_ONCE)]
    seen = [int.from_bytes(part, "big") for part in drawn]
    ones, all_bits = 0, 2 ** (8 * ID_BYTES) - 1
    zeros = 0
    for value in seen:
        ones |= value
        zeros |= ~value & all_bits
    assert ones == zeros == all_bits
