"""The logs, as outsiders read them: an RFC 6962 client and a note verifier of our own, and Go's sumdb library."""
import base64
import json
import os
import shutil
import struct
import subprocess
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import house
import note
import rfc6962
import wire

POISON, SCT_LIST = "1.3.6.1.4.1.11129.2.4.3", "1.3.6.1.4.1.11129.2.4.2"


def split_extra(extra):
    """RFC 6962 3.1 PrecertChainEntry: the precertificate and its chain."""
    def take(data):
        size = int.from_bytes(data[:3], "big")
        assert len(data) >= 3 + size
        return data[3:3 + size], data[3 + size:]
    precertificate, rest = take(extra)
    chain, rest = take(rest)
    assert not rest
    certificates = []
    while chain:
        one, chain = take(chain)
        certificates.append(one)
    return precertificate, certificates


def tbs_of(leaf):
    version, kind, _, entry = struct.unpack(">BBQH", leaf[:12])
    assert (version, kind, entry) == (0, 0, 1), "not a v1 timestamped precert entry"
    size = int.from_bytes(leaf[44:47], "big")
    assert leaf[47 + size:47 + size + 2] == b"\0\x08"
    return leaf[47:47 + size], leaf[47 + size + 2:]


@pytest.fixture(scope="module")
def filled(server, issuer):
    """The server with 40 certificates in its log, all of them covered by a tree head; and those certificates."""
    client = wire.Client(server.public, issuer)
    return [client.issue(shape) for shape in ("github", "gitlab", "email", "spiffe") for _ in range(10)]


def test_every_certificate_is_in_the_tree_at_its_index(server, filled):
    log = server.rfc6962()
    promised = [log.verify_sct(got.leaf, got.chain[0]) for got in filled]
    _, (size, root, timestamp) = server.published(max(sct["index"] for sct, _ in promised) + 1)
    assert abs(timestamp / 1000 - time.time()) < 60
    for sct, leaf in promised:
        assert log.prove(leaf, size, root) == sct["index"]
    assert len({sct["index"] for sct, _ in promised}) == len(promised)


def test_root_recomputed_from_all_entries(server, filled):
    log, (size, root, _) = server.published(len(filled))
    entries = log.entries(size)
    assert rfc6962.root_of([rfc6962.leaf_hash(leaf) for leaf, _ in entries]) == root


def test_precertificates_parse_and_are_poisoned(server, filled):
    log, (size, _, _) = server.published(len(filled))
    ca = filled[0].chain[0]
    for leaf, extra in log.entries(size):
        der, chain = split_extra(extra)
        assert chain == [c.public_bytes(serialization.Encoding.DER) for c in filled[0].chain]
        precertificate = x509.load_der_x509_certificate(der)
        ca.public_key().verify(precertificate.signature, precertificate.tbs_certificate_bytes,
                               ec.ECDSA(precertificate.signature_hash_algorithm))
        poison = precertificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(POISON))
        assert poison.critical and isinstance(poison.value, x509.PrecertPoison)
        oids = [e.oid.dotted_string for e in precertificate.extensions]
        assert SCT_LIST not in oids
        # RFC 6962 3.2: what was logged is the precertificate's TBS without its poison.
        tbs, extensions = tbs_of(leaf)
        assert precertificate.tbs_certificate_bytes.count(bytes.fromhex("060a2b06010401d679020403")) == 1
        without = precertificate.tbs_certificate_bytes.replace(
            bytes.fromhex("3013060a2b06010401d6790204030101ff04020500"), b"")
        assert tbs[4:].endswith(without[-200:]) and len(extensions) == 8


def test_consistency_across_growth(server, client):
    log, first = server.published(1)
    heads = [first]
    for count in (1, 3, 8):
        for _ in range(count):
            client.issue()
        heads.append(server.published(heads[-1][0] + count)[1])
    for old in heads:
        for new in heads:
            if old[0] <= new[0]:
                log.check_growth(*old[:2], *new[:2])
    assert heads[-1][0] >= heads[0][0] + 12
    with pytest.raises(AssertionError):
        log.check_growth(heads[0][0], b"\0" * 32, *heads[-1][:2])


def test_entries_page_and_clamp(server, filled):
    log, (size, _, _) = server.published(len(filled))
    everything = log.entries(size)
    whole = log.get("get-entries", start=0, end=size)["entries"]
    assert len(whole) <= size, "end = tree_size is clamped, not refused"
    assert log.get("get-entries", start=3, end=5)["entries"] == whole[3:6]
    far = log.get("get-entries", start=size - 1, end=2**40)["entries"]
    assert len(far) >= 1 and base64.b64decode(far[0]["leaf_input"]) == everything[-1][0]


