"""Witnesses and shipped checkpoints: what a CA's own administrators cannot take back without others noticing."""
import base64
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import socket
import sqlite3
import subprocess
import threading

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import house
import note
import openapi
import rfc6962
import wire
from test_shards import make_keys, open_shard
from test_start import refused
from witness import MemoryLog, Witness, checkpoint_note, request_body, verify_cosignature

CERTIFICATES, EVENTS = "chancery.demo/certificates", "chancery.demo/events"
NOTE_KEYS = {CERTIFICATES: "log-note.key", EVENTS: "events-note.key"}


def note_key(state, origin):
    return serialization.load_pem_private_key((state.directory / NOTE_KEYS[origin]).read_bytes(), None)


def log_keys(state):
    return [note.vkey(origin, note_key(state, origin).public_key()) for origin in NOTE_KEYS]


@pytest.fixture
def witnesses(tmp_path):
    """Witnesses of one test, ended with it: witnesses(logs) makes the next."""
    made = []

    def make(logs):
        made.append(Witness(tmp_path / f"w{len(made)}", logs, f"witness.example/w{len(made)}"))
        return made[-1]
    yield make
    for one in made:
        one.kill()


@pytest.fixture
def memory_log(tmp_path):
    return MemoryLog("log.example/2026", ed25519.Ed25519PrivateKey.generate())


def checkpoint_of(server, origin=CERTIFICATES):
    base = server.log if origin == CERTIFICATES else server.internal + "/log/events/demo"
    answer = requests.get(base + "/checkpoint", timeout=house.TIMEOUT)
    return note.Checkpoint(answer.text) if answer.status_code == 200 else None


def published(server, size, origin=CERTIFICATES):
    """The checkpoint that covers so many entries, once there is one."""
    def newest():
        found = checkpoint_of(server, origin)
        return found if found is not None and found.size >= size else None
    return house.wait_for(f"a checkpoint of {size} of {origin}", newest, 30)


def watch(private, make_witnesses, quorum, count):
    """A server with witnesses; which are up when it starts is the test's choice."""
    server = private(start=False)
    made = [make_witnesses(log_keys(server.state)) for _ in range(count)]
    server.state.edit(lambda c: c["log"].update({"witnesses": [w.settings() for w in made], "witness-quorum": quorum}))
    return server, made


