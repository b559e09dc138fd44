"""Requests of Fulcio's wire protocol: keys, proofs of possession, bodies, and answers taken apart."""
import base64
import dataclasses
import time

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

import house
import oidc_issuer

CURVES = {"p256": (ec.SECP256R1, hashes.SHA256), "p384": (ec.SECP384R1, hashes.SHA384),
          "p521": (ec.SECP521R1, hashes.SHA512)}
_rsa_keys = {}


def new_key(kind="p256"):
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind][0]())
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    # Slow to make, and nothing here depends on its being fresh.
    bits = int(kind.removeprefix("rsa"))
    if bits not in _rsa_keys:
        _rsa_keys[bits] = rsa.generate_private_key(65537, bits)
    return _rsa_keys[bits]


def hash_of(key):
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return next(digest for curve, digest in CURVES.values() if isinstance(key.curve, curve))()
    return hashes.SHA256()


def prove(key, message, form="der"):
    """The signature over `message` that shows who holds the key; form p1363 is fixed-length r and s."""
    message = message.encode() if isinstance(message, str) else message
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, rsa.RSAPrivateKey):
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if form == "pss" else padding.PKCS1v15()
        return key.sign(message, scheme, hashes.SHA256())
    signature = key.sign(message, ec.ECDSA(hash_of(key)))
    if form == "der":
        return signature
    size = (key.curve.key_size + 7) // 8
    return b"".join(n.to_bytes(size, "big") for n in utils.decode_dss_signature(signature))


def public(key, form="pem"):
    encoding = serialization.Encoding.PEM if form == "pem" else serialization.Encoding.DER
    layout = serialization.PublicFormat.PKCS1 if form == "pkcs1" else serialization.PublicFormat.SubjectPublicKeyInfo
    if form == "pkcs1":
        encoding = serialization.Encoding.PEM
    return key.public_key().public_bytes(encoding, layout)


def csr(key, digest=None, extensions=True):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if extensions:
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    if digest is None and not isinstance(key, ed25519.Ed25519PrivateKey):
        digest = hash_of(key)
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)


def b64(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def key_request(key, message, form="der"):
    return {"publicKeyRequest": {"publicKey": {"algorithm": "ECDSA", "content": public(key).decode()},
                                 "proofOfPossession": b64(prove(key, message, form))}}


def bearer(token):
    return {"Authorization": "Bearer " + token}


def certificates(answer):
    """The chain of a v2 answer as certificates, leaf first."""
    chain = answer.json()["signedCertificateEmbeddedSct"]["chain"]["certificates"]
    return [x509.load_pem_x509_certificate(pem.encode()) for pem in chain]


@dataclasses.dataclass
class Issued:
    token: str
    key: object
    answer: requests.Response
    leaf: x509.Certificate
    chain: list  # issuing CA first, root last


class Client:
    """A client of one server with one connection, as the sigstore clients are."""

    def __init__(self, url, issuer):
        self.url, self.issuer, self.session = url, issuer, requests.Session()
        self.session.trust_env = False  # no proxy and no CA bundle of whoever runs the tests

    def post(self, path="/api/v2/signingCert", token=None, body=None, headers=None, timeout=3 * house.TIMEOUT):
        headers = dict(bearer(token) if token else {}, **(headers or {}))
        data = {"data": body} if isinstance(body, (bytes, str)) else {"json": body}
        return self.session.post(self.url + path, headers=headers, timeout=timeout, **data)

    @staticmethod
    def subject(shape):
        """What possession is proven over: the address for issuers of type email, "sub" for all others."""
        return oidc_issuer.SHAPES[shape]["email" if shape == "email" else "sub"]

    def ask(self, shape="github", token=None, key=None, **claims):
        """A request as cosign v3 makes it; returns token, key and answer."""
        token = token or self.issuer.token(shape, **claims)
        key = key or new_key()
        message = claims.get("email" if shape == "email" else "sub") or self.subject(shape)
        return token, key, self.post(token=token, body=key_request(key, message))

    def issue(self, *arguments, **claims):
        token, key, answer = self.ask(*arguments, **claims)
        for _ in range(3):
            # A signature waits one second at most: a sanitizer's build may not make it, and says so. Others have to.
            if answer.status_code != 503 or house.PATIENCE == 1:
                break
            time.sleep(int(answer.headers["Retry-After"]))
            token, key, answer = self.ask(*arguments, **dict(claims, token=token, key=key))
        assert answer.status_code == 200, (answer.status_code, answer.text)
        leaf, *chain = certificates(answer)
        return Issued(token, key, answer, leaf, chain)
