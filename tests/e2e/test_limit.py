"""One address and how much it may ask for: 429 with Retry-After, and a certificate when that time is over."""
import time

import pytest
import wire
from house import wait_for


@pytest.fixture
def limited(private):
    def change(config):
        config["limits"] = {"per-address": {"rate": "2/s", "burst": 5, "exempt": []}}
    return private(change)


def ask_as(client, address, token="not a token"):
    """A request that the front says is of `address`; one that costs the server little."""
    return client.post(token=token, body={}, headers={"X-Forwarded-For": address})


def test_a_burst_then_429_then_recovery(limited, issuer):
    client = wire.Client(limited.public, issuer)
    answers = [ask_as(client, "192.0.2.1") for _ in range(12)]
    refused = [a for a in answers if a.status_code == 429]
    # A slow machine may let one or two more in meanwhile.
    assert 3 <= len(refused) <= 7 and [a.status_code for a in answers[:5]] == [401] * 5, [a.text for a in answers]
    body = refused[0].json()
    assert body["code"] == 8 and "rate-limited" in body["message"] and body["details"] == []
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert refused[0].headers["X-Request-Id"] in body["message"]
    assert limited.metric("chancery_rate_limited_total") == len(refused)

    key, token = wire.new_key(), issuer.token()
    granted = wait_for("a certificate", lambda: answer_or_none(client, token, key), every=0.3)
    assert granted.status_code == 200


def answer_or_none(client, token, key):
    answer = client.post(token=token, body=wire.key_request(key, client.subject("github")),
                         headers={"X-Forwarded-For": "192.0.2.1"})
    return answer if answer.status_code != 429 else None


def test_whom_it_is_for(limited, issuer):
    client = wire.Client(limited.public, issuer)
    last = None
    for _ in range(12):
        last = ask_as(client, "2001:db8:1:2::1")
    assert last.status_code == 429
    assert ask_as(client, "2001:db8:1:2:ffff::9").status_code == 429, "another address of the same /64"
    assert ask_as(client, "2001:db8:1:3::1").status_code == 401, "another /64"
    assert ask_as(client, "192.0.2.9").status_code == 401
    # The header is believed from the front only, and reading costs nothing.
    for _ in range(30):
        assert client.session.get(limited.public + "/api/v2/trustBundle", timeout=5,
                                  headers={"X-Forwarded-For": "2001:db8:1:2::1"}).status_code == 200


def test_before_anything_is_read(limited, issuer):
    """Neither a good token nor a broken body makes a difference once the bucket is empty."""
    client = wire.Client(limited.public, issuer)
    tokens = [issuer.token() for _ in range(3)]
    for _ in range(10):
        ask_as(client, "192.0.2.3")
    before = limited.metric("chancery_issuance_total")
    started = time.monotonic()
    for token in tokens:
        assert ask_as(client, "192.0.2.3", token).status_code in (400, 401, 429)
    broken = client.post(body=b"{", headers={"X-Forwarded-For": "192.0.2.3"})
    if time.monotonic() - started < 0.4:
        assert broken.status_code == 429
        assert limited.metric("chancery_issuance_total") - before <= 1


def test_by_default_this_machine_is_not_limited(server, issuer):
    client = wire.Client(server.public, issuer)
    statuses = {client.post(token="x", body={}).status_code for _ in range(700)}
    assert statuses == {401}
