"""The policy commands of the real binary: exit codes, both formats, and a replay of a server's own events."""
import base64
import json
import shutil

import jsonschema
import pytest
import yaml

import house

CONFIG = house.ROOT / "config"
CLAIMS = {"iss": "https://token.actions.githubusercontent.com", "repository_owner_id": "5544123", "repository_id": "733019284",
          "ref": "refs/heads/main", "event_name": "push"}


def policy(*arguments):
    done = house.run("policy", *map(str, arguments))
    assert "\x1b" not in done.stdout + done.stderr
    return done


def test_what_is_shipped_is_clean_and_tested():
    assert policy("lint", "--strict", CONFIG / "policy.yaml").returncode == 0
    assert policy("test", CONFIG / "policy_test.yaml").returncode == 0
    schema = json.loads((house.ROOT / "schema" / "policy_test.schema.json").read_text())
    document = yaml.load((CONFIG / "policy_test.yaml").read_text(), Loader=yaml.BaseLoader)
    jsonschema.validators.validator_for(schema)(schema).validate(document)


def test_findings_and_failed_cases_are_1(tmp_path):
    bad = tmp_path / "policy.yaml"
    bad.write_text((CONFIG / "policy.yaml").read_text().replace('repository_id: "733019284"', "repository: corp/x").replace(
        'repository_owner_id: "5544123"', "repository_owner: corp"))
    done = policy("lint", bad, "--format", "json")
    assert done.returncode == 1 and {"name-only"} <= {f["code"] for f in json.loads(done.stdout)["findings"]}
    done = policy("test", CONFIG / "policy_test.yaml", "--policy", bad)
    assert done.returncode == 1 and "FAILED a namesake" not in done.stdout and "✗" in done.stdout, done.stdout


def test_explain_reads_claims_and_tokens_and_says_what_it_did_not_do(tmp_path):
    claims = tmp_path / "claims.json"
    claims.write_text(json.dumps(CLAIMS))
    done = policy("explain", "--policy", CONFIG / "policy.yaml", "--claims", claims, "--now", "2026-11-21")
    assert done.returncode == 0 and "allowed by rule 'tools-main'" in done.stdout
    payload = base64.urlsafe_b64encode(json.dumps(CLAIMS | {"ref": "\x1b[2J\u202e"}).encode()).decode().rstrip("=")
    token = tmp_path / "token"
    token.write_text(f"e30.{payload}.c2ln\n")
    done = policy("explain", "--policy", CONFIG / "policy.yaml", "--token", token)
    assert done.returncode == 1 and "NOT verified" in done.stdout and "\u202e" not in done.stdout
    token.write_text("nonsense")
    assert policy("explain", "--policy", CONFIG / "policy.yaml", "--token", token).returncode == 2


def test_who_can(tmp_path):
    done = policy("who-can", "--policy", CONFIG / "policy.yaml", "--repository-id", "733019284", "--format", "json")
    assert done.returncode == 0 and "tools-main" in [a["rule"] for a in json.loads(done.stdout)["answers"]]
    assert policy("who-can", "--policy", CONFIG / "policy.yaml", "--issuer", "nobody").returncode == 2
    done = policy("who-can", "--policy", CONFIG / "policy.yaml", "--claim", "repositry_id=733019284")
    assert "no rule reads the claim 'repositry_id'; did you mean 'repository_id'?" in done.stderr
    done = policy("who-can", "--policy", CONFIG / "policy.yaml", "--claim", "repository_id=733019284")
    assert done.stderr == "" and max(map(len, done.stdout.splitlines())) < 160


def test_diff_of_events_in_a_file(tmp_path):
    old, new, events = tmp_path / "old.yaml", tmp_path / "new.yaml", tmp_path / "events.ndjson"
    shutil.copy(CONFIG / "policy.yaml", old)
    new.write_text(old.read_text().replace("ref: refs/heads/main", "ref: refs/heads/trunk"))
    event = {"type": "granted", "issuer": CLAIMS["iss"], "subject": "a\x1b[2J", "claims": CLAIMS, "key_algorithm": "ecdsa-p256", "rule": "x"}
    events.write_text(json.dumps(event) + "\n")
    done = policy("diff", old, new, "--events", events, "--now", "2026-11-21")
    assert done.returncode == 1 and "WOULD NOW BE REFUSED: 1 (1 certificates" in done.stdout, done.stdout
    assert policy("diff", old, old, "--events", events).returncode == 0
    assert policy("diff", old, new).returncode == 2


@pytest.mark.parametrize("command", ["lint", "test", "explain", "diff", "who-can"])
def test_commands_explain_themselves(command):
    done = policy(command, "--help")
    assert done.returncode == 0 and "Examples:" in done.stdout and "Exit codes:" in done.stdout
