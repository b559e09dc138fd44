"""A new log key opens a new shard: announced first, then written; the old tree, its certificates and its tokens stay good."""
import base64
import contextlib
import hashlib
import json
import re
import types

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

import house
import load
import rfc6962
import tiles
import wire
from supervisor import Supervisor, joined


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def spki(key, encoding=serialization.Encoding.DER):
    return key.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def write(path, data):
    path.write_bytes(data)
    path.chmod(0o400)


def make_keys(state):
    """The next shard's keys beside the old ones; returns the log's public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    write(state.directory / "log-2027.key", pem(key))
    for name in ("log-2027-note.key", "events-2027-note.key"):
        write(state.directory / name, pem(ed25519.Ed25519PrivateKey.generate()))
    (state.directory / "log-2027.pub").write_bytes(spki(key.public_key(), serialization.Encoding.PEM))
    return key.public_key()


def open_shard(document):
    document["log"]["certificates"].update(
        shard="2027", origin="chancery.demo/certificates/2027", key="file:log-2027.key", **{"note-key": "file:log-2027-note.key"})


@pytest.fixture
def announcing(private):
    return private(lambda c: c["ca"].update(rotation="rotation.yaml", lead="0s"))


def trusted(server):
    return requests.get(server.public + "/trust/trusted_root.json", timeout=house.TIMEOUT).json()["ctlogs"]


def log_base(server, shard):
    return f"{server.log.rsplit('/', 1)[0]}/{shard}"


def log_of(server, shard, key):
    return rfc6962.Log(log_base(server, shard), key)


def files_of(server, shard, size):
    """What a static-ct client reads of a shard: checkpoint, hash tiles, data and names tiles."""
    base = log_base(server, shard) + "/"
    names = ["checkpoint", "log.v3.json", tiles.name("data", 0, size), tiles.name("names", 0, size)]
    names += [name for name, *_ in tiles.hash_tiles(size)]
    answers = {name: requests.get(base + name, timeout=house.TIMEOUT) for name in names}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(names, 200)
    return {name: answer.content for name, answer in answers.items()}


def prove_all(server, directory, *arguments):
    """`log verify` with what `trust export` says, in JSON."""
    done = server.run("trust", "export", str(directory / "trust"))
    assert done.returncode == 0, done.stderr
    done = house.run("log", "verify", *map(str, arguments), "--trusted-root", str(directory / "trust" / "trusted_root.json"),
                     "--keys", str(directory / "trust" / "log-keys.txt"), "--format", "json", timeout=60)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert (done.returncode, report["findings"]) == (0, []), report
    return report


def verify_offline(logs, got):
    """As a client with nothing but the TrustedRoot: the SCT's log, and a window that holds its time."""
    for entry in logs:
        key = base64.b64decode(entry["publicKey"]["rawBytes"])
        if rfc6962.sct_of(got.leaf)["log_id"] != hashlib.sha256(key).digest():
            continue
        sct, _ = rfc6962.Log(entry["baseUrl"], serialization.load_der_public_key(key)).verify_sct(got.leaf, got.chain[0])
        return entry["baseUrl"].rsplit("/", 1)[1], sct["index"]
    raise AssertionError("no log of the trusted root gave the SCT")


