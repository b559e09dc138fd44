"""Fulcio's wire protocol, byte for byte where its clients look, against the running server."""
import base64
import json
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import house
import oidc_issuer
import wire

V1, V2 = "/api/v1/signingCert", "/api/v2/signingCert"
SUB = oidc_issuer.SHAPES["github"]["sub"]
PEM_CHAIN = "application/pem-certificate-chain"


def v1_body(key, message=SUB, form="pem", proof="der"):
    return {"publicKey": {"content": wire.b64(wire.public(key, form))},
            "signedEmailAddress": wire.b64(wire.prove(key, message, proof))}


def csr_body(key, **more):
    return {"certificateSigningRequest": wire.b64(wire.csr(key, **more))}


# --- what success looks like

def test_v2_answers_200_with_the_whole_chain(client, server):
    got = client.issue()
    assert got.answer.headers["Content-Type"] == "application/json"
    assert got.answer.headers["X-Request-Id"]
    body = got.answer.json()
    assert list(body) == ["signedCertificateEmbeddedSct"]
    assert list(body["signedCertificateEmbeddedSct"]) == ["chain"]
    pems = body["signedCertificateEmbeddedSct"]["chain"]["certificates"]
    assert len(pems) >= 2
    for pem in pems:
        assert pem.startswith("-----BEGIN CERTIFICATE-----\n") and pem.endswith("-----END CERTIFICATE-----")
    assert got.leaf.public_key() == got.key.public_key()
    assert got.chain[-1].subject == got.chain[-1].issuer, "the root is not last"


def test_v1_answers_201_with_pem(client, issuer):
    key = wire.new_key()
    answer = client.post(V1, issuer.token(), v1_body(key))
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == PEM_CHAIN
    assert "SCT" not in answer.headers, "the header is for detached SCTs"
    assert "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----" in answer.text
    assert answer.text.endswith("-----END CERTIFICATE-----")
    chain = x509.load_pem_x509_certificates(answer.content)
    assert len(chain) >= 2 and chain[0].public_key() == key.public_key()


def test_trust_bundle_and_root_cert_are_the_chain(client, server):
    chain = client.issue().answer.json()["signedCertificateEmbeddedSct"]["chain"]["certificates"][1:]
    bundle = requests.get(server.public + "/api/v2/trustBundle", timeout=house.TIMEOUT)
    assert bundle.status_code == 200 and bundle.headers["Content-Type"] == "application/json"
    assert bundle.json() == {"chains": [{"certificates": [pem + "\n" for pem in chain]}]}
    root = requests.get(server.public + "/api/v1/rootCert", timeout=house.TIMEOUT)
    assert root.status_code == 200 and root.headers["Content-Type"] == PEM_CHAIN
    assert root.text == "\n\n".join(chain)


def test_configuration_lists_every_issuer(server, issuer):
    answer = requests.get(server.public + "/api/v2/configuration", timeout=house.TIMEOUT)
    assert answer.status_code == 200
    found = {entry["issuerUrl"]: entry for entry in answer.json()["issuers"]}
    assert set(found) == {f"{issuer.base}/{shape}" for shape in oidc_issuer.SHAPES}
    assert found[issuer.base + "/github"] == {
        "issuerUrl": issuer.base + "/github", "audience": "sigstore", "challengeClaim": "sub",
        "spiffeTrustDomain": "", "issuerType": "ci-provider", "subjectDomain": "", "skipEmailVerification": False}
    assert found[issuer.base + "/email"]["challengeClaim"] == "email"
    assert found[issuer.base + "/spiffe"]["spiffeTrustDomain"] == "example.org"


def test_healthz(server):
    for base in (server.public, server.internal):
        answer = requests.get(base + "/healthz", timeout=house.TIMEOUT)
        assert (answer.status_code, answer.text) == (200, '{"status":"SERVING"}\n')


# --- forms of the request

