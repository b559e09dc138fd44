"""Several tokens that hold the issuing key: what operators see of each, and how they take one out of use while it serves."""
import json
import os

import pytest

import house
import wire
from load import Load
from supervisor import Supervisor, joined
from twins import Twins, tokens


@pytest.fixture
def twins(private):
    """(server, twins), not started."""
    def make(**options):
        server = private(start=False)
        return server, Twins(server.state, **options)
    return make


def hsm(server, *words):
    return house.run("hsm", *words, "--config", str(server.state.file))


def comes(server, name, **wanted):
    """Waits until /readyz says this of a token."""
    def said():
        token = tokens(server)[name]
        return token if all(token[key] == value for key, value in wanted.items()) else None
    return house.wait_for(f"{name} with {wanted}", said, 20)


def events_of(server, *kinds, count=None):
    def found():
        those = [e for e in server.events() if e["type"] in kinds]
        return those if count is None or len(those) >= count else None
    return house.wait_for(f"{count} of {kinds}", found, 20, every=0.2)


def test_a_token_is_drained_and_comes_back_under_load(twins, issuer):
    server, _ = twins(sessions=2)
    server.start()
    for name in ("left", "right"):
        comes(server, name, state="serving", why="", sessions={"up": 2, "configured": 2})
    with Load(server, issuer, threads=4) as load:
        def more(count=10):
            had = len(load.of(200))
            house.wait_for("certificates", lambda: len(load.of(200)) > had + count, 20)
        more()
        drained = hsm(server, "drain", "right")
        assert drained.returncode == 0 and "gets no new work" in drained.stdout
        comes(server, "right", state="drained", outstanding=0, sessions={"up": 0, "configured": 2})
        made = server.metric("chancery_hsm_token_operations_total", token="right")
        more()
        assert server.metric("chancery_hsm_token_operations_total", token="right") == made
        assert server.metric("chancery_hsm_token_state", token="right", state="drained") == 1
        assert server.metric("chancery_hsm_token_state", token="right", state="serving") == 0
        assert "drained already" in hsm(server, "drain", "right").stdout
        assert hsm(server, "undrain", "right").returncode == 0
        comes(server, "right", state="serving", sessions={"up": 2, "configured": 2})
        house.wait_for("work for it", lambda: server.metric("chancery_hsm_token_operations_total", token="right") > made)
        more()
    assert {a.status for a in load.asked} == {200}
    assert "is not drained" in hsm(server, "undrain", "right").stdout
    told = events_of(server, "token-drained", "token-undrained", count=2)
    assert [(e["type"], e["token"], e["uid"]) for e in told] == [
        ("token-drained", "right", os.getuid()), ("token-undrained", "right", os.getuid())]
    # Its key was looked at again.
    read = events_of(server, "key-attributes-read", count=3)
    assert sorted(e["key"] for e in read) == ["ca.key[0]", "ca.key[1]", "ca.key[1]"]
    assert all(e["token_serial"] for e in read)


def test_the_last_token_is_drained_by_force_only(twins, issuer):
    server, _ = twins()
    server.start()
    client = wire.Client(server.public, issuer)
    unknown = hsm(server, "drain", "middle")
    assert unknown.returncode == 1 and "no token is called 'middle'; the configuration has left, right" in unknown.stderr
    assert hsm(server, "undrain", "middle").returncode == 1
    assert hsm(server, "drain", "left").returncode == 0
    comes(server, "left", state="drained")
    refused = hsm(server, "drain", "right")
    assert refused.returncode == 1 and "right is the last token in use of ca.key" in refused.stderr
    client.issue()
    assert hsm(server, "drain", "right", "--force").returncode == 0
    comes(server, "right", state="drained")
    _, _, answer = client.ask()
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
    status, body = server.readyz()
    assert status == 503 and body["reasons"] == ["hsm: issuing signer: drained by an operator"]
    # A server that starts meanwhile says what to do, and leaves the tokens alone.
    server.stop()
    start = house.run("serve", "--config", str(server.state.file))
    assert start.returncode == 1 and "drained; `chancery hsm undrain` brings it back" in start.stderr
    assert hsm(server, "undrain", "right").returncode == 0
    server.start()
    assert tokens(server)["left"]["state"] == "drained"
    client.issue()
    listed = json.loads(hsm(server, "tokens", "--format", "json").stdout)
    assert [(t["token"], t["key"], t["drained"]) for t in listed] == [("left", "ca.key", True), ("right", "ca.key", False)]
    assert listed[0]["uid"] == os.getuid() and listed[0]["since"].endswith("Z")
    text = hsm(server, "tokens").stdout
    assert f"drained by uid {os.getuid()} since {listed[0]['since']}" in text
    assert "ca.key[0] (drained)" in hsm(server, "doctor").stdout
    # What is drained at a start is told again.
    assert [e["token"] for e in events_of(server, "token-drained", count=3)] == ["left", "right", "left"]


def test_signers_of_a_supervisor_are_drained_too(twins, issuer):
    server, _ = twins()
    joined(server.state)
    supervisor = Supervisor(server.state).start()
    try:
        server.start()
        comes(server, "right", state="serving")
        house.wait_for("three signers", lambda: len(supervisor.signers()) == 3)
        assert hsm(server, "drain", "right").returncode == 0
        comes(server, "right", state="drained", sessions={"up": 0, "configured": 1})
        house.wait_for("the end of its signer", lambda: len(supervisor.signers()) == 2)
        wire.Client(server.public, issuer).issue()
        assert hsm(server, "undrain", "right").returncode == 0
        comes(server, "right", state="serving")
    finally:
        supervisor.end()


def test_a_token_that_fails_is_told_of_once_and_again_when_it_is_back(twins, issuer):
    server, both = twins()
    server.start()
    comes(server, "right", state="serving")
    client = wire.Client(server.public, issuer)
    both.fault("right", "C_Sign").write_text("0x30")

    def away():
        client.issue()  # whoever meets it, nobody is turned away
        return tokens(server)["right"]["state"] == "away"
    house.wait_for("its failure", away, 20)
    for _ in range(5):
        client.issue()
    house.wait_for("the reason", lambda: "CKR_DEVICE_ERROR" in tokens(server)["right"]["why"], 20)
    assert server.metric("chancery_hsm_token_failures_total", token="right") >= 1
    assert server.metric("chancery_hsm_token_sessions", token="right", are="up") == 0
    both.fault("right", "C_Sign").unlink()
    comes(server, "right", state="serving", why="")
    lost, recovered = events_of(server, "token-lost", "token-recovered", count=2)
    assert (lost["type"], lost["role"], lost["token"], lost["state"]) == ("token-lost", "issuing", "right", "away")
    assert "CKR_DEVICE_ERROR" in lost["reason"] or "takes long to start" in lost["reason"]  # on a busy machine
    assert (recovered["type"], recovered["token"]) == ("token-recovered", "right") and recovered["down_ms"] > 0
    read = [e["key"] for e in events_of(server, "key-attributes-read", count=3)]
    assert sorted(read) == ["ca.key[0]", "ca.key[1]", "ca.key[1]"]
    assert not [e for e in server.events() if e["type"] == "hsm-lost"]
