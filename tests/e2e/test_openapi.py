"""schema/openapi.yaml is what the server does: each route is in it, and each documented answer is given as it says."""
import base64
import re

import jsonschema
import pytest
import requests
from cryptography.hazmat.primitives import hashes

import house
import rfc6962
import wire
from openapi import DOCUMENT, fits, resolve

METHODS = {"get", "post", "put", "delete", "patch", "head", "options", "trace"}
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item if method in METHODS]
# What a working server does not answer: test_faults has these; and what takes a flood: test_limit has it.
UNREACHED = {"429", "500", "503"}
# What only a server with more than this one has answers: test_tuf has it.
ELSEWHERE = {"tufFile": {"200"}}
# What only a log without any checkpoint answers: test_witness has it.
NO_CHECKPOINT = {"$ref": "#/components/responses/NoCheckpoint"}


def listeners(path):
    names = DOCUMENT["paths"][path]["x-listen"]
    return names if isinstance(names, list) else [names]


def url(server, path, listener, tile="0/000.p/1", file="000.p/1", fingerprint="0" * 64):
    path = path.format(shard="demo", tile=tile, file=file, fingerprint=fingerprint)
    return f"http://127.0.0.1:{server.state.ports[listener]}{path}"


def routes_in_the_source():
    """Method and path of each route that is registered, and the registrations whose path is no literal."""
    found, indirect = set(), []
    for file in sorted((house.ROOT / "http").glob("**/*.cc")):
        if file.name == "witness_routes.cc":  # another program's; tlog-witness documents them
            continue
        text = file.read_text()
        found |= {(m.lower(), p + "{file}" * p.endswith("/")) for m, p in re.findall(r'\.Add(?:Below)?\(\s*"(\w+)",\s*"(/[^"]*)"', text)}
        found |= {("get", p) for p in re.findall(r'\bAddDocument\(\s*router,\s*"(/[^"]*)"', text)}
        indirect += [(file.name, name) for name in re.findall(r'\.Add(?:Below)?\(\s*"\w+",\s*([a-z_]\w*|Path\b)', text)]
        pieces = re.split(r'void Add(Certificates|Events)LogRoutes\(', text)
        for log, body in zip(pieces[1::2], pieces[2::2]):
            for helper, rest in re.findall(r'shard\.(\w+)\(\s*"([^"]*)"', body):
                below = {"tile/": "{tile}", "issued/": "{file}", "issuer/": "{fingerprint}"}.get(rest, "")
                for method in ("get", "post") if helper == "Refusal" else ("get",):
                    found.add((method, f"/log/{log.lower()}/{{shard}}/{rest}{below}"))
    return found, indirect


def test_every_route_is_documented():
    found, indirect = routes_in_the_source()
    # The helpers whose callers are read above; another one has to be taught to routes_in_the_source.
    assert indirect == (
        [("log_routes.cc", "Path")] * 5 + [("tile_routes.cc", "prefix")] * 3 + [("trust_routes.cc", "path")])
    assert found == {(method, path) for path, method in OPERATIONS}


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_methods_of_each_path(server, path):
    """On its own listeners exactly these; on the others there is no such path."""
    methods = {m.upper() for m in DOCUMENT["paths"][path] if m in METHODS}
    for listener in server.state.ports:
        answer = requests.options(url(server, path, listener), timeout=house.TIMEOUT)
        if listener in listeners(path):
            want = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
            assert answer.status_code == 204 and set(answer.headers["Allow"].split(", ")) == want
        else:
            assert answer.status_code == 404
            fits(resolve(DOCUMENT["components"]["responses"]["NotFound"])["content"]["application/json"]["schema"],
                 answer.json())


