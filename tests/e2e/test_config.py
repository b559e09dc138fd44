"""What we ship to be edited is accepted, by the schemas that editors use and by the server; scripts say how to use them."""
import json
import os
import shutil
import subprocess

import jsonschema
import pytest
import requests
import yaml

import house

SHIPPED = ["chancery", "issuers", "policy"]


def schema(name):
    return json.loads((house.ROOT / "schema" / f"{name}.schema.json").read_text())


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema, as the server and editors read it: a date is a text."""


Core.yaml_implicit_resolvers = {first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
                                for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def problems(name, document):
    validator = jsonschema.validators.validator_for(schema(name))
    validator.check_schema(schema(name))
    return [error.message for error in validator(schema(name)).iter_errors(document)]


@pytest.fixture
def shipped(template, tmp_path):
    """The shipped files with a chain, as an operator would put them beside each other."""
    for name in SHIPPED:
        shutil.copy(house.ROOT / "config" / f"{name}.yaml", tmp_path)
    shutil.copy(template / "chain.pem", tmp_path)
    return tmp_path


def check(directory):
    return house.run("config", "check", "--config", str(directory / "chancery.yaml"))


@pytest.mark.parametrize("name", [*SHIPPED, "ceremony"])
def test_shipped_files_fit_their_schemas(name):
    assert problems(name, yaml.load((house.ROOT / "config" / f"{name}.yaml").read_text(), Core)) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_the_demo_s_files_fit_them_too(name, template):
    assert problems(name, yaml.safe_load((template / f"{name}.yaml").read_text())) == []


def test_config_check_accepts_what_we_ship(shipped):
    done = check(shipped)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" ok") >= 4, done.stdout


@pytest.mark.parametrize("name,path", [
    ("chancery", ["nonsense"]), ("chancery", ["ca", "nonsense"]), ("chancery", ["log", "certificates", "nonsense"]),
    ("chancery", ["listen", "nonsense"]), ("policy", ["nonsense"]), ("issuers", ["nonsense"]),
    ("policy", ["issuers", "gitlab", "nonsense"]), ("policy", ["allow", 0, "nonsense"]),
    ("policy", ["allow", 0, "grant", "nonsense"]), ("policy", ["deny", 0, "when", "event_name", "nonsense"])])
def test_an_unknown_key_is_refused_by_schema_and_server(shipped, name, path):
    file = shipped / f"{name}.yaml"
    document = yaml.safe_load(file.read_text())
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = 1
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    assert problems(name, document)
    done = check(shipped)
    assert done.returncode != 0 and "nonsense" in done.stdout, done.stdout


TWO = [{"name": "left", "uri": "pkcs11:token=l;object=ca?module-path=/m.so", "sessions": 4, "weight": 3},
       {"name": "right", "uri": "pkcs11:token=r;object=ca?module-path=/m.so"}]


@pytest.mark.parametrize("change,good", [
    ({}, True), ({"weight": 100}, True), ({"weight": 0}, False), ({"sessions": 65}, False), ({"name": "Left"}, False),
    ({"uri": "file:x"}, False), ({"colour": "red"}, False)])
def test_schema_and_server_agree_about_several_tokens(shipped, change, good):
    file = shipped / "chancery.yaml"
    document = yaml.safe_load(file.read_text())
    document["ca"]["key"] = [TWO[0], {**TWO[1], **change}]
    document["log"]["certificates"]["key"] = [{"name": "a", "uri": "file:log.key"}, {"name": "b", "uri": "pkcs11:token=r;object=l"}]
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    done = check(shipped)
    assert (done.returncode == 0, problems("chancery", document) == []) == (good, good), done.stdout


def test_config_check_says_what_is_missing(shipped):
    (shipped / "chain.pem").unlink()
    done = check(shipped)
    assert done.returncode == 1 and "chain.pem" in done.stdout
    assert house.run("config", "check", "--config", str(shipped / "none.yaml")).returncode != 0


@pytest.mark.parametrize("script", sorted(
    str(p.relative_to(house.ROOT)) for p in (house.ROOT / "scripts").iterdir() if p.is_file() and os.access(p, os.X_OK)))
def test_scripts_explain_themselves(script):
    done = subprocess.run([house.ROOT / script, "--help"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and len(done.stdout.splitlines()) >= 3, done.stderr
    wrong = subprocess.run([house.ROOT / script, "--no-such-option"], capture_output=True, text=True, timeout=30)
    assert wrong.returncode == 2, "an unknown option is an error, and nothing was begun"


@pytest.mark.parametrize("command", ["", "serve", "signer", "log", "log search", "log show", "trust", "trust export",
                                     "config", "config check", "token", "token inspect", "policy", "policy lint", "policy test", "policy explain",
                                     "policy diff", "policy who-can"])
def test_commands_explain_themselves(command):
    done = house.run(*command.split(), "--help")
    assert done.returncode == 0 and done.stdout, done.stderr
    assert house.run(*command.split(), "--no-such-option").returncode not in (0, 1)


def test_trust_export_is_what_the_server_shows(server, tmp_path):
    done = server.run("trust", "export", str(tmp_path / "trust"))
    assert done.returncode == 0, done.stderr
    for name in ("trusted_root.json", "ct.pub", "chain.pem"):
        shown = requests.get(f"{server.public}/trust/{name}", timeout=house.TIMEOUT).content
        assert (tmp_path / "trust" / name).read_bytes() == shown, name
