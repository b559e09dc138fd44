"""Tokens made to deceive, each as a real request: every one is refused for its reason, and costs nobody anything."""
import base64
import hashlib
import hmac
import json
import re
import time
import uuid

import pytest
import yaml
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

import oidc_issuer
import wire

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Mint:
    """Tokens with every octet under control, signed with the issuer's own keys unless told otherwise."""

    def __init__(self, issuer):
        self.issuer, self.keys = issuer, issuer.keys
        self.stranger = rsa.generate_private_key(65537, 2048)

    def claims(self, shape="github", **changes):
        claims = oidc_issuer.claims_of(shape, self.issuer.base, **changes)
        return {name: value for name, value in claims.items() if value is not ABSENT}

    @staticmethod
    def octets(value):
        if isinstance(value, bytes):
            return value
        return (value if isinstance(value, str) else json.dumps(value)).encode()

    def token(self, payload=None, header=None, sign="RS256"):
        """`sign`: an algorithm of the issuer's, or what makes a signature of the signing input."""
        header = {"alg": "RS256", "typ": "JWT", "kid": "rsa"} if header is None else header
        payload = self.claims() if payload is None else payload
        text = oidc_issuer.b64(self.octets(header)) + "." + oidc_issuer.b64(self.octets(payload))
        make = {"RS256": self.rs256, "ES256": self.es256}.get(sign, sign)
        return text + "." + oidc_issuer.b64(make(text.encode()))

    def rs256(self, data):
        return self.keys.rsa.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def es256(self, data):
        r, s = utils.decode_dss_signature(self.keys.ec.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def headed(self, sign="RS256", **changes):
        header = dict({"alg": "RS256", "typ": "JWT", "kid": "rsa"}, **changes)
        return self.token(header={name: value for name, value in header.items() if value is not ABSENT}, sign=sign)

    def claimed(self, **changes):
        return self.token(self.claims(**changes))

    def spliced(self, old, new, **changes):
        """The payload's text with one piece replaced: what json.dumps would not write."""
        text = json.dumps(self.claims(**changes))
        assert old in text
        return self.token(text.replace(old, new, 1))


ABSENT = object()


def policy_of(base):
    return {
        "version": 1,
        "issuers": {"gh": {"url": base + "/github", "kind": "github-workflow"}},
        "deny": [{"id": "no-fork-events", "issuer": "gh", "when": {"event_name": {
            "any": ["pull_request", "pull_request_target", "workflow_run", "issue_comment"]}}}],
        "allow": [{"id": "acme-release", "issuer": "gh", "when": {
            "repository": "acme/app", "repository_id": "12345", "repository_owner_id": "678",
            "event_name": {"any": ["push", "workflow_dispatch"]},
            "ref": {"regex": "refs/(heads/main|tags/v[0-9]+)"},
            "job_workflow_ref": {"glob": "acme/app/.github/workflows/release.yml@refs/heads/*"}}}],
    }


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, template, issuer):
    """A server whose policy pins ids and refuses fork events, with a pattern beside the exact issuers."""
    import house
    state = house.State(template, tmp_path_factory.mktemp("hostile") / "state")
    (state.directory / "policy.yaml").write_text(yaml.safe_dump(policy_of(issuer.base), sort_keys=False))
    pattern = {issuer.base + "/tenant-*": {"client-id": "sigstore", "type": "github-workflow"}}
    state.edit(lambda c: c.update({"meta-issuers": pattern}), "issuers.yaml")
    running = house.Chancery(state)
    try:
        yield running.start()
        assert running.stop() == 0, running.tail()
    finally:
        running.end()


# Each function gives {name: (token, status, reason)}.