def stored_events(server, kind):
    """Events that are in the store, whether a checkpoint covers them or not."""
    with contextlib.closing(sqlite3.connect(f"file:{server.state.directory / 'state' / 'chancery.db'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT data FROM entry WHERE id >> 40 = 2 ORDER BY id").fetchall()
    return [event for event in (json.loads(row[0]) for row in rows) if event["type"] == kind]


def warned(server, text):
    status, body = server.readyz()
    assert status == 200, body
    return any(text in line for line in body["warnings"])


# The witness by itself.

def test_each_status_of_the_protocol(witnesses, memory_log, row):
    witness = witnesses([memory_log.vkey()]).start()
    fork = MemoryLog(memory_log.origin, memory_log.key, fork=20)
    stranger = MemoryLog(memory_log.origin, ed25519.Ed25519PrivateKey.generate())
    elsewhere = MemoryLog("log.example/2027", memory_log.key)
    assert witness.latest(memory_log.origin) is None
    first = witness.add(memory_log.request(0, 30))
    assert first.status_code == 200 and first.text.startswith("— witness.example/w0 ") and first.text.count("\n") == 1
    for name, body, status, text in [
            ("malformed", "hello", 400, None), ("old above new", memory_log.request(31, 30), 400, None),
            ("unknown log", elsewhere.request(30, 40), 404, None), ("unknown key", stranger.request(30, 40), 403, None),
            ("stale", memory_log.request(10, 40), 409, "30\n"), ("rewound", memory_log.request(0, 10), 409, "30\n"),
            ("same size, other root", fork.request(30, 30), 409, "30\n"), ("fork", fork.request(30, 40), 422, None),
            ("no proof", request_body(30, [], memory_log.note(40)), 422, None),
            ("too large", "old 0\n" + "x" * 70_000, 400, None)]:
        with row(name):
            answer = witness.add(body)
            assert answer.status_code == status, answer.text
            assert (answer.headers["Content-Type"] == "text/x.tlog.size") == (status == 409)
            assert text is None or answer.text == text
            assert witness.latest(memory_log.origin).size == 30
    grown = witness.add(memory_log.request(30, 40))
    assert grown.status_code == 200
    latest = witness.latest(memory_log.origin)
    assert latest.size == 40 and verify_cosignature(latest, witness.vkey) > 0
    latest.verify_ed25519(memory_log.key.public_key())
    alone = note.Checkpoint(memory_log.note(40) + grown.text)
    assert verify_cosignature(alone, witness.vkey) == verify_cosignature(latest, witness.vkey)
    assert requests.get(witness.base + "/add-checkpoint", timeout=house.TIMEOUT).status_code == 405
    assert "witness-refused-fork" in witness.journal_file.read_text()
    assert witness.stop() == 0


def test_a_witness_that_is_killed_breaks_no_promise(witnesses, memory_log):
    """Whatever it cosigned before kill -9 it knows afterwards."""
    witness = witnesses([memory_log.vkey()]).start()
    promised, lock, rng = [0], threading.Lock(), random.Random(5)
    requests_of = {old: [memory_log.request(old, old + step) for step in (1, 3)] for old in range(0, 120)}

    def ask(stop):
        while not stop.is_set():
            with contextlib.suppress(requests.RequestException), lock:
                old = promised[0]
                answer = witness.add(rng.choice(requests_of[old % 120 if old < 120 else 119]))
                if answer.status_code == 409:
                    assert int(answer.text) >= promised[0], "it forgot what it cosigned"
                    promised[0] = int(answer.text)
                elif answer.status_code == 200:
                    latest = witness.latest(memory_log.origin)
                    promised[0] = latest.size

    for _ in range(4):
        stop = threading.Event()
        thread = threading.Thread(target=ask, args=(stop,), daemon=True)
        thread.start()
        before = promised[0]
        house.wait_for("some cosignatures", lambda: promised[0] >= min(before + 5, 110), 30)
        witness.kill()
        stop.set()
        thread.join(30)
        witness.start()
        assert witness.latest(memory_log.origin).size >= promised[0]


def test_commands(witnesses, private, tmp_path, memory_log, row):
    server = private()
    printed = server.run("witness", "log-keys")
    assert printed.returncode == 0 and printed.stdout.split() == log_keys(server.state)
    witness = witnesses([memory_log.vkey()])
    assert witness.key.stat().st_mode & 0o777 == 0o400
    again = house.run("witness", "keygen", "--name", "x", "--key", str(witness.key))
    assert again.returncode == 1 and "key-unusable" in again.stderr
    serve = ["witness", "serve", "--name", "w", "--key", str(witness.key), "--state", str(tmp_path / "s"), "--log"]
    for name, arguments, text in [
            ("no key of a log", [*serve, "hello"], "bad-verifier-key"), ("a witness's key", [*serve, witness.vkey], "a witness's key"),
            ("a name with a space", ["witness", "keygen", "--name", "a b", "--key", str(tmp_path / "k")], "no spaces")]:
        with row(name):
            done = house.run(*arguments)
            assert done.returncode == 1 and text in done.stderr, done.stderr
    for command in ("serve", "keygen", "log-keys"):
        assert "Example" in house.run("witness", command, "--help").stdout
    # A state that was changed is not believed.
    witness.start()
    assert witness.add(memory_log.request(0, 3)).status_code == 200
    witness.kill()
    file = next(p for p in witness.state.iterdir() if len(p.name) == 64)
    file.write_text(file.read_text().replace("\n3\n", "\n2\n"))
    done = house.run("witness", "serve", "--name", witness.name, "--key", str(witness.key), "--state", str(witness.state),
                     "--log", memory_log.vkey())
    assert done.returncode == 1 and "bad-witness-state" in done.stderr


# The server with witnesses.

def test_a_new_log_without_its_quorum_shows_nothing_and_says_so(private, witnesses, issuer, row):
    server, (witness,) = watch(private, witnesses, 1, 1)
    server.start()
    wire.Client(server.public, issuer).issue()
    zeros = base64.b64encode(bytes(32)).decode()
    unborn = {"first": 1, "second": 2, "start": 0, "end": 1, "leaf_index": 0, "tree_size": 1, "last": 1, "hash": zeros}
    found = 0
    for path, item in openapi.DOCUMENT["paths"].items():
        response = item.get("get", {}).get("responses", {}).get("404")
        if response != {"$ref": "#/components/responses/NoCheckpoint"}:
            continue
        with row(path):
            found += 1
            base = f"http://127.0.0.1:{server.state.ports[item['x-listen']]}"
            answer = requests.get(base + path.format(shard="demo"), params=unborn, timeout=house.TIMEOUT)
            assert answer.status_code == 404, answer.text
            openapi.fits(openapi.answer_schema(path, 404), answer.json())
    assert found == 7
    assert any(line.startswith("checkpoint: ") for line in server.readyz()[1]["warnings"])
    witness.start()
    published(server, 1)


def test_both_logs_are_published_with_cosignatures(private, witnesses, issuer):
    server, (witness,) = watch(private, witnesses, 1, 1)
    witness.start()
    server.start()
    client = wire.Client(server.public, issuer)
    for size in (1, 4):
        client.issue()
        while checkpoint_of(server).size < size:
            client.issue()
            published(server, min(size, checkpoint_of(server).size + 1))
    certificates = published(server, 4)
    assert len(certificates.signatures) == 3
    assert verify_cosignature(certificates, witness.vkey)
    certificates.verify_rfc6962(server.rfc6962().key)
    certificates.verify_ed25519(note_key(server.state, CERTIFICATES).public_key())
    events = published(server, 1, EVENTS)
    assert verify_cosignature(events, witness.vkey)
    assert witness.latest(CERTIFICATES).size >= 4
    assert server.readyz()[1]["warnings"] == []
    for log in ("certificates", "events"):
        assert server.metric("chancery_witness_up", witness=witness.name, log=log) == 1
    house.wait_for("the witness to be level", lambda: server.metric("chancery_witness_lag_entries", witness=witness.name) == 0)
    assert server.metric("chancery_checkpoint_withheld") == 0
    # A restart finds the witness where it is.
    server.restart()
    client.issue()
    assert verify_cosignature(published(server, certificates.size + 1), witness.vkey)
    assert not stored_events(server, "witness-contradicts")
    assert server.stop() == 0


def test_a_shard_that_the_witness_does_not_know_yet(private, witnesses, issuer):
    """Certificates go on; the old shard's cosigned checkpoint stays; the new one's waits for the line of `log-keys`."""
    server, (witness,) = watch(private, witnesses, 1, 1)
    witness.start()
    server.start()
    client = wire.Client(server.public, issuer)
    client.issue()
    before = published(server, 1)
    make_keys(server.state)
    server.state.edit(open_shard)
    server.reload()
    client.issue()
    assert checkpoint_of(server).size == before.size and verify_cosignature(checkpoint_of(server), witness.vkey)
    old, server.log = server.log, server.log.replace("/demo", "/2027")
    house.wait_for("the warning", lambda: warned(server, "checkpoint: "))
    assert checkpoint_of(server) is None and server.metric("chancery_checkpoint_withheld") == 1
    told = server.run("witness", "log-keys")
    assert told.returncode == 0, told.stderr
    witness.stop()
    witness.logs = told.stdout.split()
    witness.start()
    after = published(server, 1)
    assert after.text.startswith("chancery.demo/certificates/2027\n") and verify_cosignature(after, witness.vkey)
    house.wait_for("no warning", lambda: server.readyz()[1]["warnings"] == [])
    server.log = old
    assert checkpoint_of(server).text == before.text


@contextlib.contextmanager
def hanging(port):
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", port)):
        yield


def test_two_of_three_with_one_dead_and_one_hanging(private, witnesses, issuer):
    server, (good, dead, silent) = watch(private, witnesses, 2, 3)
    good.start()
    with hanging(silent.port):
        server.start(60)
        client = wire.Client(server.public, issuer)
        client.issue()
        house.wait_for("a warning", lambda: warned(server, "certificates: 1 of 2 cosignatures"), 40)
        assert checkpoint_of(server) is None
        for _ in range(3):
            client.issue()  # goes on
        assert warned(server, f"witness {dead.name}, certificates: witness-away")
        assert server.metric("chancery_checkpoint_withheld") == 1
        assert server.metric("chancery_witness_up", witness=good.name, log="certificates") == 1
        assert server.metric("chancery_witness_up", witness=dead.name, log="certificates") == 0
        assert len(stored_events(server, "checkpoint-withheld")) == 2  # one of each log
        dead.start()
        found = published(server, 4)
        assert verify_cosignature(found, good.vkey) and verify_cosignature(found, dead.vkey)
        house.wait_for("the end of it", lambda: len(stored_events(server, "checkpoint-witnessed")) == 2)
        assert len(stored_events(server, "checkpoint-withheld")) == 2
        house.wait_for("no warning", lambda: not warned(server, "cosignatures on"))
        assert {e["witness"] for e in stored_events(server, "witness-recovered")} == {dead.name}
        server.kill()  # before the silent one goes


def test_a_witness_that_knows_another_tree_ends_publishing(private, witnesses, issuer):
    """Somebody signed another tree with this log's key: the witness has the proof, and the server asks for it."""
    server, (witness,) = watch(private, witnesses, 1, 1)
    witness.start()
    server.start()
    client = wire.Client(server.public, issuer)
    client.issue()
    size = published(server, 1).size
    witness.kill()
    shutil.rmtree(witness.state)
    witness.start()
    forged = checkpoint_note(CERTIFICATES, size + 1000, rfc6962.sha256(b"x"), note_key(server.state, CERTIFICATES))
    assert witness.add(request_body(0, [], forged)).status_code == 200
    client.issue()
    house.wait_for("the alarm", lambda: bool(stored_events(server, "log-contradicted")), 30)
    reason = stored_events(server, "log-contradicted")[0]["reason"]
    assert "log-rolled-back" in reason and str(size + 1000) in reason and witness.name in reason
    assert stored_events(server, "witness-contradicts")[0]["witness"] == witness.name
    assert warned(server, "checkpoint: log-rolled-back")
    client.issue()
    assert checkpoint_of(server).size == size
    # And it does not start with that.
    server.stop()
    code, said = refused(server.state, 60)
    assert code == 1 and "log-rolled-back" in said and witness.name in said


def restored(server, issuer):
    """Stops the server and puts back its state of before two certificates."""
    client, state = wire.Client(server.public, issuer), server.state.directory / "state"
    client.issue()
    published(server, 1)
    assert server.stop() == 0
    shutil.copytree(state, state.with_name("backup"))
    server.start()
    client.issue()
    client.issue()
    published(server, 3)
    assert server.stop() == 0
    shutil.move(state, state.with_name("newer"))
    shutil.copytree(state.with_name("backup"), state)


def test_a_restored_backup_is_refused_by_a_witness(private, witnesses, issuer):
    server, (witness,) = watch(private, witnesses, 1, 1)
    witness.start()
    server.start()
    restored(server, issuer)
    code, said = refused(server.state, 60)
    assert code == 1
    for text in ("log-rolled-back", f"witness {witness.name}", "checkpoint of 3 certificates", "here are 1", "ca/log/README.md"):
        assert text in said, said
    # What the README says: the newer state back.
    state = server.state.directory / "state"
    shutil.rmtree(state)
    shutil.move(state.with_name("newer"), state)
    server.start()
    assert published(server, 3)


# Shipping.

def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_shipped_to_a_file_and_a_restored_backup_refused(private, issuer, tmp_path):
    file = tmp_path / "checkpoints.jsonl"
    server = private(lambda c: c["log"].update(ship=[{"file": str(file)}]))
    restored(server, issuer)
    log_key, found = server.state.directory / "state", records(file)
    assert log_key.exists() and len(found) >= 3
    sizes = [note.Checkpoint(record["certificates"]).size for record in found]
    assert sizes == sorted(sizes) and sizes[-1] == 3
    for record in found:
        assert set(record) == {"certificates", "events", "time"}
        for name, origin in (("certificates", CERTIFICATES), ("events", EVENTS)):
            note.Checkpoint(record[name]).verify_ed25519(note_key(server.state, origin).public_key())
    code, said = refused(server.state)
    assert code == 1
    for text in ("log-rolled-back", str(file), "checkpoint of 3 certificates", "here are 1"):
        assert text in said, said
    assert records(file) == found


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.kept.append(body)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        body = self.server.kept[-1]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def test_shipped_to_a_url(private, issuer):
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    collector.kept, collector.status = [], 500
    thread = threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{collector.server_address[1]}/checkpoints"
        server = private(lambda c: c["log"].update(ship=[{"url": url}]), start=False)
        server.start()
        client = wire.Client(server.public, issuer)
        house.wait_for("a warning", lambda: warned(server, f"ship {url}: not-shipped"))
        assert server.metric("chancery_shipping_up", to=url) == 0
        collector.status = 204
        client.issue()
        published(server, 1)
        house.wait_for("the record", lambda: note.Checkpoint(json.loads(collector.kept[-1])["certificates"]).size == 1)
        house.wait_for("the end of it", lambda: server.metric("chancery_shipping_up", to=url) == 1)
        house.wait_for("its event", lambda: bool(stored_events(server, "shipping-recovered")))
        assert [e["to"] for e in stored_events(server, "shipping-failed")] == [url]
        # What it gives back is compared with the next start.
        assert server.stop() == 0
        shutil.rmtree(server.state.directory / "state")
        code, said = refused(server.state)
        assert code == 1 and "log-rolled-back" in said and url in said
    finally:
        collector.shutdown()
        collector.server_close()


def test_shipped_to_syslog(private, issuer):
    """To whoever listens on /dev/log, which syslog(3) knows and no setting changes."""
    place = pathlib.Path("/dev/log")
    if place.exists():
        pytest.skip("a system log listens on /dev/log already")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        try:
            listening.bind(str(place))
        except PermissionError:
            pytest.skip("this user cannot listen on /dev/log")
        try:
            listening.settimeout(3 * house.TIMEOUT)
            server = private(lambda c: c["log"].update(ship=[{"syslog": True}]))
            wire.Client(server.public, issuer).issue()
            shipped = 0
            while shipped < 1:
                # RFC 3164: facility daemon (3), severity notice (5); glibc's tag is the program's name.
                text = listening.recv(65536).decode()
                if " checkpoint {" not in text:  # of SoftHSM, or of another program on this machine
                    continue
                found = re.fullmatch(r"<29>\w{3} [ \d]\d [\d:]{8} chancery: checkpoint (\{.*\})", text)
                assert found, text
                record = json.loads(found[1])
                for name, origin in (("certificates", CERTIFICATES), ("events", EVENTS)):
                    note.Checkpoint(record[name]).verify_ed25519(note_key(server.state, origin).public_key())
                shipped = note.Checkpoint(record["certificates"]).size
            assert server.stop() == 0
        finally:
            place.unlink()


# A witness that others wrote.

@pytest.fixture
def litewitness(tmp_path, request):
    """torchwood's litewitness, with its key in an ssh-agent: start(logs) gives its settings."""
    program = house.CACHE / "litewitness-v0.9.0" / "litewitness"
    if not program.is_file():
        pytest.skip(f"{program} is not there (scripts/setup test builds it when Go is installed)")
    running = []
    # The path of a socket has at most 107 octets.
    home = tmp_path / "lw"
    home.mkdir()

    def start(logs):
        agent = home / "a"
        running.append(subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)], stdout=subprocess.DEVNULL))
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "k")], check=True)
        house.wait_for("the agent", agent.exists)
        subprocess.run(["ssh-add", "-q", str(home / "k")], check=True, env=dict(os.environ, SSH_AUTH_SOCK=str(agent)))
        print_ = subprocess.run(["ssh-keygen", "-l", "-E", "sha256", "-f", str(home / "k")], check=True, capture_output=True, text=True)
        port = house.free_ports(1)[0]
        log = (home / "log").open("wb")
        running.append(subprocess.Popen(
            [str(program), "-name", "lite.example/w", "-key", print_.stdout.split()[1], "-ssh-agent", str(agent), "-db",
             str(home / "db"), "-listen", f"127.0.0.1:{port}"], stdout=log, stderr=log))
        base = f"http://127.0.0.1:{port}"
        house.wait_for("litewitness", lambda: requests.get(base + "/", timeout=house.TIMEOUT).status_code < 500)
        with contextlib.closing(sqlite3.connect(home / "db")) as db:
            for vkey in logs:
                origin = vkey.split("+")[0]
                db.execute("INSERT INTO log VALUES (?, 0, ?)", (origin, note.base64.b64encode(hashlib.sha256(b"").digest()).decode()))
                db.execute("INSERT INTO key VALUES (?, ?)", (origin, vkey))
            db.commit()
        public = serialization.load_ssh_public_key((home / "k.pub").read_bytes())
        key = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        vkey = f"lite.example/w+{note.key_id('lite.example/w', 4, key).hex()}+{note.base64.b64encode(bytes([4]) + key).decode()}"
        return {"key": vkey, "url": base}
    yield start
    for process in reversed(running):
        process.terminate()
        process.wait(10)


def test_litewitness_cosigns_and_refuses_a_restored_backup(private, litewitness, issuer):
    server = private(start=False)
    settings = litewitness(log_keys(server.state))
    server.state.edit(lambda c: c["log"].update({"witnesses": [settings], "witness-quorum": 1}))
    server.start()
    restored(server, issuer)
    code, said = refused(server.state, 60)
    # It serves no checkpoints, so this is its word: enough to refuse a start.
    assert code == 1 and "witness-contradicts" in said and "another tree of" in said, said
    state = server.state.directory / "state"
    shutil.rmtree(state)
    shutil.move(state.with_name("newer"), state)
    server.start()
    wire.Client(server.public, issuer).issue()
    for origin, size in ((CERTIFICATES, 4), (EVENTS, 5)):
        assert verify_cosignature(published(server, size, origin), settings["key"])
    assert server.readyz()[1]["warnings"] == []
