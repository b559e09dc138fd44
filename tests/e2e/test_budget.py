"""Within budget: certificates per token, run and identity, counted in the commit, whatever runs beside it."""
from concurrent.futures import ThreadPoolExecutor

import pytest
import wire


def size_of(server):
    return server.readyz()[1]["certificates"]


@pytest.fixture
def budgeted(private, issuer):
    """A server whose one rule, for GitHub's shape, has this grant."""
    def make(shape="github", **grant):
        server = private(start=False)

        def change(policy):
            policy.clear()
            policy.update(version=1, issuers={"it": {"url": f"{issuer.base}/{shape}", "kind": "github-workflow"}},
                          allow=[{"id": "all-of-it", "issuer": "it", "when": "all", "grant": grant}])
        server.state.edit(change, "policy.yaml")
        return server.start()
    return make


def at_once(server, issuer, work):
    """[(token, key)] all at once, each on a connection of its own; the answers in that order."""
    def one(item):
        return wire.Client(server.public, issuer).ask(token=item[0], key=item[1])[2]
    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(one, work))


def statuses(answers):
    return sorted(a.status_code for a in answers)


def refusal_of(server, reason):
    return [e for e in server.events() if e["type"] == "denied" and e["reason"] == reason]


def test_sixty_four_at_once_for_the_last_one(budgeted, issuer):
    server = budgeted(**{"per-run": 3})
    client = wire.Client(server.public, issuer)
    granted = [client.issue(run_id="1") for _ in range(2)]
    answers = at_once(server, issuer, [(issuer.token(run_id="1"), wire.new_key()) for _ in range(64)])
    assert statuses(answers) == [200] + [403] * 63
    refused = next(a for a in answers if a.status_code == 403)
    assert refused.json()["code"] == 7 and "budget-exhausted" in refused.text
    assert size_of(server) == 3
    assert server.metric("chancery_budget_refusals_total") == 63
    (reached,) = [e for e in server.events() if e["type"] == "budget-reached"]
    assert (reached["rule"], reached["budget"], reached["leaf_index"]) == ("all-of-it", "per-run: 3", 2)
    assert reached["subject"] == client.subject("github")
    assert server.metric("chancery_budgets_reached_total") == 1

    # Another run has its own; a retry takes nothing and gets its certificate.
    assert client.issue(run_id="2")
    again = client.issue(token=granted[0].token, key=granted[0].key)
    assert again.leaf == granted[0].leaf and size_of(server) == 4

    denied = refusal_of(server, "budget-exhausted")
    assert denied and all(e["rule"] == "all-of-it" and e["budget"] == "per-run: 3" for e in denied)
    assert all(e["family"] == "budget" for e in denied)


def test_a_restart_and_a_crash_keep_budgets(budgeted, issuer):
    server = budgeted(**{"per-identity": {"count": 2, "within": "1h"}})
    client = wire.Client(server.public, issuer)
    first = client.issue()
    server.kill()
    server.start()
    client = wire.Client(server.public, issuer)
    assert client.issue()
    server.restart()
    client = wire.Client(server.public, issuer)
    token, key, refused = client.ask()
    assert refused.status_code == 403 and "budget-exhausted" in refused.text
    assert client.issue(token=first.token, key=first.key).leaf.serial_number == first.leaf.serial_number
    # The refusal spent neither its token nor anything of another identity's.
    assert client.ask(token=token, key=key)[2].status_code == 403
    other = "repo:acme/other:ref:refs/heads/main"
    assert client.issue(sub=other, repository="acme/other")


def test_a_token_for_a_job_that_signs_and_attests(budgeted, issuer):
    server = budgeted(**{"per-token": 2})
    token = issuer.token()
    keys = [wire.new_key() for _ in range(100)]
    answers = at_once(server, issuer, [(token, key) for key in keys])
    assert statuses(answers) == [200] * 2 + [401] * 98
    assert size_of(server) == 2
    server.restart()
    client = wire.Client(server.public, issuer)
    for key, answer in zip(keys, answers):
        again = client.ask(token=token, key=key)[2]
        assert again.status_code == answer.status_code
        if again.status_code == 200:
            assert wire.certificates(again)[0] == wire.certificates(answer)[0]
        else:
            assert "token-spent" in again.text
            break
    assert size_of(server) == 2


def test_a_token_that_names_no_run(budgeted, issuer):
    server = budgeted(**{"per-run": 3})
    client = wire.Client(server.public, issuer)
    _, _, refused = client.ask(token=issuer.token(run_attempt=None))
    assert refused.status_code in (401, 403)
    assert size_of(server) == 0
    assert client.issue()


def test_what_is_new_is_an_event_once(budgeted, issuer):
    server = budgeted(**{"per-token": 1})
    client = wire.Client(server.public, issuer)
    client.issue()
    client.issue()
    client.issue(repository_id="777")
    server.restart()
    client = wire.Client(server.public, issuer)
    client.issue(repository_id="777")
    client.issue(key=wire.new_key("p384"))
    seen = [(e["kind"], e["leaf_index"]) for e in server.events() if e["type"] == "first-seen"]
    assert seen == [("repository", 0), ("workflow", 0), ("runner-environment", 0), ("key-type", 0),
                    ("repository", 2), ("key-type", 4)]
    assert server.metric("chancery_first_seen_total", kind="key-type") == 1
    assert server.metric("chancery_first_seen_total", kind="repository") == 0