def algorithms(mint):
    public = mint.keys.rsa.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, form)
    der = public.public_bytes(serialization.Encoding.DER, form)

    def mac(key, digest=hashlib.sha256):
        return lambda data: hmac.new(key, data, digest).digest()

    def pss(data):
        return mint.keys.rsa.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    other = "token-algorithm"
    return {
        "alg none, no signature": (mint.headed(alg="none", sign=lambda _: b""), 401, other),
        "alg none, a signature": (mint.headed(alg="none"), 401, other),
        "alg None": (mint.headed(alg="None", sign=lambda _: b""), 401, other),
        "alg NONE": (mint.headed(alg="NONE", sign=lambda _: b""), 401, other),
        "alg nOnE": (mint.headed(alg="nOnE", sign=lambda _: b"x"), 401, other),
        "alg empty": (mint.headed(alg=""), 401, other),
        "HS256 with the RSA key's PEM": (mint.headed(alg="HS256", sign=mac(pem)), 401, other),
        "HS256 with its DER": (mint.headed(alg="HS256", sign=mac(der)), 401, other),
        "HS512 with the modulus": (mint.headed(alg="HS512", sign=mac(b"", hashlib.sha512)), 401, other),
        "rs256 in lower case": (mint.headed(alg="rs256"), 401, other),
        "RS256 and a space": (mint.headed(alg="RS256 "), 401, other),
        "RS256 and a NUL": (mint.headed(alg="RS256\0"), 401, other),
        "RS256 for the EC key": (mint.headed(kid="ec"), 401, other),
        "ES256 for the RSA key": (mint.headed(alg="ES256", sign="ES256"), 401, other),
        "PS256 for an RS256 key": (mint.headed(alg="PS256", sign=pss), 401, other),
        "RS512 for an RS256 key": (mint.headed(alg="RS512"), 401, other),
        "ES384 for a P-256 key": (mint.headed(alg="ES384", kid="ec", sign="ES256"), 401, other),
        "ES256K": (mint.headed(alg="ES256K", kid="ec", sign="ES256"), 401, other),
        "RSA-OAEP": (mint.headed(alg="RSA-OAEP"), 401, other),
        "alg absent": (mint.headed(alg=ABSENT), 401, "token-malformed"),
        "alg null": (mint.headed(alg=None), 401, "token-malformed"),
        "alg a list": (mint.headed(alg=["none", "RS256"]), 401, "token-malformed"),
        "alg a number": (mint.headed(alg=256), 401, "token-malformed"),
    }


def signatures(mint):
    def es(make):
        return mint.headed(alg="ES256", kid="ec", sign=make)

    def tampered(data):
        signature = bytearray(mint.rs256(data))
        signature[100] ^= 1
        return bytes(signature)
    good = mint.token()
    stranger = mint.headed(sign=lambda data: mint.stranger.sign(data, padding.PKCS1v15(), hashes.SHA256()))
    header, payload, signature = good.split(".")
    evil = oidc_issuer.b64(json.dumps(mint.claims(repository="evil/app")).encode())
    wrong = "token-signature"
    return {
        "ECDSA of zeros": (es(lambda _: bytes(64)), 401, wrong),
        "ECDSA r = s = n": (es(lambda _: P256_ORDER.to_bytes(32, "big") * 2), 401, wrong),
        "ECDSA as DER": (es(lambda d: mint.keys.ec.sign(d, ec.ECDSA(hashes.SHA256()))), 401, wrong),
        "ECDSA cut short": (es(lambda d: mint.es256(d)[:-1]), 401, wrong),
        "ECDSA with a zero more": (es(lambda d: mint.es256(d) + b"\0"), 401, wrong),
        "one bit of the signature": (mint.headed(sign=tampered), 401, wrong),
        "a stranger's key": (stranger, 401, wrong),
        "another token's claims": (f"{header}.{evil}.{signature}", 401, wrong),
        "another token's header": (f"{oidc_issuer.b64(json.dumps(dict(alg='RS256', kid='rsa')).encode())}."
                                   f"{payload}.{signature}", 401, wrong),
        "RSA signature of zeros": (mint.headed(sign=lambda _: bytes(256)), 401, wrong),
        "RSA signature one octet longer": (mint.headed(sign=lambda d: b"\0" + mint.rs256(d)), 401, wrong),
        "SHA-1 under RS256": (mint.headed(sign=lambda d: mint.keys.rsa.sign(d, padding.PKCS1v15(), hashes.SHA1())),
                              401, wrong),
        "no signature": (f"{header}.{payload}.", 401, "token-malformed"),
    }


