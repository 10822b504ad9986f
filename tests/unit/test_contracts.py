import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

from habeas import contracts, reference
from shared.contract.events import Event
from shared.law.library import YAML_LOADER

DOCS = Path(__file__).parents[2] / "docs"
ASYNCAPI = Path(__file__).parents[1] / "data" / "asyncapi-3.0.0.schema.json.gz"


@pytest.mark.slow
def test_generated_documents_are_those_of_the_code() -> None:
    marked = [path for path in DOCS.rglob("*.md") if reference.GENERATED in path.read_text(encoding="utf-8")]
    written = {
        str(path.relative_to(DOCS)): path.read_text(encoding="utf-8")
        for path in [
            DOCS / "asyncapi.yaml",
            DOCS / "openapi.yaml",
            DOCS / "console-openapi.yaml",
            *DOCS.glob("schemas/**/*.json"),
            DOCS / "law.md",
            *marked,
        ]
    }
    assert written == dict(reference.pages()), "run `make docs`"


@pytest.mark.slow
def test_the_asyncapi_document_is_valid() -> None:
    schema = json.loads(gzip.decompress(ASYNCAPI.read_bytes()))
    jsonschema.Draft7Validator(schema).validate(_asyncapi())


@pytest.mark.slow
@pytest.mark.parametrize("kind", contracts.events(), ids=lambda kind: f"{kind.EXCHANGE}:{kind.TYPE}")
def test_each_schema_is_one(kind: type[Event]) -> None:
    jsonschema.Draft202012Validator.check_schema(contracts.json_schema(kind))


@pytest.mark.slow
@pytest.mark.parametrize("kind", contracts.events(), ids=lambda kind: f"{kind.EXCHANGE}:{kind.TYPE}")
def test_example_of_a_message_fits_its_schemas(kind: type[Event]) -> None:
    message = _asyncapi()["components"]["messages"][kind.__name__]
    [shown] = message["examples"]
    whole = {**message["payload"], "components": _asyncapi()["components"]}
    jsonschema.Draft202012Validator(whole).validate(shown["payload"])
    _of_envelope().validate(shown["payload"])
    wrong = {**shown["payload"], "type": "habeas.unknown.v1"}
    assert not _of_envelope().is_valid(wrong)
    without = {name: value for name, value in shown["payload"].items() if name != "data"}
    assert not _of_envelope().is_valid(without)


@cache
def _asyncapi() -> Any:
    return yaml.load((DOCS / "asyncapi.yaml").read_text(), YAML_LOADER)  # noqa: S506 - a safe one, in C


@cache
def _of_envelope() -> jsonschema.Draft202012Validator:
    schemas = [json.loads(path.read_text()) for path in DOCS.glob("schemas/**/*.json")]
    registry = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    return jsonschema.Draft202012Validator(contracts.envelope(), registry=registry)


def test_identifiers_of_schemas_are_unique_and_relative_to_one_base() -> None:
    found = {path: json.loads(path.read_text())["$id"] for path in DOCS.glob("schemas/**/*.json")}
    assert found == {path: contracts.SCHEMAS + str(path.relative_to(DOCS / "schemas")) for path in found}


@pytest.mark.slow
def test_each_channel_has_a_server_with_credentials() -> None:
    document = _asyncapi()
    [(name, server)] = document["servers"].items()
    assert [channel["servers"] for channel in document["channels"].values()] == [
        [{"$ref": f"#/servers/{name}"}]
    ] * 2
    assert server["security"] == [{"$ref": "#/components/securitySchemes/brokerUser"}]
    assert set(document["components"]["securitySchemes"]) == {"brokerUser"}


@pytest.mark.slow
def test_no_reference_leads_nowhere() -> None:
    text = (DOCS / "asyncapi.yaml").read_text()
    document = _asyncapi()
    references = {line.split("'")[1] for line in text.splitlines() if "$ref: '#/" in line}
    for found in references:
        part = document
        for step in found.removeprefix("#/").split("/"):
            part = part[step]


def test_an_example_of_the_contract_fits_the_schema_of_a_submission() -> None:
    schema = json.loads((DOCS / "schemas/habeas.requests/habeas.request.submitted.v1.json").read_text())
    example = {"reference": "r-1", "right": "access", "subject": {"email": "ada@example.org"}}
    jsonschema.Draft202012Validator(schema).validate(example)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({**example, "right": "acess"})
