"""Where a PIN may come from: a command, a credential of systemd, a person at the terminal. It is in none of the server's
outputs, files, processes or command lines, a wrong one is given to the token once, and a killed signer comes back without asking."""
import contextlib
import fcntl
import os
import re
import select
import signal
import subprocess
import termios

import pytest

import house
import wire
from test_hsm import memory_holds, use_faulty


def use_source(state, source):
    state.edit(lambda c: c["ca"].update(key=re.sub(r"pin-source=[^&]*", lambda _: f"pin-source={source}", c["ca"]["key"])))


def take_pin(state):
    """The token's PIN, whose file is gone from now on."""
    file = state.directory / "pin"
    pin = file.read_text().strip()
    file.unlink()
    return pin


class Command:
    """A program that prints what a file outside the state directory holds, and says more where nobody should see it."""

    def __init__(self, state, elsewhere):
        self.secret, program = elsewhere / "secret", elsewhere / "get pin"
        program.write_text(f"#!/bin/sh\ncat '{self.secret}' >&2\ncat '{self.secret}'\n")
        program.chmod(0o700)
        use_source(state, f"%7c{program}".replace(" ", "%20"))
        # A space separates words, so a program of such a name cannot be meant.
        assert house.run("serve", "--config", str(state.file)).returncode == 1
        program = program.rename(elsewhere / "get-pin")
        use_source(state, f"|{program}")

    def set(self, pin):
        self.secret.write_text(pin + "\n")

    def start(self, server):
        return server.start()

    def run(self, state):
        return house.run("serve", "--config", str(state.file))


class Credential:
    def __init__(self, state, elsewhere):
        self.directory, self.starts = elsewhere, 0
        use_source(state, "credential:ca.pin")

    def set(self, pin):
        self.pin = pin

    @contextlib.contextmanager
    def environment(self):
        """Another directory, and so another file, at each start: as systemd does it."""
        self.starts += 1
        directory = self.directory / f"credentials-{self.starts}"
        directory.mkdir()
        (directory / "ca.pin").write_text(self.pin)
        (directory / "ca.pin").chmod(0o400)
        os.environ["CREDENTIALS_DIRECTORY"] = str(directory)
        try:
            yield
        finally:
            del os.environ["CREDENTIALS_DIRECTORY"]

    def start(self, server):
        with self.environment():
            return server.start()

    def run(self, state):
        with self.environment():
            return house.run("serve", "--config", str(state.file))


class Terminal:
    """A pseudo-terminal that becomes the controlling one of a server, and what is typed there."""

    def __init__(self, state, elsewhere):
        self.shown, self.main, self.theirs = "", None, None
        use_source(state, "prompt:")

    def set(self, pin):
        self.pin = pin

    def attach(self):
        self.main, self.theirs = os.openpty()

        def take():
            os.setsid()
            fcntl.ioctl(self.theirs, termios.TIOCSCTTY, 0)
        return {"preexec_fn": take, "pass_fds": [self.theirs]}

    def type(self, keys):
        """Once it is asked for, and no longer echoed."""
        shown = b""
        while not shown.endswith(b": "):
            assert select.select([self.main], [], [], 3 * house.TIMEOUT)[0], f"nobody asked; shown: {shown!r}"
            shown += os.read(self.main, 1024)
        house.wait_for("no echo", lambda: not termios.tcgetattr(self.theirs)[3] & termios.ECHO)
        os.write(self.main, keys.encode())
        house.wait_for("the echo again", lambda: termios.tcgetattr(self.theirs)[3] & termios.ECHO)
        while select.select([self.main], [], [], 0)[0]:
            shown += os.read(self.main, 1024)
        self.shown += shown.decode()

    def start(self, server):
        server.spawn(**self.attach())
        # What is corrected and wiped does not count.
        self.type("wrong\x15" + self.pin[:2] + "x\x7f" + self.pin[2:] + "\r")
        house.wait_for("readiness", server.is_ready)
        return server

    def run(self, state):
        process = subprocess.Popen([str(house.PROGRAM), "serve", "--config", str(state.file)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **self.attach())
        self.type(self.pin + "\r")
        out, err = process.communicate(timeout=3 * house.TIMEOUT)
        return subprocess.CompletedProcess([], process.returncode, out, err)


def everything_about(pid):
    """The command line and the environment of a process."""
    with open(f"/proc/{pid}/cmdline") as words, open(f"/proc/{pid}/environ") as environment:
        return words.read() + environment.read()


@pytest.mark.parametrize("kind", [Command, Credential, Terminal])
def test_the_pin_comes_from_elsewhere(private, issuer, tmp_path_factory, kind):
    server = private(start=False)
    state = server.state
    faults = use_faulty(state)
    source = kind(state, tmp_path_factory.mktemp("elsewhere"))
    right, wrong = take_pin(state), "wrong-4711"

    # A wrong one is tried once, however often the server is started with it.
    source.set(wrong)
    said = ""
    for _ in range(3):
        refused = source.run(state)
        said += refused.stdout + refused.stderr
        assert refused.returncode == 77, said
    assert (faults / "calls").read_text().split().count("C_Login") == 1

    source.set(right)
    source.start(server)
    client = wire.Client(server.public, issuer)
    client.issue()
    for pid in server.signers().values():
        os.kill(pid, signal.SIGKILL)
    house.wait_for("signers again", lambda: server.readyz()[0] == 200 and client.ask()[2].status_code in (200, 201))

    secret = right.encode()
    assert not memory_holds(server.process.pid, secret)
    processes = [server.process.pid, *server.signers().values()]
    assert not any(right in everything_about(pid) for pid in processes)
    if os.geteuid() == 0:
        assert not any(memory_holds(pid, secret) for pid in processes)
    server.stop()
    said += server.journal_file.read_text() + getattr(source, "shown", "")
    for pin in (right, wrong):
        assert pin not in said
        for file in state.directory.rglob("*"):
            assert not file.is_file() or pin.encode() not in file.read_bytes(), file


def test_a_prompt_without_a_terminal_says_so(private):
    state = private(start=False).state
    Terminal(state, None)
    done = subprocess.run([str(house.PROGRAM), "serve", "--config", str(state.file)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, start_new_session=True, timeout=30 * house.PATIENCE)
    assert done.returncode == 1
    assert "there is none to ask for the PIN on" in done.stderr and "credential:" in done.stderr


@pytest.mark.parametrize("keys", ["\r", "\x03", "12\x03", "\x04"])
def test_no_answer_at_the_prompt_ends_the_start(private, keys):
    state = private(start=False).state
    terminal = Terminal(state, None)
    process = subprocess.Popen([str(house.PROGRAM), "serve", "--config", str(state.file)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **terminal.attach())
    terminal.type(keys)
    out, err = process.communicate(timeout=3 * house.TIMEOUT)
    assert process.returncode == 1 and "no PIN was entered" in err


def test_one_person_is_asked_once_for_a_token(private, issuer):
    """Two sessions and a log key in the same token: one question, four logins."""
    server = private(start=False)
    state = server.state
    terminal = Terminal(state, None)
    state.edit(lambda c: c["ca"].update(sessions=3))
    terminal.set(take_pin(state))
    terminal.start(server)
    assert terminal.shown.count("PIN of token chancery: ") == 1 and len(server.signers()) == 4
    wire.Client(server.public, issuer).issue()