def headers(mint):
    n = mint.stranger.public_key().public_numbers()
    jwk = {"kty": "RSA", "kid": "mine", "n": oidc_issuer.number(n.n), "e": oidc_issuer.number(n.e)}
    url = mint.issuer.base + "/jwks"

    def by_stranger(data):
        return mint.stranger.sign(data, padding.PKCS1v15(), hashes.SHA256())
    bad = "token-header"
    return {
        "its own jwk": (mint.headed(jwk=jwk, sign=by_stranger), 401, bad),
        "jku to the issuer's own": (mint.headed(jku=url), 401, bad),
        "jku elsewhere": (mint.headed(jku="http://127.0.0.1:1/jwks", sign=by_stranger), 401, bad),
        "x5u": (mint.headed(x5u="http://127.0.0.1:1/x5u"), 401, bad),
        "x5c": (mint.headed(x5c=["AAAA"]), 401, bad),
        "crit unknown": (mint.headed(crit=["exp"], exp=1), 401, bad),
        "crit empty": (mint.headed(crit=[]), 401, bad),
        "b64 false, critical": (mint.headed(b64=False, crit=["b64"]), 401, bad),
        "b64 false, not critical": (mint.headed(b64=False), 401, bad),
        "zip": (mint.headed(zip="DEF"), 401, bad),
        "a nested token": (mint.headed(cty="JWT"), 401, bad),
        "a logout token": (mint.headed(typ="logout+jwt"), 401, bad),
        "typ a list": (mint.headed(typ=["JWT"]), 401, bad),
        "PBES2 count": (mint.headed(p2c=2**31 - 1), 401, bad),
        "kid a path": (mint.headed(kid="../../../../dev/null"), 401, "key-unknown"),
        "kid a query": (mint.headed(kid="rsa' OR '1'='1"), 401, "key-unknown"),
        "kid with a NUL": (mint.headed(kid="rsa\0"), 401, "key-unknown"),
        "kid in capitals": (mint.headed(kid="RSA"), 401, "key-unknown"),
        "kid a command": (mint.headed(kid="$(id)|id;`id`"), 401, "key-unknown"),
        "kid a list": (mint.headed(kid=["rsa"]), 401, "token-malformed"),
        "kid of 2 KiB": (mint.headed(kid="r" * 2048), 401, "token-malformed"),
        "header twice alg": (mint.token(header='{"alg":"none","alg":"RS256","kid":"rsa"}'), 401, "token-malformed"),
        "header an array": (mint.token(header='["alg","RS256"]'), 401, "token-malformed"),
        "header of 8 KiB": (mint.headed(x="y" * 8192), 401, "token-malformed"),
    }


def issuers(mint):
    base = mint.issuer.base
    host, port = base.removeprefix("http://").split(":")
    alike = {
        "a slash more": base + "/github/", "capitals": base + "/GitHub", "percent": base + "/%67ithub",
        "a query": base + "/github?", "a fragment": base + "/github#", "dots": base + "/x/../github",
        "two slashes": base + "//github", "path below": base + "/github/evil", "path suffix": base + "/githubx",
        "userinfo": f"http://{host}:{port}@127.0.0.2/github", "user": f"http://a@{host}:{port}/github",
        "another port": f"http://{host}:{int(port) - 1}/github", "no port": f"http://{host}/github",
        "another name of the host": f"http://localhost:{port}/github", "short address": f"http://127.1:{port}/github",
        "hexadecimal address": f"http://0x7f000001:{port}/github", "a dot more": f"http://{host}.:{port}/github",
        "https": f"https://{host}:{port}/github", "scheme in capitals": f"HTTP://{host}:{port}/github",
        "Latin script g": base + "/\u0261ithub", "fullwidth": base + "/\uff47ithub", "combining": base + "/github\u0301",
        "zero width": base + "/git\u200bhub", "NUL": base + "/github\0", "newline": base + "/github\n",
        "space": " " + base + "/github", "backslash": base + "\\github", "empty": "",
        "file": "file:///etc/passwd", "metadata service": "http://169.254.169.254/",
        "the pattern itself": base + "/tenant-*", "below the pattern": base + "/tenant-a/b",
        "a dot in the pattern": base + "/tenant-a.b", "percent in the pattern": base + "/tenant-%61",
        "newline after the pattern": base + "/tenant-a\n", "before the pattern": "x" + base + "/tenant-a",
        "the pattern's dots": base.replace(".", "x") + "/tenant-a", "userinfo in the pattern": base + "/tenant-a@evil",
    }
    rows = {"iss: " + name: (mint.claimed(iss=iss), 401, "issuer-unknown") for name, iss in alike.items()}
    for name, iss in {"absent": ABSENT, "null": None, "a list": [base + "/github"], "a number": 1,
                      "a map": {"url": base + "/github"}}.items():
        rows["iss " + name] = (mint.claimed(iss=iss), 401, "token-malformed")
    rows["iss of one issuer, claims of another"] = (mint.claimed(iss=base + "/gitlab"), 401, "claims")
    return rows


