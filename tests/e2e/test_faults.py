"""What breaks, breaks here: signers, the server, the token, the disk, the database, an issuer. Clients see at worst a 503."""
import contextlib
import http.server
import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
import requests

import house
import wire
from load import Load, check_log


def chain_pairs(asked):
    return [(a.certificates[0], a.certificates[1]) for a in asked if a.status == 200]


def test_signers_killed_under_load(private, issuer):
    server = private()
    with Load(server, issuer) as load:
        house.wait_for("the load to run", lambda: len(load.of(200)) > 30)
        for target in (("issuing", 0), ("log", 0), ("issuing", 1)):
            os.kill(server.signers()[target], signal.SIGKILL)
            had = len(load.of(200))
            house.wait_for("certificates again", lambda: len(load.of(200)) > had + 30)
        # Both issuing signers at once: nobody can sign until they are replaced.
        for (role, _), pid in server.signers().items():
            if role == "issuing":
                os.kill(pid, signal.SIGKILL)
        had = len(load.of(200))
        house.wait_for("certificates again", lambda: len(load.of(200)) > had + 30)
    others = [(a.status, a.text) for a in load.asked if a.status not in (200, 503)]
    assert not others, others[:3]
    assert all(a.retry_after for a in load.of(503))
    assert server.metric("chancery_hsm_recoveries_total") >= 4
    assert server.readyz()[0] == 200
    check_log(server, chain_pairs(load.asked))
    # What was entered and not signed is finished by its client's retry.
    client = wire.Client(server.public, issuer)
    for asked in load.of(503):
        client.issue(token=asked.token, key=asked.key)


def test_server_killed_in_a_loop_under_load(private, issuer):
    """Promise 1 and 3: no certificate without its entry, no entry lost, and a retry gets its certificate."""
    server = private()
    issued, unanswered, head = [], [], None
    for round_ in range(6):
        with Load(server, issuer) as load:
            house.wait_for("the load to run", lambda: len(load.of(200)) > 15 + 15 * round_)
            server.kill()
            load.stopping.set()
        issued += chain_pairs(load.asked)
        unanswered = [a for a in load.asked if a.status != 200]
        server.start()
        head = check_log(server, issued, head)
        client = wire.Client(server.public, issuer)
        for asked in unanswered:
            got = client.issue(token=asked.token, key=asked.key)
            issued.append((got.leaf, got.chain[0]))
    entries = server.readyz()[1]["certificates"]
    assert entries == len(issued), "as many entries as tokens: a retry made none, and none is missing"
    check_log(server, issued, head)
    events = server.events()
    assert sum(e["type"] == "granted" for e in events) == entries
    # An answer may have left a moment before the crash that its certificate was not stored in: such an entry counts as
    # issued, and has no event that says so until NotAfter has passed. A crash loses what waited for its precertificate,
    # so their number follows how far the signers were behind; but every event names an entry, once, and most have one.
    finished = [e["leaf_index"] for e in events if e["type"] == "issued"]
    assert len(finished) == len(set(finished)) and set(finished) <= set(range(entries))
    assert len(finished) * 2 > entries


@pytest.mark.parametrize("role", ["issuing", "log"])
def test_a_signer_that_hangs_is_replaced(private, issuer, role):
    server = private(lambda c: c["ca"].update({"sign-deadline": "500ms"}))
    stuck = server.signers()[role, 0]
    with Load(server, issuer) as load:
        house.wait_for("the load to run", lambda: len(load.of(200)) > 20)
        os.kill(stuck, signal.SIGSTOP)
        house.wait_for("another signer", lambda: stuck not in server.signers().values())
        had = len(load.of(200))
        house.wait_for("certificates again", lambda: len(load.of(200)) > had + 20)
    assert {a.status for a in load.asked} <= {200, 503}
    assert max(a.seconds for a in load.asked) < 5 * house.PATIENCE
    house.wait_for("the stopped signer's end", lambda: not os.path.exists(f"/proc/{stuck}"))
    check_log(server, chain_pairs(load.asked))


def test_token_taken_away_and_put_back(private, issuer):
    server = private()
    client = wire.Client(server.public, issuer)
    client.issue()
    before = server.readyz()[1]["certificates"]
    tokens, away = server.state.directory / "tokens", server.state.directory / "elsewhere"
    tokens.rename(away)

    def refused():
        answer = client.ask()[2]
        return answer if answer.status_code == 503 else None
    answer = house.wait_for("a refusal", refused)
    assert answer.json()["code"] == 14 and int(answer.headers["Retry-After"]) >= 1
    status, ready = house.wait_for("the reason", lambda: server.readyz() if server.readyz()[0] == 503 else None)
    assert ready["ready"] is False and any(reason.startswith("hsm: ") and len(reason) > 20 for reason in ready["reasons"])
    assert requests.get(server.public + "/healthz", timeout=house.TIMEOUT).status_code == 200
    assert requests.get(server.log + "/ct/v1/get-sth", timeout=house.TIMEOUT).status_code == 200, "the log is read without the HSM"
    entered = server.readyz()[1]["certificates"]
    for _ in range(20):
        assert client.ask()[2].status_code == 503
    assert server.readyz()[1]["certificates"] == entered, "entries for certificates that cannot be signed"
    assert {"signer-lost", "signer-down"} & {line["event"] for line in server.journal()}
    away.rename(tokens)
    house.wait_for("recovery without a restart", lambda: server.readyz()[0] == 200, 15)
    client.issue()
    assert server.readyz()[1]["certificates"] >= before + 1