@pytest.fixture(scope="module")
def requests_of(server, issuer):
    """For each operation requests that lead to each of its answers: (status, keywords of requests.request)."""
    client = wire.Client(server.public, issuer)
    got = client.issue()
    log, (size, _, _) = server.published(rfc6962.sct_of(got.leaf)["index"] + 1)
    leaf = base64.b64encode(rfc6962.leaf_hash(log.entries(1)[0][0])).decode()
    subject, key = client.subject("github"), wire.new_key()
    good = wire.key_request(key, subject)
    v1 = {"publicKey": {"content": wire.b64(wire.public(key))}, "signedEmailAddress": wire.b64(wire.prove(key, subject))}
    denied = issuer.token(repository_id="666")

    def signing(success, body):
        return [(success, {"json": body, "headers": wire.bearer(issuer.token())}),
                ("400", {"data": "hello", "headers": wire.bearer(issuer.token())}), ("401", {"json": body}),
                ("403", {"json": body, "headers": wire.bearer(denied)})]

    def query(good_one, *bad):
        return [("200", {"params": good_one}), *(("400", {"params": one}) for one in bad)]
    digest = wire.b64(bytes(32))
    query_type = {"headers": {"Content-Type": "application/timestamp-query"}}
    special = {
        "timestamp": [("201", {"json": {"artifactHash": digest, "hashAlgorithm": "sha256"}}),
                      ("400", {"json": {"artifactHash": digest}}), ("400", {"data": b"0", **query_type}),
                      ("415", {"data": b"0"})],
        "signingCertV2": signing("200", good), "signingCertV1": signing("201", v1),
        "getSthConsistency": query({"first": 1, "second": size}, {}, {"first": 2, "second": 1}),
        "getProofByHash": query({"hash": leaf, "tree_size": size}, {"hash": "AAAA", "tree_size": 1}) + [
            ("404", {"params": {"hash": base64.b64encode(rfc6962.sha256(b"no leaf")).decode(), "tree_size": size}})],
        "getEntries": query({"start": 0, "end": 3}, {"start": 1}, {"start": 2, "end": 1}),
        "getEntryAndProof": query({"leaf_index": 0, "tree_size": size}, {"leaf_index": size, "tree_size": size}),
        "addChain": [("404", {"json": {"chain": []}})], "addChainByGet": [("404", {})],
        "addPreChain": [("404", {"json": {"chain": []}})], "addPreChainByGet": [("404", {})],
        "certificatesTile": [("200", {"fill": {"tile": tile}}) for tile in ("0/000.p/1", "data/000.p/1", "names/000.p/1")] + [
            ("400", {"fill": {"tile": "0/0"}}), ("404", {"fill": {"tile": "0/x999/999"}})],
        "eventsTile": [("200", {"fill": {"tile": tile}}) for tile in ("0/000.p/1", "entries/000.p/1")] + [
            ("400", {"fill": {"tile": "64/000"}}), ("404", {"fill": {"tile": "data/000.p/1"}})],
        "issued": [("200", {}), ("400", {"fill": {"file": "0"}}), ("404", {"fill": {"file": "x999/999"}})],
        "issuer": [("200", {"fill": {"fingerprint": got.chain[0].fingerprint(hashes.SHA256()).hex()}}),
                   ("400", {"fill": {"fingerprint": "0" * 63}}), ("404", {})],
        "tufFile": [("404", {}), ("404", {"fill": {"file": "staged/root.json"}}), ("404", {"fill": {"file": "targets/.."}})],
        "search": query({"san": "https://github.com/*", "count": 3}, {"count": "x"}, {"before": -1}),
        "eventsEntries": query({"first": 0, "last": 2}, {"first": 0}, {"first": 2, "last": 1}),
    }
    return lambda operation: special.get(operation["operationId"], [("200", {})])


@pytest.mark.parametrize("path,method", OPERATIONS)
def test_answers_are_as_documented(server, requests_of, path, method):
    operation = DOCUMENT["paths"][path][method]
    cases = requests_of(operation)
    reached = {status for status, response in operation["responses"].items() if response != NO_CHECKPOINT} - UNREACHED
    reached -= ELSEWHERE.get(operation["operationId"], set())
    assert {status for status, _ in cases} == reached, "each answer has a case"
    for listener in listeners(path):
        for status, keywords in cases:
            keywords = dict(keywords)
            where = url(server, path, listener, **keywords.pop("fill", {}))
            answer = requests.request(method, where, timeout=3 * house.TIMEOUT, **keywords)
            assert str(answer.status_code) == status, (where, keywords, answer.text)
            documented = resolve(operation["responses"][status])
            kind = answer.headers["Content-Type"].split(";")[0]
            schema = documented["content"][kind]["schema"]
            fits(schema, answer.json() if kind == "application/json" else answer.text)
            for name, header in documented["headers"].items():
                fits(resolve(header)["schema"], answer.headers[name])


def test_schemas_are_schemas():
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert name in str(DOCUMENT["paths"]) + str(DOCUMENT["components"]), f"{name} is used nowhere"
    ids = [DOCUMENT["paths"][path][method]["operationId"] for path, method in OPERATIONS]
    assert len(set(ids)) == len(ids)


def test_documented_requests_fit_their_schemas(issuer):
    """The requests that test_wire sends, and the server takes, are those the document describes."""
    key = wire.new_key()
    v2 = wire.key_request(key, "subject")
    fits({"$ref": "#/components/schemas/SigningRequestV2"}, dict(v2, certificateSigningRequest=None, unknown=1))
    fits({"$ref": "#/components/schemas/SigningRequestV2"}, {"certificateSigningRequest": wire.b64(wire.csr(key))})
    for broken in ({"publicKeyRequest": []}, {"credentials": {"oidcIdentityToken": 1}}):
        with pytest.raises(jsonschema.ValidationError):
            fits({"$ref": "#/components/schemas/SigningRequestV2"}, broken)