def audiences(mint):
    wrong = {
        "absent": ABSENT, "null": None, "empty": "", "empty list": [], "a number": 1, "true": True,
        "a map": {"sigstore": 1}, "list in a list": [["sigstore"]], "ours and another": ["sigstore", "https://evil.example"],
        "another and ours": ["https://evil.example", "sigstore"], "ours twice": ["sigstore", "sigstore"],
        "list of null": [None], "capitals": "Sigstore", "a space": "sigstore ", "a slash": "sigstore/", "NUL": "sigstore\0",
        "prefix": "sigstor", "comma": "sigstore,https://evil.example", "dotless i": "s\u0131gstore",
        "another CA": "https://fulcio.other.example", "a cloud": "sts.amazonaws.com",
    }
    return {"aud: " + name: (mint.claimed(aud=aud), 401, "audience") for name, aud in wrong.items()}


def dates(mint):
    now = int(time.time())
    bad = "token-malformed"
    rows = {
        "exp is now": (mint.claimed(exp=now), 401, "token-expired"),
        "exp a second ago": (mint.claimed(exp=now - 1), 401, "token-expired"),
        "exp within the skew": (mint.claimed(exp=now - 30), 401, "token-expired"),
        "exp is now and a half": (mint.claimed(exp=now + 0.0), 401, "token-expired"),
        "exp zero": (mint.claimed(exp=0), 401, "token-expired"),
        "exp minus zero": (mint.spliced('"exp": 7777', '"exp": -0', exp=7777), 401, "token-expired"),
        "exp a small exponent": (mint.spliced('"exp": 7777', '"exp": 1e3', exp=7777), 401, "token-expired"),
        "nbf to come": (mint.claimed(nbf=now + 120), 401, "token-not-yet-valid"),
        "iat to come": (mint.claimed(iat=now + 120, exp=now + 300), 401, "token-not-yet-valid"),
        "iat two hours ago": (mint.claimed(iat=now - 7200), 401, "token-too-old"),
        "iat 1970": (mint.claimed(iat=0), 401, "token-too-old"),
        "lives for two days": (mint.claimed(exp=now + 2 * 86400), 401, "token-too-old"),
        "lives until 9999": (mint.claimed(exp=253402300799), 401, "token-too-old"),
        "exp absent": (mint.claimed(exp=ABSENT), 401, bad),
        "iat absent": (mint.claimed(iat=ABSENT), 401, bad),
    }
    for name, text in {"null": "null", "true": "true", "text": f'"{now + 300}"', "a list": f"[{now + 300}]",
                       "negative": "-1", "beyond 9999": "253402300800", "2^63": str(2**63), "2^64 + now": str(2**64 + now + 300),
                       "1e400": "1e400", "-1e400": "-1e400", "1e308": "1e308", "NaN": "NaN", "Infinity": "Infinity",
                       "octal": "01795255200", "hexadecimal": "0x6b000000", "a plus": f"+{now + 300}",
                       "1,000 digits": "9" * 1000}.items():
        rows["exp " + name] = (mint.spliced('"exp": 7777', '"exp": ' + text, exp=7777), 401, bad)
    for name in ("nbf", "iat"):
        rows[name + " text"] = (mint.claimed(**{name: str(now)}), 401, bad)
        rows[name + " negative"] = (mint.claimed(**{name: -1}), 401, bad)
    return rows


