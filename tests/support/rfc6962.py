"""An RFC 6962 reader written from the RFC, sharing no code with the server: what an outsider would write.

Section numbers are RFC 6962's; verification follows RFC 9162 2.1.3.2 and 2.1.4.2.
"""
import base64
import hashlib
import json
import struct
import urllib.parse
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(leaf):
    return sha256(b"\0" + leaf)


def node_hash(left, right):
    return sha256(b"\1" + left + right)


def root_of(leaf_hashes):
    """2.1, the recursive definition."""
    n = len(leaf_hashes)
    if n == 0:
        return sha256(b"")
    if n == 1:
        return leaf_hashes[0]
    k = 1 << (n - 1).bit_length() - 1
    return node_hash(root_of(leaf_hashes[:k]), root_of(leaf_hashes[k:]))


def verify_inclusion(leaf, index, size, path, root):
    assert 0 <= index < size, "index outside the tree"
    fn, sn, value = index, size - 1, leaf
    for p in path:
        assert sn != 0, "audit path too long"
        if fn & 1 or fn == sn:
            value = node_hash(p, value)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            value = node_hash(value, p)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "audit path too short"
    assert value == root, "audit path does not lead to the root"


def verify_consistency(first, first_root, second, second_root, path):
    assert 0 < first <= second
    if first == second:
        assert not path and first_root == second_root, "equal sizes, different trees"
        return
    if first & (first - 1) == 0:
        path = [first_root] + path
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        assert sn != 0, "consistency path too long"
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "consistency path too short"
    assert fr == first_root and sr == second_root, "the trees are not consistent"


def read_sct_list(extension):
    """3.3: the one SCT of a certificate's SCT list (content of the extension's inner OCTET STRING)."""
    total, = struct.unpack(">H", extension[:2])
    assert total == len(extension) - 2
    length, = struct.unpack(">H", extension[2:4])
    sct = extension[4:]
    assert length == len(sct), "not exactly one SCT"
    version, log_id, timestamp, ext_length = struct.unpack(">B32sQH", sct[:43])
    assert version == 0
    extensions, rest = sct[43:43 + ext_length], sct[43 + ext_length:]
    assert rest[:2] == b"\x04\x03", "not sha256/ecdsa"
    signature_length, = struct.unpack(">H", rest[2:4])
    assert len(rest) == 4 + signature_length
    # static-ct-api: type 0 (leaf_index), 16-bit length, 40-bit index.
    assert len(extensions) == 8 and extensions[:3] == b"\x00\x00\x05"
    return {"log_id": log_id, "timestamp": timestamp, "extensions": extensions,
            "index": int.from_bytes(extensions[3:], "big"), "signature": rest[4:]}


def leaf_of(certificate, issuer, sct):
    """3.4: the MerkleTreeLeaf that the log must hold for this final certificate."""
    key_hash = sha256(issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    tbs = certificate.tbs_precertificate_bytes
    return (b"\0\0" + struct.pack(">QH", sct["timestamp"], 1) + key_hash + len(tbs).to_bytes(3, "big") + tbs
            + struct.pack(">H", len(sct["extensions"])) + sct["extensions"])


def sct_of(certificate):
    extension = certificate.extensions.get_extension_for_oid(
        x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")).value
    # cryptography re-encodes the extension as the DER OCTET STRING that holds the list.
    der = extension.public_bytes()
    assert der[0] == 0x04
    header = 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)
    return read_sct_list(der[header:])


class Log:
    """A client of /ct/v1 below `url`; `key` is the log's public key."""

    def __init__(self, url, key):
        self.url, self.key = url.rstrip("/"), key

    def get(self, name, **query):
        url = f"{self.url}/ct/v1/{name}" + ("?" + urllib.parse.urlencode(query) if query else "")
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def sth(self):
        """3.5, 4.3: the signed tree head, its signature verified."""
        sth = self.get("get-sth")
        root, signed = base64.b64decode(sth["sha256_root_hash"]), base64.b64decode(sth["tree_head_signature"])
        assert signed[:2] == b"\x04\x03" and struct.unpack(">H", signed[2:4])[0] == len(signed) - 4
        self.key.verify(signed[4:], b"\0\1" + struct.pack(">QQ", sth["timestamp"], sth["tree_size"]) + root,
                        ec.ECDSA(hashes.SHA256()))
        return sth["tree_size"], root, sth["timestamp"]

    def prove(self, leaf, size, root):
        """4.5: the leaf is in the tree; returns its index."""
        value = leaf_hash(leaf)
        proof = self.get("get-proof-by-hash", hash=base64.b64encode(value).decode(), tree_size=size)
        verify_inclusion(value, proof["leaf_index"], size, [base64.b64decode(p) for p in proof["audit_path"]], root)
        return proof["leaf_index"]

    def check_growth(self, first, first_root, second, second_root):
        """4.4"""
        path = self.get("get-sth-consistency", first=first, second=second)["consistency"]
        verify_consistency(first, first_root, second, second_root, [base64.b64decode(p) for p in path])

    def entries(self, size):
        """4.6: every leaf below `size`, however many requests that takes."""
        found = []
        while len(found) < size:
            page = self.get("get-entries", start=len(found), end=size - 1)["entries"]
            assert page, "the log gave no entries"
            found += [(base64.b64decode(e["leaf_input"]), base64.b64decode(e["extra_data"])) for e in page]
        return found

    def verify_sct(self, certificate, issuer):
        """3.2: the embedded SCT is this log's; returns the SCT and the leaf it promises."""
        sct = sct_of(certificate)
        spki = self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert sct["log_id"] == sha256(spki), "the SCT is another log's"
        leaf = leaf_of(certificate, issuer, sct)
        self.key.verify(sct["signature"], leaf, ec.ECDSA(hashes.SHA256()))
        return sct, leaf
