"""A second PKCS#11 implementation: tpm2-pkcs11 on a software TPM, behind the resource manager that it needs. What was learnt
here is in config/hsm/tpm2.md."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

import foreign_chain
import house
import wire

MODULE = "/usr/lib/x86_64-linux-gnu/libtpm2_pkcs11.so.1"
PROGRAMS = ["dbus-daemon", "swtpm", "tpm2-abrmd", "tpm2_ptool", "pkcs11-tool"]
PIN = "12345678"


def port_pair():
    """A free port whose successor is free too: the client of swtpm looks for its control channel there."""
    while True:
        port, = house.free_ports(1)
        with socket.socket() as next_one:
            try:
                next_one.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


class Tpm:
    """A TPM of one test, with its resource manager on a bus of its own, and a token with the key "ca"."""

    def __init__(self, directory):
        self.directory = directory
        self.started = []
        (directory / "store").mkdir()
        (directory / "nv").mkdir()
        self.env = {"TPM2_PKCS11_STORE": str(directory / "store"), "TPM2_PKCS11_TCTI": "tabrmd:bus_type=session",
                    "TPM2TOOLS_TCTI": "tabrmd:bus_type=session", "DBUS_SESSION_BUS_ADDRESS": f"unix:path={directory / 'bus'}"}

    def start(self):
        data = port_pair()
        self._spawn("dbus-daemon", "--session", "--nofork", "--address", self.env["DBUS_SESSION_BUS_ADDRESS"])
        house.wait_for("a bus", (self.directory / "bus").exists)
        self._spawn("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.directory / 'nv'}", "--flags", "not-need-init,startup-clear",
                    "--server", f"type=tcp,port={data},bindaddr=127.0.0.1", "--ctrl", f"type=tcp,port={data + 1},bindaddr=127.0.0.1")
        # Asked without a connection, of which it serves one.
        house.wait_for("a software TPM", lambda: f":{data:04X} 00000000:0000 0A" in pathlib.Path("/proc/net/tcp").read_text())
        root = ["--allow-root"] if os.geteuid() == 0 else []
        self.manager = ["tpm2-abrmd", "--session", *root, f"--tcti=swtpm:host=127.0.0.1,port={data}"]
        self.start_manager()
        house.wait_for("a TPM", lambda: self.ptool("init", check=False).returncode == 0, seconds=20, every=0.3)
        self.ptool("addtoken", "--pid=1", "--label=tpm", "--sopin=87654321", f"--userpin={PIN}")
        self.ptool("addkey", "--algorithm=ecc256", "--label=tpm", f"--userpin={PIN}", "--key-label=ca")
        return self

    def start_manager(self):
        self._spawn(*self.manager)

    def stop_manager(self):
        manager = self.started.pop()
        manager.terminate()
        manager.wait(10)

    def stop(self):
        for process in reversed(self.started):
            process.terminate()
        for process in reversed(self.started):
            process.wait(10)

    def public_key(self):
        file = self.directory / "ca.pub.der"
        self._run("pkcs11-tool", "--module", MODULE, "--token-label", "tpm", "--read-object", "--type", "pubkey", "--label", "ca",
                  "--output-file", str(file))
        return serialization.load_der_public_key(file.read_bytes())

    def ptool(self, *arguments, check=True):
        return self._run("tpm2_ptool", *arguments, check=check)

    def _run(self, *command, check=True):
        done = subprocess.run(command, env=dict(os.environ, **self.env), capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def _spawn(self, *command):
        log = open(self.directory / f"{command[0]}.log", "w")
        self.started.append(subprocess.Popen(command, env=dict(os.environ, **self.env), stdout=log, stderr=log))


@pytest.fixture
def tpm(tmp_path, monkeypatch):
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing or not os.path.exists(MODULE):
        pytest.skip(f"tpm2-pkcs11 and a software TPM are not installed: {missing or MODULE} (scripts/setup test installs them)")
    # The module loses 66 octets for each token it opens, which the leak check of a sanitizer's build takes for ours.
    monkeypatch.setenv("LSAN_OPTIONS", "detect_leaks=0")
    tpm = Tpm(tmp_path)
    try:
        yield tpm.start()
    finally:
        tpm.stop()


def use(state, tpm, **more):
    pin = state.directory / "tpm-pin"
    pin.write_text(PIN)
    pin.chmod(0o400)
    foreign_chain.make_chain(state.directory, tpm.public_key())

    def change(config):
        config["ca"].update({"key": f"pkcs11:token=tpm;object=ca?module-path={MODULE}&pin-source=file:tpm-pin", "module-env": tpm.env,
                             "sign-deadline": "5s", **more})
    state.edit(change)


def test_a_tpm_issues_heals_and_says_what_its_key_is(tpm, private, issuer):
    server = private(start=False)
    # tpm2_ptool makes keys that also decrypt: the rules refuse that, until it is waived by name.
    use(server.state, tpm)
    doctor = house.run("hsm", "doctor", "--config", str(server.state.file), "--format", "json", timeout=60)
    steps = json.loads(doctor.stdout)["keys"][0]["steps"]
    assert doctor.returncode == 1 and steps[-1]["step"] == "attributes" and "CKA_DECRYPT" in json.dumps(steps[-1])
    server.state.edit(lambda config: config["ca"].update({"waive-key-attributes": ["CKA_DECRYPT"]}))
    doctor = house.run("hsm", "doctor", "--config", str(server.state.file), timeout=60)
    assert doctor.returncode == 0 and "waived: CKA_DECRYPT" in doctor.stdout, doctor.stdout + doctor.stderr

    server.start(seconds=30)
    client = wire.Client(server.public, issuer)
    assert client.issue()
    waived, = [event for event in server.events() if event["type"] == "key-attributes-waived"]
    assert waived["key"] == "ca.key" and waived["waived"] == ["CKA_DECRYPT"]

    def answer():
        return client.ask()[2].status_code

    # A signer that dies, and then the TPM's resource manager: a clear 503, and recovery without a restart.
    for pid in server.signers().values():
        os.kill(pid, signal.SIGKILL)
    house.wait_for("a certificate after the signers died", lambda: answer() == 200, seconds=30, every=0.3)
    tpm.stop_manager()
    house.wait_for("503 without a TPM", lambda: answer() == 503, seconds=30, every=0.3)
    tpm.start_manager()
    house.wait_for("a certificate with the TPM back", lambda: answer() == 200, seconds=60, every=0.3)
