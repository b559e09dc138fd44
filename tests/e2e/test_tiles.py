"""Both logs as tiles, over HTTP and as files of `chancery log export`: the same octets, and both trees out of them."""
import base64
import gzip
import json
import os
import shutil
import subprocess

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import house
import note
import rfc6962
import tiles
import wire
from test_log import note_key, split_extra
from test_nginx import NGINX

IMMUTABLE = "public, max-age=604800, immutable"
SIZE = 300  # a full tile and a partial one


@pytest.fixture(scope="module")
def grown(tmp_path_factory, template, issuer):
    """A server whose certificates log has crossed the border of a tile."""
    running = house.Chancery(house.State(template, tmp_path_factory.mktemp("grown") / "state"))
    try:
        running.start()
        client = wire.Client(running.public, issuer)
        running.issued = [client.issue(("github", "email", "spiffe")[number % 3]) for number in range(SIZE)]
        running.published(SIZE)
        yield running
        assert running.stop() == 0, running.tail()
    finally:
        running.end()


def base_of(server, log):
    return server.log if log == "certificates" else f"{server.internal}/log/events/demo"


def get(server, log, file, **more):
    return requests.get(f"{base_of(server, log)}/{file}", timeout=3 * house.TIMEOUT, **more)


def fetcher(server, log):
    def fetch(file):
        answer = get(server, log, file)
        assert answer.status_code == 200, (file, answer.text)
        return answer.content
    return fetch


def checkpoint(server, log):
    return note.Checkpoint(get(server, log, "checkpoint").text)


@pytest.mark.parametrize("log", ["certificates", "events"])
def test_hash_tiles_lead_to_the_root_of_the_checkpoint(grown, log):
    head = checkpoint(grown, log)
    leaves = tiles.read_tree(fetcher(grown, log), head.size)
    assert head.size >= SIZE and rfc6962.root_of(leaves) == head.root


def test_data_tiles_are_the_entries_of_rfc6962(grown):
    fetch, head = fetcher(grown, "certificates"), checkpoint(grown, "certificates")
    leaves = tiles.read_tree(fetch, head.size)
    answer = grown.rfc6962().get("get-entries", start=0, end=head.size)["entries"]
    assert len(answer) == head.size, "one answer has all of so few"
    found = [entry for index, width in tiles.widths(head.size) for entry in tiles.read_data(fetch(tiles.name("data", index, width)))]
    assert len(found) == head.size
    issuers = {}
    for index, (leaf, precertificate, chain) in enumerate(found):
        assert rfc6962.leaf_hash(leaf) == leaves[index]
        assert int.from_bytes(leaf[-5:], "big") == index
        for fingerprint in chain:
            if fingerprint not in issuers:
                issuers[fingerprint] = fetch("issuer/" + fingerprint.hex())
                assert rfc6962.sha256(issuers[fingerprint]) == fingerprint
        assert base64.b64decode(answer[index]["leaf_input"]) == leaf
        assert split_extra(base64.b64decode(answer[index]["extra_data"])) == (precertificate, [issuers[f] for f in chain])
    precertificate = x509.load_der_x509_certificate(found[0][1])
    issuing = x509.load_der_x509_certificate(issuers[found[0][2][0]])
    issuing.public_key().verify(precertificate.signature, precertificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))


