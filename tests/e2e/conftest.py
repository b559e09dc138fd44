"""One issuer and one running server for all tests; private servers for those that break things."""
import contextlib
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import house  # noqa: E402
import wire  # noqa: E402


# Everything here is on this machine, whatever proxy its user has; clients started by tests inherit it.
os.environ.update(NO_PROXY="127.0.0.1,localhost", no_proxy="127.0.0.1,localhost")


def pytest_sessionstart():
    if not house.PROGRAM.exists():
        pytest.exit(f"{house.PROGRAM} is not built; CHANCERY_BUILD names the build directory", returncode=2)


@pytest.fixture(scope="session")
def issuer(tmp_path_factory):
    issuer = house.Issuer(tmp_path_factory.mktemp("issuer")).start()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="session")
def template(tmp_path_factory, issuer):
    return house.make_template(tmp_path_factory.mktemp("template") / "state", issuer.base)


@pytest.fixture(scope="session")
def server(tmp_path_factory, template):
    """The server that nobody may break."""
    running = house.Chancery(house.State(template, tmp_path_factory.mktemp("server") / "state"))
    try:
        yield running.start()
        assert running.stop() == 0, running.tail()
    finally:
        running.end()


@pytest.fixture
def client(server, issuer):
    return wire.Client(server.public, issuer)


@pytest.fixture
def new_state(tmp_path_factory, template):
    """State directories, not served."""
    return lambda: house.State(template, tmp_path_factory.mktemp("private") / "state")


@pytest.fixture
def private(new_state):
    """Servers of one test: private(change) makes a state, changes its configuration, and starts it."""
    running = []

    def make(change=None, start=True):
        state = new_state()
        if change is not None:
            state.edit(change)
        running.append(house.Chancery(state))
        return running[-1].start() if start else running[-1]
    yield make
    for one in running:
        one.end()


@pytest.fixture
def row():
    """Rows of a table in one test: all are tried, and the failure names those that did not hold."""
    failed = []

    @contextlib.contextmanager
    def one(name):
        try:
            yield
        except Exception as error:  # noqa: BLE001: every row's own assertion or fault is collected
            failed.append(f"{name}: {type(error).__name__}: {error}")
    yield one
    assert not failed, f"{len(failed)} rows failed:\n" + "\n".join(failed)