def encodings(mint):
    bad = "token-malformed"
    good = mint.token()
    header, payload, signature = good.split(".")
    # 256 octets leave four bits of the last digit unused: another digit spells the same octets.
    twin = signature[:-1] + ALPHABET[ALPHABET.index(signature[-1]) + 1]
    assert base64.urlsafe_b64decode(twin + "==") == base64.urlsafe_b64decode(signature + "==")
    while not set("-_") & set(signature):
        good = mint.token()
        header, payload, signature = good.split(".")
    standard = signature.replace("-", "+").replace("_", "/")
    text = json.dumps(mint.claims())
    rows = {
        "a digit that spells the same": f"{header}.{payload}.{twin}", "the other alphabet": f"{header}.{payload}.{standard}",
        "padding": good + "==", "padding within": f"{header}=.{payload}.{signature}", "a newline within": f"{header}\n.{payload}.{signature}",
        "a space before": " " + good, "a NUL after": good + "\0", "Bearer before": "Bearer " + good, "five parts": f"{good}.{payload}.{signature}",
        "four dots": f"{header}..{payload}.{signature}", "dots": "." * 9000, "two dots": "..",
        "JSON serialisation": json.dumps({"protected": header, "payload": payload, "signature": signature}),
        "17 KiB": mint.claimed(x="y" * 17000), "a byte order mark": mint.token(b"\xef\xbb\xbf" + text.encode()),
        "not UTF-8": mint.token(text.encode().replace(b"octocat", b"octo\xff\xfe")),
        "overlong slash": mint.token(text.encode().replace(b"acme/app", b"acme\xc0\xafapp")),
        "UTF-16": mint.token(text.encode("utf-16")), "half a surrogate": mint.token(text.replace("octocat", "\\ud800")),
        "a raw NUL": mint.token(text.encode().replace(b"octocat", b"octo\0cat")), "cut short": mint.token(text[:-1]),
        "two objects": mint.token(text + text), "a comment": mint.token("/* */" + text), "an array": mint.token(f"[{text}]"),
        "a string": mint.token(json.dumps(text)), "nothing": mint.token(b""), "null": mint.token("null"),
        "sub twice": mint.spliced('"sub":', '"sub": "repo:evil/app", "sub":'),
        "sub twice, one escaped": mint.spliced('"sub":', '"\\u0073ub": "repo:evil/app", "sub":'),
        "iss twice": mint.spliced('"iss":', '"iss": "https://evil.example", "iss":'),
        "aud twice": mint.spliced('"aud":', '"aud": "https://evil.example", "aud":'),
        "jti twice": mint.spliced('"jti":', '"jti": "a", "jti":'),
        "a name twice, deep down": mint.spliced('"octocat"', '{"a": {"b": 1, "b": 2}}'),
        "100 levels": mint.spliced('"octocat"', "[" * 100 + "]" * 100),
        "5,000 levels": mint.spliced('"octocat"', "[" * 5000 + "]" * 5000),
        "jti empty": mint.claimed(jti=""), "jti a number": mint.claimed(jti=7), "jti null": mint.claimed(jti=None),
        "jti a list": mint.claimed(jti=["a"]), "jti of 4 KiB": mint.claimed(jti="j" * 4096),
    }
    return {name: (token, 401, bad) for name, token in rows.items()}


def claims(mint):
    """What the issuer itself may have been made to sign: it does not become a name."""
    names = {
        "sub absent": dict(sub=ABSENT), "sub null": dict(sub=None), "sub empty": dict(sub=""), "sub a list": dict(sub=["repo:acme/app"]),
        "sub a number": dict(sub=1), "workflow absent": dict(job_workflow_ref=ABSENT), "workflow a map": dict(job_workflow_ref={"a": 1}),
        "workflow empty": dict(job_workflow_ref=""), "repository a list": dict(repository=["acme/app"]),
        "a NUL in the workflow": dict(job_workflow_ref="acme/app/.github/workflows/release.yml@refs/heads/main\0x"),
        "a newline in the workflow": dict(job_workflow_ref="acme/app/.github/workflows/release.yml@refs/heads/main\nx"),
        "a NUL in an id": dict(repository_id="12345\0"),
        "a claim of 5 KiB": dict(workflow="w" * 5000),
        # GitHub's sub and the discrete claims name one repository, in either grammar.
        "the id, another name": dict(repository="evil/app"), "name with a Cyrillic a": dict(repository="\u0430cme/app"),
        "name below": dict(repository="acme/app/evil"), "name decomposed": dict(repository="acme/app\u0301"),
        "sub of another repository": dict(sub="repo:evil/app:ref:refs/heads/main"),
        "sub with a recycled name's id": dict(sub="repo:acme@678/app@99999:ref:refs/heads/main"),
        "sub with another owner's id": dict(sub="repo:acme@99999/app@12345:ref:refs/heads/main"),
        "sub with ids and hyphens of another": dict(sub="repo:acme-678/app-99999:ref:refs/heads/main"),
        "another owner": dict(repository_owner="evil"),
    }
    return {name: (mint.claimed(**changes), 401, ("claims", "identity-unfit")) for name, changes in names.items()}


