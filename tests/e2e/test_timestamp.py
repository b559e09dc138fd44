"""The timestamp authority (RFC 3161): what OpenSSL verifies, what is refused, what the events log has of it."""
import base64
import ctypes
import hashlib
import os
import re
import shutil
import subprocess

import pytest
import requests

import house
import wire

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
DATA = b"what is to be stamped\n"


def openssl(*arguments, check=True):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=30)
    assert not check or done.returncode == 0, done.stderr
    return done


def post(server, body, content_type=QUERY, **more):
    headers = {} if content_type is None else {"Content-Type": content_type}
    return requests.post(server.public + "/api/v1/timestamp", data=body, headers=headers, timeout=house.TIMEOUT, **more)


def as_json(server, **members):
    return requests.post(server.public + "/api/v1/timestamp", json=members, timeout=house.TIMEOUT)


def chain_of(server, directory):
    """Root and what is below it, each in a file, from certchain."""
    answer = requests.get(server.public + "/api/v1/timestamp/certchain", timeout=house.TIMEOUT)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/pem-certificate-chain"
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----\n.+?-----END CERTIFICATE-----\n", answer.text, re.S)
    assert "".join(blocks) == answer.text and len(blocks) >= 2
    (directory / "root.pem").write_text(blocks[-1])
    (directory / "below.pem").write_text("".join(blocks[:-1]))
    return directory / "root.pem", directory / "below.pem"


def verify(server, directory, answer, *what):
    """`openssl ts -verify` of an answer, against the query or the data."""
    root, below = chain_of(server, directory)
    (directory / "reply").write_bytes(answer.content)
    return openssl("ts", "-verify", *what, "-in", directory / "reply", "-CAfile", root, "-untrusted", below, check=False)


def text_of(directory, answer):
    (directory / "reply").write_bytes(answer.content)
    return openssl("ts", "-reply", "-in", directory / "reply", "-text").stdout


def query(directory, *options):
    (directory / "data").write_bytes(DATA)
    openssl("ts", "-query", "-data", directory / "data", *options, "-out", directory / "query")
    return (directory / "query").read_bytes()


@pytest.mark.parametrize("certificates", [(), ("-cert",)], ids=["no-cert", "cert"])
@pytest.mark.parametrize("nonce", [(), ("-no_nonce",)], ids=["nonce", "no-nonce"])
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_openssl_verifies(server, tmp_path, digest, nonce, certificates):
    answer = post(server, query(tmp_path, f"-{digest}", *nonce, *certificates))
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, REPLY)
    good = verify(server, tmp_path, answer, "-queryfile", tmp_path / "query")
    assert good.returncode == 0 and "Verification: OK" in good.stdout, good.stderr
    (tmp_path / "other").write_bytes(DATA + b"!")
    assert verify(server, tmp_path, answer, "-data", tmp_path / "other").returncode != 0
    text = text_of(tmp_path, answer)
    assert "Policy OID: 2.999.1" in text and "Accuracy: 0x01 seconds" in text and "Ordering: no" in text
    assert ("Nonce: unspecified" in text) == bool(nonce)


def test_json(server, tmp_path):
    (tmp_path / "data").write_bytes(DATA)
    for name in ("sha256", "sha384", "sha512"):
        digest = base64.b64encode(hashlib.new(name, DATA).digest()).decode()
        answer = as_json(server, artifactHash=digest, hashAlgorithm=name, certificates=True, nonce=2**63, tsaPolicyOID="")
        assert (answer.status_code, answer.headers["Content-Type"]) == (201, REPLY)
        assert verify(server, tmp_path, answer, "-data", tmp_path / "data").returncode == 0
        assert "Nonce: 0x8000000000000000" in text_of(tmp_path, answer)


def test_serial_numbers_differ(server, tmp_path):
    body = query(tmp_path, "-sha256")
    serials = [re.search(r"Serial number: (0x[0-9A-F]+)", text_of(tmp_path, post(server, body)))[1] for _ in range(5)]
    assert len(set(serials)) == 5


