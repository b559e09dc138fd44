"""What READMEs tell a stranger to type: the five minutes are run line by line, and the examples of tests name some."""
import fnmatch
import re
import subprocess

import house

# What a refusal is shown with, and answers for it with its exit code.
REFUSED = {"policy explain", "token inspect"}


def walk():
    text = (house.ROOT / "README.md").read_text()
    section = text.split("## Five minutes", 1)[1].split("\n## ", 1)[0]
    return [line.strip() for line in section.splitlines() if line.startswith("    ") and not line.strip().startswith("#")]


def test_every_line_of_the_walk(private, issuer, tmp_path):
    server = private()
    places = {"127.0.0.1:8970": issuer.base.removeprefix("http://"), "demo-state": str(server.state.directory),
              "build/chancery": str(house.PROGRAM)}
    places |= {f"127.0.0.1:{port}": f"127.0.0.1:{server.state.ports[name]}"
               for port, name in ((5555, "public"), (5556, "internal"), (5557, "log"))}
    (tmp_path / "config").symlink_to(house.ROOT / "config")
    lines = walk()
    script = "\n".join(f"{line}\ncode=$?; echo; echo \"=== {number} $code\"" for number, line in enumerate(lines))
    for place, here in places.items():
        script = script.replace(place, here)
    done = subprocess.run(["bash", "-u", "-c", script], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60 * house.PATIENCE, stdin=subprocess.DEVNULL)
    pieces = re.split(r"\n=== (\d+) (\d+)\n", done.stdout)
    said = {lines[int(number)]: (int(code), text) for text, number, code in zip(pieces[::3], pieces[1::3], pieces[2::3])}
    assert len(said) >= 15, done.stdout + done.stderr
    for line, (code, text) in said.items():
        wanted = 1 if any(command in line for command in REFUSED) else 0
        assert code == wanted, (line, text, done.stderr)
        assert text.strip() or re.match(r"\w+=|openssl |curl .*> ", line), f"{line} says nothing"
    everything = done.stdout
    for text in ('"ready": true', "signedCertificateEmbeddedSct", "token-spent", "policy-denied", "0 errors, 0 warnings",
                 "0 failed", "Leaf index", "chancery.demo/certificates"):
        assert text in everything, (text, everything)


def readmes():
    return {str(file.relative_to(house.ROOT)): file.read_text()
            for file in sorted(house.ROOT.glob("**/README.md")) if not file.relative_to(house.ROOT).parts[0].startswith("build")}


def test_examples_of_unit_tests_name_some():
    found = [(readme, *match) for readme, text in readmes().items()
             for match in re.findall(r"build/(tests/[\w/]*)/test_\w+ -tc='([^']+)'", text)]
    assert len(found) >= 7
    for readme, folder, pattern in found:
        cases = [case for file in (house.ROOT / folder).glob("*.cc")
                 for case in re.findall(r'TEST_CASE\("([^"]+)"', file.read_text())]
        assert fnmatch.filter([case.lower() for case in cases], pattern.lower()), f"{readme}: {pattern} names no test"


def test_examples_of_end_to_end_tests_name_some():
    found = [(readme, *match) for readme, text in readmes().items()
             for match in re.findall(r"(?:scripts/test --e2e|pytest tests/e2e/(test_\w+)\.py) -k (\w+)", text)]
    assert len(found) >= 3
    for readme, file, word in found:
        tests = [name for path in (house.ROOT / "tests" / "e2e").glob(f"{file or 'test_*'}.py")
                 for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)]
        assert any(word in name for name in tests), f"{readme}: -k {word} names no test"
