"""Policy and issuers change while the server runs: whole or not at all, noticed, and in the events log."""
import hashlib
import os
import signal
import subprocess
import threading

import pytest
import yaml

import house
import wire


class Edited:
    """A private server and its policy file, which is only ever renamed over."""

    def __init__(self, server):
        self.server, self.path = server, server.state.directory / "policy.yaml"
        self.text = self.path.read_text()

    def write(self, text, path=None):
        path = path or self.path
        new = path.with_name(path.name + ".new")
        new.write_text(text)
        os.rename(new, path)
        return digest(text)

    def state(self):
        return self.server.readyz()[1]["files"]["policy"]

    def wait(self, text):
        return house.wait_for(f"policy {text[:30]}", lambda: text in self.state())


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def without_github(text):
    """The same policy, with its GitHub rule asking for another repository."""
    assert "12345" in text
    return text.replace("12345", "54321")


def events(server, *types):
    return [event for event in server.events() if event["type"] in types]


def under_load(server, issuer, change, times):
    """Four clients ask without a pause while `change(number)` is called `times` times; what was not a 200."""
    done, wrong, granted = threading.Event(), [], []

    def ask():
        client = wire.Client(server.public, issuer)
        while not done.is_set():
            answer = client.ask()[2]
            (granted if answer.status_code == 200 else wrong).append(answer.text[:200])
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(times):
            count = len(granted)
            change(number)
            house.wait_for("more grants", lambda: len(granted) > count + 4 or wrong)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    return wrong


def granted_under(server, file):
    """(texts of `file` that were loaded, those something was granted under); each grant's is the one in force."""
    in_force, loaded, under = None, 0, set()
    for event in server.events():
        if event["type"] == f"{file}-loaded":
            in_force, loaded = event[f"{file}_digest"], loaded + 1
        elif event["type"] == "granted":
            assert event[f"{file}_digest"] == in_force, f"granted under a text of {file} that was not in force"
            under.add(in_force)
    return loaded, len(under)


@pytest.fixture
def edited(private):
    return Edited(private())


def test_a_new_configuration_is_taken_up_whole_or_not_at_all(private, issuer):
    """Nobody is refused while parts are built anew; what does not fit leaves the old one serving."""
    server = private()
    good = server.state.file.read_text()

    def write(change):
        server.state.file.write_text(good)
        server.state.edit(change)

    def refused(change, reason):
        write(change)
        assert reason in server.reload("configuration-refused")["reason"]

    pid = server.process.pid

    def step(number):
        if number == 0:
            write(lambda c: c["ca"].update(lifetime="5m"))
            server.reload()
        elif number == 1:
            refused(lambda c: c.update(nonsense=1), "nonsense")
            refused(lambda c: c["listen"].update(public="127.0.0.1:1"), "listen.public: this server listens at")
            # Known only once the old house is gone: it is built again.
            refused(lambda c: c["log"]["certificates"].update(key="file:nowhere.key"), "log.certificates.key")
        else:
            server.state.file.write_text(good)
            server.reload()
    server.reload("reload-asked")
    assert under_load(server, issuer, step, 3) == [] and server.process.pid == pid
    assert len(events(server, "started")) == 4  # at first, by the new, again by its predecessor, by the good one
    assert server.stop() == 0


