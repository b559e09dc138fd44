"""Asks a running Chancery for a certificate with a stock client, sigstore-python, and checks all of the answer.

    demo_client.py --url http://127.0.0.1:5555 --log http://127.0.0.1:5557/log/certificates/demo --token-url URL

Prints what it found; ends non-zero at the first thing that does not hold. Runs in the environment that
`scripts/setup client` makes.
"""
import argparse
import base64
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore._internal.fulcio import FulcioClient
from sigstore._internal.sct import verify_sct
from sigstore._internal.trust import KeyringPurpose
from sigstore.models import TrustedRoot
from sigstore.oidc import IdentityToken

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import rfc6962  # noqa: E402

FULCIO = "1.3.6.1.4.1.57264.1."
NAMES = {1: "Issuer (raw)", 2: "GitHub trigger", 3: "GitHub SHA", 4: "GitHub workflow", 5: "GitHub repository",
         6: "GitHub ref", 8: "Issuer", 9: "Build signer URI", 10: "Build signer digest", 11: "Runner environment",
         12: "Source repository URI", 13: "Source repository digest", 14: "Source repository ref",
         15: "Source repository identifier", 16: "Source repository owner URI",
         17: "Source repository owner identifier", 18: "Build config URI", 19: "Build config digest",
         20: "Build trigger", 21: "Run invocation URI", 22: "Source repository visibility",
         23: "Deployment environment", 24: "Token subject"}


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def request(url, token):
    """The certificate and its chain, as sigstore-python gets them: a CSR signed by a fresh P-256 key."""
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True).sign(key, hashes.SHA256())
    return FulcioClient(url).signing_cert.post(csr, IdentityToken(token))


def check_chain(certificate, chain):
    """openssl's own opinion of the chain, with the purpose any and the root as the only trust."""
    pem = [c.public_bytes(serialization.Encoding.PEM) for c in [certificate, *chain]]
    with tempfile.TemporaryDirectory() as directory:
        paths = []
        for index, data in enumerate(pem):
            paths.append(pathlib.Path(directory) / f"{index}.pem")
            paths[-1].write_bytes(data)
        command = ["openssl", "verify", "-x509_strict", "-purpose", "any", "-CAfile", str(paths[-1])]
        for path in paths[1:-1]:
            command += ["-untrusted", str(path)]
        done = subprocess.run([*command, str(paths[0])], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"openssl refuses the chain: {done.stdout}{done.stderr}")


def text_of(extension):
    arc = int(extension.oid.dotted_string.rsplit(".", 1)[1])
    value = extension.value.value
    if arc >= 8:
        assert value[0] == 0x0C, "not a DER UTF8String"
        value = value[2:] if value[1] < 0x80 else value[2 + (value[1] & 0x7F):]
    return NAMES.get(arc, str(arc)), value.decode()


def wait_for_entry(log, leaf, index):
    """The checkpoint that covers the entry comes within log.checkpoint; five seconds is patient."""
    for _ in range(50):
        size, root, _ = log.sth()
        if size > index:
            return log.prove(leaf, size, root), size
        time.sleep(0.1)
    sys.exit("no tree head covers the entry after five seconds")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--token-url", required=True)
    parser.add_argument("--save", type=pathlib.Path, help="also write the leaf here, as PEM")
    arguments = parser.parse_args()

    token = fetch(arguments.token_url).decode()
    started = time.monotonic()
    answer = request(arguments.url, token)
    certificate, chain = answer.cert, answer.chain
    print(f"certificate   obtained by sigstore-python in {1000 * (time.monotonic() - started):.0f} ms")
    if arguments.save:
        arguments.save.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    check_chain(certificate, chain)
    print(f"chain         {' <- '.join(c.subject.rfc4514_string() or '(leaf)' for c in [certificate, *chain])}: "
          "openssl verify OK")
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert san.critical, "the SAN is not critical"
    print(f"SAN           {san.value[0].value}")
    print(f"valid         {certificate.not_valid_before_utc:%H:%M:%S} to {certificate.not_valid_after_utc:%H:%M:%S} UTC")
    for extension in certificate.extensions:
        if extension.oid.dotted_string.startswith(FULCIO):
            print("  {:<36} {}".format(*text_of(extension)))

    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(fetch(arguments.url + "/trust/trusted_root.json"))
        file.flush()
        root = TrustedRoot.from_file(file.name)
    verify_sct(certificate, chain, root.ct_keyring(KeyringPurpose.VERIFY))
    print("SCT           verified by sigstore-python against /trust/trusted_root.json")

    key = serialization.load_der_public_key(base64.b64decode(root._inner.ctlogs[0].public_key.raw_bytes)
                                            if isinstance(root._inner.ctlogs[0].public_key.raw_bytes, str)
                                            else root._inner.ctlogs[0].public_key.raw_bytes)
    log = rfc6962.Log(arguments.log, key)
    sct, leaf = log.verify_sct(certificate, chain[0])
    index, size = wait_for_entry(log, leaf, sct["index"])
    assert index == sct["index"], "the log has the entry at another index than the SCT says"
    print(f"log entry     {index} of {size}, inclusion proven by an RFC 6962 client")


if __name__ == "__main__":
    main()
