"""The shipped TLS front, config/nginx/chancery.conf, with a private CA, between real clients and a real server."""
import contextlib
import datetime
import ipaddress
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from requests.adapters import HTTPAdapter
from sigstore._internal.fulcio import FulcioClient
from sigstore.oidc import IdentityToken

import house
import wire

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def tls_files(directory):
    """A CA of our own and a server certificate of it."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(name, key, issuer, issuer_key, extension):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or subject).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(days=1)).add_extension(extension, critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
                .sign(issuer_key, hashes.SHA256()))
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = certificate("Private CA", ca_key, None, ca_key, x509.BasicConstraints(True, None))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = certificate("localhost", key, ca.subject, ca_key, names)
    for name, data in [("ca.pem", ca.public_bytes(serialization.Encoding.PEM)),
                       ("server.pem", leaf.public_bytes(serialization.Encoding.PEM)),
                       ("server.key", key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                        serialization.NoEncryption()))]:
        (directory / name).write_bytes(data)


class Front:
    def __init__(self, directory, server):
        self.directory, self.port, self.process = directory, house.free_ports(1)[0], None
        self.url, self.ca = f"https://localhost:{self.port}", directory / "ca.pem"
        text = (house.ROOT / "config/nginx/chancery.conf").read_text()
        # What an operator edits: the addresses and the two files.
        for old, new in [("[::]:443", f"127.0.0.2:{self.port}"), ("listen 443", f"listen 127.0.0.1:{self.port}"),
                         ("127.0.0.1:5555", f"127.0.0.1:{server.state.ports['public']}"),
                         ("127.0.0.1:5557", f"127.0.0.1:{server.state.ports['log']}"),
                         ("/etc/nginx/tls/ca.example.org.pem", str(directory / "server.pem")),
                         ("/etc/nginx/tls/ca.example.org.key", str(directory / "server.key"))]:
            assert old in text, f"chancery.conf has no {old}"
            text = text.replace(old, new)
        (directory / "chancery.conf").write_text(text)
        user = "user root;\n" if os.getuid() == 0 else ""
        temporary = "".join(f"{kind}_temp_path {directory}/{kind};\n" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (directory / "nginx.conf").write_text(
            f"{user}daemon off;\nworker_processes 1;\npid {directory}/pid;\nerror_log {directory}/error.log;\n"
            f"events {{ worker_connections 1024; }}\n"
            f"http {{\n{temporary}access_log {directory}/access.log;\ninclude {directory}/chancery.conf;\n}}\n")

    def start(self):
        command = [NGINX, "-p", str(self.directory), "-c", str(self.directory / "nginx.conf"), "-e",
                   str(self.directory / "error.log")]
        tried = subprocess.run([*command, "-t"], capture_output=True, text=True)
        assert tried.returncode == 0, tried.stderr
        assert "warn" not in tried.stderr, tried.stderr
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        house.wait_for("nginx", lambda: requests.get(self.url + "/healthz", verify=self.ca, timeout=house.TIMEOUT).status_code == 200)
        return self

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
            self.process.kill()
            self.process.wait(5)


@pytest.fixture(scope="module")
def front(server, tmp_path_factory):
    if NGINX is None:
        pytest.skip("nginx is not installed")
    directory = tmp_path_factory.mktemp("nginx")
    tls_files(directory)
    running = Front(directory, server)
    try:
        yield running.start()
    finally:
        running.stop()


class FromAddress(HTTPAdapter):
    """Connections that come from another loopback address, as a client on another machine would."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments, **more):
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **more)


@pytest.fixture
def remote(front, issuer):
    client = wire.Client(front.url, issuer)
    client.session.verify = str(front.ca)
    client.session.mount("https://", FromAddress("127.0.0.9"))
    return client


def test_a_certificate_through_the_front(remote, server, front):
    got = remote.issue()
    request_id = got.answer.headers["X-Request-Id"]
    event = next(e for e in server.events() if e.get("request_id") == request_id and e["type"] == "granted")
    assert event["client_address"] == "127.0.0.9"
    # The log is under the same name.
    head = requests.get(front.url + "/log/certificates/demo/ct/v1/get-sth", verify=front.ca, timeout=house.TIMEOUT)
    assert head.status_code == 200 and head.json()["tree_size"] > 0
    assert requests.get(front.url + "/log/certificates/demo/checkpoint", verify=front.ca, timeout=house.TIMEOUT).text.startswith(
        "chancery.demo/certificates\n")
    assert requests.get(front.url + "/trust/trusted_root.json", verify=front.ca, timeout=house.TIMEOUT).json()["ctlogs"]
    assert got.token.split(".")[2] not in (front.directory / "access.log").read_text()


