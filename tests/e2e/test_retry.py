"""Once: a token buys one certificate. With the same key it is a retry; with another it is a replay."""
import time
from concurrent.futures import ThreadPoolExecutor

import house
import rfc6962
import wire


def size_of(server):
    return server.readyz()[1]["certificates"]


def test_same_token_and_key_give_the_same_certificate(client, server):
    first = client.issue()
    before = size_of(server)
    for _ in range(3):
        again = client.issue(token=first.token, key=first.key)
        assert again.leaf == first.leaf
    assert size_of(server) == before
    assert server.metric("chancery_issuance_total", result="retry") >= 3


def test_retry_by_csr_and_over_v1_is_still_that_certificate(client, server):
    first = client.issue()
    csr = {"certificateSigningRequest": wire.b64(wire.csr(first.key))}
    assert wire.certificates(client.post(token=first.token, body=csr))[0] == first.leaf
    v1 = {"publicKey": {"content": wire.b64(wire.public(first.key))},
          "signedEmailAddress": wire.b64(wire.prove(first.key, client.subject("github")))}
    answer = client.post("/api/v1/signingCert", first.token, v1)
    assert answer.status_code == 201 and wire.x509.load_pem_x509_certificate(answer.content) == first.leaf


def test_another_key_is_a_replay(client, server):
    first = client.issue()
    before = size_of(server)
    for body in (wire.key_request(wire.new_key(), client.subject("github")),
                 {"certificateSigningRequest": wire.b64(wire.csr(wire.new_key("rsa2048")))}):
        answer = client.post(token=first.token, body=body)
        assert answer.status_code == 401 and answer.json()["code"] == 16 and "token-spent" in answer.text
    assert size_of(server) == before
    assert client.issue(token=first.token, key=first.key).leaf == first.leaf, "a replay took the retry away"


def test_a_refused_request_does_not_spend_its_token(client, issuer):
    token, key = issuer.token(), wire.new_key()
    bad = wire.key_request(key, "somebody else")
    assert client.post(token=token, body=bad).status_code == 400
    assert client.issue(token=token, key=wire.new_key()).leaf


def parallel(server, issuer, requests_):
    """All at once, each on a connection of its own."""
    def one(work):
        token, key = work
        answer = wire.Client(server.public, issuer).ask(token=token, key=key)[2]
        for _ in range(5):
            # As in Client.issue: so many at once may be too much for a sanitizer's build, and 503 says so.
            if answer.status_code != 503 or house.PATIENCE == 1:
                break
            time.sleep(int(answer.headers["Retry-After"]))
            answer = wire.Client(server.public, issuer).ask(token=token, key=key)[2]
        return answer
    with ThreadPoolExecutor(50) as pool:
        return list(pool.map(one, requests_))


def test_a_hundred_at_once_with_one_key(server, issuer):
    token, key, before = issuer.token(), wire.new_key(), size_of(server)
    answers = parallel(server, issuer, [(token, key)] * 100)
    assert {a.status_code for a in answers} == {200}, [a.text for a in answers if a.status_code != 200][:3]
    leaves = {wire.certificates(a)[0] for a in answers}
    assert len(leaves) == 1, "one token and one key made different certificates"
    assert size_of(server) == before + 1
    assert rfc6962.sct_of(leaves.pop())["index"] == before


def test_a_hundred_at_once_with_a_hundred_keys(server, issuer):
    token, before = issuer.token(), size_of(server)
    answers = parallel(server, issuer, [(token, wire.new_key()) for _ in range(100)])
    assert sorted(a.status_code for a in answers) == [200] + [401] * 99
    assert all("token-spent" in a.text for a in answers if a.status_code == 401)
    assert size_of(server) == before + 1


def test_across_a_restart(private, issuer):
    server = private()
    first = wire.Client(server.public, issuer).issue()
    server.restart()
    client = wire.Client(server.public, issuer)
    assert client.issue(token=first.token, key=first.key).leaf == first.leaf
    assert client.ask(token=first.token)[2].status_code == 401
    assert size_of(server) == 1


def test_across_a_crash_before_anything_was_published(private, issuer):
    server = private()
    first = wire.Client(server.public, issuer).issue()
    server.kill()
    server.start()
    client = wire.Client(server.public, issuer)
    again = client.issue(token=first.token, key=first.key)
    # The first may have been lost before it was stored: then it is signed again, over the same logged bytes.
    assert again.leaf.tbs_precertificate_bytes == first.leaf.tbs_precertificate_bytes
    assert client.ask(token=first.token)[2].status_code == 401
    assert size_of(server) == 1


def test_a_token_without_jti(private, issuer):
    """Its claims tell it from others, so it is as good for once; an issuer that always sends a jti may say so."""
    server = private(start=False)
    server.state.edit(lambda c: c["oidc-issuers"][issuer.base + "/gitlab"].update(jti="required"), "issuers.yaml")
    server.start()
    client = wire.Client(server.public, issuer)
    token, key = issuer.token("kubernetes", jti=None), wire.new_key()
    first = client.issue("kubernetes", token=token, key=key)
    assert client.issue("kubernetes", token=token, key=key).leaf == first.leaf
    refused = client.ask("kubernetes", token=token)[2]
    assert refused.status_code == 401 and "token-spent" in refused.text
    server.restart()
    client = wire.Client(server.public, issuer)
    assert client.issue("kubernetes", token=token, key=key).leaf == first.leaf
    assert client.ask("kubernetes", token=token)[2].status_code == 401
    assert client.issue("kubernetes", token=issuer.token("kubernetes", jti=None, x=1)).leaf != first.leaf
    answer = client.ask("gitlab", token=issuer.token("gitlab", jti=None))[2]
    assert answer.status_code == 401 and "claims" in answer.text