def test_refusals_cost_no_hsm_operation(server, client, issuer):
    key = wire.new_key()
    good = wire.key_request(key, client.subject("github"))
    bad_token = issuer.token()[:-8] + "AAAAAAAA"

    def operations():
        return server.metric("chancery_hsm_operations_total")
    # Precertificates of earlier certificates are signed after their answers.
    house.wait_for("quiet", lambda: server.metric("chancery_precertificates_waiting") == 0)
    before = operations()
    for _ in range(60):
        assert client.post(token=bad_token, body=good).status_code == 401
        assert client.post(token=issuer.token(), body={}).status_code == 400
        assert client.ask(repository_id="666")[2].status_code == 403
    # An idle signer proves itself every ten seconds: at most one probe each meanwhile.
    assert operations() - before <= 2
    client.issue()
    house.wait_for("certificate and precertificate", lambda: operations() - before >= 2)


def test_a_dead_issuer_harms_nobody_else(private, issuer, tmp_path):
    dead = house.Issuer(tmp_path / "dead")

    def add(document):
        document["oidc-issuers"][dead.base + "/github"] = {
            "issuer-url": dead.base + "/github", "client-id": "sigstore", "type": "ci-provider",
            "ci-provider": "github-workflow"}
    server = private(start=False)
    server.state.edit(add, "issuers.yaml")

    def allow(document):
        document["issuers"]["dead"] = {"url": dead.base + "/github"}
        document["allow"].append({"id": "all-dead", "issuer": "dead", "when": "all"})
    server.state.edit(allow, "policy.yaml")
    begun = time.monotonic()
    server.start()
    assert time.monotonic() - begun < 5 * house.PATIENCE, "a dead issuer delays the start"
    client, other = wire.Client(server.public, issuer), wire.Client(server.public, dead)
    client.issue()
    begun = time.monotonic()
    answer = other.ask()[2]
    assert answer.status_code == 503 and "issuer-unavailable" in answer.text and answer.headers["Retry-After"]
    assert time.monotonic() - begun < 2 * house.PATIENCE
    ready = server.readyz()
    assert ready[0] == 200, "one dead issuer does not take the server out of service"
    health = {i["issuer"]: i for i in ready[1]["issuers"]}
    assert not health[dead.base + "/github"]["keys"] and health[dead.base + "/github"]["last_error"]
    try:
        dead.start()
        # Its first try failed at once; the floor between two is ten seconds.
        house.wait_for("the issuer's keys", lambda: other.ask()[2].status_code == 200, 25, every=0.25)
        dead.stop()
        for _ in range(5):
            other.issue()  # the last good keys are kept
    finally:
        dead.stop()
    client.issue()


class Hostile(http.server.BaseHTTPRequestHandler):
    """An issuer's host that means harm, by path."""
    visited = []

    def do_GET(self):
        kind = self.path.split("/")[1]
        self.visited.append(self.path)
        base = f"http://127.0.0.1:{self.server.server_address[1]}"
        if kind == "redirect":
            self.send_response(302)
            self.send_header("Location", base.replace("127.0.0.1", "localhost") + "/elsewhere")
            return self.end_headers()
        self.send_response(200)
        self.end_headers()
        if kind == "endless":
            with contextlib.suppress(OSError):
                for _ in range(20_000):
                    self.wfile.write(b" " * 65536)
        elif kind == "silent":
            self.server.released.wait(30)
        elif kind == "html":
            self.wfile.write(b"<html>please log in</html>")
        elif kind == "other":
            self.wfile.write(json.dumps({"issuer": "https://other.example", "jwks_uri": base + "/jwks"}).encode())
        elif kind == "inside":
            # An address of the inside that only the server can reach.
            self.wfile.write(json.dumps({"issuer": base + "/inside", "jwks_uri": "http://169.254.169.254/keys"}).encode())

    def log_message(self, *_):
        pass


