"""The e-mail flow against an OpenID provider that nobody here wrote, over TLS of a private CA; with the nginx front before Chancery too."""
import base64
import hashlib
import os
import re
import secrets
import signal
import subprocess
import urllib.parse

import pytest
import requests
from cryptography import x509

import house
import wire
from test_clients import node_program
from test_nginx import NGINX, Front, tls_files

REDIRECT = "http://localhost/auth/callback"


class Provider:
    def __init__(self, directory):
        self.directory, [port] = directory, house.free_ports(1)
        tls_files(directory)
        self.ca, self.url = directory / "ca.pem", f"https://localhost:{port}"
        self.log = open(directory / "provider.log", "wb")
        self.process = subprocess.Popen(
            [node_program(), house.ROOT / "tests/e2e/js/provider.js", str(port), directory / "server.pem", directory / "server.key"],
            env=dict(os.environ, NODE_PATH=str(house.CACHE / "js/node_modules")), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT)

    def start(self):
        def ready():
            assert self.process.poll() is None, (self.directory / "provider.log").read_text()
            return requests.get(self.url + "/.well-known/openid-configuration", verify=self.ca, timeout=house.TIMEOUT).ok
        house.wait_for("the provider", ready)
        return self

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)  # it keeps nothing
            self.process.wait(5)
        self.log.close()

    def token(self, person):
        """What a browser and an interactive client do: authorization code with PKCE."""
        browser = requests.Session()
        browser.verify, browser.trust_env = str(self.ca), False  # the environment's CA bundle would be taken first
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        page = self.follow(browser, "GET", self.url + "/auth?" + urllib.parse.urlencode({
            "client_id": "sigstore", "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid email",
            "code_challenge": challenge, "code_challenge_method": "S256", "state": "s", "nonce": "n"}))
        while isinstance(page, requests.Response):
            action = re.search(r'<form[^>]*action="([^"]+)"', page.text)[1]
            prompt = re.search(r'name="prompt" value="(\w+)"', page.text)[1]
            page = self.follow(browser, "POST", urllib.parse.urljoin(page.url, action),
                               {"prompt": prompt, "login": person, "password": "any"})
        answer = browser.post(self.url + "/token", timeout=house.TIMEOUT, data={
            "grant_type": "authorization_code", "client_id": "sigstore", "code": page, "code_verifier": verifier,
            "redirect_uri": REDIRECT})
        assert answer.status_code == 200, answer.text
        return answer.json()["id_token"]

    @staticmethod
    def follow(browser, method, url, form=None):
        """The next page, or the code when the provider sends the browser back to the client."""
        for _ in range(10):
            answer = browser.request(method, url, data=form, allow_redirects=False, timeout=house.TIMEOUT)
            if not answer.is_redirect:
                assert answer.status_code == 200, answer.text
                return answer
            url, method, form = urllib.parse.urljoin(url, answer.headers["Location"]), "GET", None
            if url.startswith(REDIRECT):
                return urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["code"][0]
        raise AssertionError("redirects without end")


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    running = Provider(tmp_path_factory.mktemp("provider"))
    try:
        yield running.start()
    finally:
        running.stop()


def knows(server, provider, ca):
    """The files of an operator who adds this provider for their people, `ca`: of its TLS certificate, if any."""
    settings = {"issuer-url": provider.url, "client-id": "sigstore", "type": "email"}
    if ca:
        settings["ca-file"] = str(ca)

    def issuers(document):
        document["oidc-issuers"][provider.url] = settings

    def policy(document):
        document["issuers"]["people"] = {"url": provider.url, "kind": "email"}
        document["allow"].append({"id": "people", "issuer": "people", "when": {"email": {"any": ["alice@example.com", "mallory@example.com"]}}})
    server.state.edit(issuers, "issuers.yaml")
    server.state.edit(policy, "policy.yaml")


def usable(server):
    return [one["issuer"] for one in server.readyz()[1]["issuers"] if one["keys"]]


def ask(client, token, address):
    return client.post(token=token, body=wire.key_request(wire.new_key(), address))


def test_alice_gets_a_certificate_with_her_address(private, issuer, provider, tmp_path):
    if NGINX is None:
        pytest.skip("nginx is not installed")
    server = private(start=False)
    knows(server, provider, provider.ca)
    server.start()
    house.wait_for("the provider's keys", lambda: provider.url in usable(server))
    tls_files(tmp_path)
    front = Front(tmp_path, server).start()
    try:
        client = wire.Client(front.url, issuer)
        client.session.verify, client.session.trust_env = str(front.ca), False
        answer = ask(client, provider.token("alice"), "alice@example.com")
        assert answer.status_code == 200, answer.text
        leaf = wire.certificates(answer)[0]
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert san.critical and san.value.get_values_for_type(x509.RFC822Name) == ["alice@example.com"]

        unverified = ask(client, provider.token("mallory"), "mallory@example.com")
        assert unverified.status_code == 401 and "[claims;" in unverified.text, unverified.text
        assert "email_verified" in server.tail()  # the operator's log says which
        others = ask(client, provider.token("alice"), "mallory@example.com")  # the proof is over another address
        assert others.status_code == 400, others.text
    finally:
        front.stop()


def test_a_private_ca_is_trusted_only_where_it_is_named(private, issuer, provider):
    server = private(start=False)
    knows(server, provider, None)
    server.start()
    answer = ask(wire.Client(server.public, issuer), provider.token("alice"), "alice@example.com")
    assert answer.status_code in (401, 503), answer.text
    [broken] = [one for one in server.readyz()[1]["issuers"] if one["issuer"] == provider.url]
    assert not broken["keys"] and "certificate" in broken["last_error"], broken