def test_names_tiles_say_who_got_each_certificate(grown):
    head, lines = checkpoint(grown, "certificates"), []
    for index, width in tiles.widths(head.size):
        answer = get(grown, "certificates", tiles.name("names", index, width))
        assert answer.headers["Content-Encoding"] == "gzip"
        lines += [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) == head.size
    found = get(grown, "certificates", tiles.name("data", 0)).content
    for line, (leaf, precertificate, _) in zip(lines, tiles.read_data(found)):
        san = x509.load_der_x509_certificate(precertificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert line.get("URI", []) == san.get_values_for_type(x509.UniformResourceIdentifier)
        assert line.get("Email", []) == san.get_values_for_type(x509.RFC822Name)
        assert line["Timestamp"] == int.from_bytes(leaf[2:10], "big") and line["Issuer"].startswith("http")


def test_entry_bundles_are_the_events(grown):
    fetch, head = fetcher(grown, "events"), checkpoint(grown, "events")
    leaves = tiles.read_tree(fetch, head.size)
    found = [entry for index, width in tiles.widths(head.size) for entry in tiles.read_bundle(fetch(tiles.name("entries", index, width)))]
    assert [rfc6962.leaf_hash(entry) for entry in found] == leaves
    assert {"started", "granted", "issued"} <= {json.loads(entry)["type"] for entry in found}


def test_headers_and_refusals(grown, row):
    root = get(grown, "certificates", "ct/v1/get-roots").json()["certificates"][-1]
    issuer = rfc6962.sha256(base64.b64decode(root)).hex()
    octets, lines = "application/octet-stream", "application/jsonl; charset=utf-8"
    for log, file, status, kind, caching in [
            ("certificates", "tile/0/000", 200, octets, IMMUTABLE), ("certificates", "tile/0/001.p/5", 200, octets, IMMUTABLE),
            ("certificates", "tile/1/000.p/1", 200, octets, IMMUTABLE), ("certificates", "tile/data/000", 200, octets, IMMUTABLE),
            ("certificates", "tile/names/000.p/3", 200, lines, IMMUTABLE), ("certificates", f"issuer/{issuer}", 200, "application/pkix-cert", IMMUTABLE),
            ("certificates", "checkpoint", 200, "text/plain; charset=utf-8", "no-store"),
            ("certificates", "log.v3.json", 200, "application/json", "no-store"),
            ("events", "tile/0/000", 200, octets, IMMUTABLE), ("events", "tile/entries/000.p/9", 200, octets, IMMUTABLE),
            ("certificates", "tile/0/001", 404, "application/json", "no-store"), ("certificates", "tile/0/002.p/1", 404, "application/json", "no-store"),
            ("certificates", "tile/2/000.p/1", 404, "application/json", "no-store"), ("certificates", "tile/entries/000", 404, "application/json", "no-store"),
            ("events", "tile/data/000", 404, "application/json", "no-store"), ("events", "tile/names/000", 404, "application/json", "no-store"),
            ("certificates", f"issuer/{'0' * 64}", 404, "application/json", "no-store"),
            ("certificates", "tile/0/1", 400, "application/json", None), ("certificates", "tile/64/000", 400, "application/json", None),
            ("certificates", "tile/0/000.p/256", 400, "application/json", None), ("certificates", "tile/0/x000/001", 400, "application/json", None),
            ("certificates", f"issuer/{'A' * 64}", 400, "application/json", None), ("certificates", "issuer/x", 400, "application/json", None),
            ("certificates", "ct/v1/add-chain", 404, "application/json", None)]:
        with row(f"{log} {file}"):
            answer = get(grown, log, file)
            assert (answer.status_code, answer.headers["Content-Type"], answer.headers.get("Cache-Control")) == (status, kind, caching)
            # The events log is for inside: no web page reads it.
            assert answer.headers.get("Access-Control-Allow-Origin") == ("*" if log == "certificates" else None)
            head = requests.head(f"{base_of(grown, log)}/{file}", timeout=house.TIMEOUT)
            assert head.status_code == status and head.headers["Content-Length"] == answer.headers["Content-Length"]
    with row("no submissions"):
        answer = requests.post(grown.log + "/ct/v1/add-pre-chain", json={"chain": []}, timeout=house.TIMEOUT)
        assert answer.status_code == 404 and "no submissions" in answer.json()["message"]
    with row("the events log is not on the address of the certificates log"):
        outside = grown.log.replace("certificates", "events")
        assert requests.get(outside + "/tile/0/000", timeout=house.TIMEOUT).status_code == 404


def test_metadata_names_key_and_place(grown):
    metadata = get(grown, "certificates", "log.v3.json").json()
    assert rfc6962.sha256(base64.b64decode(metadata["key"])) == base64.b64decode(metadata["log_id"])
    assert metadata["monitoring_url"].endswith("/log/certificates/demo/")


def files_below(directory):
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}


