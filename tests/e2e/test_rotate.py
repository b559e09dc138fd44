"""One issuing CA follows another while clients ask: published first, then used; what the old one signed stays good."""
import base64
import datetime
import hashlib
import json
import os
import subprocess

import pytest
import requests
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import house
import load

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
KEY = f"pkcs11:token=chancery;object=ca-2027?module-path={MODULE}&pin-source=file:pin"
PLAN = f"""\
version: 1
name: Chancery Demo 2027
witnesses: [nobody]
root:
  key: "pkcs11:token=chancery-root;object=root?module-path={MODULE}&pin-source=file:root/pin"
  certificate: ceremony/root.pem
issuing:
  key: "{KEY}"
  subject: {{organization: Chancery Demo, common-name: Chancery Demo Issuing CA 2027}}
  lifetime: 1095d
"""


def hold_ceremony(state):
    """A second issuing CA under the same root, its key beside the first one's: chain-2027.pem."""
    directory = state.directory
    (directory / "ceremony-2027.yaml").write_text(PLAN)
    conf = directory / "root" / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {directory / 'root' / 'tokens'}\nobjectstore.backend = file\n")
    for step, place in (("root", "root"), ("issuing-request", "."), ("issuing-sign", "root"), ("finish", ".")):
        done = subprocess.run(
            [str(house.PROGRAM), "ceremony", "run", str(directory / "ceremony-2027.yaml"), "--out",
             str(directory / "made-2027"), "--step", step, "--yes-i-am-testing"], capture_output=True, text=True,
            env=dict(os.environ, SOFTHSM2_CONF=str(directory / place / "softhsm2.conf")))
        assert done.returncode == 0, f"{step}: {done.stderr}"
    (directory / "chain-2027.pem").write_bytes((directory / "made-2027" / "chain.pem").read_bytes())


@pytest.fixture
def rotating(private):
    server = private(lambda c: c["ca"].update(rotation="rotation.yaml", lead="1h"))
    hold_ceremony(server.state)
    return server


def rotate(server, *arguments, fails=None):
    done = server.run("rotate", *arguments)
    if fails is None:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1 and fails in done.stderr, done.stderr
    return done


def prepare(server):
    return rotate(server, "prepare", "2027", "--chain", "chain-2027.pem", "--key", KEY)


def in_force(server):
    """Until the server has the file as it is now."""
    text = (server.state.directory / "rotation.yaml").read_bytes()
    wanted = "serving " + hashlib.sha256(text).hexdigest()
    house.wait_for("the rotation", lambda: server.readyz()[1]["files"]["rotation"].startswith(wanted), 30)


def chains(server):
    bundle = requests.get(server.public + "/api/v2/trustBundle", timeout=house.TIMEOUT).json()
    return [[x509.load_pem_x509_certificate(pem.encode()) for pem in chain["certificates"]] for chain in bundle["chains"]]


def name_of(issuing):
    return issuing.subject.rfc4514_string()


def key_hash(issuing):
    spki = issuing.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def signed_by(certificate, issuing):
    issuing.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))


def exported(server, directory):
    done = server.run("trust", "export", str(directory))
    assert done.returncode == 0, done.stderr
    root = json.loads((directory / "trusted_root.json").read_text())
    assert root == requests.get(server.public + "/trust/trusted_root.json", timeout=house.TIMEOUT).json()
    return root


def verify_offline(root, leaf):
    """As a client with nothing but the TrustedRoot: a chain of its, and a window that holds the certificate."""
    for authority in root["certificateAuthorities"]:
        chain = [x509.load_der_x509_certificate(base64.b64decode(c["rawBytes"]))
                 for c in authority["certChain"]["certificates"]]
        if chain[0].subject != leaf.issuer:
            continue
        for below, above in zip([leaf] + chain, chain):
            signed_by(below, above)
        window = authority["validFor"]
        begin = leaf.not_valid_before.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert window["start"] <= begin and begin <= window.get("end", "9")
        return
    raise AssertionError("no authority of the trusted root is the issuer")


