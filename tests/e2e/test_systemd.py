"""The units that are shipped: systemd takes every line of them, and the programs do what they rely on."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

import house
from supervisor import Supervisor, joined

UNITS = house.ROOT / "config" / "systemd"
FRONT, SIGNER, WITNESS = (UNITS / name for name in ("chancery.service", "chancery-signer.service", "chancery-witness.service"))
CONFIG = house.ROOT / "config" / "chancery.yaml"
# Of 10, by `systemd-analyze security`; other versions of it weigh a little otherwise.
EXPOSED_MOST = {FRONT: 2.5, SIGNER: 1.5, WITNESS: 2.0}

needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def settings(unit):
    lines = [line for line in unit.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60)


@needs_analyze
def test_systemd_knows_every_line(tmp_path):
    """An unknown key or a wrong value is only a warning to systemd: the service runs without what was meant."""
    for unit in (SIGNER, FRONT, WITNESS):
        text = unit.read_text().replace("ExecStart=/usr/bin/chancery ", f"ExecStart={house.PROGRAM} ")
        (tmp_path / unit.name).write_text(text)
    for unit in (SIGNER, FRONT, WITNESS):
        copy = tmp_path / unit.name
        done = analyze("verify", copy)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        right = copy.read_text()
        copy.write_text(right.replace("ProtectClock=", "ProtectTheClock="))
        assert "ProtectTheClock" in analyze("verify", copy).stderr, "this test would not see an unknown key"
        copy.write_text(right)


@needs_analyze
@pytest.mark.parametrize("unit", EXPOSED_MOST, ids=lambda unit: unit.stem)
def test_little_is_left_open(unit):
    done = analyze("security", "--offline=true", "--no-pager", unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSED_MOST[unit], done.stdout


def test_they_say_what_the_programs_do():
    """Exit code 77 and SIGHUP are those of test_start and test_reload."""
    front, signer = settings(FRONT), settings(SIGNER)
    assert front["RestartPreventExitStatus"] == "77"
    assert front["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert front["ExecStart"].split()[1:] == ["serve", "--config", "/etc/chancery/chancery.yaml"]
    assert signer["ExecStart"].split()[1:] == ["signer", "--supervise", "--config", "/etc/chancery/chancery.yaml"]
    state = house.yaml.safe_load(CONFIG.read_text())["state"]
    assert pathlib.Path("/var/lib") / front["StateDirectory"] == pathlib.Path(state)


def test_they_fit_each_other_and_the_settings_that_join_them():
    front, signer = settings(FRONT), settings(SIGNER)
    for unit in ("After", "Wants"):
        assert SIGNER.name in front[unit].split()
    assert SIGNER.name not in front.get("Requires", "") and SIGNER.name not in front.get("BindsTo", "")
    # What is a comment in the shipped file, and what README tells to write.
    offered = dict(re.findall(r"^  # (socket|front|state): (\S+)", CONFIG.read_text(), re.M))
    assert f"hsm: {{socket: {offered['socket']}, front: {offered['front']}, state: {offered['state']}}}" in \
        (UNITS / "README.md").read_text()
    assert offered["front"] == front["User"] == signer["Group"] == front["Group"] != signer["User"]
    assert pathlib.Path(offered["socket"]).parent == pathlib.Path("/run") / signer["RuntimeDirectory"]
    assert pathlib.Path(offered["state"]) == pathlib.Path("/var/lib") / signer["StateDirectory"]
    assert "LoadCredential" in signer and "LoadCredential" not in front
    # Users of another namespace look alike.
    assert "PrivateUsers" not in signer


def test_the_witness_starts_as_its_unit_says(tmp_path, private):
    """With the files that README tells to write, and variables put in place as systemd.service(5) says of ExecStart=."""
    logs = private().run("witness", "log-keys").stdout.split()
    key, state = tmp_path / "witness.key", tmp_path / "state"
    made = house.run("witness", "keygen", "--name", "witness.example/unit", "--key", str(key))
    assert made.returncode == 0, made.stderr
    unit = settings(WITNESS)
    assert pathlib.Path("/var/lib") / unit["StateDirectory"] == pathlib.Path("/var/lib/chancery-witness")
    variables = {"NAME": "witness.example/unit", "LOGS": " ".join(f"--log {log}" for log in logs)}
    arguments = []
    for word in unit["ExecStart"].split()[1:]:
        arguments += variables[word[1:]].split() if word.startswith("$") and word[1] != "{" else [
            re.sub(r"\$\{(\w+)\}", lambda name: variables[name[1]], word)]
    places = {"/etc/chancery/witness.key": str(key), "/var/lib/chancery-witness": str(state)}
    assert places.keys() <= set(arguments)
    arguments = [places.get(word, word) for word in arguments] + ["--listen", "127.0.0.1:0"]
    with manager(tmp_path) as (env, message):
        process = subprocess.Popen([str(house.PROGRAM), *arguments], env=env, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert message() == ("READY=1", process.pid)
            process.send_signal(signal.SIGTERM)
            assert message() == ("STOPPING=1", process.pid)
            assert process.wait(3 * house.TIMEOUT) == 0
        finally:
            process.kill()
            process.wait(10)


@contextlib.contextmanager
def manager(tmp_path):
    """Messages to a service manager: (text, process that sent it)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(3 * house.TIMEOUT)

        def message():
            text, credentials, _, _ = listening.recvmsg(4096, socket.CMSG_SPACE(12))
            return text.decode(), int.from_bytes(credentials[0][2][:4], "little")
        yield dict(os.environ, NOTIFY_SOCKET=str(tmp_path / "notify")), message


def test_it_is_told_when_the_server_is_ready_and_when_it_stops(private, tmp_path):
    """Type=notify: READY=1 once a certificate could be issued, by the server itself and by no signer."""
    with manager(tmp_path) as (env, message):
        server = private(start=False)
        server.spawn(env=env)
        assert message() == ("READY=1", server.process.pid)
        assert server.readyz()[0] == 200
        server.process.send_signal(signal.SIGTERM)
        assert message() == ("STOPPING=1", server.process.pid)
        assert server.process.wait(3 * house.TIMEOUT) == 0


def test_it_is_told_when_the_supervisor_listens_and_when_it_stops(private, tmp_path):
    server = private(start=False)
    joined(server.state)
    supervisor = Supervisor(server.state)
    try:
        with manager(tmp_path) as (env, message):
            supervisor.start(env=env)
            assert message() == ("READY=1", supervisor.process.pid)
            server.start()
            assert supervisor.stop() == 0
            assert message() == ("STOPPING=1", supervisor.process.pid)
    finally:
        supervisor.end()


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="systemd-socket-activate is not installed")
def test_the_socket_may_be_one_that_systemd_bound(private):
    server = private(start=False)
    joined(server.state)
    place = server.state.config["hsm"]["socket"]
    with (server.state.directory / "activate.log").open("ab") as log:
        activate = subprocess.Popen(["systemd-socket-activate", "-l", place, str(house.PROGRAM), "signer", "--supervise",
                                     "--config", str(server.state.file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        house.wait_for("the socket", lambda: pathlib.Path(place).exists())
        server.start()
        assert [house.role_of(pid) for pid in house.children_of(activate.pid)].count("log") == 1
        assert server.stop() == 0, server.tail()
        activate.send_signal(signal.SIGTERM)
        assert activate.wait(15 * house.PATIENCE) == 0
        assert pathlib.Path(place).exists(), "what systemd bound is systemd's to remove"
    finally:
        activate.kill()
        activate.wait(10)