def test_hostile_issuers(private, issuer):
    kinds = ["redirect", "endless", "silent", "html", "other", "inside"]
    hostile = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    hostile.released, hostile.daemon_threads = threading.Event(), True
    base = f"http://127.0.0.1:{hostile.server_address[1]}"
    threading.Thread(target=hostile.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def add(document):
        for kind in kinds:
            document["oidc-issuers"][f"{base}/{kind}"] = {
                "issuer-url": f"{base}/{kind}", "client-id": "sigstore", "type": "ci-provider",
                "ci-provider": "github-workflow"}
    server = private(start=False)
    server.state.edit(add, "issuers.yaml")
    try:
        server.start()
        client = wire.Client(server.public, issuer)
        client.issue()

        def judged():
            health = {i["issuer"]: i for i in server.readyz()[1]["issuers"]}
            return all(health[f"{base}/{kind}"]["last_error"] for kind in kinds)
        house.wait_for("all of them found out", judged, 15)
        begun = time.monotonic()
        for kind in kinds:
            answer = client.ask(token=issuer.token(iss=f"{base}/{kind}"))[2]
            assert answer.status_code == 503 and "issuer-unavailable" in answer.text, (kind, answer.text)
        assert time.monotonic() - begun < 2 * house.PATIENCE, "requests wait for hostile issuers"
        assert not any("elsewhere" in path for path in Hostile.visited), "a redirect to another host was followed"
        client.issue()
        assert server.readyz()[0] == 200
    finally:
        hostile.released.set()
        hostile.shutdown()
        hostile.server_close()


def test_disk_full_and_room_again(new_state, issuer):
    state = new_state()
    mount = state.directory / "state"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=0750", "tmpfs", str(mount)], capture_output=True)
    if done.returncode != 0:
        pytest.skip("a small file system for the state needs root and the right to mount one")
    server = house.Chancery(state)
    try:
        server.start()
        client = wire.Client(server.public, issuer)
        held = [client.issue() for _ in range(5)]
        filler = mount / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

        def refused():
            answer = client.ask()[2]
            if answer.status_code == 200:
                held.append(answer)
            return answer if answer.status_code != 200 else None
        # The write-ahead log may have room of its own left for a few.
        answer = house.wait_for("a refusal", refused, 30, every=0)
        assert answer.status_code == 503 and answer.headers["Retry-After"], answer.text
        for _ in range(10):
            assert client.ask()[2].status_code == 503
        status, ready = server.readyz()
        assert status == 503 and any(reason.startswith("log: ") for reason in ready["reasons"]), ready
        filler.unlink()
        house.wait_for("recovery without a restart", lambda: client.ask()[2].status_code == 200, 15)
        house.wait_for("readiness", lambda: server.readyz()[0] == 200)
        got = [(one.leaf, one.chain[0]) for one in held if isinstance(one, wire.Issued)]
        got += [tuple(wire.certificates(one)[:2]) for one in held if not isinstance(one, wire.Issued)]
        check_log(server, got)
        assert server.stop() == 0
    finally:
        server.end()
        subprocess.run(["umount", str(mount)], check=True)


def test_database_locked_by_another_process(private, issuer):
    server = private()
    client = wire.Client(server.public, issuer)
    first = client.issue()
    other = sqlite3.connect(server.state.directory / "state" / "chancery.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        token, key, answer = client.ask()
        assert answer.status_code == 503 and answer.headers["Retry-After"], answer.text
        for _ in range(3):
            assert client.ask(token=token, key=key)[2].status_code == 503
        assert requests.get(server.log + "/ct/v1/get-sth", timeout=house.TIMEOUT).status_code == 200
    finally:
        other.execute("ROLLBACK")
        other.close()
    told = [line for line in server.journal() if line["event"] == "refused"]
    assert told and told[-1]["level"] == "error" and "locked" in told[-1]["detail"], told
    house.wait_for("recovery without a restart", lambda: client.ask(token=token, key=key)[2].status_code == 200, 15)
    again = client.issue(token=token, key=key)
    check_log(server, [(first.leaf, first.chain[0]), (again.leaf, again.chain[0])])
    assert server.readyz()[0] == 200


def test_state_directory_moved_away(private, issuer):
    server = private()
    client = wire.Client(server.public, issuer)
    first = client.issue()
    here, elsewhere = server.state.directory / "state", server.state.directory / "elsewhere"
    here.rename(elsewhere)
    status, ready = house.wait_for("the alarm", lambda: server.readyz() if server.readyz()[0] == 503 else None)
    assert any(reason.startswith("log: ") and "chancery.db" in reason for reason in ready["reasons"]), ready
    answer = client.ask()[2]
    assert answer.status_code == 503 and answer.headers["Retry-After"], answer.text
    assert [line for line in server.journal() if line["event"] == "log-halted"]
    server.stop()
    elsewhere.rename(here)
    server.start()
    again = client.issue()
    check_log(server, [(one.leaf, one.chain[0]) for one in (first, again)])


def test_memory_stays_flat(private, issuer):
    """A short stretch of it; the benchmark runs the long one."""
    if house.PATIENCE > 1:
        pytest.skip("a sanitizer's memory says nothing about the product's")
    server = private()
    client = wire.Client(server.public, issuer)

    def kilobytes():
        total = 0
        for pid in [server.process.pid, *server.signers().values()]:
            with open(f"/proc/{pid}/status") as file:
                total += int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])
        return total
    for _ in range(300):
        client.issue()
    before = kilobytes()
    for _ in range(600):
        client.issue()
    assert kilobytes() - before < 16_000
    assert kilobytes() < 150_000
