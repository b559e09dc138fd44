"""`chancery log verify`: both logs of a real server proved anew, from the server, from its files and from a bundle; and every kind of change to them found."""
import base64
import json
import pathlib
import shutil
import sqlite3
import struct

import pytest

import house
import wire

SIZE = 300  # a full tile and a partial one


@pytest.fixture(scope="module")
def audited(tmp_path_factory, template, issuer):
    """A server with some history: a policy that changed, a restart, refusals; its files and its trust documents."""
    directory = tmp_path_factory.mktemp("audited")
    running = house.Chancery(house.State(template, directory / "state"))
    try:
        running.start()
        client = wire.Client(running.public, issuer)
        for number in range(SIZE // 2):
            client.issue(("github", "email", "spiffe")[number % 3])
        assert client.ask("github", aud="somebody else")[2].status_code == 401
        policy = running.state.directory / "policy.yaml"
        policy.write_text(policy.read_text() + "\n# another text, another digest\n")
        running.restart()
        client = wire.Client(running.public, issuer)
        for number in range(SIZE - SIZE // 2):
            client.issue()
        running.published(SIZE)
        running.directory = directory
        export(running, "--tiles", directory / "export", "--log", "both")
        done = running.run("trust", "export", str(directory / "trust"))
        assert done.returncode == 0, done.stderr
        yield running
        assert running.stop() == 0, running.tail()
    finally:
        running.end()


def export(server, *arguments):
    done = server.run("log", "export", *map(str, arguments), timeout=60)
    assert done.returncode == 0, done.stderr
    return done


def verify(server, *arguments, trust=None):
    """The exit status and the JSON report, or the message."""
    trust = trust or server.directory / "trust"
    done = house.run("log", "verify", *map(str, arguments), "--trusted-root", trust / "trusted_root.json",
                     "--keys", trust / "log-keys.txt", "--format", "json", timeout=120)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def bases(server):
    return "--certificates", server.log, "--events", f"{server.internal}/log/events/demo"


def assert_verified(answer):
    status, report = answer
    assert status == 0, report
    assert report["verified"] and report["findings"] == []
    assert report["certificates"]["size"] >= SIZE and report["granted"] == report["certificates"]["size"]
    assert report["issued"] + report["outcome_open"] == report["granted"] and report["outcome_unknown"] == 0
    return report


def test_a_server_its_files_and_a_bundle_are_proved(audited):
    files = assert_verified(verify(audited, audited.directory / "export"))
    assert files["signatures_checked"] == 3 * files["certificates"]["size"]
    live = assert_verified(verify(audited, *bases(audited)))
    assert live["certificates"] == files["certificates"]
    export(audited, "--bundle", audited.directory / "log.sqlar", "--log", "both")
    bundle = assert_verified(verify(audited, audited.directory / "log.sqlar"))
    assert bundle["certificates"] == files["certificates"]
    with sqlite3.connect(audited.directory / "log.sqlar") as archive:
        name, size, data = archive.execute("SELECT name, sz, data FROM sqlar WHERE name LIKE 'certificates/%/tile/data/000'").fetchone()
    assert len(data) == size and data == (audited.directory / "export" / name).read_bytes()
    # The first run has ended, so its signatures of each purpose are counted.
    assert files["signature_counts"] == len(signature_counts(audited)) >= 4
    alone = assert_verified(verify(audited, audited.directory / "export", "--no-signatures"))
    assert alone["signatures_checked"] == 0


def test_what_people_see(audited):
    trust = audited.directory / "trust"
    done = house.run("log", "verify", audited.directory / "export", "--trusted-root", trust / "trusted_root.json", "--keys", trust / "log-keys.txt")
    assert done.returncode == 0 and "verified       both logs" in done.stdout
    assert f"issued         {SIZE} of {SIZE} granted" in done.stdout, done.stdout
    assert f"signed         {len(signature_counts(audited))} counts of signatures" in done.stdout, done.stdout
    help_text = house.run("log", "verify", "--help").stdout
    assert "Exit status" in help_text and "Examples" in help_text


def signature_counts(server):
    """What the run that has ended says of its signatures, by purpose."""
    counts = {event["purpose"]: event for event in server.events() if event["type"] == "signatures-counted"}
    assert all(event["final"] and event["made"] <= event["asked"] for event in counts.values())
    certificates = counts["certificate"]
    assert [certificates[name] for name in ("made", "asked", "entered", "retried")] == [SIZE // 2] * 3 + [0]
    return counts


def certificates_of(directory):
    return next((directory / "certificates").iterdir())


def events_of(directory):
    return next((directory / "events").iterdir())


def split_issued(data):
    found = []
    while data:
        size = int.from_bytes(data[:3], "big")
        found.append(data[3:3 + size])
        data = data[3 + size:]
    return found


def join_issued(certificates):
    return b"".join(len(one).to_bytes(3, "big") + one for one in certificates)


def split_bundle(data):
    found = []
    while data:
        (size,) = struct.unpack(">H", data[:2])
        found.append(data[2:2 + size])
        data = data[2 + size:]
    return found


def join_bundle(entries):
    return b"".join(struct.pack(">H", len(one)) + one for one in entries)


def edit(path, change):
    path.write_bytes(change(path.read_bytes()))


def flip(at):
    def change(data):
        at_octet = at if at >= 0 else len(data) + at
        return data[:at_octet] + bytes([data[at_octet] ^ 1]) + data[at_octet + 1:]
    return change


def change_issued(index, other):
    def change(directory):
        def swap(data):
            certificates = split_issued(data)
            certificates[index] = other(certificates)
            return join_issued(certificates)
        edit(certificates_of(directory) / "issued" / "000", swap)
    return change


def change_event(kind, alter, **more):
    """The first event of this type, with these members, in a full bundle."""
    def change(directory):
        for number in range(1000):
            path = events_of(directory) / "tile" / "entries" / f"{number:03}"
            entries = split_bundle(path.read_bytes())
            for at, entry in enumerate(entries):
                if {"type": kind, **more}.items() <= json.loads(entry).items():
                    entries[at] = alter(entry)
                    return path.write_bytes(join_bundle(entries))
    return change


def replaced(name, value):
    """`value` or, of the old one, `value(old)`."""
    def alter(entry):
        event = json.loads(entry)
        event[name] = value(event[name]) if callable(value) else value
        return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return alter


def change_counts(certificates, *names):
    """How many certificates the first run signed: of all that it granted, one more; or none."""
    def alter(entry):
        for name in names:
            entry = replaced(name, certificates + 1 if certificates else 0)(entry)
        return entry
    return change_event("signatures-counted", alter, purpose="certificate")


def file_of(log, path, change):
    return lambda directory: edit((certificates_of if log == "certificates" else events_of)(directory) / path, change)


CHANGES = [
    ("another certificate is stored", change_issued(5, lambda all: all[6]), "bad-certificate"),
    ("and it is not the one of the event", change_issued(5, lambda all: all[6]), "issued-differs"),
    ("a certificate is gone", change_issued(7, lambda all: b""), "certificate-missing"),
    ("a certificate with another signature", change_issued(8, lambda all: flip(-1)(all[8])), "bad-signature"),
    ("a certificate that is none", change_issued(9, lambda all: b"\x30\x00"), "bad-certificate"),
    ("a leaf", file_of("certificates", "tile/data/000", flip(200)), "tile-differs"),
    ("and its root", file_of("certificates", "tile/data/000", flip(200)), "root-differs"),
    ("the first octet of a data tile", file_of("certificates", "tile/data/000", flip(9)), "bad-tile"),
    ("a data tile that is cut off", file_of("certificates", "tile/data/000", lambda data: data[:1000]), "bad-tile"),
    ("a hash tile", file_of("certificates", "tile/0/000", flip(33)), "tile-differs"),
    ("a hash tile above", file_of("events", "tile/1/000.p/*", flip(0)), "tile-differs"),
    ("an event left out", file_of("events", "tile/entries/000", lambda data: join_bundle(split_bundle(data)[:-1])), "bad-tile"),
    ("a grant of another serial", change_event("granted", replaced("serial", "00" * 20)), "granted-differs"),
    ("a grant of another TBS", change_event("granted", replaced("tbs_sha256", "00" * 32)), "granted-differs"),
    ("a grant of another leaf", change_event("granted", replaced("leaf_index", 3)), "granted-missing"),
    ("a grant under a policy never loaded", change_event("granted", replaced("policy_digest", "00" * 32)), "policy-differs"),
    ("an issued event of another certificate", change_event("issued", replaced("certificate_sha256", "00" * 32)), "issued-differs"),
    ("an event that became another", change_event("granted", replaced("type", "refused")), "granted-missing"),
    ("an event from before", change_event("issued", replaced("time", "2001-01-01T00:00:00.000Z")), "time-falls"),
    ("one certificate more signed than granted", change_counts(SIZE // 2, "made", "asked"), "signature-count"),
    ("a signature that was not asked for", change_event("signatures-counted", replaced("made", lambda old: old + 1), purpose="sct"), "signature-count"),
    ("fewer certificates signed than issued", change_counts(0, "made", "lost"), "signature-count"),
    ("an event that is no JSON", change_event("issued", lambda entry: entry[:-1]), "bad-event"),
    ("the size of a checkpoint", file_of("certificates", "checkpoint", lambda data: data.replace(b"\n300\n", b"\n299\n", 1)), "bad-checkpoint"),
    ("the signatures of a checkpoint", file_of("events", "checkpoint", lambda data: data[:data.index(b"\n\n") + 2] + "— x AAAAAAAA\n".encode()), "bad-checkpoint"),
]


def test_every_change_is_found(audited, tmp_path, row):
    for number, (name, change, wanted) in enumerate(CHANGES):
        with row(name):
            directory = tmp_path / str(number)
            shutil.copytree(audited.directory / "export", directory)
            change(Globbed(directory))
            status, report = verify(audited, directory)
            assert status == 1, report
            found = {finding["id"] for finding in report["findings"]}
            assert wanted in found, f"{wanted} is not among {sorted(found)}"
            shutil.rmtree(directory)


class Globbed:
    """A directory whose files may be named by a pattern."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def __truediv__(self, name):
        found = sorted(self.path.glob(name)) if "*" in name else [self.path / name]
        return Globbed(found[0])

    def iterdir(self):
        return (Globbed(one) for one in self.path.iterdir())

    def read_bytes(self):
        return self.path.read_bytes()

    def write_bytes(self, data):
        self.path.write_bytes(data)


def test_what_cannot_be_read_proves_nothing(audited, tmp_path, row):
    for number, gone in enumerate(["checkpoint", "tile/data/000", "tile/0/000", "issued/000", "tile/1/000.p"]):
        with row(gone):
            directory = tmp_path / str(number)
            shutil.copytree(audited.directory / "export", directory)
            path = certificates_of(directory) / gone
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            status, message = verify(audited, directory)
            assert status == 3 and gone.removesuffix(".p") in message, message


def test_other_trust_documents_than_the_reviewers_own(audited, tmp_path, row):
    def trust(name, change):
        directory = tmp_path / name
        shutil.copytree(audited.directory / "trust", directory)
        change(directory)
        return directory

    def other_ca(directory):
        document = json.loads((directory / "trusted_root.json").read_text())
        chain = document["certificateAuthorities"][0]["certChain"]["certificates"]
        chain[0] = chain[-1]
        (directory / "trusted_root.json").write_text(json.dumps(document))

    def without(kind):
        """Verifier keys of this type."""
        def change(directory):
            lines = (directory / "log-keys.txt").read_text().splitlines()
            kept = [line for line in lines if line.startswith("#") or base64.b64decode(line.split("+", 2)[2])[0] != kind]
            (directory / "log-keys.txt").write_text("\n".join(kept) + "\n")
        return change

    for name, change, wanted in [("another CA", other_ca, "unknown-issuer"), ("no log key", without(5), "bad-checkpoint"), ("no note key", without(1), "bad-checkpoint")]:
        with row(name):
            status, report = verify(audited, audited.directory / "export", trust=trust(name.replace(" ", "-"), change))
            assert status == 1 and {finding["id"] for finding in report["findings"]} == {wanted}, report
    with row("a key that is none"):
        broken = trust("broken", lambda directory: (directory / "log-keys.txt").write_text("nonsense\n"))
        status, message = verify(audited, audited.directory / "export", trust=broken)
        assert status == 3 and "line 1" in message
    with row("a witness that nobody asked"):
        status, report = verify(audited, audited.directory / "export", "--quorum", "1")
        assert status == 1 and {finding["id"] for finding in report["findings"]} == {"too-few-witnesses"}


def test_usage(audited, row):
    for arguments in ([], ["--certificates", "http://127.0.0.1:1"], ["/nowhere"]):
        with row(str(arguments)):
            status, _ = verify(audited, *arguments)
            assert status == 2
    with row("a server that does not answer"):
        status, message = verify(audited, "--certificates", "http://127.0.0.1:1", "--events", "http://127.0.0.1:1")
        assert status == 3 and "checkpoint" in message
