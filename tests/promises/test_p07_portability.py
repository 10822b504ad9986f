"""P7: data in a structured, commonly used, machine-readable format."""

import hashlib
import io
import json
import zipfile

import jsonschema

from habeas.embedded.company import ADA
from services.fulfillment.package.verification import verify_package
from tests.integration.pipeline import Pipeline, Somebody

ADA_ASKS = Somebody(ADA.email, ADA.name)


async def test_portable_data_has_json_csv_a_schema_and_hashes(pipeline: Pipeline) -> None:
    case = await pipeline.answered("portability", ADA_ASKS)
    content = await pipeline.package(case, ADA_ASKS)
    assert verify_package(io.BytesIO(content)).ok
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    contacts = json.loads(files["data/default.contacts.json"])
    assert ADA.email in str(contacts)
    schema = json.loads(files["schema/default.contacts.json"])
    jsonschema.validate(contacts, schema)
    assert ADA.email.encode() in files["data/default.contacts.csv"]
    manifest = files["manifest.json"].decode()
    digest = hashlib.sha256(files["data/default.contacts.json"]).hexdigest()
    assert digest in manifest
    assert "data/default.invoices.json" not in files, "the company wrote the invoices, not the person"
