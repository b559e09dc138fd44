"""Clients that ask without a pause while a test breaks something, and remember every answer."""
import contextlib
import dataclasses
import threading
import time

import requests

import house
import rfc6962
import wire


@dataclasses.dataclass
class Asked:
    token: str
    key: object
    status: int  # 0: the connection broke
    certificates: list
    retry_after: bool
    text: str
    seconds: float


class Load(contextlib.AbstractContextManager):
    def __init__(self, server, issuer, threads=6, rest=0.02):
        """`rest`: seconds that a client waits after an answer that is no certificate."""
        self.server, self.issuer, self.rest, self.asked = server, issuer, rest, []
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30 * house.PATIENCE)
            assert not thread.is_alive(), "a client hangs"

    def _work(self):
        client = wire.Client(self.server.public, self.issuer)
        while not self.stopping.is_set():
            token, key = self.issuer.token(), wire.new_key()
            body, begun = wire.key_request(key, client.subject("github")), time.monotonic()
            try:
                answer = client.post(token=token, body=body)
            except requests.RequestException as error:
                client.session.close()
                self._keep(Asked(token, key, 0, [], False, repr(error), time.monotonic() - begun))
                time.sleep(0.02)
                continue
            found = wire.certificates(answer) if answer.status_code == 200 else []
            self._keep(Asked(token, key, answer.status_code, found, "Retry-After" in answer.headers, answer.text,
                             time.monotonic() - begun))
            if answer.status_code != 200:
                self.stopping.wait(self.rest)

    def _keep(self, asked):
        with self.lock:
            self.asked.append(asked)

    def of(self, *statuses):
        with self.lock:
            return [a for a in self.asked if a.status in statuses]


def check_log(server, issued, earlier=None):
    """The whole log against everything that clients hold; returns its tree head.

    Every entry is at the index its SCT extension names, carries a poisoned precertificate of itself, and no index is
    missing; every certificate that a client received is one of them; the tree continues the earlier one.
    """
    state = server.readyz()[1]
    log, (size, root, _) = server.published(max(state["certificates"], 1))
    entries = log.entries(size)
    assert rfc6962.root_of([rfc6962.leaf_hash(leaf) for leaf, _ in entries]) == root
    for index, (leaf, extra) in enumerate(entries):
        assert int.from_bytes(leaf[-5:], "big") == index, "an index is missing or out of place"
        length = int.from_bytes(extra[:3], "big")
        precertificate = wire.x509.load_der_x509_certificate(extra[3:3 + length])
        assert any(isinstance(e.value, wire.x509.PrecertPoison) for e in precertificate.extensions)
    for certificate, issuing in issued:
        sct, leaf = log.verify_sct(certificate, issuing)
        assert entries[sct["index"]][0] == leaf, "a certificate is not what the log has at its index"
    if earlier is not None:
        log.check_growth(*earlier, size, root)
    return size, root