def test_v2_ignores_accept_and_content_type(client, issuer):
    for headers in ({"Accept": PEM_CHAIN}, {"Content-Type": "text/plain"}, {"Accept": "x/y;q=bad", "Content-Type": "?"}):
        key = wire.new_key()
        answer = client.post(token=issuer.token(), body=json.dumps(wire.key_request(key, SUB)), headers=headers)
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json", answer.text


@pytest.mark.parametrize("place", ["bearer", "bare", "body", "body-snake", "body-over-header", "empty-in-body"])
def test_token_places(client, issuer, place):
    token, body = issuer.token(), wire.key_request(wire.new_key(), SUB)
    headers = {}
    if place == "bearer":
        headers = wire.bearer(token)
    elif place == "bare":
        headers = {"Authorization": token}
    elif place == "body-snake":
        body["credentials"] = {"oidc_identity_token": token}
    else:
        body["credentials"] = {"oidcIdentityToken": token}
    if place == "body-over-header":
        headers = wire.bearer("not-a-token")
    if place == "empty-in-body":
        body["credentials"], headers = {"oidcIdentityToken": ""}, wire.bearer(token)
    answer = client.post(body=body, headers=headers)
    assert answer.status_code == 200, answer.text


def test_bearer_is_case_sensitive_as_in_fulcio(client, issuer):
    answer = client.post(body=wire.key_request(wire.new_key(), SUB), headers={"Authorization": "bearer " + issuer.token()})
    assert answer.status_code == 401


def test_v1_takes_its_token_from_the_header_only(client, issuer):
    body = dict(v1_body(wire.new_key()), credentials={"oidcIdentityToken": issuer.token()})
    assert client.post(V1, body=body).status_code == 401


def test_null_means_unset_and_unknown_members_are_dropped(client, issuer):
    key = wire.new_key()
    v2 = dict(wire.key_request(key, SUB), credentials=None, certificateSigningRequest=None, future={"a": [1, {}]})
    v2["publicKeyRequest"]["publicKey"]["algorithm"] = "no such algorithm"
    assert client.post(token=issuer.token(), body=v2).status_code == 200
    v1 = dict(v1_body(key), certificateSigningRequest=None)
    assert client.post(V1, issuer.token(), v1).status_code == 201
    csr = dict(csr_body(key), publicKeyRequest=None)
    assert client.post(token=issuer.token(), body=csr).status_code == 200


def test_snake_case_members(client, issuer):
    key = wire.new_key()
    camel = wire.key_request(key, SUB)["publicKeyRequest"]
    v2 = {"public_key_request": {"public_key": camel["publicKey"], "proof_of_possession": camel["proofOfPossession"]}}
    assert client.post(token=issuer.token(), body=v2).status_code == 200
    assert client.post(token=issuer.token(), body={"certificate_signing_request": wire.b64(wire.csr(key))}).status_code == 200
    v1 = v1_body(key)
    snake = {"public_key": v1["publicKey"], "signed_email_address": v1["signedEmailAddress"]}
    assert client.post(V1, issuer.token(), snake).status_code == 201


@pytest.mark.parametrize("form", ["pem", "der"])
def test_v1_takes_base64_of_pem_and_of_der(client, issuer, form):
    key = wire.new_key()
    answer = client.post(V1, issuer.token(), v1_body(key, form=form))
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("form", ["text", "pem", "der"])
def test_v2_takes_pem_and_its_base64_and_der(client, issuer, form):
    key = wire.new_key()
    body = wire.key_request(key, SUB)
    if form != "text":
        body["publicKeyRequest"]["publicKey"]["content"] = wire.b64(wire.public(key, form))
    answer = client.post(token=issuer.token(), body=body)
    assert answer.status_code == 200, answer.text


def test_rsa_public_key_block(client, issuer):
    key = wire.new_key("rsa2048")
    body = wire.key_request(key, SUB)
    body["publicKeyRequest"]["publicKey"]["content"] = wire.public(key, "pkcs1").decode()
    assert client.post(token=issuer.token(), body=body).status_code == 200