def test_a_request_is_answered_by_the_configuration_it_waited_for(private, issuer):
    server = private()
    client = wire.Client(server.public, issuer)
    long = client.issue().leaf
    server.state.edit(lambda c: c["ca"].update(lifetime="5m"))
    server.reload()
    short = client.issue().leaf
    assert [(c.not_valid_after_utc - c.not_valid_before_utc).seconds // 60 for c in (long, short)] == [10, 5]


def test_a_new_policy_decides_and_the_old_one_again(edited, issuer):
    client = wire.Client(edited.server.public, issuer)
    client.issue()
    new = edited.write(without_github(edited.text))
    edited.wait("serving " + new)
    answer = client.ask()[2]
    assert answer.status_code == 403 and "policy-denied" in answer.text
    client.issue(repository_id="54321")
    old = edited.write(edited.text)
    edited.wait("serving " + old)
    client.issue()
    assert [e["policy_digest"] for e in events(edited.server, "policy-loaded")] == [old, new, old]
    assert edited.server.metric("chancery_config_last_reload_successful", file="policy") == 1
    assert edited.server.metric("chancery_config_reload_failures_total", file="policy") == 0


BROKEN = {
    "not YAML": "version: 1\nissuers: [",
    "empty": "",
    "an unknown key": "version: 1\nisuers: {}\n",
    "another version": "version: 99\n",
    "binary": "\0\1\2\3",
    "two documents' worth": "version: 1\nversion: 1\n",
}


def test_a_broken_policy_is_refused_and_the_old_one_serves(edited, issuer, row):
    client, serving = wire.Client(edited.server.public, issuer), digest(edited.text)
    for name, text in BROKEN.items():
        with row(name):
            before = edited.server.metric("chancery_config_reload_failures_total", file="policy")
            refused = edited.write(text)
            house.wait_for("a refusal", lambda: edited.server.metric(
                "chancery_config_reload_failures_total", file="policy") == before + 1)
            status, ready = edited.server.readyz()
            assert status == 200 and ready["ready"], "a broken file took the server out of service"
            assert ready["files"]["policy"].startswith("refused: ") and f"serving {serving}" in ready["files"]["policy"]
            assert any(w.startswith("policy refused: ") for w in ready["warnings"])
            assert ready["policy_digest"] == serving
            assert edited.server.metric("chancery_config_last_reload_successful", file="policy") == 0
            event = house.wait_for("its event", lambda: next(
                (e for e in events(edited.server, "policy-refused") if e["refused_digest"] == refused), None))
            assert event["policy_digest"] == serving and event["reason"]
            client.issue()
    edited.write(edited.text)
    house.wait_for("the mended file", lambda: edited.server.readyz()[1]["warnings"] == [])
    assert edited.server.metric("chancery_config_last_reload_successful", file="policy") == 1
    journal = [line for line in edited.server.journal() if line["event"] == "file-refused"]
    assert len(journal) == len(BROKEN) and all(line["reason"] for line in journal)


def test_a_broken_policy_at_start_refuses_to_start(new_state, row):
    for name, text in BROKEN.items():
        with row(name):
            state = new_state()
            (state.directory / "policy.yaml").write_text(text)
            done = subprocess.run([str(house.PROGRAM), "serve", "--config", str(state.file)], capture_output=True,
                                  text=True, timeout=20 * house.PATIENCE, stdin=subprocess.DEVNULL)
            said = [line for line in done.stderr.splitlines() if line.startswith("chancery: cannot serve")]
            assert done.returncode == 1 and "(policy: " in said[0], done.stderr


def test_sighup_reads_again_and_a_touch_does_nothing(edited):
    os.utime(edited.path)
    edited.server.process.send_signal(signal.SIGHUP)
    house.wait_for("SIGHUP's answer", lambda: any(
        line["event"] == "file-unchanged" and line["file"] == "policy" for line in edited.server.journal()))
    assert len(events(edited.server, "policy-loaded", "policy-refused")) == 1
    assert {line["event"] for line in edited.server.journal()} >= {"reload-asked"}
    edited.write("broken: [")
    edited.wait("refused")
    count = len(events(edited.server, "policy-refused"))
    edited.server.process.send_signal(signal.SIGHUP)
    house.wait_for("another attempt", lambda: len(events(edited.server, "policy-refused")) > count)
    assert edited.server.stop() == 0


def test_a_config_map_is_swapped(new_state, issuer):
    """Kubernetes: policy.yaml → ..data/policy.yaml, and ..data is renamed over."""
    state = new_state()
    volume = state.directory / "mounted"
    text = (state.directory / "policy.yaml").read_text()

    def release(name, policy):
        directory = volume / name
        directory.mkdir(parents=True)
        (directory / "policy.yaml").write_text(policy)
        (volume / "..data_tmp").symlink_to(name)
        os.rename(volume / "..data_tmp", volume / "..data")
    release("..first", text)
    (volume / "policy.yaml").symlink_to("..data/policy.yaml")
    state.edit(lambda c: c.update(policy="mounted/policy.yaml"))
    server = house.Chancery(state)
    try:
        edited = Edited(server.start())
        for number, changed in enumerate([without_github(text), text, text + "# three\n"]):
            release(f"..{number}", changed)
            edited.wait("serving " + digest(changed))
        wire.Client(server.public, issuer).issue()
    finally:
        server.end()


def test_issuers_are_exchanged_without_a_gap(private, issuer):
    server = private()
    client, path = wire.Client(server.public, issuer), server.state.directory / "issuers.yaml"
    text, edited = path.read_text(), Edited(server)

    def load(change):
        document = yaml.safe_load(text)
        change(document["oidc-issuers"])
        changed = yaml.safe_dump(document, sort_keys=False)
        edited.write(changed, path)
        house.wait_for("issuers", lambda: f"serving {digest(changed)}" in server.readyz()[1]["files"]["issuers"])
    client.issue("gitlab")
    load(lambda issuers: issuers.pop(issuer.base + "/gitlab"))
    answer = client.ask("gitlab")[2]
    assert answer.status_code == 401 and "issuer-unknown" in answer.text
    load(lambda issuers: issuers[issuer.base + "/github"].update({"client-id": "elsewhere"}))
    assert "audience" in client.ask()[2].text
    client.issue(audience="elsewhere")
    client.issue("gitlab")
    # A served issuer's mistake refuses the file: its tokens go on.
    document = yaml.safe_load(text)
    document["oidc-issuers"][issuer.base + "/gitlab"]["type"] = "gitlub"
    edited.write(yaml.safe_dump(document), path)
    house.wait_for("a refusal", lambda: "refused: issuer-lost" in server.readyz()[1]["files"]["issuers"])
    client.issue("gitlab")
    kinds = [e["type"] for e in events(server, "issuers-loaded", "issuers-refused")]
    assert kinds == ["issuers-loaded"] * 3 + ["issuers-refused"]
    assert server.metric("chancery_config_last_reload_successful", file="issuers") == 0


def test_under_load_no_error_and_nothing_granted_by_a_policy_that_has_gone(edited, issuer):
    def change(number):
        edited.wait("serving " + edited.write(edited.text + f"# {number}\n"))
    assert under_load(edited.server, issuer, change, 10) == []
    loaded, under = granted_under(edited.server, "policy")
    assert loaded == 11 and under >= 10


def test_under_load_no_error_and_nothing_granted_under_issuers_that_have_gone(edited, issuer):
    server, path = edited.server, edited.server.state.directory / "issuers.yaml"
    text = path.read_text()

    def change(number):
        new = edited.write(text + f"# {number}\n", path)
        house.wait_for("issuers", lambda: f"serving {new}" in server.readyz()[1]["files"]["issuers"])
    assert under_load(server, issuer, change, 10) == []
    loaded, under = granted_under(server, "issuers")
    assert loaded == 11 and under >= 10


def test_an_issuer_taken_away_is_gone(edited, issuer):
    """Once issuers-loaded is in the log, no grant to an issuer that it lacks follows, whoever was under way."""
    server, path, done = edited.server, edited.server.state.directory / "issuers.yaml", threading.Event()
    document = yaml.safe_load(path.read_text())
    document["oidc-issuers"].pop(issuer.base + "/github")
    wrong = []

    def ask():
        client = wire.Client(server.public, issuer)
        while not done.is_set():
            answer = client.ask()[2]
            if answer.status_code not in (200, 401):
                wrong.append(answer.text[:200])
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        house.wait_for("some grants", lambda: server.readyz()[1]["certificates"] > 10)
        new = edited.write(yaml.safe_dump(document), path)
        house.wait_for("issuers", lambda: f"serving {new}" in server.readyz()[1]["files"]["issuers"])
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    kinds = [event["type"] for event in server.events()]
    border = len(kinds) - 1 - kinds[::-1].index("issuers-loaded")
    assert "granted" in kinds[:border] and "granted" not in kinds[border:]


def test_a_revoking_policy_is_the_last_word(edited, issuer):
    """Once policy-loaded is in the log, no grant of the old rule follows it, whoever was under way."""
    server, done = edited.server, threading.Event()

    def ask():
        client = wire.Client(server.public, issuer)
        while not done.is_set():
            assert client.ask()[2].status_code in (200, 403)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        house.wait_for("some grants", lambda: server.readyz()[1]["certificates"] > 10)
        edited.wait("serving " + edited.write(without_github(edited.text)))
    finally:
        done.set()
        for thread in threads:
            thread.join()
    kinds = [event["type"] for event in server.events()]
    border = len(kinds) - 1 - kinds[::-1].index("policy-loaded")
    assert "granted" in kinds[:border] and "granted" not in kinds[border:]
