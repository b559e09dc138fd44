"""schema/openapi.yaml, and whether an answer fits what it says."""
import functools
import pathlib

import jsonschema
import yaml

DOCUMENT = yaml.safe_load((pathlib.Path(__file__).resolve().parents[2] / "schema" / "openapi.yaml").read_text())


def resolve(value):
    while "$ref" in value:
        found = DOCUMENT
        for name in value["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        value = found
    return value


def fits(schema, value):
    """Every $ref of the schema points into the document, which is therefore given along."""
    jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


@functools.cache
def answer_schema(path, status, kind="application/json"):
    return resolve(DOCUMENT["paths"][path]["get"]["responses"][str(status)])["content"][kind]["schema"]