def export(server, directory, log="both"):
    done = server.run("log", "export", "--tiles", str(directory), "--log", log, "--format", "json", timeout=120)
    assert done.returncode == 0, done.stderr
    return {one["log"]: one for one in json.loads(done.stdout)["logs"]}


def test_files_are_what_the_server_answers(grown, tmp_path):
    export(grown, tmp_path)
    for log in ("certificates", "events"):
        directory = tmp_path / log / "demo"
        head = note.Checkpoint((directory / "checkpoint").read_text())
        leaves = tiles.read_tree(lambda file: (directory / file).read_bytes(), head.size)
        assert rfc6962.root_of(leaves) == head.root
        have = files_below(directory)
        assert len(have) > 5
        for file, octets in have.items():
            if file != "checkpoint":
                answer = get(grown, log, file, stream=True)
                assert answer.status_code == 200 and answer.raw.read(decode_content=False) == octets, file
    # The state directory says the same without a configuration.
    done = house.run("log", "export", "--state", str(grown.state.directory / grown.state.config["state"]), "--tiles",
                     str(tmp_path), "--log", "both", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert [one["files_written"] for one in json.loads(done.stdout)["logs"]] == [2, 1], "the checkpoints, and certificates that may have come"
    assert house.run("log", "export", "--tiles", str(tmp_path)).returncode != 0
    names = (tmp_path / "certificates/demo/tile/names/000").read_bytes()
    assert len(gzip.decompress(names).splitlines()) == 256


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_nginx_serves_the_files_as_the_server_does(grown, tmp_path):
    """config/nginx/log-files.conf: the same octets and headers, with Chancery away or not."""
    export(grown, tmp_path / "log", "certificates")
    port, = house.free_ports(1)
    text = (house.ROOT / "config/nginx/log-files.conf").read_text()
    assert "/srv/chancery" in text
    user = "user root;\n" if os.getuid() == 0 else ""
    temporary = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{temporary}access_log off;\n"
        f"server {{\nlisten 127.0.0.1:{port};\n{text.replace('/srv/chancery', str(tmp_path))}\n}}\n}}\n")
    nginx = subprocess.Popen([NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log")],
                             stdin=subprocess.DEVNULL)
    try:
        base = f"http://127.0.0.1:{port}/log/certificates/demo/"
        house.wait_for("nginx", lambda: requests.get(base + "checkpoint", timeout=house.TIMEOUT).ok)
        for file in files_below(tmp_path / "log/certificates/demo"):
            ours, theirs = (requests.get(url + file, timeout=house.TIMEOUT) for url in (grown.log + "/", base))
            assert ours.content == theirs.content, file
            for name in ("Content-Type", "Content-Encoding", "Cache-Control", "Access-Control-Allow-Origin"):
                assert ours.headers.get(name) == theirs.headers.get(name), (file, name)
    finally:
        nginx.terminate()
        nginx.wait(10)


def test_an_export_goes_on_where_the_last_one_ended(private, issuer, tmp_path):
    server = private()
    client = wire.Client(server.public, issuer)
    directory = tmp_path / "certificates/demo"

    def grow(size):
        while (have := export_size()) < size:
            for _ in range(size - have):
                client.issue()
            server.published(size)

    def export_size():
        return server.rfc6962().sth()[0]
    grow(2)
    first = export(server, tmp_path, "certificates")["certificates"]
    assert (first["size_before"], first["size"]) == (0, 2)
    before = files_below(directory)
    assert {"tile/0/000.p/2", "tile/data/000.p/2", "tile/names/000.p/2", "checkpoint", "log.v3.json"} <= set(before)
    again = export(server, tmp_path, "certificates")["certificates"]
    assert (again["size_before"], again["size"], again["files_written"]) == (2, 2, 3), "checkpoint, metadata and the last certificates only"

    # A run that ended early: its files are there, its checkpoint is not.
    grow(5)
    export(server, tmp_path, "certificates")
    (directory / "checkpoint").write_bytes(before["checkpoint"])
    (directory / "tile/0/000.p/5").unlink()
    resumed = export(server, tmp_path, "certificates")["certificates"]
    assert (resumed["size_before"], resumed["size"], resumed["files_written"]) == (2, 5, 4)
    after = files_below(directory)
    assert all(after[file] == octets for file, octets in before.items() if file.startswith(("tile/", "issuer/"))), "a path's octets changed"

    # Partial tiles go with the border of the tile, not before.
    grow(257)
    export(server, tmp_path, "certificates")
    last = files_below(directory)
    assert "tile/0/000" in last and "tile/0/001.p/1" in last and "tile/1/000.p/1" in last
    assert not [file for file in last if file.startswith(("tile/0/000.p", "tile/data/000.p", "tile/names/000.p", "issued/000.p"))]


def test_an_export_refuses_what_is_not_an_earlier_state_of_its_log(grown, private, issuer, tmp_path):
    other = private()
    wire.Client(other.public, issuer).issue()
    other.published(1)
    export(other, tmp_path / "other", "certificates")
    file = tmp_path / "other/certificates/demo/checkpoint"
    text, signatures = file.read_text().split("\n\n")
    for name, content in [
            ("another tree", file.read_text()), ("no note", "hello"), ("another origin", file.read_text().replace("chancery.demo/certificates", "x")),
            ("more entries", text.replace("\n1\n", "\n99999\n") + "\n\n" + signatures)]:
        file.write_text(content)
        done = grown.run("log", "export", "--tiles", str(tmp_path / "other"))
        assert done.returncode == 1 and "export-conflict" in done.stderr, (name, done.stdout, done.stderr)
        assert file.read_text() == content
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    done = grown.run("log", "export", "--tiles", str(blocked))
    assert done.returncode == 1 and "file-unwritable" in done.stderr, done.stderr
    shutil.rmtree(tmp_path / "other")


def test_octets_of_a_path_never_change(private, issuer):
    """A partial tile that was published is answered as it was, however the tree grows and the server restarts."""
    server = private()
    client = wire.Client(server.public, issuer)
    kept = {}
    for size in (1, 3, 4):
        for _ in range(size - server.rfc6962().sth()[0]):
            client.issue()
        server.published(size)
        for log, kinds in (("certificates", (0, "data", "names")), ("events", (0, "entries"))):
            width = checkpoint(server, log).size
            for kind in kinds:
                file = tiles.name(kind, 0, width)
                kept[log, file] = get(server, log, file).content
    assert len(kept) >= 13
    server.restart()
    client.session.close()
    wire.Client(server.public, issuer).issue()
    server.published(5)
    for (log, file), octets in kept.items():
        assert get(server, log, file).content == octets, file


def sct_list_of(certificate):
    """The one SCT of a certificate, as its SCT list holds it."""
    der = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")).value.public_bytes()
    return der[2 if der[1] < 0x80 else 2 + (der[1] & 0x7F):][4:]


def test_clients_of_others_read_both_logs(grown, tmp_path):
    """sunlight's client, tessera's fsck and certificate-transparency-go, over HTTP and on the files of an export."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    export(grown, tmp_path)
    key = requests.get(grown.public + "/trust/ct.pub", timeout=house.TIMEOUT).content
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({
        "Certificates": {"URL": grown.log, "Files": str(tmp_path / "certificates/demo"), "Origin": "chancery.demo/certificates"},
        "Events": {"URL": base_of(grown, "events"), "Files": str(tmp_path / "events/demo"), "Origin": "chancery.demo/events"},
        "Key": base64.b64encode(serialization.load_pem_public_key(key).public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).decode(),
        "NoteKey": note.vkey("chancery.demo/events", note_key(grown, "events-note.key")), "Size": SIZE,
        "SCTs": [base64.b64encode(sct_list_of(grown.issued[at].leaf)).decode() for at in (0, 1, 255, 256, SIZE - 1)]}))
    done = subprocess.run(["go", "test", "-mod=readonly", "-count=1", "./..."], cwd=house.ROOT / "tests/e2e/go/tiles",
                          env=dict(os.environ, CHANCERY_TILES=str(facts)), capture_output=True, text=True, timeout=240 * house.PATIENCE)
    if done.returncode != 0 and any(sign in done.stderr for sign in ("dial tcp", "no such host", "i/o timeout", "lookup ")):
        pytest.skip("its modules cannot be fetched")
    assert done.returncode == 0, done.stdout + done.stderr


def program(name):
    """A reader of logs that others wrote, as its users run it: run(arguments) gives the exit code and what it said."""
    path = house.CACHE / "monitors-v1" / name
    if not path.is_file():
        pytest.skip(f"{path} is not there (scripts/setup test builds it when Go is installed)")

    def run(*arguments):
        done = subprocess.run([str(path), *map(str, arguments)], capture_output=True, text=True, timeout=60 * house.PATIENCE)
        return done.returncode, done.stdout + done.stderr
    return run


def test_ctclient_reads_the_certificates_log(grown, tmp_path, row):
    """certificate-transparency-go's command line: each of its commands that reads."""
    ctclient = program("ctclient")
    public = tmp_path / "ct.pub"
    public.write_bytes(requests.get(grown.public + "/trust/ct.pub", timeout=house.TIMEOUT).content)

    def ask(command, *more, key=public):
        return ctclient(command, "--log_uri", grown.log, "--pub_key", key, *more)
    log, (size, root, _) = grown.published(SIZE)
    leaves = [rfc6962.leaf_hash(leaf) for leaf, _ in log.entries(size)]
    with row("the tree head"):
        code, said = ask("get-sth")
        assert code == 0 and f"(size={size})" in said and root.hex() in said, said
    with row("the tree head of another key"):
        other = tmp_path / "other.pub"
        other.write_bytes(ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        code, said = ask("get-sth", key=other)
        assert code != 0 and "signature" in said, said
    with row("all entries in one request, as monitors ask"):
        code, said = ask("get-entries", "--first", 0, "--last", size)
        assert code == 0 and "Failed" not in said and "Error" not in said, said[:2000]
        assert said.count("pre-certificate from issuer with keyhash") == size
    with row("consistency"):
        code, said = ask("get-consistency-proof", "--prev_size", 100, "--prev_hash", rfc6962.root_of(leaves[:100]).hex(),
                         "--size", size, "--tree_hash", root.hex())
        assert code == 0 and "Verified that hash" in said, said
    with row("consistency with another tree"):
        code, said = ask("get-consistency-proof", "--prev_size", 100, "--prev_hash", rfc6962.root_of(leaves[1:101]).hex(),
                         "--size", size, "--tree_hash", root.hex())
        assert code != 0 and "Failed to VerifyConsistency" in said, said
    with row("inclusion"):
        for index in (0, 255, 256, size - 1):
            code, said = ask("get-inclusion-proof", "--leaf_hash", leaves[index].hex())
            assert code == 0 and f"for index {index} " in said and "Verified that hash" in said, said
    with row("roots"):
        code, said = ask("get-roots")
        assert code == 0 and "Certificate" in said, said


def test_fsck_reads_the_events_log(grown, tmp_path, row):
    """tessera's command line, which ends with 0 whatever it finds and says what that is; with one worker it hangs on what it finds."""
    fsck = program("fsck")
    export(grown, tmp_path)
    key = tmp_path / "key"
    key.write_text(note.vkey("chancery.demo/events", note_key(grown, "events-note.key")))
    directory = tmp_path / "events" / "demo"

    def check(url):
        code, said = fsck("--storage_url", url, "--public_key", key, "--ui=false", "-N=4", "-v=1", "-logtostderr")
        assert code == 0 and "Completed ranges" in said, said
        return said
    for name, url in (("server", base_of(grown, "events")), ("files", f"file://{directory}")):
        with row(name):
            assert "fsck failed" not in check(url)
    for changed in ("tile/entries/000", "tile/0/000", "checkpoint"):
        with row(f"another {changed}"):
            path = directory / changed
            right = path.read_bytes()
            path.write_bytes(right[:60] + bytes([right[60] ^ 1]) + right[61:])
            assert "fsck failed" in check(f"file://{directory}")
            path.write_bytes(right)