def test_a_new_log_key_opens_a_new_shard(announcing, issuer, tmp_path):
    server, client = announcing, wire.Client(announcing.public, issuer)
    old_key = server.rfc6962().key
    old = [client.issue() for _ in range(5)]
    server.published(5)
    new_key = make_keys(server.state)
    done = server.run("rotate", "prepare-shard", "2027", "--key", "log-2027.pub")
    assert done.returncode == 0, done.stderr
    announced = house.wait_for("the next key", lambda: trusted(server) if len(trusted(server)) == 2 else None)
    assert base64.b64decode(announced[1]["publicKey"]["rawBytes"]) == spki(new_key)
    assert "log.certificates and a reload: now" in done.stdout

    spent, key = issuer.token(), wire.new_key()
    before = client.ask(token=spent, key=key)[2]
    assert before.status_code == 200
    server.published(6)
    files = files_of(server, "demo", 6)
    server.stop()
    server.state.edit(open_shard)
    server.start()
    # What is closed is served as it was, octet for octet.
    assert files_of(server, "demo", 6) == files
    # The retry's certificate is the old shard's, any other key is a replay.
    assert wire.certificates(client.ask(token=spent, key=key)[2]) == wire.certificates(before)
    assert client.ask(token=spent)[2].status_code == 401
    new = [client.issue() for _ in range(3)]
    server.log = server.log.replace("/demo", "/2027")
    server.published(3)

    # Who learnt the keys before the shard was opened verifies both, and so does who learns them now.
    logs = trusted(server)
    assert ["end" in entry["publicKey"]["validFor"] for entry in logs] == [True, False]
    for trust in (announced, logs):
        assert [verify_offline(trust, got) for got in old] == [("demo", i) for i in range(5)]
        assert [verify_offline(trust, got) for got in new] == [("2027", i) for i in range(3)]
    for shard, public, issued in (("demo", old_key, old), ("2027", new_key, new)):
        log = log_of(server, shard, public)
        size, root, _ = log.sth()
        entries = [leaf for leaf, _ in log.entries(size)]
        assert rfc6962.root_of([rfc6962.leaf_hash(leaf) for leaf in entries]) == root
        for got in issued:
            _, leaf = log.verify_sct(got.leaf, got.chain[0])
            log.prove(leaf, size, root)

        tree = files_of(server, shard, size)
        assert [leaf for leaf, *_ in tiles.read_data(tree[tiles.name("data", 0, size)])] == entries
        assert tiles.read_tree(tree.__getitem__, size) == [rfc6962.leaf_hash(leaf) for leaf in entries]

    # Files of all shards, and all of them proved, each against the events.
    done = server.run("log", "export", "--tiles", str(tmp_path / "files"), "--log", "both")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "files" / "certificates").iterdir()) == ["2027", "demo"]
    assert (tmp_path / "files" / "certificates" / "demo" / "checkpoint").read_bytes() == files["checkpoint"]
    report = prove_all(server, tmp_path, tmp_path / "files")
    assert (report["granted"], report["certificates"]["shard"], report["certificates"]["size"]) == (9, "2027", 3)
    assert [(one["log"], one["shard"], one["size"]) for one in report["closed"]] == [("certificates", "demo", 6)]
    for shard, size in (("demo", 6), ("2027", 3)):
        report = prove_all(server, tmp_path, tmp_path / "files", "--shard", shard)
        assert (report["granted"], report["certificates"]["shard"], report["closed"]) == (size, shard, [])
    live = prove_all(server, tmp_path, "--certificates", log_base(server, "2027"), "--certificates", log_base(server, "demo"),
                     "--events", f"{server.internal}/log/events/demo")
    assert live["granted"] == 9

    opened = [e for e in server.events() if e["type"] == "log-shard-opened"]
    assert opened[0]["before"]["shard"] == "demo" and opened[0]["before"]["size"] == 6
    found = requests.get(server.internal + "/api/search", params={"count": 1000}, timeout=house.TIMEOUT).json()["issuances"]
    assert [(row["shard"], row["leaf_index"]) for row in found] == \
        [("2027", i) for i in (2, 1, 0)] + [("demo", i) for i in range(5, -1, -1)]
    page = {"count": 2, "before": found[3]["leaf_index"], "shard": found[3]["shard"]}
    found = requests.get(server.internal + "/api/search", params=page, timeout=house.TIMEOUT).json()["issuances"]
    assert [(row["shard"], row["leaf_index"]) for row in found] == [("demo", 4), ("demo", 3)]
    shown = server.run("log", "show", "2", "--shard", "demo", "--format", "json")
    assert shown.returncode == 0 and json.loads(shown.stdout)["inclusion"]["tree_size"] == 6, shown.stderr
    plan = json.loads(server.run("rotate", "plan", "--format", "json").stdout)
    assert [(s["log"], s["name"], s["state"]) for s in plan["shards"]] == \
        [("certificates", "demo", "closed"), ("events", "demo", "written"), ("certificates", "2027", "written")]


@contextlib.contextmanager
def supervised(server):
    joined(server.state)
    supervisor = Supervisor(server.state).start()
    yield
    supervisor.stop()


