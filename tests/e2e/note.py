"""Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, static-ct-api), read from their specifications."""
import base64
import hashlib
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ED25519, RFC6962 = 0x01, 0x05  # signature types of signed-note


def key_id(name, kind, key):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:4]


def vkey(name, key):
    """The form golang.org/x/mod/sumdb/note takes an Ed25519 verifier in."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"{name}+{key_id(name, ED25519, raw).hex()}+{base64.b64encode(bytes([ED25519]) + raw).decode()}"


class Checkpoint:
    """Text, tree size, root, and the signature lines as (name, key id, signature)."""

    def __init__(self, note):
        text, found, lines = note.partition("\n\n")
        assert found and lines.endswith("\n"), "not a signed note"
        self.text = text + "\n"
        self.origin, size, root, *extensions = text.split("\n")
        assert size == str(int(size)) and not extensions
        self.size, self.root = int(size), base64.b64decode(root, validate=True)
        assert len(self.root) == 32
        self.signatures = []
        for line in lines.removesuffix("\n").split("\n"):
            dash, name, data = line.split(" ")
            assert dash == "—"
            raw = base64.b64decode(data, validate=True)
            self.signatures.append((name, raw[:4], raw[4:]))

    def find(self, name, identifier):
        found = [s for n, i, s in self.signatures if n == name and i == identifier]
        assert len(found) == 1, "not exactly one signature line of this key"
        return found[0]

    def verify_ed25519(self, key: ed25519.Ed25519PublicKey):
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        key.verify(self.find(self.origin, key_id(self.origin, ED25519, raw)), self.text.encode())

    def verify_rfc6962(self, key: ec.EllipticCurvePublicKey):
        """static-ct-api: timestamp and the RFC 6962 tree head signature; returns the timestamp."""
        log_id = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
        signature = self.find(self.origin, key_id(self.origin, RFC6962, log_id))
        timestamp, algorithms, length = struct.unpack(">QHH", signature[:12])
        assert algorithms == 0x0403 and length == len(signature) - 12
        signed = b"\0\1" + struct.pack(">QQ", timestamp, self.size) + self.root
        key.verify(signature[12:], signed, ec.ECDSA(hashes.SHA256()))
        return timestamp