def check_entries(server):
    """Each entry's chain is that of its issuer."""
    log, (size, _, _) = server.published(1)
    for leaf, extra in log.entries(size):
        length = int.from_bytes(extra[:3], "big")
        precertificate = x509.load_der_x509_certificate(extra[3:3 + length])
        rest = extra[3 + length + 3:]
        issuing = x509.load_der_x509_certificate(rest[3:3 + int.from_bytes(rest[:3], "big")])
        assert leaf[12:44].hex() == key_hash(issuing)
        signed_by(precertificate, issuing)


def verify_logs(server, trust):
    """Both logs proved anew, by a TrustedRoot that names several CAs."""
    done = house.run("log", "verify", "--certificates", server.log, "--events", f"{server.internal}/log/events/demo",
                     "--trusted-root", trust / "trusted_root.json", "--keys", trust / "log-keys.txt", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def edit(server, change):
    path = server.state.directory / "rotation.yaml"
    document = yaml.safe_load(path.read_text())
    change({ca["name"]: ca for ca in document["cas"]})
    new = path.with_name("rotation.new")
    new.write_text(yaml.safe_dump(document, sort_keys=False))
    os.rename(new, path)


def test_doctor_walks_to_the_keys_of_each_ca(rotating):
    prepare(rotating)
    (rotating.state.directory / "chain-2027.pem").write_bytes((rotating.state.directory / "chain.pem").read_bytes())
    done = rotating.run("hsm", "doctor", "--format", "json")
    first, second = json.loads(done.stdout)["keys"]
    assert (first["setting"], first["ca"], first["healthy"]) == ("ca.key", "first", True)
    assert (second["setting"], second["ca"], second["healthy"]) == ("ca.key", "2027", False) and done.returncode == 1
    assert second["steps"][-1]["step"] == "chain", second
    assert "ca.key of 2027\n" in rotating.run("hsm", "doctor").stdout


def test_no_client_notices_that_another_ca_signs(rotating, issuer, tmp_path):
    server = rotating
    with load.Load(server, issuer, threads=4) as clients:
        def more():
            count = len(clients.asked)
            house.wait_for("answers", lambda: len(clients.asked) > count + 12, 30)
        more()
        prepare(server)
        in_force(server)
        (first, _), (second, _) = chains(server)
        more()
        border = len(clients.asked)
        rotate(server, "activate", "2027", fails="may be active from")
        rotate(server, "activate", "2027", "--now", "SEC-17")
        in_force(server)
        more()
        after = len(clients.asked)
        more()
    assert {a.status for a in clients.asked} == {200}, clients.of(0, 403, 429, 500, 503)[:3]
    issuers = [name_of(a.certificates[1]) for a in clients.asked]
    assert set(issuers[:border - 4]) == {name_of(first)} and set(issuers[after + 4:]) == {name_of(second)}
    for asked in clients.asked:
        signed_by(asked.certificates[0], asked.certificates[1])

    check_entries(server)
    load.check_log(server, [a.certificates[:2] for a in clients.asked])
    root = exported(server, tmp_path)
    for asked in clients.asked:
        verify_offline(root, asked.certificates[0])
    verify_logs(server, tmp_path)
    check_events(server, first, second)

    # A restart goes on with the new one, and a retry of the old one's certificate gets that again.
    server.restart()
    old, new = clients.asked[0], None
    client = load.wire.Client(server.public, issuer)
    again = client.ask(token=old.token, key=old.key)[2]
    assert again.status_code == 200 and load.wire.certificates(again)[:2] == old.certificates[:2]
    new = client.ask()[2]
    assert name_of(load.wire.certificates(new)[1]) == name_of(second)

    rotate(server, "retire", "2027", fails="is active")
    rotate(server, "retire", "first", fails="valid until")
    # As if half an hour had gone by; the chains are valid since an hour ago.
    earlier = datetime.datetime.utcnow().replace(microsecond=0) - datetime.timedelta(minutes=30)
    edit(server, lambda cas: cas["first"].update(replaced=earlier.isoformat() + "Z"))
    rotate(server, "retire", "first")
    in_force(server)
    house.wait_for("the signers of the first CA to go",
                   lambda: not any(role == "issuing:first" for role, _ in server.signers()), 30)
    assert len(chains(server)) == 2 and client.ask()[2].status_code == 200
    root = exported(server, tmp_path)
    assert ["end" in a["validFor"] for a in root["certificateAuthorities"]] == [True, False]
    for asked in clients.asked:
        verify_offline(root, asked.certificates[0])
    check_entries(server)
    verify_logs(server, tmp_path)
    server.restart()
    assert client.ask()[2].status_code == 200
    assert [e["ca"] for e in server.events() if e["type"] == "ca-retired"] == ["first"]


def check_events(server, first, second):
    """Every certificate is of the CA whose activation is the last before it."""
    active, told = key_hash(first), []
    for event in server.events():
        if event["type"].startswith("ca-"):
            told.append((event["type"], event["ca"], event.get("before"), event.get("reason")))
        if event["type"] == "ca-activated":
            active = event["issuing_key_sha256"]
        if event["type"] == "granted":
            assert event["issuing_key_sha256"] == active
    assert active == key_hash(second)
    assert told == [("ca-activated", "first", None, None), ("ca-prepared", "2027", None, None),
                    ("ca-activated", "2027", "first", "SEC-17")]


def test_what_is_refused_and_changes_nothing(rotating, row):
    server, directory = rotating, rotating.state.directory
    file = directory / "rotation.yaml"
    other = directory / "other.pem"
    other.write_bytes((directory / "chain.pem").read_bytes())
    for name, arguments, reason in (
            ("no such CA", ("activate", "2027"), "there is no CA"),
            ("the same key", ("prepare", "2027", "--chain", "other.pem", "--key", KEY), "it has the key of CA first"),
            ("another key", ("prepare", "2027", "--chain", "chain-2027.pem", "--key", KEY.replace("-2027", "")),
             "the public key of the chain"),
            ("no key", ("prepare", "2027", "--chain", "chain-2027.pem", "--key", KEY.replace("2027", "2028")), "key"),
            ("a name", ("prepare", "No", "--chain", "chain-2027.pem", "--key", KEY), "a-z"),
            ("no chain", ("prepare", "2027", "--chain", "nowhere.pem", "--key", KEY), "nowhere.pem")):
        with row(name):
            rotate(server, *arguments, fails=reason)
            assert not file.exists()
    prepare(server)
    in_force(server)
    roles = {token["role"]: token["state"] for token in server.readyz()[1]["tokens"]}
    assert roles == {"issuing:first": "serving", "issuing:2027": "serving", "log": "serving"}
    drained = house.run("hsm", "drain", "default", "--config", str(server.state.file))
    assert drained.returncode == 1 and "the last token in use of key of CA first, key of CA 2027" in drained.stderr
    plan = json.loads(rotate(server, "plan", "--format", "json").stdout)
    prepared = datetime.datetime.fromisoformat(plan["cas"][1]["prepared"].rstrip("Z"))
    assert plan["cas"][1]["may_be_active_from"] == (prepared + datetime.timedelta(hours=1)).isoformat() + "Z"
    assert [step.split(":")[0] for step in plan["next"]] == ["chancery rotate activate 2027"]

    # A CA that clients trust does not vanish, whoever edits the file: the old state serves on.
    text = file.read_text()
    file.write_text("")
    house.wait_for("a refusal", lambda: "refused" in server.readyz()[1]["files"]["rotation"])
    assert len(chains(server)) == 2
    file.write_text(text)
    in_force(server)
    server.stop()
    file.unlink()
    assert server.spawn().process.wait(30 * house.PATIENCE) == 1
    assert "ca.rotation does not name CA 2027" in server.tail()


def test_without_the_setting_there_is_nothing_to_rotate(server):
    rotate(server, "plan", fails="has no ca.rotation")