def test_refusals_in_json(server):
    good = {"artifactHash": base64.b64encode(bytes(32)).decode(), "hashAlgorithm": "sha256"}
    for change, reason in [({"hashAlgorithm": "sha1"}, "timestamp-algorithm"),
                           ({"artifactHash": "AAAA"}, "timestamp-malformed"),
                           ({"artifactHash": "?"}, "timestamp-malformed"),
                           ({"artifactHash": None}, "timestamp-malformed"),
                           ({"nonce": -1}, "timestamp-malformed"),
                           ({"nonce": "1"}, "timestamp-malformed"),
                           ({"certificates": "yes"}, "timestamp-malformed"),
                           ({"unknown": 1}, "timestamp-malformed"),
                           ({"tsaPolicyOID": "2.999.2"}, "timestamp-policy")]:
        answer = as_json(server, **{**good, **change})
        assert answer.status_code == 400 and f"[{reason};" in answer.json()["message"], change
    for body in (b"", b"[]", b"{", b"null", b"\xff\xfe", b'{"a":1,"a":1}', b'{"artifactHash":"' + b"A" * 2000 + b'"}'):
        answer = post(server, body, "application/json")
        assert answer.status_code == 400 and "[timestamp-malformed;" in answer.json()["message"], body[:20]


def test_refusals_in_der(server, tmp_path):
    """Each is a TimeStampResp that OpenSSL reads, beside the status."""
    good = query(tmp_path, "-sha256", "-no_nonce")
    cases = [(query(tmp_path, "-sha1"), "unrecognized or unsupported algorithm identifier"),
             (query(tmp_path, "-sha256", "-tspolicy", "2.999.2"), "the requested TSA policy is not supported by the TSA"),
             (good[:-1], "the data submitted has the wrong format"), (good + b"\0", "the data submitted has the wrong format"),
             (b"", "the data submitted has the wrong format"), (bytes(1000), "the data submitted has the wrong format"),
             (b"\x30\x84\xff\xff\xff\xff" + good, "the data submitted has the wrong format"),
             (b"\x30\x80" * 400, "the data submitted has the wrong format"),
             (good.replace(b"\x02\x01\x01", b"\x02\x01\x02", 1), "transaction not permitted or supported")]
    for body, why in cases:
        answer = post(server, body)
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, REPLY), body[:20]
        text = text_of(tmp_path, answer)
        assert "Status: Rejected." in text and why in text, (text, why)


def test_hostile_bytes_do_no_harm(server, tmp_path):
    good = query(tmp_path, "-sha256", "-cert")
    for i in range(len(good)):
        for mask in (0x01, 0x80):
            changed = bytearray(good)
            changed[i] ^= mask
            assert post(server, bytes(changed)).status_code in (201, 400)
    for size in (1, 7, 64, 1023, 1024, 1025, 60_000):
        for kind in (QUERY, "application/json"):
            assert post(server, os.urandom(size), kind).status_code == 400
    assert post(server, good).status_code == 201
    assert server.readyz()[0] == 200


def test_content_types_and_methods(server, tmp_path):
    body = query(tmp_path, "-sha256")
    for kind in ("Application/Timestamp-Query", "application/timestamp-query; charset=binary", "application/timestamp-query ;a=b"):
        assert post(server, body, kind).status_code == 201, kind
    for kind in (None, "", "text/plain", "application/timestamp-reply", "application/x-www-form-urlencoded",
                 "application/timestamp-query, application/json", "timestamp-query"):
        answer = post(server, body, kind)
        assert answer.status_code == 415 and "[no-timestamp-query;" in answer.json()["message"], kind
    url = server.public + "/api/v1/timestamp"
    for method in ("GET", "PUT", "DELETE"):
        answer = requests.request(method, url, data=body, headers={"Content-Type": QUERY}, timeout=house.TIMEOUT)
        assert answer.status_code == 405 and "POST" in answer.headers["Allow"]
    assert requests.post(url + "/certchain", timeout=house.TIMEOUT).status_code == 405


