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
