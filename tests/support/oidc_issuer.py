#!/usr/bin/python3
"""A local OIDC issuer for the demo and the tests: one issuer a shape, each under its own path.

    oidc_issuer.py --port 8970 --state DIR          serves until it is told to stop
    GET /github/.well-known/openid-configuration    discovery
    GET /jwks                                       keys of all shapes: RS256 ("rsa") and ES256 ("ec")
    GET /github/token?audience=sigstore&ref=refs/heads/x&alg=ES256   a fresh token; further parameters set claims

Shapes: github, gitlab, buildkite, email, spiffe, kubernetes. It gives a token to whoever asks: never run it where
anything trusts it.
"""
import argparse
import base64
import http.server
import json
import os
import pathlib
import sys
import time
import urllib.parse
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

SHA = "2222222222222222222222222222222222222222"
SHAPES = {
    "github": {
        "sub": "repo:acme/app:ref:refs/heads/main",
        "repository": "acme/app", "repository_id": "12345", "repository_owner": "acme", "repository_owner_id": "678",
        "repository_visibility": "private", "ref": "refs/heads/main", "ref_type": "branch", "sha": SHA,
        "workflow": "Release", "workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main",
        "workflow_sha": SHA, "job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main",
        "job_workflow_sha": SHA, "event_name": "push", "run_id": "42", "run_attempt": "1", "run_number": "7",
        "runner_environment": "github-hosted", "actor": "octocat", "actor_id": "1",
    },
    "gitlab": {
        "sub": "project_path:grp/app:ref_type:branch:ref:main",
        "project_path": "grp/app", "project_id": "77", "namespace_path": "grp", "namespace_id": "7",
        "pipeline_source": "push", "pipeline_id": "900", "job_id": "1001", "ref": "main", "ref_type": "branch",
        "ref_protected": "true", "sha": SHA, "ci_config_ref_uri": "gitlab.com/grp/app//.gitlab-ci.yml@refs/heads/main",
        "ci_config_sha": SHA, "runner_environment": "gitlab-hosted", "runner_id": 5, "project_visibility": "private",
        "user_login": "alice", "user_email": "alice@example.com",
    },
    "buildkite": {
        "sub": "organization:acme-inc:pipeline:bash-example:ref:refs/heads/main:commit:abc:step:build",
        "organization_slug": "acme-inc", "pipeline_slug": "bash-example", "build_number": 123, "build_branch": "main",
        "build_commit": SHA, "build_source": "webhook", "job_id": "01-job", "step_key": "build",
        "runner_environment": "self-hosted", "agent_id": "agent-1",
    },
    "email": {"sub": "1234567890", "email": "alice@example.com", "email_verified": True},
    "spiffe": {"sub": "spiffe://example.org/ns/a/sa/b"},
    "kubernetes": {
        "sub": "system:serviceaccount:ns1:sa1",
        "kubernetes.io": {"namespace": "ns1", "serviceaccount": {"name": "sa1", "uid": "u-1"}},
    },
}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Keys:
    """RSA-2048 and P-256, kept in the state directory so that a restarted issuer still vouches for its tokens."""

    def __init__(self, state):
        self.rsa = self._load(state / "issuer-rsa.key", lambda: rsa.generate_private_key(65537, 2048))
        self.ec = self._load(state / "issuer-ec.key", lambda: ec.generate_private_key(ec.SECP256R1()))

    @staticmethod
    def _load(path, generate):
        if path.exists():
            return serialization.load_pem_private_key(path.read_bytes(), None)
        key = generate()
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption()))
        return key

    def jwks(self):
        public, point = self.rsa.public_key().public_numbers(), self.ec.public_key().public_numbers()
        return {"keys": [
            {"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": number(public.n), "e": number(public.e)},
            {"kty": "EC", "kid": "ec", "use": "sig", "alg": "ES256", "crv": "P-256",
             "x": b64(point.x.to_bytes(32, "big")), "y": b64(point.y.to_bytes(32, "big"))},
        ]}

    def sign(self, claims, algorithm="RS256"):
        header = {"alg": algorithm, "typ": "JWT", "kid": "rsa" if algorithm == "RS256" else "ec"}
        text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
        if algorithm == "RS256":
            signature = self.rsa.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            r, s = utils.decode_dss_signature(self.ec.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return text + "." + b64(signature)


def claims_of(shape, base, audience="sigstore", now=None, **changes):
    now = int(time.time()) if now is None else now
    claims = dict(SHAPES[shape], iss=f"{base}/{shape}", aud=audience, iat=now, nbf=now, exp=now + 300,
                  jti=str(uuid.uuid4()))
    claims.update(changes)
    return claims


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        shape, _, rest = url.path.lstrip("/").partition("/")
        if url.path == "/jwks":
            return self.answer(self.server.keys.jwks())
        if shape not in SHAPES:
            return self.answer({"error": "no such issuer", "issuers": sorted(SHAPES)}, 404)
        if rest == ".well-known/openid-configuration":
            return self.answer({"issuer": f"{self.server.base}/{shape}", "jwks_uri": f"{self.server.base}/jwks",
                                "id_token_signing_alg_values_supported": ["RS256", "ES256"],
                                "response_types_supported": ["id_token"], "subject_types_supported": ["public"]})
        if rest == "token":
            query = dict(urllib.parse.parse_qsl(url.query))
            algorithm = query.pop("alg", "RS256")
            token = self.server.keys.sign(claims_of(shape, self.server.base, query.pop("audience", "sigstore"), **query),
                                          algorithm)
            return self.answer(token.encode(), content_type="text/plain")
        return self.answer({"error": "not found"}, 404)

    def answer(self, body, status=200, content_type="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(port, state):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.keys = Keys(state)
    server.base = f"http://127.0.0.1:{server.server_address[1]}"
    return server


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8970)
    parser.add_argument("--state", type=pathlib.Path, required=True, help="where its keys are kept")
    arguments = parser.parse_args()
    server = serve(arguments.port, arguments.state)
    print(f"issuer ready on {server.base}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
