"""More requests than the device signs: what it reaches in time is signed, the rest is turned away before it is entered."""
import concurrent.futures
import contextlib
import statistics
import threading
import time

import requests

import house
from load import Load
from test_hsm import use_faulty

LATENCY = 0.073  # seconds of one signature: a YubiHSM 2
SESSIONS = 2
CONNECTIONS = 64


class Readers(contextlib.AbstractContextManager):
    """Clients that read the tree head of the certificates log, and one that asks /readyz; seconds of each answer."""

    def __init__(self, server):
        self.server, self.reads, self.readyz, self.failed = server, [], [], []
        self.stopping = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(CONNECTIONS + 1)

    def __enter__(self):
        for _ in range(CONNECTIONS):
            self.pool.submit(self._ask, self.server.log + "/ct/v1/get-sth", self.reads)
        self.pool.submit(self._ask, self.server.internal + "/readyz", self.readyz)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.pool.shutdown()

    def _ask(self, url, times):
        with requests.Session() as session:
            session.trust_env = False
            while not self.stopping.wait(0.2):
                begun = time.monotonic()
                try:
                    status = session.get(url, timeout=2 * house.TIMEOUT).status_code
                except requests.RequestException as error:
                    status = repr(error)
                times.append(time.monotonic() - begun)
                if status != 200:
                    self.failed.append((url, status))


def test_a_slow_device_holds_up_nobody_and_fills_no_log(private, issuer):
    server = private(lambda c: c["ca"].update(sessions=SESSIONS), start=False)
    faults = use_faulty(server.state)
    (faults / "latency").write_text(str(int(LATENCY * 1000)))
    server.start()
    with Readers(server) as idle:
        house.wait_for("reads without load", lambda: len(idle.reads) > 3 * CONNECTIONS and len(idle.readyz) > 3, 20)
    had = server.readyz()[1]["certificates"]
    with Readers(server) as busy, Load(server, issuer, threads=CONNECTIONS, rest=1.0) as load:
        house.wait_for("certificates", lambda: len(load.of(200)) >= 3 * CONNECTIONS // 2, 60)
        begun, first = time.monotonic(), len(load.of(200))
        house.wait_for("more of them", lambda: len(load.of(200)) >= first + 40, 60)
        rate = (len(load.of(200)) - first) / (time.monotonic() - begun)
    issued, surplus = load.of(200), load.of(503)
    # Nothing but certificates and 503 with Retry-After, and many of these.
    assert {a.status for a in load.asked} == {200, 503} and len(surplus) > CONNECTIONS
    assert all(a.retry_after and "hsm-unavailable" in a.text for a in surplus)
    # Who is turned away is so at once; who is let in waits his turn, and no thread is held for longer than a second.
    assert statistics.median(a.seconds for a in surplus) < statistics.median(a.seconds for a in issued)
    held = server.metric("fulcio_api_latency_count") - server.metric(
        "fulcio_api_latency_bucket", le="1" if house.PATIENCE == 1 else "2.5")
    assert held == 0, f"{held} requests of {len(load.asked)} were held"
    # The device was not left idle: a certificate is two signatures.
    assert 0.5 / house.PATIENCE < rate / (SESSIONS / LATENCY / 2) < 1.1
    # What was turned away left no entry.
    entries = server.readyz()[1]["certificates"] - had
    assert len(issued) <= entries <= len(issued) * 1.1 + 2
    # The log and /readyz answered all along, as fast as without the load: nothing of them waits for the device.
    assert not busy.failed and not idle.failed
    for quiet, loaded in ((idle.reads, busy.reads), (idle.readyz, busy.readyz)):
        assert statistics.median(loaded) < statistics.median(quiet) + LATENCY * house.PATIENCE
        assert max(loaded) < 1 * house.PATIENCE