@pytest.mark.parametrize("variant", ["url", "unpadded", "lines"])
def test_proof_in_every_base64_that_grpc_gateway_takes(client, issuer, variant):
    key = wire.new_key()
    body = wire.key_request(key, SUB)
    proof = base64.b64decode(body["publicKeyRequest"]["proofOfPossession"])
    body["publicKeyRequest"]["proofOfPossession"] = {
        "url": base64.urlsafe_b64encode(proof).decode(), "unpadded": wire.b64(proof).rstrip("="),
        "lines": base64.encodebytes(proof).decode().replace("\n", "\r\n")}[variant]
    answer = client.post(token=issuer.token(), body=body)
    assert answer.status_code == 200, answer.text


# --- keys and proofs (fulcio.md 1.8)

PROOFS = [("p256", "der"), ("p256", "p1363"), ("p384", "der"), ("p384", "p1363"), ("p521", "der"), ("p521", "p1363"),
          ("rsa2048", "v15"), ("rsa3072", "v15"), ("rsa4096", "v15"), ("ed25519", "pure")]


@pytest.mark.parametrize("kind,form", PROOFS)
def test_every_key_type_and_signature_form(client, issuer, kind, form):
    key = wire.new_key(kind)
    v2 = client.post(token=issuer.token(), body=wire.key_request(key, SUB, form))
    assert v2.status_code == 200, v2.text
    assert wire.certificates(v2)[0].public_key() == key.public_key()
    v1 = client.post(V1, issuer.token(), v1_body(key, proof=form))
    assert v1.status_code == 201, v1.text


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa2048", "rsa3072", "rsa4096", "ed25519"])
def test_every_key_type_by_csr(client, issuer, kind):
    key = wire.new_key(kind)
    answer = client.post(token=issuer.token(), body=csr_body(key))
    assert answer.status_code == 200, answer.text
    assert wire.certificates(answer)[0].public_key() == key.public_key()


def test_nothing_but_the_key_is_taken_from_a_csr(client, issuer):
    key = wire.new_key()
    csr = (x509.CertificateSigningRequestBuilder()
           .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "root of all")]))
           .add_extension(x509.BasicConstraints(ca=True, path_length=9), critical=True)
           .add_extension(x509.SubjectAlternativeName([x509.DNSName("evil.example")]), critical=False)
           .sign(key, hashes.SHA256()))
    body = {"certificateSigningRequest": wire.b64(csr.public_bytes(wire.serialization.Encoding.PEM))}
    leaf = wire.certificates(client.post(token=issuer.token(), body=body))[0]
    assert list(leaf.subject) == []
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in san] == [
        "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"]
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.BasicConstraints)


def refused_keys():
    good, other = wire.new_key(), wire.new_key()
    request = wire.key_request(good, SUB)
    pss = wire.key_request(wire.new_key("rsa2048"), SUB, "pss")
    foreign = {"publicKeyRequest": {"publicKey": {"content": wire.public(good).decode()},
                                    "proofOfPossession": wire.b64(wire.prove(other, SUB))}}
    k1 = ec.generate_private_key(ec.SECP256K1())
    k1_request = {"publicKeyRequest": {"publicKey": {"content": wire.public(k1).decode()},
                                       "proofOfPossession": wire.b64(k1.sign(SUB.encode(), ec.ECDSA(hashes.SHA256())))}}

    def of(**changes):
        return {"publicKeyRequest": dict(request["publicKeyRequest"], **changes)}
    private = good.private_bytes(wire.serialization.Encoding.PEM, wire.serialization.PrivateFormat.PKCS8,
                                 wire.serialization.NoEncryption()).decode()
    return {
        "proof over other text": (wire.key_request(good, "somebody else"), "proof-wrong"),
        "proof by another key": (foreign, "proof-wrong"),
        "PSS proof": (pss, "proof-wrong"),
        "no proof": (of(proofOfPossession=""), "proof-wrong"),
        "RSA 1024": (wire.key_request(rsa.generate_private_key(65537, 1024), SUB), "key-weak"),
        "RSA 2056": (wire.key_request(rsa.generate_private_key(65537, 2056), SUB), "key-weak"),
        "RSA e=3": (wire.key_request(rsa.generate_private_key(3, 2048), SUB), "key-weak"),
        "secp256k1": (k1_request, "key-malformed"),
        "no key": ({}, "key-malformed"),
        "empty key": (of(publicKey={"content": ""}), "key-malformed"),
        "garbage key": (of(publicKey={"content": "AAAA"}), "key-malformed"),
        "private key": (of(publicKey={"content": private}), "key-malformed"),
        "two keys": (of(publicKey={"content": wire.public(good).decode() * 2}), "key-malformed"),
        "garbage CSR": ({"certificateSigningRequest": wire.b64("hello")}, "csr-malformed"),
        "DER CSR": ({"certificateSigningRequest": wire.b64(
            x509.load_pem_x509_csr(wire.csr(good)).public_bytes(wire.serialization.Encoding.DER))}, "csr-malformed"),
        "CSR P-384 with SHA-256": (csr_body(wire.new_key("p384"), digest=hashes.SHA256()), "key-algorithm"),
        "CSR broken signature": ({"certificateSigningRequest": wire.b64(broken(wire.csr(good)))}, "proof-wrong"),
    }