@pytest.mark.parametrize("around", [lambda _: contextlib.nullcontext(), supervised], ids=["serve", "supervise"])
def test_no_client_notices_that_a_shard_is_opened(private, issuer, tmp_path, around):
    """Announced for ca.lead, then opened by a reload, while clients ask without a pause."""
    server = private(lambda c: c["ca"].update(rotation="rotation.yaml", lead="1h"), start=False)
    with around(server):
        server.start()
        make_keys(server.state)
        with load.Load(server, issuer, threads=4) as clients:
            def more():
                count = len(clients.asked)
                house.wait_for("answers", lambda: len(clients.asked) > count + 12, 30)
            more()
            server.state.edit(open_shard)
            assert "2027 is not announced" in server.reload("configuration-refused")["reason"]
            more()
            assert server.run("rotate", "prepare-shard", "2027", "--key", "log-2027.pub").returncode == 0
            assert "2027 may be opened from" in server.reload("configuration-refused")["reason"]
            more()
            # As if an hour had gone by.
            file = server.state.directory / "rotation.yaml"
            file.write_text(re.sub(r"(prepared: )\S+", r"\g<1>2026-01-01T00:00:00Z", file.read_text()))
            server.reload()
            more()
        assert {a.status for a in clients.asked} == {200}, clients.of(0, 403, 429, 500, 503)[:3]

        server.log = server.log.replace("/demo", "/2027")
        logs = trusted(server)
        shards = [verify_offline(logs, types.SimpleNamespace(leaf=a.certificates[0], chain=a.certificates[1:])) for a in clients.asked]
        assert {shard for shard, _ in shards} == {"demo", "2027"} and len(set(shards)) == len(shards)
        server.published(sum(shard == "2027" for shard, _ in shards))
        house.wait_for("their events", lambda: sum(e["type"] == "granted" for e in server.events()) == len(shards))
        done = server.run("log", "export", "--tiles", str(tmp_path / "files"), "--log", "both")
        assert done.returncode == 0, done.stderr
        assert prove_all(server, tmp_path, tmp_path / "files")["granted"] == len(shards)
        assert [e["type"] for e in server.events() if e["type"] in ("started", "stopped", "log-shard-opened")][-3:] == \
            ["stopped", "log-shard-opened", "started"]


def test_what_cannot_open_a_shard(announcing, issuer, row):
    server = announcing
    wire.Client(server.public, issuer).issue()
    server.stop()
    make_keys(server.state)
    good = server.state.file.read_text()
    for name, change, reason in (
            ("the old key", lambda s: s.update(key="file:log.key"), "log.certificates.key: it is that of shard demo"),
            ("the old origin", lambda s: s.update(origin="chancery.demo/certificates"), "log.certificates.origin: it is that"),
            ("the old note key", lambda s: s.update({"note-key": "file:log-note.key"}), "log.certificates.note-key: it is that")):
        with row(name):
            server.state.file.write_text(good)
            server.state.edit(open_shard)
            server.state.edit(lambda c: change(c["log"]["certificates"]))
            assert server.spawn().process.wait(30 * house.PATIENCE) == 1
            assert reason in server.tail()
    server.state.file.write_text(good)
    server.start()


def test_a_crash_before_the_last_checkpoint(announcing, issuer):
    """Entries that no checkpoint covers keep their shard open; started once more, it is closed whole."""
    server = announcing
    server.state.edit(lambda c: c["log"].update(checkpoint="60s"))
    server.restart()
    before = wire.Client(server.public, issuer).issue()
    make_keys(server.state)
    assert server.run("rotate", "prepare-shard", "2027", "--key", "log-2027.pub").returncode == 0
    server.kill()
    old = server.state.file.read_text()
    server.state.edit(open_shard)
    assert server.spawn().process.wait(30 * house.PATIENCE) == 1
    assert "no checkpoint covers all" in server.tail() and "start once more with its settings" in server.tail()
    new = server.state.file.read_text()
    server.state.file.write_text(old)
    server.start()
    assert server.stop() == 0
    server.state.file.write_text(new)
    server.start()
    wire.Client(server.public, issuer).issue()
    key = serialization.load_der_public_key(base64.b64decode(trusted(server)[0]["publicKey"]["rawBytes"]))
    log = log_of(server, "demo", key)
    size, root, _ = log.sth()
    _, leaf = log.verify_sct(before.leaf, before.chain[0])
    log.prove(leaf, size, root)
    server.stop()
    server.state.file.write_text(old)
    assert server.spawn().process.wait(30 * house.PATIENCE) == 1
    assert "shard demo is closed; others came after it" in server.tail()
