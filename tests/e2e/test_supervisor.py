"""Signers as a unit of their own: two processes, two users, one socket. Either end may die; neither knows the other's secrets."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest
import requests

import house
import wire
from supervisor import Supervisor, joined
from test_start import refused


@pytest.fixture
def supervised(private):
    """(server, supervisor) of one state, both running unless told otherwise."""
    running = []

    def make(start=True):
        server = private(start=False)
        joined(server.state)
        running.append(Supervisor(server.state).start())
        return (server.start() if start else server), running[-1]
    yield make
    for one in running:
        one.end()


def issue_again(client):
    """Until the server has its signers back nothing else than 503 is answered."""
    def asked():
        _, _, answer = client.ask()
        assert answer.status_code in (200, 503), answer.text
        return answer if answer.status_code == 200 else None
    return house.wait_for("a certificate", asked, 20)


def test_a_certificate_comes_of_two_processes_and_outlives_the_death_of_either_s_signers(supervised, issuer):
    server, supervisor = supervised()
    client = wire.Client(server.public, issuer)
    client.issue()
    assert server.signers() == {}, "the server started a signer itself"
    assert sorted(supervisor.signers().values()) == ["issuing", "issuing", "log"]
    for pid in supervisor.signers():
        os.kill(pid, signal.SIGKILL)
        issue_again(client)
    house.wait_for("three signers", lambda: sorted(supervisor.signers().values()) == ["issuing", "issuing", "log"])


def test_a_supervisor_that_is_killed_and_started_again_needs_no_restart_of_the_server(supervised, issuer):
    server, supervisor = supervised()
    client = wire.Client(server.public, issuer)
    client.issue()
    for end in (supervisor.kill, supervisor.stop):
        had = supervisor.signers()
        assert end() in (None, 0), supervisor.tail()
        for pid in had:
            house.wait_for("the end of its signers", lambda: not house.is_signer(pid, server.state.file))
        house.wait_for("the server to know", lambda: server.readyz()[0] == 503)
        _, _, answer = client.ask()
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
        supervisor.start()
        issue_again(client)
        house.wait_for("readiness", lambda: server.readyz()[0] == 200)
    assert server.process.poll() is None

    def lost_and_recovered():
        kinds = [event["type"] for event in server.events()]
        return kinds.count("hsm-lost") == kinds.count("hsm-recovered") >= 2
    house.wait_for("as many events of recovery as of loss", lost_and_recovered, every=0.2)


def test_a_server_that_ends_takes_its_signers_along_and_the_next_one_gets_its_own(supervised, issuer):
    server, supervisor = supervised()
    for end in (server.kill, server.stop):
        had = supervisor.signers()
        end()
        for pid in had:
            house.wait_for("the end of its signers", lambda: not house.is_signer(pid, server.state.file))
        server.start()
        wire.Client(server.public, issuer).issue()


def test_a_server_without_a_supervisor_says_what_to_start(new_state):
    state = new_state()
    joined(state)
    code, said = refused(state)
    assert code == 1 and "hsm.socket: " in said and "chancery-signer.service" in said, said


def test_a_supervisor_that_cannot_start_says_why(new_state):
    def said(change):
        state = new_state()
        joined(state)
        state.edit(change)
        done = house.run("signer", "--supervise", "--config", str(state.file))
        return done.returncode, done.stderr.splitlines()[-1]
    rows = [(lambda c: c.pop("hsm"), "hsm.socket: not set"),
            (lambda c: c["hsm"].update(front="no-such-user"), "hsm.front: no user 'no-such-user'"),
            (lambda c: c["hsm"].update(state="/nowhere"), "hsm.state: /nowhere: no directory"),
            (lambda c: c["hsm"].update(socket="/nowhere/socket"), "hsm.socket: /nowhere/socket: No such file"),
            (lambda c: c["ca"].update(key=c["ca"]["key"].replace("file:pin", "prompt:")), "the terminal: there is none")]
    for change, want in rows:
        code, text = said(change)
        assert code == 1 and want in text, text


def test_a_refused_pin_ends_the_server_alone_and_is_tried_again_once_it_is_another(supervised):
    server, supervisor = supervised(start=False)
    pin = server.state.directory / "pin"
    right = pin.read_text()
    pin.chmod(0o600)
    pin.write_text("12345678\n")
    pin.chmod(0o400)
    for _ in range(2):
        code, said = refused(server.state)
        assert code == 77 and "PIN" in said, (code, said)
    assert supervisor.process.poll() is None and supervisor.said("pin-refused"), supervisor.tail()
    pin.unlink()
    pin.touch(0o400)
    pin.write_text(right)
    server.start()


@pytest.fixture
def open_place():
    """A directory that every user reaches, which pytest's are not."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="chancery-users-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts processes of other users")
def test_the_server_s_user_reads_no_pin_and_no_key_and_no_other_user_gets_a_signer(template, open_place, issuer):
    """As config/systemd has it: two users that share a group. Everything secret is the signers' user's."""
    signers_user, front, stranger = 64001, 64002, 64003
    as_front = {"user": front, "group": front, "extra_groups": []}
    try:
        subprocess.run([str(house.PROGRAM), "--version"], check=True, capture_output=True, **as_front)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip(f"user {front} has no access to {house.PROGRAM}")
    state = house.State(template, open_place / "state")
    joined(state, front)
    for path in [state.directory, *state.directory.rglob("*")]:
        os.chown(path, signers_user, front)
    secrets = [state.directory / name for name in ("pin", "log.key", "log-note.key", "events-note.key")]
    for path in secrets:
        path.chmod(0o400)
    state.file.chmod(0o640)
    state.directory.chmod(0o750)
    (state.directory / "tokens").chmod(0o700)
    (state.directory / "signer").chmod(0o750)
    (state.directory / "state").mkdir(exist_ok=True)
    for path in [state.directory / "state", *(state.directory / "state").rglob("*")]:
        os.chown(path, front, front)
    supervisor, server = Supervisor(state, user=signers_user, group=front, extra_groups=[]), house.Chancery(state)
    try:
        supervisor.start()
        server.spawn(**as_front)
        house.wait_for("readiness", server.is_ready, every=0.01)
        wire.Client(server.public, issuer).issue()
        assert {pathlib.Path(f"/proc/{pid}").stat().st_uid for pid in supervisor.signers()} <= {0, signers_user}
        for path in [*secrets, state.directory / "tokens"]:
            done = subprocess.run(["ls" if path.is_dir() else "cat", str(path)], capture_output=True, **as_front)
            assert done.returncode != 0 and b"Permission denied" in done.stderr, path
        # Of the group of the socket, and still not the front; and root.
        for user in (stranger, 0):
            ask = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(s.recv(999))"
            done = subprocess.run(["/usr/bin/python3", "-c", ask, str(state.directory / "signer" / "socket")], user=user,
                                  group=front, extra_groups=[], capture_output=True, text=True)
            assert f"user {user} is not hsm.front" in done.stdout, done.stdout + done.stderr
        assert supervisor.said("peer-refused")[0]["uid"] == str(stranger)
        assert server.stop() == 0, server.tail()
        assert supervisor.stop() == 0, supervisor.tail()
    finally:
        server.end()
        supervisor.end()


def test_readiness_is_the_server_s_and_names_the_socket(supervised):
    server, supervisor = supervised()
    supervisor.kill()
    body = house.wait_for("the server to know", lambda: (lambda code, body: code == 503 and body)(*server.readyz()))
    assert "hsm.socket" in str(body) or "signer" in str(body), body
    assert requests.get(server.public + "/healthz", timeout=house.TIMEOUT).status_code == 200
