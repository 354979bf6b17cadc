from __future__ import annotations

import datetime as dt
import stat

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from components.contract.errors import IntegrityError
from serving.development_certificate import LEAF_DAYS, NAMES, development_certificate

NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)


def at(days=0.0):
    return lambda: NOW + dt.timedelta(days=days)


def load(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_files_and_who_may_read_them(tmp_path):
    made = development_certificate(tmp_path / "tls", at())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()}
    modes.pop(".lock")
    assert modes == {
        "ca.pem": 0o644,
        "ca-key.pem": 0o600,
        "server.pem": 0o644,
        "server-key.pem": 0o600,
        "client.pem": 0o644,
        "client-key.pem": 0o600,
    }
    assert made.authority == tmp_path / "tls" / "ca.pem"
    assert made.client_key == tmp_path / "tls" / "client-key.pem"


def verifier(made, at_time=NOW):
    return PolicyBuilder().store(Store([load(made.authority)])).time(at_time)


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_another_verifier_takes_the_server_by_each_name(tmp_path, name):
    made = development_certificate(tmp_path, at())
    chain = verifier(made).build_server_verifier(name).verify(load(made.certificate), [])
    assert chain[-1] == load(made.authority)
    with pytest.raises(VerificationError):
        verifier(made).build_server_verifier(name).verify(load(made.client_certificate), [])


def test_another_verifier_takes_the_client(tmp_path):
    made = development_certificate(tmp_path, at())
    client = verifier(made).build_client_verifier()
    assert client.verify(load(made.client_certificate), []).subjects
    with pytest.raises(VerificationError):
        client.verify(load(made.certificate), [])


def test_the_authority_can_vouch_for_this_machine_only(tmp_path):
    made = development_certificate(tmp_path, at())
    constraints = load(made.authority).extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    names = [str(name.value) for name in constraints.value.permitted_subtrees or []]
    assert names == ["localhost", "127.0.0.0/8", "::1/128"]
    leaf = load(made.certificate).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(leaf.value) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_they_are_used_again_while_they_last(tmp_path):
    development_certificate(tmp_path, at())
    first = contents(tmp_path)
    development_certificate(tmp_path, at(LEAF_DAYS - 31))
    assert contents(tmp_path) == first


def test_leaves_are_renewed_a_month_before_they_end(tmp_path):
    development_certificate(tmp_path, at())
    first = contents(tmp_path)
    made = development_certificate(tmp_path, at(LEAF_DAYS - 29))
    second = contents(tmp_path)
    assert second["ca.pem"] == first["ca.pem"]
    assert second["server.pem"] != first["server.pem"]
    assert second["client-key.pem"] != first["client-key.pem"]
    later = NOW + dt.timedelta(days=LEAF_DAYS + 1)
    verifier(made, later).build_server_verifier(NAMES[0]).verify(load(made.certificate), [])


def test_an_old_authority_is_replaced_with_all_it_vouched_for(tmp_path):
    development_certificate(tmp_path, at())
    first = contents(tmp_path)
    development_certificate(tmp_path, at(3_650))
    second = contents(tmp_path)
    assert not [name for name in first if name.endswith(".pem") and first[name] == second[name]]


@pytest.mark.parametrize("name", ["server.pem", "server-key.pem", "client.pem", "ca.pem"])
@pytest.mark.parametrize("damage", ["gone", "junk", "another's"])
def test_what_does_not_belong_together_is_made_anew(tmp_path, name, damage):
    made = development_certificate(tmp_path / "a", at())
    other = development_certificate(tmp_path / "b", at())
    path = tmp_path / "a" / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes((other.authority.parent / name).read_bytes() if damage != "junk" else b"x")
    assert development_certificate(tmp_path / "a", at()) == made
    verifier(made).build_server_verifier(NAMES[0]).verify(load(made.certificate), [])
    verifier(made).build_client_verifier().verify(load(made.client_certificate), [])


def test_a_key_open_to_others_is_not_used(tmp_path):
    made = development_certificate(tmp_path, at())
    made.key.chmod(0o644)
    with pytest.raises(IntegrityError) as refusal:
        development_certificate(tmp_path, at())
    assert refusal.value.code == "exposed_secret"
