"""`chancery ceremony` of the real binary: two machines, witnesses on a terminal, rehearsals, exit codes."""
import hashlib
import json
import os
import pty
import re
import secrets
import select
import shutil
import subprocess
import time

import pytest
import yaml

import house

MODULE = "/usr/lib/softhsm/libsofthsm2.so"


def machine(directory, label):
    """A machine with one token of its own."""
    directory.mkdir()
    (directory / "tokens").mkdir()
    (directory / "softhsm2.conf").write_text(f"directories.tokendir = {directory / 'tokens'}\nobjectstore.backend = file\n")
    pin = secrets.token_hex(8)
    (directory / "pin").write_text(pin)
    (directory / "pin").chmod(0o400)
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", secrets.token_hex(8), "--pin", pin],
                   env=dict(os.environ, SOFTHSM2_CONF=str(directory / "softhsm2.conf")), check=True, capture_output=True)
    return directory


def key(token, label):
    return f"pkcs11:token={token};object={label}?module-path={MODULE}&pin-source=file:pin"


PLAN = {
    "version": 1, "name": "Two machines", "witnesses": ["Ada", "Bob"], "module-env": {"SOFTHSM2_CONF": "softhsm2.conf"},
    "root": {"key": key("offline", "root"), "lifetime": "3650d",
             "subject": {"organization": "Example", "common-name": "Example Root"}},
    "issuing": {"key": key("online", "ca"), "lifetime": "1000d",
                "subject": {"organization": "Example", "common-name": "Example Issuing CA"}},
    "log": {"key": key("online", "log")},
}


def run(plan, out, *more):
    return house.run("ceremony", "run", str(plan), "--out", str(out), *more)


def verify(transcript, *more):
    return house.run("ceremony", "verify", str(transcript), *more)


def test_root_offline_and_a_directory_that_is_carried(tmp_path):
    places = {}
    for name in ("offline", "online"):
        places[name] = machine(tmp_path / name, name)
        (places[name] / "ceremony.yaml").write_text(yaml.safe_dump(PLAN))
    carried = tmp_path / "stick"
    for where, step in (("offline", "root"), ("online", "issuing-request"), ("offline", "issuing-sign"), ("online", "finish")):
        done = run(places[where] / "ceremony.yaml", carried, "--step", step, "--yes-i-am-testing")
        assert done.returncode == 0, done.stderr
        # Neither place, nor anything on the way, has to be there to verify.
        alone = tmp_path / "alone.jsonl"
        shutil.copy(carried / "transcript.jsonl", alone)
        assert verify(alone, "--unfinished").returncode == 0
        assert verify(alone).returncode == (0 if step == "finish" else 1)
    done = subprocess.run(["openssl", "verify", "-CAfile", carried / "root.pem", carried / "issuing.pem"], capture_output=True)
    assert done.returncode == 0, done.stderr
    subprocess.run(["openssl", "req", "-verify", "-noout", "-in", carried / "issuing.csr"], check=True, capture_output=True)
    entries = [json.loads(line) for line in (carried / "transcript.jsonl").read_text().splitlines()]
    assert entries[0]["program_sha256"] == hashlib.sha256(house.PROGRAM.read_bytes()).hexdigest()
    keys = [e for e in entries if e["type"] == "key"]
    assert {e["module_sha256"] for e in keys} == {hashlib.sha256(open(MODULE, "rb").read()).hexdigest()}
    assert all(e["report"]["attributes"]["CKA_NEVER_EXTRACTABLE"] for e in keys)
    summary = json.loads(verify(alone, "--format", "json").stdout)
    assert summary["testing"] and not summary["rehearsal"] and set(summary["keys"]) == {"root", "issuing", "log"}
    assert verify(alone, "--format", "print").stdout == (carried / "transcript.txt").read_text()
    everything = "".join(p.read_text() for p in carried.iterdir()) + done.stdout.decode()
    assert not any((place / "pin").read_text() in everything for place in places.values())
    # The old one names other keys now: a ceremony is held once.
    again = run(places["online"] / "ceremony.yaml", carried, "--yes-i-am-testing")
    assert again.returncode == 1 and "every step of this transcript is sealed" in again.stderr