def test_a_client_cannot_choose_its_address(remote, server):
    token, key = remote.issuer.token(), wire.new_key()
    answer = remote.post(token=token, body=wire.key_request(key, remote.subject("github")),
                         headers={"X-Forwarded-For": "198.51.100.1", "X-Real-IP": "198.51.100.2",
                                  "Forwarded": "for=198.51.100.3"})
    assert answer.status_code == 200
    event = next(e for e in server.events() if e.get("request_id") == answer.headers["X-Request-Id"])
    assert event["client_address"] == "127.0.0.9"


def test_sigstore_python_over_tls(front, issuer, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(front.ca))
    csr = x509.load_pem_x509_csr(wire.csr(wire.new_key()))
    answer = FulcioClient(front.url).signing_cert.post(csr, IdentityToken(issuer.token()))
    assert len(answer.chain) == 2


def test_refusals_pass_unchanged(remote):
    answer = remote.ask(repository_id="666")[2]
    assert answer.status_code == 403 and "policy-denied" in answer.json()["message"] and answer.headers["X-Request-Id"]
    assert remote.post(token="nonsense", body={}).status_code == 401
    preflight = remote.session.options(remote.url + "/api/v2/signingCert", timeout=house.TIMEOUT, headers={
        "Origin": "https://x.example", "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204 and preflight.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/", "/readyz", "/metrics", "/log/events/demo/checkpoint", "/log/events/demo/entries",
                                  "/log/certificates/../events/demo/checkpoint", "/log/certificates/%2e%2e/%2e%2e/metrics"])
def test_internal_pages_are_not_outside(front, path):
    with socket.create_connection(("localhost", front.port), timeout=house.TIMEOUT) as plain:
        context = ssl.create_default_context(cafile=str(front.ca))
        with context.wrap_socket(plain, server_hostname="localhost") as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while more := sock.recv(4096):
                answer += more
    assert answer.startswith(b"HTTP/1.1 404 ") and b'"code":5' in answer, answer


def test_search_is_not_outside(front):
    assert requests.get(front.url + "/api/search", verify=front.ca, timeout=house.TIMEOUT).status_code == 404


def test_a_body_too_large_ends_at_the_front(remote):
    answer = remote.post(token="x", body=b"a" * 70_000)
    assert answer.status_code == 400 and answer.json() == {
        "code": 3, "message": "The request is malformed or too large: at most 64 KiB", "details": []}
    remote.issue()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_is_refused(front):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("localhost", front.port), timeout=house.TIMEOUT) as plain, pytest.raises(OSError):
        context.wrap_socket(plain)


def test_a_wild_loop_gets_429(front, issuer):
    """Per address: this one comes from 127.0.0.10, and the next from another is served."""
    def loop(_):
        client = wire.Client(front.url, issuer)
        client.session.verify = str(front.ca)
        client.session.mount("https://", FromAddress("127.0.0.10"))
        # Faster than 50 a second for longer than the burst lasts, however slow the machine: until somebody is told.
        deadline = time.monotonic() + 30 * house.PATIENCE
        while not limited and time.monotonic() < deadline:
            answer = client.session.get(front.url + "/api/v2/trustBundle", timeout=house.TIMEOUT)
            if answer.status_code != 200:
                limited.append(answer)
    limited = []
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(loop, range(8)))
    assert limited and {a.status_code for a in limited} == {429}
    assert limited[0].json()["code"] == 8 and limited[0].headers["Retry-After"]
    assert requests.get(front.url + "/api/v2/trustBundle", verify=front.ca, timeout=house.TIMEOUT).status_code == 200


def test_a_server_that_is_away_is_a_503(private, tmp_path, issuer):
    if NGINX is None:
        pytest.skip("nginx is not installed")
    server = private()
    tls_files(tmp_path)
    front = Front(tmp_path, server)
    try:
        front.start()
        server.kill()
        answer = requests.post(front.url + "/api/v2/signingCert", json={}, verify=front.ca, timeout=2 * house.TIMEOUT)
        assert answer.status_code == 503 and answer.json()["code"] == 14 and answer.headers["Retry-After"]
    finally:
        front.stop()


@pytest.mark.parametrize("trusted,header,want", [
    (["127.0.0.1/32"], "203.0.113.7", "203.0.113.7"), (["127.0.0.1/32"], "203.0.113.7, 10.0.0.1", "127.0.0.1"),
    (["127.0.0.1/32"], "not an address", "127.0.0.1"), (["10.0.0.0/8"], "203.0.113.7", "127.0.0.1"),
    ([], "203.0.113.7", "127.0.0.1")])
def test_forwarded_for_is_believed_from_the_front_only(private, issuer, trusted, header, want):
    server = private(lambda c: c["listen"].update({"trusted-proxies": trusted}))
    client = wire.Client(server.public, issuer)
    answer = client.post(token=issuer.token(), body=wire.key_request(wire.new_key(), client.subject("github")),
                         headers={"X-Forwarded-For": header})
    event = next(e for e in server.events() if e.get("request_id") == answer.headers["X-Request-Id"])
    assert answer.status_code == 200 and event["client_address"] == want
