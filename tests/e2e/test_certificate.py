"""The certificate itself: openssl's opinion, the profile of fulcio.md 2.1, the extensions of each issuer type."""
import datetime
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

import oidc_issuer
import wire

SHA = oidc_issuer.SHA
FULCIO = "1.3.6.1.4.1.57264.1."
SCT_LIST = "1.3.6.1.4.1.11129.2.4.2"
WORKFLOW = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
GITLAB = "https://gitlab.com/grp/app//.gitlab-ci.yml@refs/heads/main"
K8S = "https://kubernetes.io/namespaces/ns1/serviceaccounts/sa1"

# shape: SAN, extensions besides issuer (1, 8) and subject (24)
SHAPES = {
    "github": (WORKFLOW, {2: "push", 3: SHA, 4: "Release", 5: "acme/app", 6: "refs/heads/main", 9: WORKFLOW, 10: SHA,
                          11: "github-hosted", 12: "https://github.com/acme/app", 13: SHA, 14: "refs/heads/main",
                          15: "12345", 16: "https://github.com/acme", 17: "678", 18: WORKFLOW, 19: SHA, 20: "push",
                          21: "https://github.com/acme/app/actions/runs/42/attempts/1", 22: "private"}),
    "gitlab": (GITLAB, {9: GITLAB, 10: SHA, 11: "gitlab-hosted", 12: "https://gitlab.com/grp/app", 13: SHA,
                        14: "refs/heads/main", 15: "77", 16: "https://gitlab.com/grp", 17: "7", 18: GITLAB, 19: SHA,
                        20: "push", 21: "https://gitlab.com/grp/app/-/jobs/1001", 22: "private"}),
    "buildkite": ("https://buildkite.com/acme-inc/bash-example",
                  {11: "self-hosted", 13: SHA, 20: "webhook",
                   21: "https://buildkite.com/acme-inc/bash-example/builds/123#01-job"}),
    "email": ("alice@example.com", {}),
    "spiffe": ("spiffe://example.org/ns/a/sa/b", {}),
    "kubernetes": (K8S, {}),
}


def text_of(extension):
    arc, value = int(extension.oid.dotted_string.rsplit(".", 1)[1]), extension.value.value
    if arc < 8:
        return arc, value.decode()  # these six are raw octets
    assert value[0] == 0x0C, f"{arc} is not a DER UTF8String"
    length, head = (value[1], 2) if value[1] < 0x80 else (value[2], 3)
    assert (value[1] < 0x80 or value[1] == 0x81) and len(value) == head + length
    return arc, value[head:].decode()


def extensions_of(leaf):
    return [text_of(e) for e in leaf.extensions if e.oid.dotted_string.startswith(FULCIO)]


@pytest.mark.parametrize("shape", SHAPES)
def test_extensions_of_each_shape(client, issuer, shape):
    san, extensions = SHAPES[shape]
    leaf = client.issue(shape).leaf
    name = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert name.critical, "the subject is empty, so RFC 5280 4.2.1.6 wants the SAN critical"
    kind = x509.RFC822Name if shape == "email" else x509.UniformResourceIdentifier
    assert list(name.value) == [kind(san)]
    url = f"{issuer.base}/{shape}"
    want = extensions | {1: url, 8: url, 24: oidc_issuer.SHAPES[shape]["sub"]}
    assert extensions_of(leaf) == sorted(want.items())


def test_environment_appears_when_the_token_has_one(client):
    assert dict(extensions_of(client.issue(environment="prod").leaf))[23] == "prod"


def test_numbers_are_written_exactly(client):
    """Fulcio writes 1.7000000001e+10 here."""
    extensions = dict(extensions_of(client.issue(run_id=17000000001).leaf))
    assert extensions[21].endswith("/actions/runs/17000000001/attempts/1")


def test_gitlab_without_ci_config_sha(client):
    """Fulcio writes <nil> here; absent is absent."""
    arcs = dict(extensions_of(client.issue("gitlab", ci_config_sha=None).leaf))
    assert 10 not in arcs and 19 not in arcs


