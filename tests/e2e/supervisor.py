"""`chancery signer --supervise` of a State as a process of its own, and the settings that have `serve` join it."""
import os
import signal
import subprocess

import house


def joined(state, front=None, place=None):
    """Has this state's server get its signers of a supervisor, whose socket and memory are in `place`."""
    place = place or state.directory / "signer"
    place.mkdir(exist_ok=True)
    settings = {"socket": str(place / "socket"), "front": os.getuid() if front is None else front, "state": str(place)}
    state.edit(lambda c: c.update(hsm=settings))


class Supervisor:
    def __init__(self, state, **popen):
        self.state, self.popen, self.process, self.seen = state, popen, None, set()
        self.journal_file = state.directory / "supervisor.log"

    def start(self, **more):
        had = len(self.said("supervising"))
        with self.journal_file.open("ab") as journal:
            self.process = subprocess.Popen(
                [str(house.PROGRAM), "signer", "--supervise", "--config", str(self.state.file)],
                stdin=subprocess.DEVNULL, stdout=journal, stderr=journal, **dict(self.popen, **more))
        house.wait_for("the supervisor", lambda: self.is_up(had), every=0.01)
        return self

    def is_up(self, had):
        assert self.process.poll() is None, f"the supervisor ended with {self.process.returncode}: {self.tail()}"
        return len(self.said("supervising")) > had

    def signers(self):
        """{pid: role}"""
        found = {pid: house.role_of(pid) for pid in house.children_of(self.process.pid)}
        self.seen.update(found)
        return {pid: role for pid, role in found.items() if role is not None}

    def said(self, event):
        return [line for line in house.read_journal(self.journal_file) if line["event"] == event]

    def tail(self):
        return self.journal_file.read_text(errors="replace")[-2000:]

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.signers()
            self.process.kill()
            self.process.wait(10)

    def stop(self):
        """SIGTERM; the exit code."""
        self.signers()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15 * house.PATIENCE)

    def end(self):
        """Its signers die with it; those whose death is still on its way are waited for."""
        self.kill()
        for pid in self.seen:
            house.wait_for("the end of a signer", lambda: not house.is_signer(pid, self.state.file))
