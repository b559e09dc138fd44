"""What a refused client is told: always why in one word; the whole trace only where its issuer allows it."""
import pytest
import yaml

import wire

HOSTILE = 'evil/"}]}\\</script>\u202e\u2028\x7f{{.}}$(id)'


@pytest.fixture
def refusing(private, issuer):
    """(client of a server, its policy's rules): GitHub's clients see everything, GitLab's do not."""
    server = private(start=False)
    server.state.edit(lambda c: c["oidc-issuers"][issuer.base + "/github"].update({"verbose-denials": True}), "issuers.yaml")
    policy = {
        "version": 1,
        "issuers": {"gh": {"url": issuer.base + "/github"}, "gl": {"url": issuer.base + "/gitlab"}},
        "deny": [{"id": "no-forks", "when": {"event_name": "pull_request"}}],
        "allow": [{"id": "acme", "issuer": "gh", "when": {"repository": "acme/app", "environment": {"absent": True}}},
                  {"id": "group", "issuer": "gl", "when": {"project_id": "1"}}]}
    (server.state.directory / "policy.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))
    server.start()
    return wire.Client(server.public, issuer)


def refused(answer, reason):
    """(message without its request id, details): the id is random and may hold the digits a test looks for."""
    assert answer.status_code == 403 and answer.headers["Content-Type"] == "application/json", answer.text
    body = answer.json()
    assert list(body) == ["code", "message", "details"] and body["code"] == 7
    assert body["message"].endswith(f"[{reason}; request {answer.headers['X-Request-Id']}]")
    assert "Retry-After" not in answer.headers
    return body["message"].replace(answer.headers["X-Request-Id"], ""), body["details"]


def test_without_verbose_denials_the_details_are_empty(refusing):
    message, details = refused(refusing.ask("gitlab")[2], "policy-denied")
    assert details == [] and "77" not in message and "group" not in message
    message, details = refused(refusing.ask("gitlab", event_name="pull_request")[2], "policy-deny-rule")
    assert details == [] and "no-forks" not in message


def test_with_verbose_denials_the_client_gets_the_whole_trace(refusing):
    answer = refusing.ask(repository=HOSTILE, environment="production",
                          repository_owner="evil", sub="custom")[2]
    message, (info, struct) = refused(answer, "policy-denied")
    assert "evil" not in message
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo" and info["reason"] == "policy-denied"
    assert info["metadata"] == {"family": "default-deny", "rule": "default-deny",
                                "request_id": answer.headers["X-Request-Id"]}
    assert struct["@type"] == "type.googleapis.com/google.protobuf.Struct"
    deny, allow = struct["value"]["rules"]
    assert deny["rule"] == "no-forks" and deny["effect"] == "deny" and not deny["matched"]
    assert [(c["claim"], c["holds"]) for c in allow["conditions"]] == [("repository", False), ("environment", False)]
    assert "acme/app" in allow["conditions"][0]["wanted"] and "evil" in allow["conditions"][0]["found"]
    assert "absent" in allow["conditions"][1]["wanted"] and "production" in allow["conditions"][1]["found"]


def test_a_deny_rule_names_itself(refusing):
    _, (info, struct) = refused(refusing.ask(event_name="pull_request")[2], "policy-deny-rule")
    assert info["metadata"]["family"] == "deny-rule" and info["metadata"]["rule"] == "no-forks"
    assert struct["value"]["rules"][0]["matched"] is True


def test_a_long_claim_is_cut_and_a_certificate_has_no_trace(refusing):
    _, (_, struct) = refused(refusing.ask(repository="acme/" + "é" * 1500, sub="custom")[2], "policy-denied")
    assert len(struct["value"]["rules"][1]["conditions"][0]["found"].encode()) < 256
    assert refusing.issue().leaf


TOKEN_STEPS = {
    "audience": {"aud": "elsewhere-secret"},
    "times": {"exp": 1},
    "jti": {"jti": 7},
    "mapping": {"job_workflow_ref": None},
}


def test_of_a_refused_token_the_client_gets_the_step_where_its_issuer_allows_it(refusing, row):
    for step, claims in TOKEN_STEPS.items():
        with row(step):
            answer = refusing.ask(**claims)[2]
            assert answer.status_code == 401 and "secret" not in answer.text
            body = answer.json()
            (info,) = body["details"]
            assert info["metadata"] == {"step": step, "request_id": answer.headers["X-Request-Id"]}
            assert body["message"].endswith(f"[{info['reason']}; request {answer.headers['X-Request-Id']}]")
    answer = refusing.ask("gitlab", aud="elsewhere")[2]
    assert answer.status_code == 401 and answer.json()["details"] == []


def test_rules_on_trial_are_a_line_of_the_operators_log(private, issuer):
    server = private(start=False)
    path = server.state.directory / "policy.yaml"
    policy = yaml.safe_load(path.read_text())
    policy.setdefault("deny", []).append({"id": "trial", "mode": "audit", "when": {"repository": "acme/app"}})
    path.write_text(yaml.safe_dump(policy, sort_keys=False))
    server.start()
    client = wire.Client(server.public, issuer)
    answers = [client.issue().answer, client.ask(aud="elsewhere")[2]]
    (line,) = [line for line in server.journal() if line["event"] == "audit-rules-matched"]
    assert line["request_id"] == answers[0].headers["X-Request-Id"]
    assert line["would_deny"] == "trial" and line["would_allow"] == ""
