"""A witness to test with: `chancery witness serve` as a process, and a log in memory that asks it (C2SP tlog-witness)."""
import base64
import hashlib
import signal
import struct
import subprocess

import requests
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import house
import note
import rfc6962

COSIGNATURE = 0x04  # signature type of tlog-cosignature


def raw(key):
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def read_vkey(text):
    """Name, type and Ed25519 key of a verifier key."""
    name, identifier, typed = text.strip().split("+", 2)
    kind, key = base64.b64decode(typed)[0], base64.b64decode(typed)[1:]
    assert note.key_id(name, kind, key).hex() == identifier
    return name, kind, ed25519.Ed25519PublicKey.from_public_bytes(key)


def verify_cosignature(checkpoint, vkey):
    """The time of this witness's cosignature; an exception when there is none or it is wrong."""
    name, kind, key = read_vkey(vkey)
    assert kind == COSIGNATURE
    signature = checkpoint.find(name, note.key_id(name, COSIGNATURE, raw(key)))
    seconds, = struct.unpack(">Q", signature[:8])
    key.verify(signature[8:], f"cosignature/v1\ntime {seconds}\n{checkpoint.text}".encode())
    return seconds


def origin_path(origin):
    return hashlib.sha256(origin.encode()).hexdigest()


def checkpoint_note(origin, size, root, key):
    """Signed by an Ed25519 private key."""
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    identifier = note.key_id(origin, note.ED25519, raw(key.public_key()))
    return text + f"\n— {origin} {base64.b64encode(identifier + key.sign(text.encode())).decode()}\n"


def request_body(old, proof, checkpoint):
    return "".join([f"old {old}\n", *(base64.b64encode(h).decode() + "\n" for h in proof), "\n", checkpoint])


class MemoryLog:
    """Leaves by number, changed from `fork` on."""

    def __init__(self, origin, key, fork=None):
        self.origin, self.key, self.fork = origin, key, fork

    def hashes(self, size):
        return [rfc6962.leaf_hash(b"%d" % (n if self.fork is None or n < self.fork else n + 10**6)) for n in range(size)]

    def proof(self, m, hashes, whole=True):
        """RFC 6962 2.1.2 SUBPROOF."""
        n = len(hashes)
        if m == n:
            return [] if whole else [rfc6962.root_of(hashes)]
        k = 1 << (n - 1).bit_length() - 1
        if m <= k:
            return self.proof(m, hashes[:k], whole) + [rfc6962.root_of(hashes[k:])]
        return self.proof(m - k, hashes[k:], False) + [rfc6962.root_of(hashes[:k])]

    def note(self, size, key=None):
        return checkpoint_note(self.origin, size, rfc6962.root_of(self.hashes(size)), key or self.key)

    def request(self, old, size):
        proof = self.proof(old, self.hashes(size)) if 0 < old < size else []
        return request_body(old, proof, self.note(size))

    def vkey(self):
        return note.vkey(self.origin, self.key.public_key())


class Witness:
    """Its key and state are in `directory`."""

    def __init__(self, directory, logs, name="witness.example/w1"):
        self.directory, self.logs, self.name = directory, logs, name
        directory.mkdir()
        self.key, self.state, self.process = directory / "witness.key", directory / "state", None
        made = house.run("witness", "keygen", "--name", name, "--key", str(self.key))
        assert made.returncode == 0, made.stderr
        self.vkey, self.port = made.stdout.strip(), house.free_ports(1)[0]
        self.base = f"http://127.0.0.1:{self.port}"
        self.journal_file = directory / "witness.log"

    def settings(self):
        return {"key": self.vkey, "url": self.base}

    def start(self):
        with self.journal_file.open("ab") as journal:
            self.process = subprocess.Popen(
                [str(house.PROGRAM), "witness", "serve", "--name", self.name, "--key", str(self.key), "--state",
                 str(self.state), "--listen", f"127.0.0.1:{self.port}", *(w for vkey in self.logs for w in ("--log", vkey))],
                stdin=subprocess.DEVNULL, stdout=journal, stderr=journal)
        house.wait_for("the witness", self.is_up)
        return self

    def is_up(self):
        assert self.process.poll() is None, self.journal_file.read_text()[-2000:]
        return requests.get(self.base + "/healthz", timeout=house.TIMEOUT).status_code == 200

    def add(self, body):
        return requests.post(self.base + "/add-checkpoint", data=body.encode(), timeout=house.TIMEOUT)

    def latest(self, origin):
        answer = requests.get(f"{self.base}/{origin_path(origin)}/checkpoint", timeout=house.TIMEOUT)
        return note.Checkpoint(answer.text) if answer.status_code == 200 else None

    def stop(self):
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        code, self.process = self.process.wait(15 * house.PATIENCE), None
        return code

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None
