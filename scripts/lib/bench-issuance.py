#!/usr/bin/env python3
"""bench-issuance.py BUILD DIRECTORY ROUNDS REQUESTS SIZE...: what an issuance by the whole server costs with so many certificates in its log.

A server for each size, all running; they are loaded in turns, so that what else the machine does meets them all alike. One line of results.
"""
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONNECTIONS, BRANCHES = 64, 10_000


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def await_page(url, child):
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError as error:
            if child.poll() is not None or time.monotonic() > end:
                sys.exit(f"{url}: {error}")
        time.sleep(0.05)


def stop(child):
    child.send_signal(signal.SIGTERM)
    if child.wait(60) != 0:
        sys.exit(f"chancery ended with {child.returncode}")


class Server:
    def __init__(self, build, directory, size, issuer_port):
        self.build, self.size, self.state = build, size, directory / f"of-{size}"
        public, log, internal = (f"127.0.0.1:{port}" for port in free_ports(3))
        subprocess.run([sys.executable, ROOT / "tests/support/make_state.py", self.state, "--public", public, "--log", log,
                        "--internal", internal, "--issuer-base", f"http://127.0.0.1:{issuer_port}",
                        "--program", build / "http/chancery"], check=True, stdout=sys.stderr)
        # A state that was kept has its own.
        config = (self.state / "chancery.yaml").read_text()
        self.public, self.internal = (re.search(rf"^ *{name}: *([^ #\n]*)", config, re.M)[1] for name in ("public", "internal"))
        self.child, self.rows = None, []

    def start(self):
        with open(self.state / "chancery.log", "ab") as log:
            self.child = subprocess.Popen([self.build / "http/chancery", "serve", "--config", self.state / "chancery.yaml"], stderr=log)
        await_page(f"http://{self.internal}/readyz", self.child)

    def fill(self):
        """A server makes its store, another one runs on what that is filled with."""
        filled = self.state / "filled"
        if filled.exists():
            return self.start()
        self.start()
        stop(self.child)
        print(f"filling the log of {self.size} certificates", file=sys.stderr)
        subprocess.run([self.build / "tests/ca/log/growth", "--fill", next(self.state.rglob("chancery.db")), str(self.size)], check=True)
        filled.touch()
        return self.start()

    def load(self, issuer, requests):
        done = subprocess.run([self.build / "tests/bench/load", "--state", issuer.state, "--address", self.public, "--internal",
                               self.internal, "--issuer", issuer.url, "--server", str(self.child.pid), "--requests", str(requests),
                               "--connections", str(CONNECTIONS), "--branches", str(BRANCHES)], check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)


class Issuer:
    def __init__(self, directory, port):
        self.state, self.url = directory, f"http://127.0.0.1:{port}/github"
        self.child = subprocess.Popen([sys.executable, ROOT / "tests/support/oidc_issuer.py", "--port", str(port), "--state",
                                       directory / "issuer"], stdout=sys.stderr)
        await_page(f"http://127.0.0.1:{port}/jwks", self.child)


def main():
    build, directory = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    rounds, requests, *sizes = map(int, sys.argv[3:])
    children, servers = [], []
    try:
        kept = next(directory.glob("of-*/issuers.yaml"), None)
        port = int(re.search(r"http://127.0.0.1:(\d+)/github", kept.read_text())[1]) if kept else free_ports(1)[0]
        issuer = Issuer(directory, port)
        children.append(issuer.child)
        for size in sizes:
            server = Server(build, directory, size, port)
            servers.append(server)
            server.fill()
            server.load(issuer, requests)  # every thread has run, every page is touched
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for server in servers if number % 2 == 0 else reversed(servers):
                server.rows.append(server.load(issuer, requests))
        value = [{"size": server.size,
                  **{name: statistics.median(row[name] for row in server.rows)
                     for name in ("per_second", "cpu_ms", "p50_ms", "p99_ms", "rss_mb")},
                  "pairs": [row["per_second"] / first["per_second"] for row, first in zip(server.rows, servers[0].rows)],
                  "cpu_pairs": [row["cpu_ms"] / first["cpu_ms"] for row, first in zip(server.rows, servers[0].rows)]}
                 for server in servers]
        print(json.dumps({"kind": "issuance", "value": value}))
    finally:
        for child in [server.child for server in servers] + children:
            if child is not None and child.poll() is None:
                os.kill(child.pid, signal.SIGTERM)
                child.wait(60)


if __name__ == "__main__":
    main()
