"""Fulcio's own identity configuration, with and without --fulcio-compat; what a start says of the issuers it serves."""
import json
import shutil
import subprocess

import jsonschema
import pytest
import yaml

import house
import wire

# Self-managed GitLabs in Fulcio's file, whose certificates there name gitlab.com.
FOREIGN = ["https://dev.gitlab.org", "https://gitlab.archlinux.org", "https://ops.gitlab.net"]


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Fulcio's published config.yaml, from its Go module: never copied here."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed: Fulcio's published configuration cannot be obtained")
    empty = tmp_path_factory.mktemp("go")
    (empty / "go.mod").write_text("module none\n\ngo 1.21\n")
    done = subprocess.run(["go", "mod", "download", "-json", "github.com/sigstore/fulcio@v1.8.8"], cwd=empty,
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        pytest.skip("Fulcio's module cannot be downloaded: " + (done.stdout + done.stderr)[-300:])
    return house.pathlib.Path(json.loads(done.stdout)["Dir"]) / "config" / "identity" / "config.yaml"


def check(state, *flags):
    done = house.run("config", "check", "--config", str(state.file), *flags)
    return done.returncode, done.stdout.splitlines()


@pytest.fixture
def with_published(published, new_state):
    state = new_state()
    shutil.copy(published, state.directory / "issuers.yaml")
    return state


def test_the_published_file_loads_with_compat(with_published):
    code, lines = check(with_published, "--fulcio-compat")
    assert code == 0, lines
    assert [line for line in lines if line.startswith("issuer ")] == [], lines
    warnings = [line for line in lines if "warning:" in line]
    assert sum("--fulcio-compat: " in line for line in warnings) == 9, warnings
    assert sum('"sigstore"' in line for line in warnings) == 1, warnings


def test_without_it_the_traps_and_only_they_are_errors_of_their_issuers(with_published):
    code, lines = check(with_published)
    problems = [line for line in lines if line.startswith("issuer ")]
    assert code == 1 and len(problems) == len(FOREIGN), lines
    for url, line in zip(FOREIGN, sorted(problems)):
        assert url in line and f"default-template-values: {{url: {url}}}" in line, line
    assert not any("--fulcio-compat" in line for line in lines), lines
    # Each line is the fix.
    document = yaml.safe_load((with_published.directory / "issuers.yaml").read_text())
    for url in FOREIGN:
        document["oidc-issuers"][url]["default-template-values"] = {"url": url}
    (with_published.directory / "issuers.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    code, lines = check(with_published)
    assert code == 0, lines
    schema = json.loads((house.ROOT / "schema" / "issuers.schema.json").read_text())
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(document)) == []


def test_a_start_tells_who_takes_the_shared_audience(private):
    server = private()
    told = [line for line in server.journal() if line["event"] == "issuers-warning"]
    assert len(told) == 1 and '"sigstore"' in told[0]["what"] and told[0]["level"] == "warning", told
    code, lines = check(server.state)
    assert code == 0 and any('warning: the audience "sigstore"' in line for line in lines), lines


def test_several_audiences_and_none_shared(private, issuer):
    own = "https://ca.corp.example"

    def change(document):
        for entry in document["oidc-issuers"].values():
            del entry["client-id"]
            entry["audiences"] = [own, "second"]
    server = private(start=False)
    server.state.edit(change, "issuers.yaml")
    server.start()
    assert not any(line["event"] == "issuers-warning" for line in server.journal())
    for audience, status in ((own, 200), ("second", 200), ("sigstore", 401), ([own, "second"], 401)):
        answer = wire.Client(server.public, issuer).ask(aud=audience)[2]
        assert answer.status_code == status, (audience, answer.text)


def inspect(state, token, *flags, source=None):
    file = state.directory / "token.jwt"
    file.write_text(token + "\n")
    done = house.run("token", "inspect", str(file), *(source or ("--config", str(state.file))), "--format", "json",
                     *flags)
    assert token not in done.stdout + done.stderr and token.rsplit(".", 1)[1] not in done.stdout + done.stderr
    assert done.returncode in (0, 1), done.stderr
    document = json.loads(done.stdout)
    steps = {step["step"]: step for step in document["steps"]}
    failed = [name for name, step in steps.items() if step["state"] == "FAILED"]
    assert done.returncode == (1 if failed else 0), done.stdout
    return steps, failed, document


STEPS = ["shape", "header", "issuer", "key", "signature", "audience", "times", "jti", "mapping", "policy"]


def test_token_inspect_walks_through_every_step(new_state, issuer, tmp_path):
    state, now = new_state(), int(house.time.time())
    steps, failed, document = inspect(state, issuer.token())
    assert list(steps) == STEPS and failed == [], steps
    assert document["san"].startswith("https://github.com/acme/app/.github/workflows/"), document
    for changes, step, word in (
            ({"aud": "other"}, "audience", "other"), ({"exp": now - 5}, "times", "token-expired"),
            ({"iat": now - 3600, "nbf": now - 3600}, "times", "token-too-old"), ({"sha": None}, "mapping", "sha"),
            ({"sub": "repo:evil/app:ref:x"}, "mapping", "sub"), ({"iss": "https://nobody.example"}, "issuer", "nobody"),
            ({"repository_id": "666"}, "policy", "policy-denied")):
        steps, failed, _ = inspect(state, issuer.token(**changes))
        assert failed == [step] and word in steps[step]["found"], (changes, steps)
        assert steps[step]["advice"], step


def test_token_inspect_offline_says_that_the_signature_was_not_checked(new_state, issuer, tmp_path):
    state, token = new_state(), issuer.token()
    steps, failed, _ = inspect(state, token, "--offline")
    assert failed == [] and steps["signature"]["state"] == "unchecked", steps
    source = ("--issuers", str(state.directory / "issuers.yaml"))
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(issuer.keys.jwks()))
    steps, failed, _ = inspect(state, token, "--offline", "--jwks", str(jwks), source=source)
    assert failed == [] and steps["signature"]["state"] == "ok" and "policy" not in steps, steps
    head, payload, _ = token.split(".")
    forged = ".".join((head, payload, issuer.token().rsplit(".", 1)[1]))
    assert inspect(state, forged, "--jwks", str(jwks), source=source)[1] == ["signature"]
    later = house.time.strftime("%Y-%m-%dT%H:%M:%SZ", house.time.gmtime(house.time.time() + 7200))
    assert inspect(state, token, "--jwks", str(jwks), "--now", later, source=source)[1] == ["times"]


def test_token_inspect_refuses_what_it_cannot_use(new_state, issuer):
    state = new_state()
    assert house.run("token", "inspect", "/nonexistent", "--config", str(state.file)).returncode == 2
    assert house.run("token", "inspect", "-").returncode == 2
    done = house.run("token", "inspect", issuer.token(), "--config", str(state.file))
    assert done.returncode == 2 and "standard input" in done.stderr and "eyJ" not in done.stdout + done.stderr
    assert house.run("token", "inspect", "-", "--config", str(state.file), "--now", "soon").returncode == 2
