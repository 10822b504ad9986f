import gzip
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from habeas import contracts, reference
from shared.contract.events import Event

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
            *DOCS.glob("schemas/*/*.json"),
            DOCS / "law.md",
            *marked,
        ]
    }
    assert written == dict(reference.pages()), "run `make docs`"


@pytest.mark.slow
def test_the_asyncapi_document_is_valid() -> None:
    schema = json.loads(gzip.decompress(ASYNCAPI.read_bytes()))
    jsonschema.Draft7Validator(schema).validate(yaml.safe_load((DOCS / "asyncapi.yaml").read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", contracts.events(), ids=lambda kind: f"{kind.EXCHANGE}:{kind.TYPE}")
def test_each_schema_is_one(kind: type[Event]) -> None:
    jsonschema.Draft202012Validator.check_schema(contracts.json_schema(kind))


def test_no_reference_leads_nowhere() -> None:
    text = (DOCS / "asyncapi.yaml").read_text()
    document = yaml.safe_load(text)
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
