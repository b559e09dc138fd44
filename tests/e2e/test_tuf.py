"""`chancery trust tuf`: a repository signed offline by two of three, and cosign that needs no file of ours after `initialize`."""
import datetime
import functools
import http.server
import json
import pathlib
import shutil
import subprocess
import threading

import pytest
import requests
import tuf.api.exceptions
import tuf.ngclient

import house
from test_clients import SAN, cosign, run

ROLES = ("alice", "bob", "carol", "online")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path):
    """The directory on a web server: it needs nothing but files."""
    (tmp_path / "tuf").mkdir()
    handler = functools.partial(Quiet, directory=str(tmp_path / "tuf"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Holders:
    """The commands as people type them, each with a key of their own."""

    def __init__(self, server, directory):
        self.server, self.directory, self.repository = server, directory, directory / "tuf"
        for name in ROLES:
            self("keygen", "--key", self.key(name))

    def key(self, name):
        return self.directory / f"{name}.key"

    def public(self, name):
        return self.directory / f"{name}.key.pub"

    def __call__(self, *arguments, fails=False):
        done = subprocess.run([house.PROGRAM, "trust", "tuf", *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    def config(self):
        return ("--config", self.server.state.file)

    def init(self):
        keys = [part for name in ROLES[:3] for part in ("--root-key", self.public(name))]
        return self("init", self.repository, *self.config(), *keys, "--root-threshold", 2, "--online-key", self.public("online"))

    def sign(self, *names):
        for name in names:
            self("sign", self.repository, "--key", self.key(name))

    def publish(self, **more):
        return self("publish", self.repository, **more)

    def refresh(self, **more):
        return self("refresh", self.repository, "--key", self.key("online"), **more).split()

    def shown(self):
        return {one["document"]: one for one in json.loads(self("show", self.repository, "--format", "json"))}


@pytest.fixture
def holders(server, tmp_path):
    return Holders(server, tmp_path)


def test_two_of_three(holders):
    assert "with 2 root keys" in holders.init()
    assert "is a TUF repository already" in holders("init", holders.repository, *holders.config(), "--root-key", holders.public("alice"),
                                                    "--online-key", holders.public("online"), fails=True)
    holders.sign("alice")
    assert "1 of 2 signatures" in holders.publish(fails=True)
    assert not (holders.repository / "1.root.json").exists()
    holders.sign("alice")  # twice counts once
    assert "1 of 2 signatures" in holders.publish(fails=True)
    assert "wants a signature" in holders("sign", holders.repository, "--key", holders.key("online"), fails=True)
    assert "no published root" in holders("refresh", holders.repository, "--key", holders.key("online"), fails=True)
    holders.sign("carol")
    assert "1.root.json" in holders.publish().split()
    assert "nothing is staged" in holders.publish(fails=True)
    assert holders.refresh() == ["1.snapshot.json", "timestamp.json"]
    assert holders.refresh() == []  # they are good for long enough
    assert {name: one["version"] for name, one in holders.shown().items()} == dict.fromkeys(("root", "targets", "snapshot", "timestamp"), 1)
    assert "good for long enough" in holders("update", holders.repository, *holders.config())


def test_a_key_more_and_one_less(holders):
    holders.init()
    holders.sign("alice", "bob")
    holders.publish()
    holders.refresh()
    holders("keygen", "--key", holders.key("dave"))
    holders("add-key", holders.repository, "--role", "root", "--key", holders.public("dave"))
    holders("remove-key", holders.repository, "--role", "root", "--key", holders.public("alice"))
    assert holders.shown()["staged root"]["version"] == 2
    holders.sign("carol", "dave")  # two of the new root, one of the old
    assert "1 of 2 signatures that version 1 of the root asks for" in holders.publish(fails=True)
    holders.sign("bob")
    assert holders.publish().split() == ["2.root.json"]
    holders("add-key", holders.repository, "--role", "online", "--key", holders.public("dave"))
    holders("remove-key", holders.repository, "--role", "online", "--key", holders.public("online"))
    holders.sign("bob", "dave")
    holders.publish()
    assert "of the root asks for" in holders("refresh", holders.repository, "--key", holders.key("online"), fails=True)
    assert holders("refresh", holders.repository, "--key", holders.key("dave")).split() == ["2.snapshot.json", "timestamp.json"]
    assert "would have 1 keys and want signatures of 2" in holders(
        "add-key", holders.repository, "--role", "online", "--key", holders.public("dave"), "--threshold", 2, fails=True)


@pytest.mark.parametrize("file,change,why", [
    ("staged/root.json", lambda text: text[:-20], "byte"),
    ("staged/root.json", lambda text: text.replace('"root"', '"toor"', 1), "root"),
    ("staged/root.json", lambda text: text.replace('"threshold": 2', '"threshold": 9'), "more signatures than it has keys"),
    ("staged/targets.json", lambda text: text.replace('"_type": "targets"', '"_type": "root"'), "_type is another"),
    ("staged/targets.json", lambda text: text.replace('"sig": "30', '"sig": "3x'), "not hexadecimal"),
    ("staged/targets.json", lambda text: text.replace('"length": ', '"length": 1'), "of 2 signatures"),
])
def test_a_changed_document_is_refused(holders, file, change, why):
    holders.init()
    holders.sign("alice", "bob")
    path = holders.repository / file
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before
    assert why in holders.publish(fails=True)


def test_a_changed_target_is_refused(holders):
    holders.init()
    holders.sign("alice", "bob")
    [root] = (holders.repository / "staged/targets").glob("*.trusted_root.json")
    root.write_text(root.read_text().replace("validFor", "validFOR", 1))
    assert "is not what its name says" in holders.publish(fails=True)


@pytest.fixture
def served(private, tmp_path):
    return private(lambda config: config.update(tuf=str(tmp_path / "tuf")))


def warnings(server):
    return [one for one in server.readyz()[1]["warnings"] if one.startswith("tuf: ")]


@pytest.mark.parametrize("by", ["chancery", "any web server"])
def test_cosign_needs_no_file_of_ours(served, issuer, mirror, tmp_path, by):
    program = cosign("v3.1.3")
    holders = Holders(served, tmp_path)
    assert "tuf: root is not published: add-key or remove-key, sign, publish" in warnings(served)
    holders.init()
    holders.sign("bob", "carol")
    holders.publish()
    assert [one.split(":")[1] for one in warnings(served)] == [" snapshot is not published", " timestamp is not published"]
    holders.refresh()
    assert not warnings(served)
    url = served.public + "/tuf" if by == "chancery" else mirror
    for file, kept in ("1.root.json", "immutable"), ("timestamp.json", "no-cache"), ("2.root.json", None), ("staged", None):
        answer = requests.get(f"{served.public}/tuf/{file}", timeout=house.TIMEOUT)
        assert answer.status_code == (200 if kept else 404) and (not kept or kept in answer.headers["Cache-Control"]), file
    work = tmp_path / "work"
    work.mkdir()
    (work / "blob").write_text("what is signed\n")
    run(program, "initialize", "--mirror", url, "--root", holders.repository / "1.root.json", cwd=work)
    run(program, "sign-blob", "--yes", "--identity-token", issuer.token(), "--bundle", "bundle.json", "blob", cwd=work)
    verify = ["verify-blob", "--bundle", "bundle.json", "--use-signed-timestamps", "--insecure-ignore-tlog", "--certificate-oidc-issuer",
              issuer.base + "/github", "--certificate-identity"]
    run(program, *verify, SAN, "blob", cwd=work)
    run(program, *verify, SAN + "x", "blob", cwd=work, fails=True)

    # Another root by the rules is followed, without another `initialize`.
    holders("remove-key", holders.repository, "--role", "root", "--key", holders.public("alice"))
    holders.sign("bob", "carol")
    holders.publish()
    holders.refresh()
    run(program, *verify, SAN, "blob", cwd=work)
    # A root that those before did not sign is not.
    forged = json.loads((holders.repository / "2.root.json").read_text())
    forged["signed"]["version"] = 3
    (holders.repository / "3.root.json").write_text(json.dumps(forged))
    run(program, *verify, SAN, "blob", cwd=work, fails=True)


def test_another_client_reads_it(served, tmp_path):
    """python-tuf, which sigstore-python has inside: the first root to the newest, and the target as it is served under /trust/."""
    holders = Holders(served, tmp_path)
    holders.init()
    holders.sign("bob", "carol")
    holders.publish()
    holders.refresh()
    first = (holders.repository / "1.root.json").read_bytes()

    def read():
        for name in "metadata", "targets":
            shutil.rmtree(tmp_path / name, ignore_errors=True)
            (tmp_path / name).mkdir()
        updater = tuf.ngclient.Updater(str(tmp_path / "metadata"), f"{served.public}/tuf/", str(tmp_path / "targets"),
                                       f"{served.public}/tuf/targets/", bootstrap=first)
        updater.refresh()
        return {name: pathlib.Path(updater.download_target(updater.get_targetinfo(name))).read_bytes()
                for name in ("trusted_root.json", "signing_config.v0.2.json")}
    for name, text in read().items():
        assert text == requests.get(f"{served.public}/trust/{name}", timeout=house.TIMEOUT).content
    holders("keygen", "--key", holders.key("dave"))
    holders("add-key", holders.repository, "--role", "online", "--key", holders.public("dave"))
    holders("remove-key", holders.repository, "--role", "online", "--key", holders.public("online"))
    holders.sign("alice", "bob")
    holders.publish()
    with pytest.raises(tuf.api.exceptions.RepositoryError):
        read()  # the online key that signed snapshot and timestamp is none any more
    holders("refresh", holders.repository, "--key", holders.key("dave"))
    assert len(read()) == 2


def test_an_alarm_at_half_of_a_life(served, tmp_path):
    holders = Holders(served, tmp_path)
    holders.init()
    holders.sign("bob", "carol")
    holders.publish()
    holders.refresh()
    path = holders.repository / "timestamp.json"
    document = json.loads(path.read_text())
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)
    document["signed"]["expires"] = soon.strftime("%Y-%m-%dT%H:%M:%SZ")
    path.write_text(json.dumps(document))
    [alarm] = warnings(served)
    assert alarm == f"tuf: timestamp expires at {document['signed']['expires']}: refresh"
    assert holders.refresh() == ["timestamp.json"] and not warnings(served)
