"""A start that cannot work is refused, with the key and the reason; one that can is quick, and SIGTERM ends it well."""
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import requests
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

import foreign_chain
import house
import make_state
import wire

SPY = "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so"


def refused(state, seconds=20):
    """What `serve` says when it does not start, and its exit code."""
    done = subprocess.run([str(house.PROGRAM), "serve", "--config", str(state.file)], capture_output=True, text=True,
                          timeout=seconds * house.PATIENCE, stdin=subprocess.DEVNULL)
    said = [line for line in done.stderr.splitlines() if line.startswith("chancery: ")]
    return done.returncode, said[-1] if said else done.stderr


def set_key(*path, value):
    def change(state):
        def edit(document):
            for name in path[:-1]:
                document = document[name]
            document[path[-1]] = value
        state.edit(edit)
    return change


def swap_chain(state):
    pem = (state.directory / "chain.pem").read_text()
    first, rest = pem.split("-----END CERTIFICATE-----\n", 1)
    (state.directory / "chain.pem").write_text(rest + first + "-----END CERTIFICATE-----\n")


def write(name, text):
    return lambda state: (state.directory / name).write_text(text)


def replace_file(state, name, data):
    path = state.directory / name
    path.unlink()
    path.touch(0o400)
    path.write_bytes(data)


def chain_of_another_key(state):
    foreign_chain.make_chain(state.directory, ec.generate_private_key(ec.SECP256R1()).public_key())


def key_uri(old, new):
    return lambda state: state.edit(lambda c: c["ca"].update(key=c["ca"]["key"].replace(old, new)))


