"""A Chancery to test against: its state directory, its processes, its issuer. Every process is ended by its id."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import requests
import yaml
from cryptography.hazmat.primitives import serialization

import oidc_issuer
import openapi
import rfc6962

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
BUILD = pathlib.Path(os.environ.get("CHANCERY_BUILD", ROOT / "build")).resolve()
PROGRAM = next((p for p in (BUILD / "chancery", BUILD / "http" / "chancery") if p.is_file()), BUILD / "chancery")
CACHE = pathlib.Path(os.environ.get("CHANCERY_CACHE", pathlib.Path.home() / ".cache" / "chancery"))
# A sanitizer's build is several times slower; its waits are bounds, not measurements.
PATIENCE = float(os.environ.get("CHANCERY_PATIENCE", "1"))
TIMEOUT = 5 * PATIENCE  # seconds: one answer of a server that works


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def wait_for(what, condition, seconds=10.0, every=0.05):
    """The first value of `condition` that is neither None nor False (an answer of 503 is false too, to requests)."""
    deadline = time.monotonic() + seconds * PATIENCE
    last = None
    while True:
        try:
            last = condition()
            if last is not None and last is not False:
                return last
        except requests.RequestException as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds * PATIENCE:.0f} s for {what}; last: {last!r}")
        time.sleep(every)


class Issuer:
    """tests/support/oidc_issuer.py on a port of its own, in a thread, so that tests may take it away and back."""

    def __init__(self, directory, port=None):
        self.directory, self.port, self.server = pathlib.Path(directory), port or free_ports(1)[0], None
        self.base = f"http://127.0.0.1:{self.port}"
        self.keys = oidc_issuer.Keys(self.directory)

    def start(self):
        self.server = oidc_issuer.serve(self.port, self.directory)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def token(self, shape="github", alg="RS256", **changes):
        """A token with these claims changed; None takes a claim away."""
        claims = oidc_issuer.claims_of(shape, self.base, **changes)
        return self.keys.sign({name: value for name, value in claims.items() if value is not None}, alg)


def make_template(directory, issuer_base, *more):
    """One state directory that all others are copied from: making a token and a CA takes a second."""
    subprocess.run([sys.executable, str(SUPPORT / "make_state.py"), str(directory), "--issuer-base", issuer_base,
                    "--program", str(PROGRAM), *more],
                   check=True, capture_output=True)
    return directory


class State:
    """A directory that `chancery serve` can serve, on ports of its own."""

    def __init__(self, template, directory):
        self.directory = pathlib.Path(directory)
        shutil.copytree(template, self.directory)
        self.file = self.directory / "chancery.yaml"
        conf = self.directory / "softhsm2.conf"
        conf.write_text(conf.read_text().replace(str(template), str(self.directory)))
        self.ports = dict(zip(("public", "log", "internal"), free_ports(3)))
        self.edit(lambda c: c["listen"].update({n: f"127.0.0.1:{p}" for n, p in self.ports.items()}))
        # Precertificates and tree heads soon: tests wait for them.
        self.edit(lambda c: c["log"].update(checkpoint="200ms"))

    def edit(self, change, name="chancery.yaml"):
        path = self.directory / name
        document = yaml.safe_load(path.read_text())
        change(document)
        path.write_text(yaml.safe_dump(document, sort_keys=False))

    @property
    def config(self):
        return yaml.safe_load(self.file.read_text())


class Chancery:
    """`chancery serve` of one State, as a child of the tests."""

    def __init__(self, state):
        self.state, self.process = state, None
        self.public = f"http://127.0.0.1:{state.ports['public']}"
        self.log = f"http://127.0.0.1:{state.ports['log']}/log/certificates/demo"
        self.internal = f"http://127.0.0.1:{state.ports['internal']}"
        self.journal_file = state.directory / "chancery.log"
        self.seen_signers = set()

    def spawn(self, **more):
        with self.journal_file.open("ab") as journal:
            self.process = subprocess.Popen([str(PROGRAM), "serve", "--config", str(self.state.file)],
                                            stdin=subprocess.DEVNULL, stdout=journal, stderr=journal, **more)
        return self

    def start(self, seconds=10.0):
        self.spawn()
        wait_for("readiness", self.is_ready, seconds, every=0.01)
        self.seen_signers.update(self.signers().values())
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"chancery ended with {self.process.returncode}: {self.tail()}"
        return requests.get(self.internal + "/readyz", timeout=TIMEOUT).status_code == 200

    def readyz(self):
        """Status and body, which are as schema/openapi.yaml has them whatever a test has broken."""
        answer = requests.get(self.internal + "/readyz", timeout=TIMEOUT)
        openapi.fits(openapi.answer_schema("/readyz", answer.status_code), answer.json())
        return answer.status_code, answer.json()

    def stop(self, seconds=15.0):
        """SIGTERM; returns the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.seen_signers.update(self.signers().values())
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"chancery did not stop within {seconds} s: {self.tail()}") from None

    def kill(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.seen_signers.update(self.signers().values())
                self.process.kill()
            self.process.wait(10)

    def end(self):
        """Whatever a test did: nothing of this server is left."""
        self.kill()
        for pid in self.seen_signers:
            if is_signer(pid, self.state.file):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def restart(self):
        self.stop()
        return self.start()

    def said(self, event):
        """Lines of the operator's log."""
        return [line for line in self.journal() if line["event"] == event]

    def reload(self, expect="configuration-changed"):
        """SIGHUP; the line of the operator's log that says what came of a changed configuration."""
        before = len(self.said(expect))
        self.process.send_signal(signal.SIGHUP)
        return wait_for(expect, lambda: self.said(expect)[before:] or None, 20)[0]

    def signers(self):
        """{(role, number): pid} of the signer processes of this server, numbered by pid."""
        found = {}
        for pid in sorted(children_of(self.process.pid)):
            role = role_of(pid)
            if role is not None:
                found[role, sum(r == role for r, _ in found)] = pid
        return found

    def journal(self):
        return read_journal(self.journal_file)

    def tail(self):
        return self.journal_file.read_text(errors="replace")[-2000:]

    def metric(self, name, **labels):
        """The sum of a metric's series that carry these labels."""
        total = 0.0
        for line in requests.get(self.internal + "/metrics", timeout=TIMEOUT).text.splitlines():
            match = re.fullmatch(r"([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                have = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                if all(have.get(key) == value for key, value in labels.items()):
                    total += float(match[3])
        return total

    def events(self):
        """Every entry of the events log, which is read on the internal address, once a checkpoint covers it."""
        base, size = f"{self.internal}/log/events/demo", self.readyz()[1]["events"]
        wait_for(f"a checkpoint of {size} events",
                 lambda: int(requests.get(base + "/checkpoint", timeout=TIMEOUT).text.split("\n")[1]) >= size)
        found = []
        while len(found) < size:
            page = requests.get(base + "/entries", params={"first": len(found), "last": size - 1}, timeout=2 * TIMEOUT)
            assert page.json()["entries"], "the events log gave no entries"
            found += page.json()["entries"]
        return [json.loads(entry) for entry in found]

    def rfc6962(self):
        key = requests.get(self.public + "/trust/ct.pub", timeout=TIMEOUT).content
        return rfc6962.Log(self.log, serialization.load_pem_public_key(key))

    def published(self, size):
        """A tree head that covers at least `size` entries."""
        log = self.rfc6962()

        def head():
            have = log.sth()
            return have if have[0] >= size else None
        return log, wait_for(f"a tree head of {size}", head, every=0.1)

    def run(self, *arguments, timeout=30):
        """A command of `chancery` on this state."""
        return run(*arguments, "--config", str(self.state.file), timeout=timeout)


def read_journal(file):
    """The lines of an operator's log, or of a supervisor's."""
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line.startswith("{")]


def run(*arguments, timeout=30):
    return subprocess.run([str(PROGRAM), *arguments], capture_output=True, text=True, timeout=timeout * PATIENCE,
                          stdin=subprocess.DEVNULL)


def children_of(pid):
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, task.read_text().split())


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def role_of(pid):
    words = command_line(pid)
    return words[words.index("--role") + 1] if "signer" in words and "--role" in words else None


def is_signer(pid, file):
    return role_of(pid) is not None and str(file) in command_line(pid)
