#!/usr/bin/env python3
"""check-layers.py ROOT: a folder includes only the folders to its right, and a library only where it belongs.

    http -> oidc, ca, hsm, schema    ca -> hsm, schema    oidc -> schema    hsm -> schema    schema -> nothing

One case a file; the last line counts them.
"""
import pathlib
import re
import sys

FOLDERS = {"schema": {"schema"}, "hsm": {"hsm", "schema"}, "oidc": {"oidc", "schema"}, "ca": {"ca", "hsm", "schema"},
           "http": {"http", "oidc", "ca", "hsm", "schema"}}
# Which files may include a library, by the first path component of the include.
LIBRARIES = {
    "pistache": r"http/", "curl": r"http/fetch\.cc", "prometheus": r"http/", "spdlog": r"http/", "fmt": r"http/",
    "SQLiteCpp": r"ca/log/", "zlib.h": r"ca/log/gzip\.cc", "sqlite3.h": r"ca/log/", "libp11.h": r"hsm/", "p11-kit": r"hsm/",
    "yaml-cpp": r"schema/base/document\.cc", "re2": r"(oidc|ca)/", "CLI": r"(http/|.*commands\.(h|cc))",
    "systemd": r"(http/|hsm/service\.cc)",
}
# What ca/audit may include.
AUDIT = r"schema/|ca/audit/|ca/bundle\.h"


def problems(root, path):
    name = path.relative_to(root).as_posix()
    folder = name.split("/")[0]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not found:
            continue
        target = found[2]
        first = target.split("/")[0]
        if found[1] == '"':
            if first not in FOLDERS[folder]:
                yield f"{name}:{number}: {folder} may not include {target}"
            if name.startswith("ca/audit/") and not re.match(AUDIT, target):
                yield f"{name}:{number}: an audit shares schema/ with what it audits, not {target}"
        elif first in LIBRARIES and not re.match(LIBRARIES[first], name):
            yield f"{name}:{number}: <{target}> belongs in {LIBRARIES[first]}"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    passed = failed = 0
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in {".h", ".cc"}:
                continue
            found = list(problems(root, path))
            for line in found:
                print(f"FAILED layers: {line}")
            passed, failed = passed + (not found), failed + bool(found)
    print(f"{passed} passed, {failed} failed (layers)")


if __name__ == "__main__":
    main()