def test_uri_is_normalised_as_go_does(client):
    ref = "acme/app/.github/workflows/a b.yml@refs/heads/feat/ü#1"
    leaf = client.issue(job_workflow_ref=ref).leaf
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value[0].value
    assert san == "https://github.com/acme/app/.github/workflows/a%20b.yml@refs/heads/feat/%C3%BC#1"
    assert dict(extensions_of(leaf))[9] == "https://github.com/" + ref


def test_profile(client):
    before = int(time.time())
    got = client.issue()
    after = int(time.time())
    leaf, ca = got.leaf, got.chain[0]
    assert leaf.version == x509.Version.v3
    assert leaf.issuer == ca.subject and list(leaf.subject) == []
    assert 0 < leaf.serial_number < 1 << 159
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    assert end - start == datetime.timedelta(seconds=630)
    assert before - 30 <= start.timestamp() <= after - 30
    order = [e.oid.dotted_string for e in leaf.extensions]
    first = [ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE, ExtensionOID.SUBJECT_KEY_IDENTIFIER,
             ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.SUBJECT_ALTERNATIVE_NAME]
    assert order[:5] == [oid.dotted_string for oid in first] and order[-1] == SCT_LIST
    assert all(oid.startswith(FULCIO) for oid in order[5:-1])
    critical = {e.oid for e in leaf.extensions if e.critical}
    assert critical == {ExtensionOID.KEY_USAGE, ExtensionOID.SUBJECT_ALTERNATIVE_NAME}
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.public_bytes() == bytes.fromhex("03020780"), "digitalSignature and nothing else"
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CODE_SIGNING]
    ski = leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert ski == x509.SubjectKeyIdentifier.from_public_key(leaf.public_key())
    ca_ski = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    aki = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert aki.key_identifier == ca_ski.digest and aki.authority_cert_issuer is None
    assert leaf.signature_hash_algorithm.name == hashes.SHA256.name


def test_serials_are_160_bits_of_chance(client):
    serials = [client.issue().leaf.serial_number for _ in range(20)]
    assert len(set(serials)) == 20
    assert max(serial.bit_length() for serial in serials) > 150
    # The top bits vary: no counter, no clock.
    assert len({serial >> 150 for serial in serials}) > 5


@pytest.mark.parametrize("kind", ["p256", "rsa2048", "ed25519"])
def test_openssl_verifies_the_chain(client, tmp_path, kind):
    got = client.issue(key=wire.new_key(kind))
    paths = []
    for index, certificate in enumerate([got.leaf, *got.chain]):
        paths.append(tmp_path / f"{index}.pem")
        paths[-1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    command = ["openssl", "verify", "-x509_strict", "-check_ss_sig", "-purpose", "any", "-CAfile", paths[-1]]
    for path in paths[1:-1]:
        command += ["-untrusted", path]
    done = subprocess.run([*command, paths[0]], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == f"{paths[0]}: OK\n", done.stdout + done.stderr
    shown = subprocess.run(["openssl", "x509", "-in", paths[0], "-noout", "-text"], capture_output=True, text=True)
    assert "X509v3 Subject Alternative Name: critical" in shown.stdout and "CT Precertificate SCTs" in shown.stdout
    # After its ten minutes nobody takes it.
    late = subprocess.run([*command, "-attime", str(int(time.time()) + 601), paths[0]], capture_output=True, text=True)
    assert late.returncode != 0 and "certificate has expired" in late.stderr


@pytest.mark.parametrize("shape", SHAPES)
def test_sct_is_the_logs_and_its_entry_is_in_the_log(client, server, shape):
    got = client.issue(shape)
    log = server.rfc6962()
    sct, leaf = log.verify_sct(got.leaf, got.chain[0])
    assert abs(sct["timestamp"] / 1000 - time.time()) < 60
    _, (size, root, _) = server.published(sct["index"] + 1)
    assert log.prove(leaf, size, root) == sct["index"]


def test_sct_of_a_changed_certificate_does_not_verify(client, server):
    """The check above can fail: the same SCT under another issuer is refused."""
    got = client.issue()
    with pytest.raises(InvalidSignature):
        server.rfc6962().verify_sct(got.leaf, got.chain[1])
