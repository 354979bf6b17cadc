from __future__ import annotations

from serving.transformer.auth.keys import PublicKeys
from serving.transformer.auth.principal import Principal
from serving.transformer.auth.verified import VerifiedTokens

KEYS = PublicKeys((), "a")


def alice(expires_at=100.0):
    return Principal("alice", "", "i", frozenset(), frozenset(), expires_at, "")


def test_a_token_is_known_until_it_expires():
    verified = VerifiedTokens()
    assert verified.get(b"t", KEYS, 0) is None
    verified.put(b"t", alice(), KEYS)
    assert verified.get(b"t", KEYS, 99.9) == alice()
    assert verified.get(b"u", KEYS, 0) is None
    assert verified.get(b"t", KEYS, 100) is None
    assert len(verified) == 0


def test_other_keys_know_nothing_of_it_though_they_look_the_same():
    verified = VerifiedTokens()
    verified.put(b"t", alice(), KEYS)
    others = PublicKeys((), "a")
    assert verified.get(b"t", others, 0) is None
    assert verified.get(b"t", KEYS, 0) == alice()
    verified.put(b"u", alice(), others)
    assert verified.get(b"t", KEYS, 0) is None
    assert verified.get(b"t", others, 0) is None
    assert len(verified) == 1


def test_the_one_not_seen_longest_makes_room():
    verified = VerifiedTokens(capacity=2)
    verified.put(b"a", alice(), KEYS)
    verified.put(b"b", alice(), KEYS)
    verified.get(b"a", KEYS, 0)
    verified.put(b"c", alice(), KEYS)
    assert [verified.get(t, KEYS, 0) is not None for t in (b"a", b"b", b"c")] == [True, False, True]
    for number in range(1_000):
        verified.put(str(number).encode(), alice(), KEYS)
    assert len(verified) == 2


def test_it_holds_no_token():
    verified = VerifiedTokens()
    verified.put(b"secret-token", alice(), KEYS)
    assert b"secret-token" not in repr(vars(verified)).encode()
