"""The unit that is shipped: systemd takes every line of it, and the program does what it relies on."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest

import house

UNIT = house.ROOT / "config" / "systemd" / "chancery.service"


def settings():
    lines = [line for line in UNIT.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_knows_every_line(tmp_path):
    """An unknown key or a wrong value is only a warning to systemd: the service runs without what was meant."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("ExecStart=/usr/bin/chancery ", f"ExecStart={house.PROGRAM} "))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    unit.write_text(unit.read_text().replace("ProtectClock=", "ProtectTheClock="))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert "ProtectTheClock" in done.stderr, "this test would not see an unknown key"


def test_it_says_what_the_program_does():
    """Exit code 77 and SIGHUP are those of test_start and test_reload."""
    unit = settings()
    assert unit["RestartPreventExitStatus"] == "77"
    assert unit["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert unit["ExecStart"].split()[1:] == ["serve", "--config", "/etc/chancery/chancery.yaml"]
    state = house.yaml.safe_load((house.ROOT / "config" / "chancery.yaml").read_text())["state"]
    assert pathlib.Path("/var/lib") / unit["StateDirectory"] == pathlib.Path(state)


def test_it_is_told_when_the_server_is_ready_and_when_it_stops(private, tmp_path):
    """Type=notify: READY=1 once a certificate could be issued, by the server itself and by no signer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(3 * house.TIMEOUT)
        server = private(start=False)
        server.spawn(env=dict(os.environ, NOTIFY_SOCKET=str(tmp_path / "notify")))

        def message():
            text, credentials, _, _ = manager.recvmsg(4096, socket.CMSG_SPACE(12))
            return text.decode(), int.from_bytes(credentials[0][2][:4], "little")
        assert message() == ("READY=1", server.process.pid)
        assert server.readyz()[0] == 200
        server.process.send_signal(signal.SIGTERM)
        assert message() == ("STOPPING=1", server.process.pid)
        assert server.process.wait(3 * house.TIMEOUT) == 0
