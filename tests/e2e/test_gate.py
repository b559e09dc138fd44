"""Strangers on raw sockets. tests/http/ has every row of what Pistache alone does wrong; these are against the product."""
import contextlib
import json
import re
import resource
import socket
import time

import pytest

import house
import wire

GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
SERVING = b'{"status":"SERVING"}\n'


def connect(server, timeout=3 * house.TIMEOUT):
    sock = socket.create_connection(("127.0.0.1", server.state.ports["public"]), timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def read_all(sock):
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while more := sock.recv(65536):
            data += more
    return data


def read_one(sock):
    """One answer of /healthz, whole."""
    data = b""
    while not data.endswith(SERVING):
        more = sock.recv(65536)
        if not more:
            return data
        data += more
    return data


def say(server, *pieces, pause=0.02):
    """Sends the pieces as segments of their own, then all that comes until the server closes."""
    with connect(server) as sock:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                sock.sendall(piece)
                time.sleep(pause)
            sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


def post(*headers, body=b"{}"):
    return b"POST /api/v2/signingCert HTTP/1.1\r\nHost: a\r\n" + b"".join(h + b"\r\n" for h in headers) + b"\r\n" + body


REFUSED = {
    "no version": b"GET /\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 60,
    "half a version": b"GET /healthz H\r\nHost: a\r\n\r\n",
    "port of the host": b"GET /healthz HTTP/1.1\r\nHost: a:99999\r\n\r\n",
    "word for a length": post(b"Content-Length: abc"),
    "no length in its field": post(b"Content-Length:"),
    "twice the same length": post(b"Content-Length: 2", b"Content-Length: 2"),
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "header without colon": b"GET /healthz HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
    "space before colon": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
    "folded header": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
    "NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    "bare LF": b"GET /healthz HTTP/1.1\nHost: a\n\n",
    "two lengths": post(b"Content-Length: 2", b"Content-Length: 3"),
    "list of lengths": post(b"Content-Length: 2, 2"),
    "signed length": post(b"Content-Length: +2"),
    "negative length": post(b"Content-Length: -1"),
    "length and chunks": post(b"Content-Length: 2", b"Transfer-Encoding: chunked"),
    "huge length": post(b"Content-Length: 10000000000"),
    "unknown coding": post(b"Transfer-Encoding: gzip, chunked"),
    "broken chunk": post(b"Transfer-Encoding: chunked", body=b"zz\r\nhello\r\n0\r\n\r\n"),
    "huge chunk": post(b"Transfer-Encoding: chunked", body=b"ffffffffffffffff\r\nhello"),
    "endless header": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100_000,
    "endless request line": b"GET /" + b"a" * 100_000,
    "unknown expectation": post(b"Expect: 42", b"Content-Length: 2"),
}


def test_malformed_requests_are_refused_and_closed(server, client, row):
    for name, data in REFUSED.items():
        with row(name):
            answer = say(server, data)
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 400 "), answer[:200]
            assert b"\r\nconnection: close" in head.lower()
            problem = json.loads(body)
            assert problem["code"] == 3 and problem["details"] == [], "one answer and nothing after it"
    client.issue()


def test_a_request_cut_at_every_byte(server):
    """The split chunk that lets Pistache spin for ever is one of these."""
    request = post(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n")
    for cut in range(1, len(request)):
        answer = say(server, request[:cut], request[cut:] + GET, pause=0.001)
        assert (answer.count(b"HTTP/1.1 401 "), answer.count(b"HTTP/1.1 200 ")) == (1, 1), (cut, answer)
    house.wait_for("no thread to spin", lambda: is_quiet(server))


def is_quiet(server):
    """A thread that spins takes half a second of processor time in half a second, and never stops."""
    used = cpu_seconds(server)
    time.sleep(0.5)
    return cpu_seconds(server) - used < 0.3


def cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_pipelined_requests_are_answered_in_order(server):
    answer = say(server, GET + b"GET /no HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"404", b"200"]


def test_smuggled_request_is_never_answered(server):
    hidden = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    for headers in ([b"Content-Length: 0", b"Transfer-Encoding: chunked"], [b"Transfer-Encoding : chunked"],
                    [b"Content-Length: %d" % len(hidden), b"Content-Length: 0"]):
        assert SERVING not in say(server, post(*headers, body=hidden))


def test_a_body_too_large_is_never_read_as_a_request(server):
    """After its 413 Pistache goes on reading, and the rest of the body is the next request."""
    answer = say(server, post(b"Content-Length: 100000", body=GET * 2000), GET)
    assert answer.count(b"HTTP/1.1 ") == 1 and b"body-too-large" in answer and SERVING not in answer


@pytest.mark.parametrize("size", [512, 1024, 2048, 4096, 8192, 16384])
def test_a_segment_that_ends_in_cr(server, size):
    """At its buffer's edges Pistache reads one octet further than there are."""
    for end in (size - 1, size, size + 1):
        head = GET[:-4] + b"\r\nX: "
        first = head + b"y" * (end - len(head) - 1) + b"\r"
        assert len(first) == end
        assert say(server, first, b"\n\r\n", pause=0.005).endswith(SERVING)


def test_fields_that_pistache_cannot_read_mean_nothing(server):
    """It answers 500 to these, with its exception's text."""
    for line in (b"Date: yesterday", b"Cache-Control: max-age=x", b"Accept: /;;", b"Content-Type: ?", b"Authorization: ;",
                 b"Cookie: =;="):
        answer = say(server, GET[:-2] + line + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(SERVING), (line, answer)


@pytest.mark.parametrize("request_,closes", [
    (GET, False), (GET[:-2] + b"Connection: close\r\n\r\n", True), (GET.replace(b"1.1", b"1.0"), True),
    (GET.replace(b"1.1", b"1.0")[:-2] + b"Connection: keep-alive\r\n\r\n", False)])
def test_a_connection_lives_as_long_as_it_says(server, request_, closes):
    with connect(server) as sock:
        sock.sendall(request_)
        first = read_one(sock)
        assert (b"\r\nConnection: close\r\n" in first) == closes
        if closes:
            assert read_all(sock) == b""
        else:
            sock.sendall(request_)
            assert read_one(sock).endswith(SERVING)


def test_head_has_no_body(server):
    answer = say(server, GET.replace(b"GET", b"HEAD"))
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n") and b"Content-Length: 21\r\n" in answer


def test_slow_bodies_and_silence_are_ended(server, client):
    """Ten seconds for a body from the end of its head; a client that never speaks has ten from its connection."""
    slow, silent = connect(server, timeout=4 * house.TIMEOUT), connect(server, timeout=4 * house.TIMEOUT)
    with slow, silent:
        begun = time.monotonic()
        slow.sendall(post(b"Content-Length: 100", body=b"{"))
        client.issue()
        assert b"request-too-slow" in read_all(slow)
        assert read_all(silent) == b"", "what was no request has no answer"
        assert 8 < time.monotonic() - begun < 14 * house.PATIENCE


def test_a_client_that_never_reads_harms_nobody(server, client):
    """Hundreds of answers it does not take: they wait in its own connection, and no thread waits for it."""
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            sock = stack.enter_context(connect(server))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                for _ in range(2000):
                    sock.sendall(b"GET /trust/trusted_root.json HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(5):
            client.issue()
        house.wait_for("no thread to spin", lambda: is_quiet(server))


def test_expect_continue(server):
    with connect(server) as sock:
        sock.sendall(post(b"Expect: 100-continue", b"Content-Length: 2", b"Connection: close", body=b""))
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"{}")
        assert read_all(sock).startswith(b"HTTP/1.1 401 ")


def test_slow_clients_are_closed_and_hold_nobody_up(server, client):
    """A byte now and then, never a whole head: the deadline counts from the first one, and is ten seconds."""
    slow = [connect(server, timeout=4 * house.TIMEOUT) for _ in range(60)]
    try:
        for sock in slow:
            sock.sendall(b"GET /healthz HT")
        begun = time.monotonic()
        while time.monotonic() - begun < 2:
            for sock in slow:
                sock.sendall(b"T")
            client.issue()
            time.sleep(0.2)
        assert b"request-too-slow" in read_all(slow[0])
        assert 8 < time.monotonic() - begun < 14 * house.PATIENCE
    finally:
        for sock in slow:
            sock.close()


def test_a_thousand_idle_connections(server, issuer):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2000:
        pytest.skip(f"needs 2,000 file descriptors, may have {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    with contextlib.ExitStack() as stack:
        alone = median_seconds(server, issuer)
        # A head has to come within ten seconds, a further request within sixty: some have spoken before.
        idle = [stack.enter_context(connect(server)) for _ in range(1000)]
        for sock in idle[::100]:
            sock.sendall(GET)
            assert read_one(sock).startswith(b"HTTP/1.1 200 ")
        crowded = min(median_seconds(server, issuer, 20) for _ in range(3))
        house.wait_for("idle connections to cost no processor time", lambda: is_quiet(server))
        for sock in idle[::100]:
            sock.sendall(GET)
            assert read_one(sock).startswith(b"HTTP/1.1 200 "), "an idle connection is not served any more"
    assert crowded < 4 * alone + 0.02 * house.PATIENCE, f"{alone * 1000:.1f} ms alone, {crowded * 1000:.1f} among 1,000"


def median_seconds(server, issuer, count=40):
    client, times = wire.Client(server.public, issuer), []
    for _ in range(count):
        token, key = issuer.token(), wire.new_key()
        begun = time.monotonic()
        client.issue(token=token, key=key)
        times.append(time.monotonic() - begun)
    return sorted(times)[count // 2]
