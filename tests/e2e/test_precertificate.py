"""`log.precertificate: signer` (RFC 6962 3.1): what the log shows, what clients take, and what it costs the issuing key."""
import base64
import os
import shutil
import subprocess

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore._internal.fulcio import FulcioClient
from sigstore._internal.sct import verify_sct
from sigstore._internal.trust import KeyringPurpose
from sigstore.models import TrustedRoot
from sigstore.oidc import IdentityToken

import house
import rfc6962
import wire
from test_clients import SAN, cosign, run
from test_log import split_extra, tbs_of

POISON, PURPOSE = "1.3.6.1.4.1.11129.2.4.3", x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.4")
MODE = ("precertificate", "precertificate-key", "precertificate-chain")


@pytest.fixture(scope="module")
def signer_template(tmp_path_factory, issuer):
    return house.make_template(tmp_path_factory.mktemp("template") / "state", issuer.base, "--precertificate-signer")


@pytest.fixture
def delegated(signer_template, tmp_path_factory):
    """A server of a test's own, in this mode."""
    server = house.Chancery(house.State(signer_template, tmp_path_factory.mktemp("private") / "state"))
    yield server
    server.end()


def der_of(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def by_issuing_key(server):
    """The same state in the other mode; returns the settings that lead back."""
    kept = {}

    def change(config):
        kept.update({name: config["log"].pop(name) for name in MODE})
    server.state.edit(change)
    return kept


def der(tag, *contents):
    body = b"".join(contents)
    size = len(body)
    length = bytes([size]) if size < 0x80 else bytes([0x80 | (size.bit_length() + 7) // 8]) + \
        size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + length + body


def elements(data):
    """The DER elements that follow one another here, each whole."""
    found = []
    while data:
        head, size = 2, data[1]
        if size & 0x80:
            head += size & 0x7F
            size = int.from_bytes(data[2:head], "big")
        found.append((data[0], data[head:head + size], data[:head + size]))
        data = data[head + size:]
    return found


def final_tbs(precertificate, signer):
    """RFC 6962 3.2 by hand: the poison goes, issuer and AKI become those that the signer's certificate has."""
    version, serial, algorithm, _, *rest, (_, wrapped, _) = elements(
        elements(precertificate.tbs_certificate_bytes)[0][1])
    aki = bytes.fromhex("0603551d23")
    inside = elements(elements(signer.tbs_certificate_bytes)[0][1])
    (authority,) = [whole for _, content, whole in elements(elements(inside[-1][1])[0][1]) if content.startswith(aki)]
    poison = bytes.fromhex("060a2b06010401d679020403")
    kept = [authority if content.startswith(aki) else whole
            for _, content, whole in elements(elements(wrapped)[0][1]) if not content.startswith(poison)]
    return der(0x30, version[2], serial[2], algorithm[2], inside[3][2], *[whole for _, _, whole in rest],
               der(0xA3, der(0x30, *kept)))


def check_entry(leaf, extra, chain):
    """The entry of one certificate in this mode; returns its precertificate and the certificate that signed it."""
    data, (signer, *above) = split_extra(extra)
    assert above == [der_of(c) for c in chain], "behind the Precertificate Signing Certificate stands ca.chain"
    precertificate, signer = x509.load_der_x509_certificate(data), x509.load_der_x509_certificate(signer)
    assert list(signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [PURPOSE]
    signer.verify_directly_issued_by(chain[0])
    assert precertificate.issuer == signer.subject != chain[0].subject
    signer.public_key().verify(precertificate.signature, precertificate.tbs_certificate_bytes,
                               ec.ECDSA(precertificate.signature_hash_algorithm))
    assert precertificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(POISON)).critical
    tbs, _ = tbs_of(leaf)
    assert final_tbs(precertificate, signer) == tbs, "the leaf is not the precertificate's by RFC 6962 3.2"
    key = chain[0].public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert leaf[12:44] == rfc6962.sha256(key), "issuer_key_hash is that of the final issuer"
    return precertificate, signer


def test_entries_are_those_of_the_final_certificates(delegated, issuer, tmp_path):
    client = wire.Client(delegated.start().public, issuer)
    got = [client.issue(shape) for shape in ("github", "gitlab", "email", "spiffe") for _ in range(3)]
    log, (size, root, _) = delegated.published(len(got))
    entries = log.entries(size)
    for one in got:
        sct, leaf = log.verify_sct(one.leaf, one.chain[0])
        assert log.prove(leaf, size, root) == sct["index"] and entries[sct["index"]][0] == leaf
        precertificate, signer = check_entry(*entries[sct["index"]], one.chain)
        assert precertificate.serial_number == one.leaf.serial_number
    # OpenSSL builds the path of the Precertificate Signing Certificate, path lengths included.
    for name, certificate in (("signer", signer), ("issuing", one.chain[0]), ("root", one.chain[1])):
        (tmp_path / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    done = subprocess.run(["openssl", "verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "issuing.pem",
                           "signer.pem"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert log.get("get-entry-and-proof", leaf_index=0, tree_size=size)["extra_data"] == \
        base64.b64encode(entries[0][1]).decode()


def test_one_operation_of_the_issuing_key_for_each_certificate(delegated, issuer):
    """And two without the mode. A slow build signs again for a retry, so the signatures made are what is compared with."""
    count = 40

    def counts():
        made = {purpose: delegated.metric("chancery_signatures_total", purpose=purpose)
                for purpose in ("certificate", "precertificate", "probe")}
        return dict(made, operations=delegated.metric("chancery_hsm_operations_total"))
    for mode in ("signer", "ca"):
        client = wire.Client(delegated.start().public, issuer)
        _, (published, _, _) = delegated.published(0)
        before = counts()
        for _ in range(count):
            client.issue()
        delegated.published(published + count)
        more = {name: value - before[name] for name, value in counts().items()}
        assert more["certificate"] >= count and more["precertificate"] >= count
        expected = more["certificate"] + (more["precertificate"] if mode == "ca" else 0)
        # Two idle signers may make a probe each between two of these looks.
        assert abs(more["operations"] - more["probe"] - expected) <= 8, (mode, more)
        delegated.stop()
        if mode == "signer":
            by_issuing_key(delegated)


def test_stock_clients_take_the_certificate(delegated, issuer, tmp_path):
    delegated.start()
    for path, name in [("/trust/trusted_root.json", "root.json"), ("/trust/ct.pub", "ct.pub"),
                       ("/trust/chain.pem", "chain.pem")]:
        (tmp_path / name).write_bytes(requests.get(delegated.public + path, timeout=house.TIMEOUT).content)
    key = wire.new_key()
    answer = FulcioClient(delegated.public).signing_cert.post(
        x509.load_pem_x509_csr(wire.csr(key)), IdentityToken(issuer.token()))
    root = TrustedRoot.from_file(str(tmp_path / "root.json"))
    verify_sct(answer.cert, answer.chain, root.ct_keyring(KeyringPurpose.VERIFY))
    assert len(answer.chain) == 2, "the Precertificate Signing Certificate is not for clients"

    program = cosign("v2.6.5")
    trust = {"SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": "ct.pub", "SIGSTORE_ROOT_FILE": "chain.pem"}
    (tmp_path / "blob").write_text("what is signed\n")
    run(program, "sign-blob", "--yes", "--fulcio-url", delegated.public, "--identity-token", issuer.token(),
        "--tlog-upload=false", "--output-certificate", "crt", "--output-signature", "sig", "blob", cwd=tmp_path, **trust)
    run(program, "verify-blob", "--certificate", "crt", "--signature", "sig", "--certificate-oidc-issuer",
        issuer.base + "/github", "--insecure-ignore-tlog", "--certificate-identity", SAN, "blob", cwd=tmp_path, **trust)


def test_the_mode_may_change_and_old_entries_stay_readable(delegated, issuer):
    kept = by_issuing_key(delegated)
    for mode in ("ca", "signer", "ca"):
        if mode == "signer":
            delegated.state.edit(lambda config: config["log"].update(kept))
        elif delegated.process is not None:
            by_issuing_key(delegated)
        client = wire.Client(delegated.start().public, issuer)
        chain = client.issue().chain
        client.issue()
        log, (size, root, _) = delegated.published(2)
        delegated.stop()
    delegated.start()
    log, (size, root, _) = delegated.published(6)
    entries = log.entries(size)
    assert rfc6962.root_of([rfc6962.leaf_hash(leaf) for leaf, _ in entries]) == root
    for index, (leaf, extra) in enumerate(entries):
        if index in (2, 3):
            check_entry(leaf, extra, chain)
            continue
        data, above = split_extra(extra)
        assert above == [der_of(c) for c in chain]
        x509.load_der_x509_certificate(data).verify_directly_issued_by(chain[0])


def test_a_chain_that_does_not_fit_is_refused_by_check_and_serve(delegated, row):
    directory = delegated.state.directory
    good, chain = (directory / "precertificate-chain.pem").read_text(), (directory / "chain.pem").read_text()
    (directory / "other.key").write_bytes(wire.new_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (directory / "other.key").chmod(0o400)
    checked = delegated.run("config", "check")
    assert checked.returncode == 0 and "\nlog        ok\n" in checked.stdout, checked.stdout
    for what, text, want in [
            ("the issuing CA's own", chain, "do not stand those of ca.chain"),
            ("alone", good[:-len(chain)], "do not stand those of ca.chain"),
            ("the issuing CA's in its place", chain[:chain.index("-----BEGIN", 1)] + chain, "its issuer is not the issuing CA"),
            ("nothing", "", "")]:
        with row(what):
            (directory / "precertificate-chain.pem").write_text(text)
            checked, served = delegated.run("config", "check"), delegated.run("serve")
            assert checked.returncode == 1 and served.returncode != 0
            for said in (checked.stdout, served.stdout + served.stderr):
                assert "log.precertificate-chain: " in said, said
                assert want in said, said
    (directory / "precertificate-chain.pem").write_text(good)
    with row("another key"):
        delegated.state.edit(lambda config: config["log"].update({"precertificate-key": "file:other.key"}))
        served = delegated.run("serve")
        assert served.returncode != 0 and "log.precertificate-chain: the public key" in served.stdout + served.stderr


def test_generate_and_doctor_know_a_key_in_the_token(delegated):
    uri = delegated.state.config["ca"]["key"].replace("object=ca", "object=precertificate")
    delegated.state.edit(lambda config: config["log"].update({"precertificate-key": uri}))
    made = delegated.run("hsm", "generate", "--key", "log.precertificate-key")
    assert made.returncode == 0, made.stderr
    done = delegated.run("hsm", "doctor")
    assert done.returncode == 1 and "\nlog.precertificate-key\n" in done.stdout, done.stdout + done.stderr
    assert "the public key of the chain's first certificate is not that of log.precertificate-key" in done.stdout
    by_issuing_key(delegated)
    none = delegated.run("hsm", "generate", "--key", "log.precertificate-key")
    assert none.returncode == 1 and "without log.precertificate: signer" in none.stderr


def test_certificate_transparency_go_builds_the_logged_tbs(delegated, issuer, tmp_path):
    """The library that cosign and CT monitors use, from the build list of cosign."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    client = wire.Client(delegated.start().public, issuer)
    for shape in ("github", "email"):
        client.issue(shape)
    log, (size, _, _) = delegated.published(2)
    lines = []
    for leaf, extra in log.entries(size):
        precertificate, (signer, *_) = split_extra(extra)
        lines.append(" ".join(base64.b64encode(part).decode() for part in (precertificate, signer, tbs_of(leaf)[0])))
    program = tmp_path / "buildprecert"
    built = subprocess.run(["go", "build", "-mod=readonly", "-o", str(program), "./buildprecert"],
                           cwd=house.ROOT / "tests/e2e/go/cosign", capture_output=True, text=True,
                           timeout=200 * house.PATIENCE)
    if built.returncode != 0 and any(sign in built.stderr for sign in ("dial tcp", "no such host", "i/o timeout", "lookup ")):
        pytest.skip("its modules cannot be fetched")
    assert built.returncode == 0, built.stderr
    done = subprocess.run([str(program)], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout == f"{size} entries\n", done.stdout + done.stderr