def test_without_tsa_there_is_nothing(private):
    server = private(lambda config: config.pop("tsa"))
    assert post(server, b"").status_code == 404
    assert requests.get(server.public + "/api/v1/timestamp/certchain", timeout=house.TIMEOUT).status_code == 404
    assert "timestamps" not in server.readyz()[1]
    assert not [event for event in server.events() if event["type"].startswith("timestamp")]


def test_each_stamp_is_entered(private, tmp_path):
    """Every stamp that was given is in a batch that is open or closed; after an orderly stop in a closed one."""
    server = private()
    body = query(tmp_path, "-sha256", "-no_nonce")
    imprint = "sha256:" + hashlib.sha256(DATA).hexdigest()
    serials = set()
    for _ in range(300):  # more than two batches
        serials.add(re.search(rb"\x02\x10(.{16})\x18\x0f20", post(server, body).content, re.S)[1].hex())
    assert len(serials) == 300
    assert post(server, b"no request").status_code == 400
    assert server.metric("chancery_timestamps_total", result="granted") == 300
    assert server.metric("chancery_timestamps_total", result="timestamp-malformed") == 1
    assert server.metric("chancery_timestamps_up") == 1
    assert server.metric("chancery_signatures_total", purpose="timestamp") == 300
    assert server.readyz()[1]["timestamps"] == {"up": True, "made": 300}

    def entered():
        found = [stamp for event in server.events() if event["type"] == "timestamps" for stamp in event["stamps"]]
        return found if len(found) >= 300 else None
    stamps = house.wait_for("300 stamps in the events log", entered)
    assert {stamp["serial"] for stamp in stamps} == serials and len(stamps) == 300
    assert all(stamp["imprint"] == imprint for stamp in stamps)
    # Batched: 128 in one event at the most, and not one for each.
    batches = [event for event in server.events() if event["type"] == "timestamps"]
    assert 3 <= len(batches) < 100 and all(len(event["stamps"]) <= 128 for event in batches)

    last = re.search(rb"\x02\x10(.{16})\x18\x0f20", post(server, body).content, re.S)[1].hex()
    assert server.stop() == 0, server.tail()
    server.start()
    events = server.events()
    opened, closed, told = set(), set(), set()
    for event in events:
        if event["type"] == "timestamps-opened":
            opened |= {batch["batch"] for batch in event["batches"]}
        if event["type"] == "timestamps":
            assert event["batch"] in opened
            closed.add(event["batch"])
            opened |= {event["opened"]["batch"]} if "opened" in event else set()
            told |= {stamp["serial"] for stamp in event["stamps"]}
    assert told == serials | {last}
    assert all(serial[:16] in closed for serial in told)
    assert len(opened - closed) == 2, "those of the run that goes on"


def test_the_whole_chain_in_a_token(private, tmp_path):
    server = private(lambda config: config["tsa"].update({"include-chain": True, "accuracy": "5s"}))
    answer = post(server, query(tmp_path, "-sha256", "-cert"))
    assert answer.status_code == 201
    assert verify(server, tmp_path, answer, "-queryfile", tmp_path / "query").returncode == 0
    assert "Accuracy: 0x05 seconds" in text_of(tmp_path, answer)
    openssl("ts", "-reply", "-in", tmp_path / "reply", "-token_out", "-out", tmp_path / "token")
    certificates = openssl("pkcs7", "-inform", "DER", "-in", tmp_path / "token", "-print_certs").stdout
    assert certificates.count("BEGIN CERTIFICATE") == 2


def test_a_lost_signer_and_its_return(private, tmp_path):
    server = private()
    body = query(tmp_path, "-sha256")
    assert post(server, body).status_code == 201
    for pid in [pid for (role, _), pid in server.signers().items() if role == "log"]:
        os.kill(pid, 9)
    house.wait_for("a stamp by the next signer", lambda: post(server, body).status_code == 201)


