"""Two SoftHSM tokens that hold one issuing key, as devices do that were cloned by their backup, each behind a faulty module."""
import os

import house

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
FAULTY = house.BUILD / "tests" / "hsm" / "libfaulty_module.so"
COPY = "00000000-0000-0000-0000-0000000000b2"


class Twins:
    """Of a state that is not served yet: "left" is its token, "right" the copy."""

    def __init__(self, state, sessions=1):
        self.state = state
        tokens = state.directory / "tokens"
        original, = tokens.iterdir()
        serial = original.name[19:23] + original.name[24:]  # SoftHSM's serial is the end of the directory's UUID
        copy = tokens / COPY
        copy.mkdir(mode=0o700)
        for file in original.iterdir():
            data = file.read_bytes()
            if file.name == "token.object":
                assert data.count(b"chancery") == 1 and data.count(serial.encode()) == 1
                data = data.replace(b"chancery", b"chancerb").replace(serial.encode(), (COPY[19:23] + COPY[24:]).encode())
            (copy / file.name).write_bytes(data)
        entries = []
        for name, label in (("left", "chancery"), ("right", "chancerb")):
            (state.directory / name).mkdir()
            module = state.directory / name / FAULTY.name
            os.symlink(FAULTY, module)
            uri = state.config["ca"]["key"].replace(SOFTHSM, str(module)).replace("token=chancery", f"token={label}")
            entries.append({"name": name, "uri": uri, "sessions": sessions})
        state.edit(lambda c: c["ca"].update(key=entries))

    def fault(self, twin, name):
        """The file that asks this twin's module for a fault."""
        return self.state.directory / twin / name


def tokens(server, role="issuing"):
    """{name: what /readyz says of it}"""
    return {token["name"]: token for token in server.readyz()[1]["tokens"] if token["role"] == role}