def policies(mint):
    """Valid tokens of a real issuer that may not have a certificate."""
    workflow = "acme/app/.github/workflows/release.yml@refs/heads/"
    changes = {
        "a recycled name: the repository's id": dict(repository_id="99999"),
        "a recycled name: the owner's id": dict(repository_owner_id="99999"),
        "id with a zero before": dict(repository_id="012345"),
        "id with a space": dict(repository_id="12345 "),
        "id with a newline": dict(repository_id="12345\n"), "id in fullwidth digits": dict(repository_id="\uff11\uff12\uff13\uff14\uff15"),
        "id a fraction": dict(repository_id=12345.5), "name in capitals": dict(repository="Acme/App"),
        "a fork's pull request": dict(event_name="pull_request"), "pull_request_target": dict(event_name="pull_request_target"),
        "workflow_run": dict(event_name="workflow_run"), "issue_comment": dict(event_name="issue_comment"),
        "event in capitals": dict(event_name="PUSH"), "event with a space": dict(event_name="push "),
        "another branch": dict(ref="refs/heads/evil"), "a branch named as a tag": dict(ref="refs/heads/refs/tags/v1"),
        "a branch that begins as main": dict(ref="refs/heads/main-evil"), "a newline after main": dict(ref="refs/heads/main\n"),
        "main in percent": dict(ref="refs/heads/%6dain"), "dots in the ref": dict(ref="refs/heads/x/../main"),
        "a tag with more": dict(ref="refs/tags/v1/evil"), "a tag in other digits": dict(ref="refs/tags/v\u0661"),
        "a slash in percent": dict(job_workflow_ref=workflow.replace("/heads/", "%2Fheads%2F") + "main"),
        "a deeper branch": dict(job_workflow_ref=workflow + "evil/main"),
        "another workflow": dict(job_workflow_ref="acme/app/.github/workflows/evil.yml@refs/heads/main"),
        "a workflow elsewhere": dict(job_workflow_ref="evil/app/.github/workflows/release.yml@refs/heads/main"),
        "a workflow that names ours": dict(job_workflow_ref="evil/x/.github/workflows/x.yml@" + workflow + "main"),
    }
    forks = ("pull_request", "pull_request_target", "workflow_run", "issue_comment")
    return {name: (mint.claimed(**one), 403, "policy-deny-rule" if one.get("event_name") in forks else "policy-denied")
            for name, one in changes.items()}


GROUPS = [algorithms, signatures, headers, issuers, audiences, dates, encodings, claims, policies]


def check(answer, status, reasons, token):
    assert answer.status_code == status, (answer.status_code, answer.text)
    body = answer.json()
    assert list(body) == ["code", "message", "details"] and body["code"] == {401: 16, 403: 7}[status]
    reasons = (reasons,) if isinstance(reasons, str) else reasons
    request_id = answer.headers["X-Request-Id"]
    said = re.search(r"\[([a-z-]+); request ([^\]]+)\]$", body["message"])
    assert said and said[2] == request_id and said[1] in reasons, body["message"]
    assert body["details"] == []
    assert "Retry-After" not in answer.headers, "a client would come again with it"
    pieces = [piece for piece in token.split(".") if len(piece) > 24]
    assert not any(piece[:24] in answer.text for piece in pieces), "the answer repeats the token"


def spent_by(server):
    state = server.readyz()[1]
    return state["certificates"], server.metric("chancery_hsm_operations_total"), server.metric("fulcio_new_certs")


@pytest.mark.parametrize("group", GROUPS, ids=[g.__name__ for g in GROUPS])
def test_refused_for_its_reason_and_at_no_cost(guarded, issuer, row, group):
    client, mint = wire.Client(guarded.public, issuer), Mint(issuer)
    # The token goes into the body, where it may be any text.
    body = wire.key_request(wire.new_key(), client.subject("github"))
    before, rows = spent_by(guarded), group(mint)
    for name, (token, status, reason) in rows.items():
        with row(name):
            answer = client.post(body=dict(body, credentials={"oidcIdentityToken": token}))
            check(answer, status, reason, token)
    assert spent_by(guarded) == before, "a hostile token bought a certificate or an HSM operation"