class Terminal:
    """`chancery ceremony run` with a terminal before it."""

    def __init__(self, *arguments):
        self.read = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(house.PROGRAM, [str(house.PROGRAM), "ceremony", "run", *map(str, arguments)])

    def wait_for(self, pattern, seconds=30):
        deadline = time.monotonic() + seconds * house.PATIENCE
        while True:
            found = re.search(pattern, self.read)
            if found:
                self.read = self.read[found.end():]
                return found
            assert time.monotonic() < deadline, self.read
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.read += os.read(self.fd, 65536).decode()
                except OSError:  # the other end is gone
                    assert re.search(pattern, self.read), self.read

    def type(self, text):
        os.write(self.fd, text.encode() + b"\n")

    def end(self):
        while True:  # until the other end is gone, or it would wait for a reader
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def words(terminal):
    """The four words, as somebody reads them aloud."""
    found = terminal.wait_for(r"\n  ((?:[a-z]{5}-){15}[a-z]{5})\r?\n(?:These are[^\n]*\n)?(\w+), type its first four words[^:]*: ")
    return found[1].split("-")[:4]


def test_witnesses_type_what_they_saw(tmp_path):
    plan = tmp_path / "ceremony.yaml"
    plan.write_text(yaml.safe_dump(PLAN | {"witnesses": ["Ada"]}))
    terminal = Terminal(plan, "--rehearse", "--out", tmp_path / "out")
    for what in ("plan", "result") * 4:
        read = words(terminal)
        if what == "plan":
            terminal.type("nonsense")
            terminal.wait_for(r"These are other words\.\r?\n.*: ")
        terminal.type(" ".join(read).upper())
    assert terminal.end() == 0
    done = verify(tmp_path / "out" / "transcript.jsonl", "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["rehearsal"] and not json.loads(done.stdout)["testing"]


def test_a_witness_who_does_not_confirm_ends_it(tmp_path):
    plan = tmp_path / "ceremony.yaml"
    plan.write_text(yaml.safe_dump(PLAN))
    terminal = Terminal(plan, "--rehearse", "--out", tmp_path / "out")
    words(terminal)
    for _ in range(3):
        terminal.type("no")
    terminal.wait_for("ceremony-not-confirmed.*Ada, the plan")
    assert terminal.end() == 1
    assert not (tmp_path / "out" / "root.pem").exists()


@pytest.mark.parametrize("change, why", [
    (lambda p: p.update(rot=1), "rot: unknown key; did you mean 'root'?"),
    (lambda p: p["root"].update(lifetime="10"), "root.lifetime"),
    (lambda p: p["issuing"].update(lifetime="9000d"), "validity-nested"),
])
def test_a_plan_that_cannot_be_held_is_refused(tmp_path, change, why):
    plan = json.loads(json.dumps(PLAN))
    change(plan)
    (tmp_path / "ceremony.yaml").write_text(yaml.safe_dump(plan))
    done = run(tmp_path / "ceremony.yaml", tmp_path / "out", "--rehearse", "--yes-i-am-testing")
    assert done.returncode == 1 and why in done.stderr, done.stderr


def test_wrong_use_is_2(tmp_path):
    plan = tmp_path / "ceremony.yaml"
    plan.write_text(yaml.safe_dump(PLAN))
    assert run(plan, tmp_path / "out", "--rehearse").returncode == 2  # no terminal
    assert run(plan, tmp_path / "out", "--step", "all", "--yes-i-am-testing").returncode == 2
    assert verify(tmp_path / "nothing").returncode == 2
    (tmp_path / "broken").write_text("{}\n")
    assert verify(tmp_path / "broken").returncode == 1


def test_a_wrong_pin_is_77_and_is_not_shown(tmp_path):
    place = machine(tmp_path / "offline", "offline")
    (place / "ceremony.yaml").write_text(yaml.safe_dump(PLAN))
    (place / "pin").chmod(0o600)
    (place / "pin").write_text("wrong-secret")
    done = run(place / "ceremony.yaml", tmp_path / "out", "--step", "root", "--yes-i-am-testing")
    assert done.returncode == 77 and "wrong-secret" not in done.stdout + done.stderr, done.stderr
    # Nor is it tried again, which the token would count.
    done = run(place / "ceremony.yaml", tmp_path / "out", "--step", "root", "--yes-i-am-testing")
    assert done.returncode == 77 and "the token refused this PIN before" in done.stderr, done.stderr