def broken(pem):
    der = bytearray(x509.load_pem_x509_csr(pem).public_bytes(wire.serialization.Encoding.DER))
    der[-3] ^= 1
    body = base64.encodebytes(bytes(der)).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


def problem(answer, status, code, kind):
    """The fault's whole shape, so that no row of a table may forget part of it."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert list(body) == ["code", "message", "details"] and body["code"] == code and body["details"] == []
    assert f"[{kind}; request {answer.headers['X-Request-Id']}]" in body["message"], body["message"]
    assert len(body["message"]) > 40, "the message does not say what to do"
    assert ("Retry-After" in answer.headers) == (status in (429, 503))
    return body["message"]


def test_refused_keys_and_proofs(client, issuer, row):
    for name, (body, kind) in refused_keys().items():
        with row(name):
            problem(client.post(token=issuer.token(), body=body), 400, 3, kind)


# --- tokens

def refused_tokens(issuer):
    good = issuer.token()
    header, payload, signature = good.split(".")
    other = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = wire.b64(json.dumps(dict(other, sub="repo:evil/app")).encode()).rstrip("=").replace("+", "-").replace("/", "_")
    now = int(time.time())

    def headed(**changes):
        text = base64.urlsafe_b64encode(json.dumps(dict({"alg": "RS256", "kid": "rsa"}, **changes)).encode())
        return text.decode().rstrip("=") + f".{payload}.{signature}"
    return {
        "none at all": ("", "token-missing"),
        "not a token": ("this-is-a-secret", "token-malformed"),
        "two parts": (f"{header}.{payload}", "token-malformed"),
        "four parts": (good + ".x", "token-malformed"),
        "padded": (good + "==", "token-malformed"),
        "alg none": (headed(alg="none"), "token-algorithm"),
        "alg HS256": (headed(alg="HS256"), "token-algorithm"),
        "key in header": (headed(jwk={"kty": "RSA"}), "token-header"),
        "key address in header": (headed(jku="https://evil.example/jwks"), "token-header"),
        "forged claims": (f"{header}.{forged}.{signature}", "token-signature"),
        "unknown key": (headed(kid="other"), "key-unknown"),
        "expired": (issuer.token(iat=now - 900, nbf=now - 900, exp=now - 600), "token-expired"),
        "not yet": (issuer.token(nbf=now + 600, exp=now + 900), "token-not-yet-valid"),
        "lives for a week": (issuer.token(exp=now + 7 * 86400), "token-too-old"),
        "audience": (issuer.token(audience="somebody-else"), "audience"),
        "no subject": (issuer.token(sub=None), "claims"),
        "claim missing": (issuer.token(job_workflow_ref=None), "claims"),
        "claim null": (issuer.token(repository=None, sha=None), "claims"),
        "issuer unknown": (issuer.token(iss="https://issuer.example"), "issuer-unknown"),
        "issuer with slash": (issuer.token(iss=issuer.base + "/github/"), "issuer-unknown"),
    }


def test_refused_tokens(client, issuer, row):
    key = wire.new_key()
    for name, (token, kind) in refused_tokens(issuer).items():
        with row(name):
            message = problem(client.post(token=token, body=wire.key_request(key, SUB)), 401, 16, kind)
            pieces = [piece for piece in token.split(".") if len(piece) > 8]
            assert not any(piece[:24] in message for piece in pieces), "the message repeats the token"
            problem(client.post(V1, token, v1_body(key)), 401, 16, kind)


def test_policy_says_no(client):
    _, _, answer = client.ask(repository_id="6660666066606660")
    message = problem(answer, 403, 7, "policy-denied")
    assert "6660666066606660" not in message and "acme" not in message, "the message holds the token's content"


def test_a_token_for_the_wrong_shape_of_proof(client, issuer):
    """An e-mail identity proves possession over its address, not over "sub"."""
    token = issuer.token("email")
    answer = client.post(token=token, body=wire.key_request(wire.new_key(), oidc_issuer.SHAPES["email"]["sub"]))
    problem(answer, 400, 3, "proof-wrong")
    answer = client.post(token=token, body=wire.key_request(wire.new_key(), "alice@example.com"))
    assert answer.status_code == 200, "the refusal spent the token"


# --- bodies that are not what they should be

def malformed_bodies():
    good = wire.key_request(wire.new_key(), SUB)
    text = json.dumps(good)
    request = good["publicKeyRequest"]
    wrong = [1, -1.5, True, [], ["x"], {"a": 1}]
    rows = {
        "not JSON": b"hello", "cut short": text[:-1], "two values": text + text, "an array": "[]", "a string": '"x"',
        "a number": "1", "NaN": '{"a":NaN}', "comment": "{} // x", "NUL": b"\0", "not UTF-8": b'{"a":"\xff\xfe"}',
        "lone surrogate": '{"credentials":{"oidcIdentityToken":"\\ud800"}}',
        "duplicate member": '{"publicKeyRequest":{},"publicKeyRequest":{}}',
        "both spellings": '{"publicKeyRequest":{},"public_key_request":{}}',
        "both kinds of request": json.dumps(dict(good, certificateSigningRequest="AAAA")),
        "deep arrays": "[" * 30000, "deep arrays, closed": "[" * 20000 + "]" * 20000,
        "deep objects": '{"a":' * 10000 + "1" + "}" * 10000,
        "deep in an unknown member": '{"x":' + "[" * 5000 + "]" * 5000 + "}",
        "proof is not base64": json.dumps({"publicKeyRequest": dict(request, proofOfPossession="***")}),
        "CSR is not base64": '{"certificateSigningRequest":"***"}',
    }
    for value in wrong:
        shown = json.dumps(value)
        if not isinstance(value, dict):
            rows[f"credentials {shown}"] = json.dumps(dict(good, credentials=value))
            rows[f"publicKeyRequest {shown}"] = json.dumps({"publicKeyRequest": value})
            rows[f"publicKey {shown}"] = json.dumps({"publicKeyRequest": dict(request, publicKey=value)})
        rows[f"token {shown}"] = json.dumps(dict(good, credentials={"oidcIdentityToken": value}))
        rows[f"content {shown}"] = json.dumps({"publicKeyRequest": dict(request, publicKey={"content": value})})
        rows[f"proof {shown}"] = json.dumps({"publicKeyRequest": dict(request, proofOfPossession=value)})
        rows[f"CSR {shown}"] = json.dumps({"certificateSigningRequest": value})
    return rows


def test_malformed_bodies(client, issuer, row):
    token = issuer.token()
    for name, body in malformed_bodies().items():
        with row(name):
            problem(client.post(token=token, body=body), 400, 3, "request-malformed")
    assert client.post(token=token, body=wire.key_request(wire.new_key(), SUB)).status_code == 200


def test_members_missing(client, issuer, row):
    """Each member that is absent is refused for what it is: never a crash, never a certificate."""
    good = wire.key_request(wire.new_key(), SUB)["publicKeyRequest"]
    cases = [({}, "key-malformed"), ({"publicKeyRequest": {}}, "key-malformed"),
             ({"publicKeyRequest": {"proofOfPossession": good["proofOfPossession"]}}, "key-malformed"),
             ({"publicKeyRequest": {"publicKey": {}, "proofOfPossession": "AAAA"}}, "key-malformed"),
             ({"publicKeyRequest": {"publicKey": good["publicKey"]}}, "proof-wrong")]
    token = issuer.token()
    for body, kind in cases:
        with row(json.dumps(body)[:60]):
            problem(client.post(token=token, body=body), 400, 3, kind)
    with row("empty body"):
        problem(client.post(token=token, body=""), 400, 3, "key-malformed")
    for body, kind in [({}, "key-malformed"), ({"publicKey": {"content": ""}}, "key-malformed"),
                       ({"publicKey": {"content": wire.b64(good["publicKey"]["content"])}}, "proof-wrong")]:
        with row("v1 " + json.dumps(body)[:60]):
            problem(client.post(V1, token, body), 400, 3, kind)


def test_five_megabytes(server, client, issuer):
    """Refused before it is read; the connection is closed, and the next client notices nothing."""
    body = b'{"x":"' + b"a" * 5_000_000 + b'"}'
    try:
        answer = requests.post(server.public + V2, data=body, headers=wire.bearer(issuer.token()), timeout=3 * house.TIMEOUT)
        problem(answer, 400, 3, "body-too-large")
        assert answer.headers.get("Connection", "").lower() == "close"
    except requests.ConnectionError:
        pass  # closed while the client was still sending
    client.issue()


# --- methods, paths, CORS

def test_unknown_paths_and_methods(server, row):
    for path in ("/", "/api", "/api/v2", "/api/v2/signingCert/", "/api/v2/SigningCert", "/api/v2/signingCert/x",
                 "/metrics", "/readyz", "/log/events/demo/entries", "/api/search", "//healthz", "/api/v2/%2e%2e/healthz"):
        with row(path):
            problem(requests.get(server.public + path, timeout=house.TIMEOUT), 404, 5, "no-such-path")
    for method, path, allow in [("GET", V2, "POST, OPTIONS"), ("GET", V1, "POST, OPTIONS"), ("PUT", V2, "POST, OPTIONS"),
                                ("DELETE", V1, "POST, OPTIONS"), ("POST", "/healthz", "GET, HEAD, OPTIONS"),
                                ("POST", "/api/v2/trustBundle", "GET, HEAD, OPTIONS")]:
        with row(f"{method} {path}"):
            answer = requests.request(method, server.public + path, timeout=house.TIMEOUT)
            problem(answer, 405, 12, "method-not-here")
            assert answer.headers["Allow"] == allow


def test_head_is_get_without_its_body(server):
    answer = requests.head(server.public + "/healthz", timeout=house.TIMEOUT)
    assert answer.status_code == 200 and answer.content == b""
    assert answer.headers["Content-Length"] == str(len('{"status":"SERVING"}\n'))


def test_cors_preflight_lets_a_browser_send_its_token(server, client):
    answer = requests.options(server.public + V2, timeout=house.TIMEOUT, headers={
        "Origin": "https://pipelines.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type"})
    assert answer.status_code == 204 and answer.content == b""
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    allowed = {h.strip().lower() for h in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"authorization", "content-type", "accept", "x-requested-with"} <= allowed
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert client.issue().answer.headers["Access-Control-Allow-Origin"] == "*"


def test_request_ids_differ_and_reach_the_operator(server, client):
    ids = [client.issue().answer.headers["X-Request-Id"] for _ in range(3)]
    assert len(set(ids)) == 3
    logged = {line.get("request_id") for line in server.journal() if line["event"] == "issued"}
    assert set(ids) <= logged


def test_refused_tokens_never_reach_the_operator_log(server, client, issuer):
    token = issuer.token(repository_id="667")
    client.ask(token=token)
    text = server.journal_file.read_text()
    assert token not in text and token.split(".")[2] not in text