def test_the_corpus_is_large(issuer):
    mint = Mint(issuer)
    sizes = {group.__name__: len(group(mint)) for group in GROUPS}
    assert sum(sizes.values()) >= 80, sizes


def test_the_honest_token_works_and_the_corpus_is_about_it(guarded, issuer):
    """Without this, a server that refuses everything would pass."""
    client, mint = wire.Client(guarded.public, issuer), Mint(issuer)
    for token in (mint.token(), mint.headed(alg="ES256", kid="ec", sign="ES256"), mint.headed(typ=ABSENT),
                  mint.claimed(aud=["sigstore"]), mint.claimed(nbf=int(time.time()) + 30),
                  mint.claimed(ref="refs/tags/v12"), mint.claimed(exp=time.time() + 60.5)):
        assert client.issue(token=token).leaf


def test_no_forgery_and_no_refusal_burns_an_honest_token(guarded, issuer, row):
    """Only the grant spends a jti: not what names it without the issuer's signature, and not what was refused."""
    client, mint = wire.Client(guarded.public, issuer), Mint(issuer)
    jti = str(uuid.uuid4())
    honest = mint.claims(jti=jti)
    key = wire.new_key()
    good = wire.key_request(wire.new_key(), client.subject("github"))
    forged = mint.token(honest, sign=lambda d: mint.stranger.sign(d, padding.PKCS1v15(), hashes.SHA256()))
    attempts = {
        "forged": (forged, good, 401, "token-signature"),
        "alg none": (mint.token(honest, {"alg": "none"}, lambda _: b""), good, 401, "token-algorithm"),
        "refused by policy": (mint.token(dict(honest, repository_id="666")), good, 403, "policy-denied"),
        "for another audience": (mint.token(dict(honest, aud="elsewhere")), good, 401, "audience"),
        "expired": (mint.token(dict(honest, exp=int(time.time()))), good, 401, "token-expired"),
        "another issuer's": (mint.token(mint.claims("gitlab", jti=jti)), good, 403, "policy-denied"),
    }
    for name, (token, body, status, reason) in attempts.items():
        with row(name):
            answer = client.post(token=token, body=body)
            if name == "another issuer's":
                answer = client.post(token=token, body=wire.key_request(wire.new_key(), client.subject("gitlab")))
            check(answer, status, reason, token)
    wrong_proof = client.post(token=mint.token(honest), body=wire.key_request(key, "somebody else"))
    assert wrong_proof.status_code == 400 and "proof-wrong" in wrong_proof.text
    assert client.issue(token=mint.token(honest), key=key).leaf


def test_replays_within_and_across_a_restart(guarded, issuer, row):
    mint = Mint(issuer)

    def replays(first):
        """The same jti again, each with a new key; ECDSA lets anybody write a second signature."""
        header, payload, signature = first.split(".")
        octets = base64.urlsafe_b64decode(signature + "==")
        s = P256_ORDER - int.from_bytes(octets[32:], "big")
        twin = oidc_issuer.b64(octets[:32] + s.to_bytes(32, "big"))
        claims_ = json.loads(base64.urlsafe_b64decode(payload + "=="))
        return {
            "the same": first, "its other signature": f"{header}.{payload}.{twin}",
            "signed again": mint.token(claims_), "with another sub": mint.token(dict(claims_, run_attempt="2")),
        }
    token = mint.headed(alg="ES256", kid="ec", sign="ES256")
    client = wire.Client(guarded.public, issuer)
    issued = client.issue(token=token)
    guarded.published(guarded.readyz()[1]["certificates"])  # its precertificate is signed
    before = spent_by(guarded)
    for when in ("within", "across"):
        if when == "across":
            guarded.restart()
            client = wire.Client(guarded.public, issuer)
            before = spent_by(guarded)
        for name, replay in replays(token).items():
            with row(f"{when} a run: {name}"):
                check(client.ask(token=replay)[2], 401, "token-spent", replay)
        assert spent_by(guarded) == before
    assert client.issue(token=token, key=issued.key).leaf == issued.leaf, "a replay took the retry away"