@pytest.mark.parametrize("setting,value,why", [
    ("chain", "chain.pem", "tsa.chain: "),
    ("chain", "none.pem", "tsa.chain: "),
    ("key", "file:log.key", "tsa.chain: the public key of the chain's first certificate is not that of tsa.key"),
    ("policy", "sigstore", "tsa.policy: wanted an object identifier"),
    ("polcy", "2.999.1", "tsa.polcy: unknown key"),
    ("accuracy", "2h", "tsa.accuracy: "),
], ids=["no-timestamp-chain", "no-chain", "other-key", "policy", "unknown", "accuracy"])
def test_a_wrong_setting_stops_the_start(new_state, setting, value, why):
    state = new_state()
    state.edit(lambda config: config["tsa"].update({setting: value}))
    done = house.run("serve", "--config", str(state.file))
    assert done.returncode == 1 and why in done.stderr
    if setting != "key":  # `config check` asks no signer
        assert house.run("config", "check", "--config", str(state.file)).returncode == 1


def test_settings_change_while_it_serves(private, tmp_path):
    """SIGHUP takes tsa away and brings it back; a wrong chain leaves the old one stamping."""
    server = private()
    kept = {}
    server.state.edit(lambda config: kept.update(config.pop("tsa")))
    server.reload()
    assert post(server, query(tmp_path, "-sha256")).status_code == 404
    server.state.edit(lambda config: config.update(tsa=kept))
    server.reload()
    assert post(server, query(tmp_path, "-sha256")).status_code == 201
    shutil.copy(server.state.directory / "chain.pem", server.state.directory / "other.pem")
    server.state.edit(lambda config: config["tsa"].update(chain="other.pem"))
    assert "tsa.chain: " in server.reload("configuration-refused")["reason"]
    assert post(server, query(tmp_path, "-sha256")).status_code == 201


def kernel_keeps_time():
    """What adjtimex(2) says, by other code than the server's: no TIME_ERROR and no STA_UNSYNC, an error of a second at most."""
    class Timex(ctypes.Structure):
        _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
                    ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
                    ("rest", ctypes.c_char * 512)]
    report = Timex()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(report))
    return 0 <= state < 5 and not report.status & 0x40 and report.maxerror <= 1_000_000


def test_the_kernels_word_on_its_clock(private, issuer, tmp_path):
    """Without `clock: trusted` stamps and certificates are made while the kernel's clock is kept, and else none is."""
    def change(config):
        config["tsa"].pop("clock")
        config["ca"]["clock"] = "kernel"
    kept = kernel_keeps_time()
    server = private(change, start=False).spawn()
    house.wait_for("an answer", server.readyz)
    answer = post(server, query(tmp_path, "-sha256"))
    token = issuer.token()
    signing = requests.post(server.public + "/api/v2/signingCert", headers=wire.bearer(token), timeout=house.TIMEOUT,
                            json=wire.key_request(wire.new_key(), wire.Client(server.public, issuer).subject("github")))
    status, ready = server.readyz()
    assert server.metric("chancery_ready") == server.metric("chancery_timestamps_up") == (1 if kept else 0)
    if kept:
        assert (answer.status_code, signing.status_code, status) == (201, 200, 200)
        return
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert "Failure info: the TSA's time source is not available" in text_of(tmp_path, answer)
    assert signing.status_code == 503 and "[time-not-available;" in signing.json()["message"]
    assert status == 503 and any(reason.startswith("clock: ") for reason in ready["reasons"])
    assert any(warning.startswith("timestamps: ") for warning in ready["warnings"]) and not ready["timestamps"]["up"]
    assert (ready["timestamps"]["made"], ready["certificates"]) == (0, 0)


def test_who_asks_too_often_is_limited(private, tmp_path):
    server = private(lambda config: config.update(limits={"per-address": {"rate": "1/h", "burst": 2, "exempt": []}}))
    body = query(tmp_path, "-sha256")
    assert [post(server, body).status_code for _ in range(2)] == [201, 201]
    answer = post(server, body)
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 60 and "[rate-limited;" in answer.json()["message"]
    assert server.metric("chancery_rate_limited_total") == 1
    assert server.metric("chancery_signatures_total", purpose="timestamp") == 2