# what is done to a good state: what the message must say
REFUSED = {
    "unknown key": (set_key("ca", "session", value=4), ["ca.session"]),
    "unknown section": (set_key("logs", value={}), ["logs"]),
    "wrong type": (set_key("ca", "sessions", value="many"), ["ca.sessions"]),
    "lifetime too long": (set_key("ca", "lifetime", value="25h"), ["ca.lifetime"]),
    "duration without unit": (set_key("ca", "lifetime", value=600), ["ca.lifetime"]),
    "two logs of one name": (set_key("log", "events", "origin", value="chancery.demo/certificates"), ["log.events.origin"]),
    "issuing key in a file": (set_key("ca", "key", value="file:log.key"), ["ca.key"]),
    "PIN in the configuration": (key_uri("pin-source=file:pin", "pin-value=1234"), ["ca.key", "pin"]),
    "host name to listen on": (set_key("listen", "public", value="localhost:1"), ["listen.public"]),
    "chain upside down": (swap_chain, ["ca.chain"]),
    "chain without its root": (lambda s: write("chain.pem", (s.directory / "chain.pem").read_text().split(
        "-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n")(s), ["ca.chain"]),
    "chain is not PEM": (write("chain.pem", "hello"), ["ca.chain"]),
    "chain missing": (lambda s: (s.directory / "chain.pem").unlink(), ["ca.chain", "chain.pem"]),
    "chain of another key": (chain_of_another_key, ["ca.chain", "public key"]),
    "token missing": (key_uri("token=chancery", "token=nowhere"), ["ca.key", "nowhere"]),
    "key missing": (key_uri("object=ca", "object=other"), ["ca.key", "other"]),
    "module missing": (key_uri("libsofthsm2.so", "libnothing.so"), ["ca.key", "libnothing.so"]),
    "PIN file missing": (lambda s: (s.directory / "pin").unlink(), ["ca.key", "pin"]),
    "log key missing": (lambda s: (s.directory / "log.key").unlink(), ["log.certificates.key", "log.key"]),
    "log key of another kind": (lambda s: replace_file(s, "log.key", make_state.pem(ec.generate_private_key(
        ec.SECP384R1()))), ["log.certificates.key"]),
    "note key missing": (lambda s: (s.directory / "log-note.key").unlink(), ["log.certificates.note-key", "log-note.key"]),
    "policy missing": (lambda s: (s.directory / "policy.yaml").unlink(), ["policy"]),
    "policy with unknown key": (write("policy.yaml", "version: 1\nissuers: {}\nrules: []\n"), ["policy", "rules"]),
    "policy is not YAML": (write("policy.yaml", "version: [1\n"), ["policy"]),
    "issuers empty": (write("issuers.yaml", "oidc-issuers: {}\n"), ["issuers"]),
    "issuers missing": (lambda s: (s.directory / "issuers.yaml").unlink(), ["issuers"]),
}


def test_refused_starts_name_the_key_and_the_reason(new_state, row):
    for name, (change, wanted) in REFUSED.items():
        state = new_state()
        change(state)
        with row(name):
            code, said = refused(state)
            assert code == 1, (code, said)
            assert all(word in said for word in wanted), said
            assert not (state.directory / "state").exists() or not any(
                p.name.startswith("chancery.db") for p in (state.directory / "state").iterdir()), "a log was begun"


def test_a_wrong_pin_is_tried_once(new_state):
    """Three failures would lock a real token. OpenSC's spy counts what the module is asked."""
    state = new_state()
    spy = state.directory / "spy.log"
    state.edit(lambda c: c["ca"].update(
        key=c["ca"]["key"].replace("/usr/lib/softhsm/libsofthsm2.so", SPY),
        **{"module-env": {"SOFTHSM2_CONF": "softhsm2.conf", "PKCS11SPY": "/usr/lib/softhsm/libsofthsm2.so",
                          "PKCS11SPY_OUTPUT": str(spy)}}))
    good = (state.directory / "pin").read_bytes()
    replace_file(state, "pin", b"00000000\n")
    code, said = refused(state)
    assert code == 77 and "PIN" in said, (code, said)
    assert "00000000" not in said
    assert spy.read_text().count(": C_Login") == 1
    # The same state serves when the file holds the right one.
    replace_file(state, "pin", good)
    server = house.Chancery(state)
    try:
        server.start()
        assert server.stop() == 0
    finally:
        server.end()


def test_another_log_key_than_the_state_was_made_with(private):
    server = private()
    server.stop()
    for name, data, wanted in [
            ("log.key", make_state.pem(ec.generate_private_key(ec.SECP256R1())), "log.certificates.key"),
            ("log-note.key", make_state.pem(ed25519.Ed25519PrivateKey.generate()), "log.certificates.note-key"),
            ("events-note.key", make_state.pem(ed25519.Ed25519PrivateKey.generate()), "log.events.note-key")]:
        path = server.state.directory / name
        old = path.read_bytes()
        replace_file(server.state, name, data)
        code, said = refused(server.state)
        assert code == 1 and wanted in said, said
        replace_file(server.state, name, old)
    origin = server.state.config["log"]["certificates"]["origin"]
    set_key("log", "certificates", "origin", value="chancery.demo/other")(server.state)
    code, said = refused(server.state)
    assert code == 1 and "log.certificates.origin" in said, said
    set_key("log", "certificates", "origin", value=origin)(server.state)
    server.start()


def test_a_port_in_use(new_state, row):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for which in ("public", "log", "internal"):
            state = new_state()
            set_key("listen", which, value=f"127.0.0.1:{taken.getsockname()[1]}")(state)
            with row(which):
                code, said = refused(state)
                assert code == 1 and "listen." + which in said and str(taken.getsockname()[1]) in said, said


def test_a_second_server_on_one_state(private, new_state, issuer):
    first = private()
    second = new_state()
    second.edit(lambda c: c.update(state=str(first.state.directory / "state")))
    for name in ("pin", "softhsm2.conf", "log.key", "log-note.key", "events-note.key", "chain.pem"):
        (second.directory / name).unlink()
        shutil.copy(first.state.directory / name, second.directory / name)
    code, said = refused(second)
    assert code == 1 and "another process" in said, said
    wire.Client(first.public, issuer).issue()


def test_time_from_start_to_first_certificate(new_state, issuer, capsys):
    times = []
    for _ in range(3):
        server = house.Chancery(new_state())
        client = wire.Client(server.public, issuer)
        token, key = issuer.token(), wire.new_key()
        body = wire.key_request(key, client.subject("github"))
        try:
            begun = time.monotonic()
            server.spawn()

            def first():
                return client.post(token=token, body=body).status_code == 200
            house.wait_for("the first certificate", first, every=0.005)
            times.append(time.monotonic() - begun)
        finally:
            server.end()
    with capsys.disabled():
        print(f"\nstart to first certificate: {', '.join(f'{1000 * t:.0f} ms' for t in times)}")
    # One second of a machine that is not busy with something else.
    crowd = max(1.0, os.getloadavg()[0] / os.cpu_count())
    assert min(times) < 1.0 * crowd * house.PATIENCE


def test_sigterm_answers_what_was_begun(private, issuer):
    server = private()
    begun, done, cut = [], [], []
    stop = threading.Event()

    def work():
        client = wire.Client(server.public, issuer)
        while not stop.is_set():
            begun.append(1)
            try:
                done.append(client.ask()[2].status_code)
            except requests.ConnectionError as error:
                # Refused, or closed before a request was read on a kept connection, is no answer lost.
                if "IncompleteRead" in repr(error) or "BadStatusLine" in repr(error):
                    cut.append(repr(error))
                return
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    house.wait_for("requests under way", lambda: len(done) > 30)
    code = server.stop()
    stop.set()
    for thread in threads:
        thread.join(20)
    assert code == 0, server.tail()
    assert set(done) == {200} and not cut
    assert len(begun) - len(done) <= len(threads)
    assert server.journal()[-1]["event"] == "stopped"
    # What was answered is there after the next start, and so is the end of the first run.
    server.start()
    assert server.readyz()[1]["certificates"] >= len(done)
    assert "stopped" in [event["type"] for event in server.events()]


def test_signers_end_with_their_server(private):
    server = private()
    signers = server.signers()
    assert sorted(role for role, _ in signers) == ["issuing", "issuing", "log"]
    server.kill()
    house.wait_for("the signers to end", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in signers.values()), 5)


def test_the_network_side_never_reads_the_pin(private):
    """The PIN is in no environment and on no command line, and the server has neither its file nor a module open."""
    server = private()
    pin = (server.state.directory / "pin").read_bytes().strip()
    for pid in [server.process.pid, *server.signers().values()]:
        for name in ("environ", "cmdline"):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                assert pin not in file.read()
    with open(f"/proc/{server.process.pid}/maps") as file:
        assert "softhsm" not in file.read()


def test_sigint_ends_it_too(private):
    server = private()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(15 * house.PATIENCE) == 0