def test_entry_and_proof_and_roots(server, filled):
    log, (size, root, _) = server.published(len(filled))
    for index in (0, 1, size // 2, size - 1):
        got = log.get("get-entry-and-proof", leaf_index=index, tree_size=size)
        leaf = base64.b64decode(got["leaf_input"])
        rfc6962.verify_inclusion(rfc6962.leaf_hash(leaf), index, size, list(map(base64.b64decode, got["audit_path"])), root)
    roots = [x509.load_der_x509_certificate(base64.b64decode(c)) for c in log.get("get-roots")["certificates"]]
    assert roots == [filled[0].chain[-1]]


def test_bad_queries_of_the_log(server, filled, row):
    log, (size, root, _) = server.published(len(filled))
    some = base64.b64encode(root).decode()
    for name, query, status in [
            ("get-entries", "", 400), ("get-entries", "start=0", 400), ("get-entries", "start=2&end=1", 400),
            ("get-entries", "start=-1&end=1", 400), ("get-entries", "start=0&end=1&end=2", 400),
            ("get-entries", "start=0x1&end=2", 400), ("get-entries", "start=99999999999999999999&end=1", 400),
            ("get-entries", f"start={2**50}&end={2**50}", 400), ("get-proof-by-hash", "hash=AAAA&tree_size=1", 400),
            ("get-proof-by-hash", f"hash={requests.utils.quote(some, safe='')}&tree_size={size}", 404),
            ("get-sth-consistency", "first=2&second=1", 400), ("get-sth-consistency", f"first=1&second={2**50}", 400),
            ("get-entry-and-proof", f"leaf_index={size}&tree_size={size}", 400),
            ("get-entry-and-proof", f"leaf_index=0&tree_size={2**50}", 400),
            ("add-pre-chain", "", 404)]:
        with row(f"{name}?{query}"):
            answer = requests.get(f"{log.url}/ct/v1/{name}?{query}", timeout=house.TIMEOUT)
            assert answer.status_code == status, (answer.status_code, answer.text)
            assert answer.json()["details"] == []


def test_checkpoint_of_certificates_has_both_signatures(server, filled):
    server.published(len(filled))
    answer = requests.get(server.log + "/checkpoint", timeout=house.TIMEOUT)
    assert answer.headers["Content-Type"].startswith("text/plain")
    checkpoint = note.Checkpoint(answer.text)
    assert checkpoint.origin == "chancery.demo/certificates"
    assert len(checkpoint.signatures) == 2
    log = server.rfc6962()
    assert abs(checkpoint.verify_rfc6962(log.key) / 1000 - time.time()) < 60
    checkpoint.verify_ed25519(note_key(server, "log-note.key"))
    entries = log.entries(checkpoint.size)
    assert rfc6962.root_of([rfc6962.leaf_hash(leaf) for leaf, _ in entries]) == checkpoint.root


def note_key(server, name):
    return serialization.load_pem_private_key((server.state.directory / name).read_bytes(), None).public_key()


def test_events_log_is_a_signed_tree_too(server, filled):
    events = server.events()
    base = f"{server.internal}/log/events/demo"
    checkpoint = note.Checkpoint(requests.get(base + "/checkpoint", timeout=house.TIMEOUT).text)
    assert checkpoint.origin == "chancery.demo/events"
    checkpoint.verify_ed25519(note_key(server, "events-note.key"))
    texts = []
    while len(texts) < checkpoint.size:
        texts += requests.get(base + "/entries", params={"first": len(texts), "last": checkpoint.size - 1},
                              timeout=2 * house.TIMEOUT).json()["entries"]
    texts = texts[:checkpoint.size]
    assert rfc6962.root_of([rfc6962.leaf_hash(text.encode()) for text in texts]) == checkpoint.root
    kinds = {event["type"] for event in events}
    assert {"started", "policy-loaded", "granted", "issued"} <= kinds


def test_events_say_who_got_what_and_why(server, client):
    got = client.issue(environment="prod")
    # A subject of its own: what one identity is refused again within a minute is entered as a summary.
    denied = client.ask(repository_id="31337", sub="custom:acme/events")[2]
    request_id = got.answer.headers["X-Request-Id"]
    events = server.events()
    granted = next(e for e in events if e["type"] == "granted" and e["request_id"] == request_id)
    assert granted["serial"] == f"{got.leaf.serial_number:040x}"
    assert granted["rule"] == "acme-app" and granted["claims"]["environment"] == "prod"
    assert granted["client_address"] == "127.0.0.1" and len(granted["policy_digest"]) >= 64
    assert granted["leaf_index"] == rfc6962.sct_of(got.leaf)["index"]
    assert {"tbs_sha256", "key_sha256", "issuing_key_sha256", "token_id", "checks", "time"} <= set(granted)
    refused = next(e for e in events if e["type"] == "denied" and e["request_id"] == denied.headers["X-Request-Id"])
    assert refused["reason"] == "policy-denied" and refused["claims"]["repository_id"] == "31337"
    issued = house.wait_for("the issued event", lambda: next(
        (e for e in server.events() if e["type"] == "issued" and e["request_id"] == request_id), None))
    assert issued["certificate_sha256"] == rfc6962.sha256(
        got.leaf.public_bytes(serialization.Encoding.DER)).hex()
    assert not any(got.token.split(".")[2] in json.dumps(event) for event in events), "a token was stored"
    jti = json.loads(base64.urlsafe_b64decode(got.token.split(".")[1] + "=="))["jti"]
    assert jti not in json.dumps(events), "a jti is kept as its hash only"


def test_log_search_and_show(server, client):
    got = client.issue("gitlab")
    index = rfc6962.sct_of(got.leaf)["index"]
    server.published(index + 1)
    done = server.run("log", "search", "--format", "json", "--san", "https://gitlab.com/grp/*", "--limit", "5")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["issuances"]
    assert found[0]["leaf_index"] == index and found[0]["serial"] == f"{got.leaf.serial_number:040x}"
    assert found[0]["san"] == "https://gitlab.com/grp/app//.gitlab-ci.yml@refs/heads/main"
    over_http = requests.get(server.internal + "/api/search", params={"serial": found[0]["serial"]}, timeout=house.TIMEOUT).json()
    assert [row["leaf_index"] for row in over_http["issuances"]] == [index]
    shown = server.run("log", "show", str(index), "--format", "json")
    assert shown.returncode == 0, shown.stderr
    assert found[0]["serial"] in shown.stdout and "granted" in shown.stdout
    json.loads(shown.stdout)
    assert server.run("log", "search").returncode == 0
    assert server.run("log", "show", str(10**9)).returncode != 0
    none = server.run("log", "search", "--san", "none-such", "--format", "json")
    assert none.returncode == 0 and json.loads(none.stdout) == {"issuances": []}


def test_go_sumdb_verifies_proofs_and_notes(server, filled, tmp_path):
    """golang.org/x/mod/sumdb/{tlog,note}: code that knows nothing of us."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    log, _ = server.published(len(filled))
    checkpoint_text = requests.get(server.log + "/checkpoint", timeout=house.TIMEOUT).text
    checkpoint = note.Checkpoint(checkpoint_text)
    size = checkpoint.size
    root = base64.b64encode(checkpoint.root).decode()
    events = f"{server.internal}/log/events/demo"
    inclusion = []
    for index in sorted({0, 1, size // 3, size - 1}):
        got = log.get("get-entry-and-proof", leaf_index=index, tree_size=size)
        inclusion.append({"index": index, "leaf": got["leaf_input"], "proof": got["audit_path"]})
    consistency = []
    for old in sorted({1, 2, 3, 7, 16, size - 1, size}):
        leaves = [rfc6962.leaf_hash(leaf) for leaf, _ in log.entries(old)]
        consistency.append({"size": old, "root": base64.b64encode(rfc6962.root_of(leaves[:old])).decode(),
                            "proof": log.get("get-sth-consistency", first=old, second=size)["consistency"]})
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({
        "size": size, "root": root, "inclusion": inclusion, "consistency": consistency,
        "notes": [{"note": checkpoint_text, "key": note.vkey(checkpoint.origin, note_key(server, "log-note.key"))},
                  {"note": requests.get(events + "/checkpoint", timeout=house.TIMEOUT).text,
                   "key": note.vkey("chancery.demo/events", note_key(server, "events-note.key"))}]}))
    done = subprocess.run(["go", "test", "-count=1", "./..."], cwd=house.ROOT / "tests" / "e2e" / "go",
                          env=dict(os.environ, CHANCERY_FACTS=str(facts)), capture_output=True, text=True, timeout=120 * house.PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_search_says_how_to_write_a_time(server):
    done = server.run("log", "search", "--since", "yesterday")
    assert done.returncode == 1
    assert all(form in done.stderr for form in ("'yesterday'", "10m", "2026-11-21T10:00:00Z")), done.stderr
