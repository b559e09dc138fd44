#!/usr/bin/python3
"""Makes a state directory that `chancery serve` can serve: a key ceremony in two SoftHSM tokens that nobody witnesses,
note keys, and the three configuration files. For the demo and the tests.

    make_state.py DIR [--public 127.0.0.1:5555] [--log …] [--internal …] [--issuer-base http://127.0.0.1:8970]
                      [--program build/chancery] [--precertificate-signer]

A directory that was finished before is left as it is. The configuration is written once and may be edited.
"""
import argparse
import os
import pathlib
import secrets
import shutil
import subprocess
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
FINISHED = ".finished"


def run(*command, env=None):
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[:2])} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def write(path, data, mode=0o644):
    data = data if isinstance(data, bytes) else data.encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def make_token(directory, label):
    """A SoftHSM token in this directory, with settings and PIN beside it."""
    (directory / "tokens").mkdir(parents=True)
    write(directory / "softhsm2.conf",
          f"directories.tokendir = {directory / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    pin = secrets.token_hex(8)
    write(directory / "pin", pin + "\n", 0o400)
    run("softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", secrets.token_hex(8), "--pin", pin,
        env=dict(os.environ, SOFTHSM2_CONF=str(directory / "softhsm2.conf")))


def hold_ceremony(state, program, precertificate_signer):
    """Root, issuing CA, log key and timestamp authority, the root's in a token of its own: `root/` is what would be offline."""
    make_token(state, "chancery")
    make_token(state / "root", "chancery-root")
    plan = CEREMONY + PRECERTIFICATE if precertificate_signer else CEREMONY
    write(state / "ceremony.yaml", plan.format(module=MODULE))
    for step, place in (("root", "root"), ("issuing-request", "."), ("issuing-sign", "root"), ("finish", ".")):
        run(program, "ceremony", "run", str(state / "ceremony.yaml"), "--out", str(state / "ceremony"), "--step", step,
            "--yes-i-am-testing", env=dict(os.environ, SOFTHSM2_CONF=str(state / place / "softhsm2.conf")))
    for chain in ("chain.pem", "tsa-chain.pem"):
        shutil.copy(state / "ceremony" / chain, state)
    if precertificate_signer:
        shutil.copy(state / "ceremony" / "precertificate-chain.pem", state)


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


CEREMONY = """\
# yaml-language-server: $schema=ceremony.schema.json
version: 1
name: Chancery Demo
witnesses: [nobody]
root:
  key: "pkcs11:token=chancery-root;object=root?module-path={module}&pin-source=file:root/pin"
  subject: {{organization: Chancery Demo, common-name: Chancery Demo Root}}
  lifetime: 3650d
issuing:
  key: "pkcs11:token=chancery;object=ca;id=%01?module-path={module}&pin-source=file:pin"
  subject: {{organization: Chancery Demo, common-name: Chancery Demo Issuing CA}}
  lifetime: 1095d
log:
  key: file:log.key
timestamp:
  key: file:tsa.key
  subject: {{organization: Chancery Demo, common-name: Chancery Demo Timestamps}}
  lifetime: 1095d
"""

PRECERTIFICATE = """\
precertificate:
  key: file:precertificate.key
  subject: {{organization: Chancery Demo, common-name: Chancery Demo Precertificates}}
  lifetime: 1095d
"""

CONFIG = """\
# yaml-language-server: $schema=chancery.schema.json
listen:
  public: {public}
  log: {log}
  internal: {internal}
  trusted-proxies: [127.0.0.1/32]
state: state
issuers: issuers.yaml
policy: policy.yaml
ca:
  chain: chain.pem
  key: "pkcs11:token=chancery;object=ca?module-path={module}&pin-source=file:pin"
  module-env: {{SOFTHSM2_CONF: softhsm2.conf}}
  sessions: 2
  lifetime: 10m
  backdate: 30s
# The kernel's word on its clock is not asked here: in many containers nobody keeps it.
tsa: {{key: file:tsa.key, chain: tsa-chain.pem, policy: "2.999.1", clock: trusted}}
log:
  certificates: {{shard: "demo", origin: chancery.demo/certificates, key: "file:log.key", note-key: "file:log-note.key"}}
  events: {{shard: "demo", origin: chancery.demo/events, note-key: "file:events-note.key"}}
  checkpoint: 1s
"""

SIGNER = """\
  precertificate: signer
  precertificate-key: file:precertificate.key
  precertificate-chain: precertificate-chain.pem
"""

# One issuer of each shape that the demo's OIDC issuer mints. The audience is the one stock clients ask for.
ISSUERS = """\
# yaml-language-server: $schema=issuers.schema.json
oidc-issuers:
  {base}/github:
    issuer-url: {base}/github
    client-id: sigstore
    type: ci-provider
    ci-provider: github-workflow
  {base}/gitlab:
    issuer-url: {base}/gitlab
    client-id: sigstore
    type: ci-provider
    ci-provider: gitlab-pipeline
  {base}/buildkite:
    issuer-url: {base}/buildkite
    client-id: sigstore
    type: ci-provider
    ci-provider: buildkite-job
  {base}/email:
    issuer-url: {base}/email
    client-id: sigstore
    type: email
  {base}/spiffe:
    issuer-url: {base}/spiffe
    client-id: sigstore
    type: spiffe
    spiffe-trust-domain: example.org
  {base}/kubernetes:
    issuer-url: {base}/kubernetes
    client-id: sigstore
    type: kubernetes
"""

POLICY = """\
# yaml-language-server: $schema=policy.schema.json
version: 1
issuers:
  github: {{url: "{base}/github", kind: github-workflow}}
  gitlab: {{url: "{base}/gitlab", kind: gitlab-pipeline}}
  buildkite: {{url: "{base}/buildkite", kind: buildkite-job}}
  email: {{url: "{base}/email", kind: email}}
  spiffe: {{url: "{base}/spiffe", kind: spiffe}}
  kubernetes: {{url: "{base}/kubernetes", kind: kubernetes}}
deny:
  - id: no-fork-events
    issuer: github
    when: {{event_name: {{any: [pull_request, pull_request_target, workflow_run, issue_comment]}}}}
allow:
  - id: acme-app
    issuer: github
    when: {{repository_id: "12345", repository_owner_id: "678"}}
  - {{id: all-gitlab, issuer: gitlab, when: all}}
  - {{id: all-buildkite, issuer: buildkite, when: all}}
  - {{id: all-email, issuer: email, when: all}}
  - {{id: all-spiffe, issuer: spiffe, when: all}}
  - {{id: all-kubernetes, issuer: kubernetes, when: all}}
"""


def stock_metadata():
    """The ci-issuer-metadata of the shipped example."""
    text = (pathlib.Path(__file__).parents[2] / "config" / "issuers.yaml").read_text()
    return text[text.index("ci-issuer-metadata:"):].split("\noidc-issuers:")[0].rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=pathlib.Path)
    parser.add_argument("--public", default="127.0.0.1:5555")
    parser.add_argument("--log", default="127.0.0.1:5557")
    parser.add_argument("--internal", default="127.0.0.1:5556")
    parser.add_argument("--issuer-base", default="http://127.0.0.1:8970")
    parser.add_argument("--program", default=str(pathlib.Path(__file__).resolve().parents[2] / "build" / "chancery"),
                        help="holds the ceremony")
    parser.add_argument("--precertificate-signer", action="store_true",
                        help="precertificates are signed by a key of their own (RFC 6962 3.1)")
    arguments = parser.parse_args()
    state = arguments.state.resolve()
    if (state / FINISHED).exists():
        print(f"reusing {state}")
        return
    if state.exists() and any(state.iterdir()):
        # Left by a run that was interrupted; anything else is not ours to delete.
        if not (state / "softhsm2.conf").exists():
            sys.exit(f"{state} is not empty and was not made by this program; name another directory")
        shutil.rmtree(state)
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    hold_ceremony(state, arguments.program, arguments.precertificate_signer)
    write(state / "log-note.key", pem(ed25519.Ed25519PrivateKey.generate()), 0o400)
    write(state / "events-note.key", pem(ed25519.Ed25519PrivateKey.generate()), 0o400)
    config = CONFIG + SIGNER if arguments.precertificate_signer else CONFIG
    write(state / "chancery.yaml", config.format(public=arguments.public, log=arguments.log,
                                                 internal=arguments.internal, module=MODULE))
    write(state / "issuers.yaml", ISSUERS.format(base=arguments.issuer_base) + stock_metadata())
    write(state / "policy.yaml", POLICY.format(base=arguments.issuer_base))
    write(state / FINISHED, "")
    print(f"made {state}")


if __name__ == "__main__":
    main()
