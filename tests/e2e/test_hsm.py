"""`chancery hsm list | generate | doctor | bench`, and what the events log says of keys: on SoftHSM, and on a module that misbehaves."""
import contextlib
import json
import os
import re
import secrets
import signal
import subprocess

import pytest
import requests

import house
import wire
from load import Load

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
FAULTY = house.BUILD / "tests" / "hsm" / "libfaulty_module.so"
STEPS = ["uri", "module", "slot", "token", "pin", "login", "key", "attributes", "mechanism", "signature", "chain"]


def pkcs11_tool(state, *arguments):
    pin = (state.directory / "pin").read_text().strip()
    done = subprocess.run(["pkcs11-tool", "--module", SOFTHSM, "--token-label", "chancery", "--login", "--pin", pin, *arguments],
                          env=dict(os.environ, SOFTHSM2_CONF=str(state.directory / "softhsm2.conf")), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def make_key(state, label, number, *options):
    """As the rules want it, or with pkcs11-tool's options, which cannot deny decryption."""
    if options:
        return pkcs11_tool(state, "--keypairgen", "--label", label, "--id", number, "--sensitive", "--usage-sign", *options)
    uri = f"pkcs11:token=chancery;object={label};id=%{number}?module-path={SOFTHSM}&pin-source=file:{state.directory / 'pin'}"
    return subprocess.run([str(house.PROGRAM), "hsm", "generate", "--uri", uri], capture_output=True, text=True,
                          env=dict(os.environ, SOFTHSM2_CONF=str(state.directory / "softhsm2.conf")))


def use_faulty(state):
    """The token through tests/support/faulty_module.cc; returns the directory of its faults."""
    faults = state.directory / "faults"
    faults.mkdir()

    def change(config):
        config["ca"]["key"] = config["ca"]["key"].replace(SOFTHSM, str(FAULTY))
        config["ca"]["module-env"]["FAULTY_DIR"] = str(faults)
    state.edit(change)
    return faults


def set_key(state, **parts):
    def change(config):
        for old, new in parts.items():
            config["ca"]["key"] = re.sub(rf"{old.replace('_', '-')}=[^;&?]*", f"{old.replace('_', '-')}={new}", config["ca"]["key"])
    state.edit(change)


def write_pin(state, pin):
    file = state.directory / "pin"
    file.chmod(0o600)
    file.write_text(pin)
    file.chmod(0o400)


def doctor(state):
    done = house.run("hsm", "doctor", "--config", str(state.file), "--format", "json")
    report = json.loads(done.stdout)
    return done.returncode, report, report["keys"][0]


def test_doctor_walks_every_step(private):
    state = private(start=False).state
    code, report, key = doctor(state)
    assert code == 0 and report["healthy"] and key["setting"] == "ca.key" and key["healthy"]
    assert [s["step"] for s in key["steps"]] == STEPS and all(s["passed"] for s in key["steps"])
    assert key["key"]["attributes"]["CKA_NEVER_EXTRACTABLE"] is True and key["key"]["waived"] == []
    text = house.run("hsm", "doctor", "--config", str(state.file))
    assert text.returncode == 0 and text.stdout.count("  ok  ") == len(STEPS)
    pin = (state.directory / "pin").read_text().strip()
    assert pin not in text.stdout + text.stderr + json.dumps(report)


# name: (what is done to the state, the step that fails, the reason, the remedy, exit code)
def wrong_pin(state):
    write_pin(state, "wrong-" + secrets.token_hex(4))


def locked(state):
    (use_faulty(state) / "token-flags").write_text("0x40000")


def final_try(state):
    (use_faulty(state) / "token-flags").write_text("0x20000")


def other_architecture(state):
    # A 32-bit ELF header for another machine, as a module copied from the wrong package begins.
    module = state.directory / "module.so"
    module.write_bytes(b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x03\x00\x28\x00\x01\x00\x00\x00" + bytes(64))
    set_key(state, module_path=str(module))


def no_module(state):
    (state.directory / "text.so").write_text("not a library\n" * 100)
    set_key(state, module_path=str(state.directory / "text.so"))


def rsa_key(state):
    make_key(state, "rsa", "0a", "--key-type", "RSA:2048")
    set_key(state, object="rsa")


def two_keys(state):
    make_key(state, "ca", "0b", "--key-type", "EC:prime256v1")


def other_chain(state):
    assert make_key(state, "other", "0c").returncode == 0
    set_key(state, object="other")


def open_pin(state):
    (state.directory / "pin").chmod(0o444)


def extractable(state):
    make_key(state, "loose", "0d", "--key-type", "EC:prime256v1", "--extractable")
    set_key(state, object="loose")


BAD = {
    "wrong PIN": (wrong_pin, "login", "CKR_PIN_INCORRECT", "write the right PIN", 77),
    "locked token": (locked, "pin", "its PIN is locked", "security officer", 1),
    "one try left": (final_try, "pin", "one try of the PIN is left", "log in once by hand", 1),
    "PIN file for all": (open_pin, "pin", "open to group or others", "", 1),
    "no PIN file": (lambda s: set_key(s, pin_source="file:absent"), "pin", "No such file", "", 1),
    "missing module": (lambda s: set_key(s, module_path="/nonexistent.so"), "module", "cannot open shared object", "correct module-path", 1),
    "another architecture": (other_architecture, "module", "wrong ELF class", "for this machine", 1),
    "no library at all": (no_module, "module", "invalid ELF header", "correct module-path", 1),
    "no PKCS#11 module": (lambda s: set_key(s, module_path="libc.so.6"), "module", "cannot open", "correct module-path", 1),
    "another token": (lambda s: set_key(s, token="absent"), "token", "there are: chancery (", "correct token=", 1),
    "no such key": (lambda s: set_key(s, object="absent"), "key", "no private key", "chancery hsm list", 1),
    "key of another type": (rsa_key, "key", "CKK_RSA", "ECDSA P-256", 1),
    "two keys of one label": (two_keys, "key", "more than one private key", "add id=", 1),
    "extractable key": (extractable, "attributes", "CKA_EXTRACTABLE true", "waive-key-attributes", 1),
    "another key's chain": (other_chain, "chain", "is not that of ca.key", "issuing CA's certificate first", 1),
}


@pytest.mark.parametrize("name", BAD)
def test_doctor_and_serve_say_what_is_wrong(private, name):
    spoil, step, reason, remedy, exit_code = BAD[name]
    server = private(start=False)
    state = server.state
    right = (state.directory / "pin").read_text().strip()
    spoil(state)
    pins = {right, (state.directory / "pin").read_text().strip()}
    served = house.run("serve", "--config", str(state.file))
    code, report, key = doctor(state)
    text = house.run("hsm", "doctor", "--config", str(state.file))
    assert code == text.returncode == exit_code and served.returncode == exit_code
    *passed, failed = key["steps"]
    assert all(s["passed"] for s in passed) and not failed["passed"] and failed["step"] == step
    # After `serve` was refused, the same PIN is not given to the token again.
    if name != "wrong PIN":
        assert reason in failed["text"]
    assert remedy in failed.get("remedy", "")
    assert "FAIL" in text.stdout and failed["text"] in text.stdout
    assert reason in served.stderr and remedy in served.stderr and "ca." in served.stderr
    for output in (served.stderr, served.stdout, text.stdout, text.stderr, json.dumps(report)):
        assert not any(pin in output for pin in pins), "a PIN in an output"


def test_a_wrong_pin_is_given_once_by_serve_and_doctor_together(private):
    state = private(start=False).state
    faults = use_faulty(state)
    right = (state.directory / "pin").read_text()
    wrong_pin(state)
    for _ in range(2):
        assert house.run("serve", "--config", str(state.file)).returncode == 77
        assert doctor(state)[0] == 77
    assert (faults / "calls").read_text().split().count("C_Login") == 1
    write_pin(state, right)
    assert doctor(state)[0] == 0


def test_list(private):
    state = private(start=False).state
    closed = json.loads(house.run("hsm", "list", "--config", str(state.file), "--format", "json").stdout)
    token, = [t for t in closed["tokens"] if t["label"] == "chancery"]
    assert token["pin"] == "ok" and "CKM_ECDSA" in token["signs_with"] and {k["class"] for k in token["keys"]} == {"public"}
    opened = json.loads(house.run("hsm", "list", "--config", str(state.file), "--login", "--format", "json").stdout)
    token, = [t for t in opened["tokens"] if t["label"] == "chancery"]
    private_key, = [k for k in token["keys"] if k["class"] == "private"]
    assert private_key["label"] == "ca" and private_key["id"] == "01" and private_key["type"] == "EC P-256"
    assert private_key["attributes"]["CKA_SENSITIVE"] is True and private_key["attributes"]["CKA_EXTRACTABLE"] is False
    # The URI that it prints is one that the configuration takes.
    uri = f"{private_key['uri']}?module-path={SOFTHSM}&pin-source=file:pin"
    state.edit(lambda c: c["ca"].update(key=uri))
    assert doctor(state)[0] == 0
    text = house.run("hsm", "list", "--config", str(state.file), "--login")
    assert text.returncode == 0 and "CKA_NEVER_EXTRACTABLE" in text.stdout and private_key["uri"] in text.stdout
    assert (state.directory / "pin").read_text().strip() not in text.stdout + text.stderr + json.dumps(opened)
    for arguments in ([], ["--config", str(state.file), "--module", SOFTHSM], ["--module", SOFTHSM, "--login"]):
        assert house.run("hsm", "list", *arguments).returncode == 2
    assert "cannot be loaded" not in house.run("hsm", "list", "--module", "/etc/passwd").stderr
    assert house.run("hsm", "list", "--module", "/etc/passwd").returncode == 1


def test_generate_makes_a_key_that_keeps_the_rules_and_replaces_none(private):
    state = private(start=False).state
    made = make_key(state, "fresh", "07")
    report = json.loads(made.stdout)
    assert made.returncode == 0 and report["object"] == "fresh" and report["id"] == "07" and report["waived"] == []
    assert {n: v for n, v in report["attributes"].items() if v} == dict.fromkeys(
        ("CKA_SENSITIVE", "CKA_ALWAYS_SENSITIVE", "CKA_NEVER_EXTRACTABLE", "CKA_LOCAL", "CKA_SIGN", "CKA_TOKEN", "CKA_PRIVATE",
         "CKA_MODIFIABLE"), True)
    for label, number in (("fresh", "08"), ("other", "07")):
        again = make_key(state, label, number)
        assert again.returncode == 1 and "nothing was changed" in again.stderr
    # By the configuration's own URI; the key that is there stays.
    assert "nothing was changed" in house.run("hsm", "generate", "--config", str(state.file)).stderr
    state.edit(lambda c: c["ca"].update(key=c["ca"]["key"].replace("object=ca", "object=next")))
    named = house.run("hsm", "generate", "--config", str(state.file))
    assert named.returncode == 0 and len(json.loads(named.stdout)["id"]) == 16
    assert doctor(state)[2]["steps"][-1]["step"] == "chain"
    for arguments in ([], ["--config", str(state.file), "--uri", "pkcs11:"], ["--uri", "pkcs11:", "--key", "ca.key"]):
        assert house.run("hsm", "generate", *arguments).returncode == 2


@pytest.mark.parametrize("latency", [20, 73])
def test_bench_shows_that_sessions_add_up_on_a_slow_device(private, latency):
    state = private(start=False).state
    (use_faulty(state) / "latency").write_text(str(latency))
    done = house.run("hsm", "bench", "--config", str(state.file), "--sessions", "1,4", "--seconds", "2", "--format", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    one, four = report["rows"]
    assert (one["sessions"], four["sessions"]) == (1, 4) and one["failures"] == four["failures"] == 0
    # With k sessions on a device of latency L the rate approaches k/L: 50 and 200 a second for 20 ms.
    for row in (one, four):
        limit = row["sessions"] * 1000 / latency
        assert limit * 0.7 / house.PATIENCE < row["per_second"] < limit * 1.05
    assert latency <= one["p50_ms"] <= one["p99_ms"] < latency + 40 * house.PATIENCE
    assert report["suggested_sessions"] == 4
    assert report["signatures_per_certificate"] == 2
    for seconds, sessions in (("0", "1"), ("2", "0"), ("2", "65"), ("2", "x")):
        assert house.run("hsm", "bench", "--config", str(state.file), "--sessions", sessions, "--seconds", seconds).returncode == 2


def test_help_has_examples():
    for command in ("list", "tokens", "drain", "undrain", "generate", "doctor", "bench"):
        done = house.run("hsm", command, "--help")
        assert done.returncode == 0 and f"chancery hsm {command} " in done.stdout


def test_attributes_of_keys_are_entered_at_each_start(private, issuer):
    server = private(start=False)
    faults = use_faulty(server.state)
    server.start()
    wire.Client(server.public, issuer).issue()
    events = server.events()
    read, = [e for e in events if e["type"] == "key-attributes-read"]
    assert read["key"] == "ca.key" and read["object"] == "ca" and read["token_serial"] and read["waived"] == []
    assert read["attributes"]["CKA_LOCAL"] is True and read["attributes"]["CKA_EXTRACTABLE"] is False
    assert not any(e["type"] == "key-attributes-waived" for e in events)
    server.stop()
    # The module now says that the key was imported: refused, then waived, which is entered.
    (faults / "attributes").write_text("0x163 0")
    refused = house.run("serve", "--config", str(server.state.file))
    assert refused.returncode == 1 and "CKA_LOCAL false" in refused.stderr
    server.state.edit(lambda c: c["ca"].update({"waive-key-attributes": ["CKA_LOCAL"]}))
    server.start()
    events = server.events()
    reads = [e for e in events if e["type"] == "key-attributes-read"]
    assert len(reads) == 2 and reads[1]["attributes"]["CKA_LOCAL"] is False and reads[1]["waived"] == ["CKA_LOCAL"]
    waived, = [e for e in events if e["type"] == "key-attributes-waived"]
    assert waived["key"] == "ca.key" and waived["waived"] == ["CKA_LOCAL"]


def test_a_device_that_stays_away_is_one_event_and_503(private, issuer):
    """The circuit breaker: turned away at once, told when to come again, and entered once, not once a request."""
    server = private(start=False)
    faults = use_faulty(server.state)
    server.start()
    client = wire.Client(server.public, issuer)
    client.issue()
    (faults / "C_Sign").write_text("0x30")
    house.wait_for("the breaker", lambda: client.ask()[2].status_code == 503 and server.readyz()[0] == 503)
    for _ in range(30):
        answer = client.ask()[2]
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
        assert answer.elapsed.total_seconds() < 1 * house.PATIENCE
    assert any("CKR_DEVICE_ERROR" in reason for reason in server.readyz()[1]["reasons"])
    (faults / "C_Sign").unlink()
    house.wait_for("recovery", lambda: server.readyz()[0] == 200, 15)
    client.issue()
    lost, recovered = house.wait_for(
        "both events", lambda: (lambda found: found if len(found) >= 2 else None)(
            [e for e in server.events() if e["type"].startswith("hsm-")]))
    assert lost["type"] == "hsm-lost" and lost["role"] == "issuing" and "CKR_DEVICE_ERROR" in lost["reason"]
    assert recovered["type"] == "hsm-recovered" and recovered["down_ms"] > 0


def test_under_load_no_client_sees_sessions_lost_or_a_signer_killed(private, issuer):
    server = private(start=False)
    faults = use_faulty(server.state)
    server.start()
    with Load(server, issuer) as load:
        def more(count):
            had = len(load.of(200))
            house.wait_for("certificates", lambda: len(load.of(200)) > had + count)
        more(20)
        for i in range(5):
            (faults / "drop-sessions").write_text(str(i + 1))  # of all signers
            more(20)
            os.kill(server.signers()["issuing", 0], signal.SIGKILL)
            more(20)
    assert {a.status for a in load.asked} == {200}
    assert max(a.seconds for a in load.asked) < 1 * house.PATIENCE
    assert server.metric("chancery_hsm_sessions_reopened_total") >= 5 and server.metric("chancery_hsm_recoveries_total") >= 5
    # Signers that were lost with what they had signed are no excess of signatures.
    assert server.metric("chancery_signatures_total", purpose="certificate") >= len(load.of(200))
    assert server.metric("chancery_signature_excess") == 0 and server.readyz()[1]["warnings"] == []
    assert not [e for e in server.events() if e["type"] == "signature-excess"]


def test_lost_sessions_cost_no_client_anything(private, issuer):
    server = private(start=False)
    faults = use_faulty(server.state)
    server.start()
    client = wire.Client(server.public, issuer)
    for fault in ("drop-sessions", "log-out"):
        for i in range(5):
            (faults / fault).write_text(str(i + 1))
            client.issue()
    # A session that is lost again while it is being opened costs its signer: that is replaced, as unseen.
    reopened = server.metric("chancery_hsm_sessions_reopened_total")
    assert reopened >= 5 and reopened + server.metric("chancery_hsm_recoveries_total") >= 10
    assert not [e for e in server.events() if e["type"] == "hsm-lost"]


def memory_holds(pid, secret):
    """Whether any readable page of a process holds these octets."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            begin, end = (int(part, 16) for part in span.split("-"))
            if not mode.startswith("rw") or end - begin > 1 << 28:  # a sanitizer's shadow is terabytes
                continue
            with contextlib.suppress(OSError, ValueError):  # a page that cannot be read, vvar and its like
                memory.seek(begin)
                if secret in memory.read(end - begin):
                    return True
    return False


def test_the_pin_is_nowhere_but_in_its_file(private, issuer):
    """Not in the state directory, the operator's log, what the server answers, nor in the memory of any of its processes."""
    server = private()
    wire.Client(server.public, issuer).issue()
    right = (server.state.directory / "pin").read_text().strip()
    told = json.dumps(server.events()) + json.dumps(server.readyz())
    told += requests.get(server.internal + "/metrics", timeout=house.TIMEOUT).text
    signers = list(server.signers().values())
    # The search finds what is there: the path of the configuration is on every command line.
    assert memory_holds(server.process.pid, str(server.state.file).encode())
    assert not memory_holds(server.process.pid, right.encode())
    if os.geteuid() == 0:  # nobody else may look into a process that is not dumpable
        assert memory_holds(signers[0], str(server.state.file).encode())
        assert not any(memory_holds(pid, right.encode()) for pid in signers)
    else:
        with pytest.raises(PermissionError):
            memory_holds(signers[0], right.encode())
    server.stop()
    wrong_pin(server.state)
    wrong = (server.state.directory / "pin").read_text().strip()
    refused = house.run("serve", "--config", str(server.state.file))
    told += refused.stdout + refused.stderr
    for pin in (right, wrong):
        assert pin not in told
        for file in server.state.directory.rglob("*"):
            assert not file.is_file() or file.name == "pin" or pin.encode() not in file.read_bytes(), file
