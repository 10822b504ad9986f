"""Proofs uploaded in a form: in memory, within limits, sealed, and never repeated."""

import base64
import json
import logging
import re
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import AsyncClient

from services.intake.http import uploads
from shared.contract.declarations import CURRENT, TEXTS
from shared.contract.envelope import MAX_BODY
from shared.contract.events import (
    MOST_DOCUMENT_BYTES,
    Declaration,
    EmailCode,
    Evidence,
    IdToken,
    ProofKind,
    ProofReceived,
    ProofSlot,
)
from tests.unit.fakes import NOW, Office
from tests.unit.intake_api import CASE, UNKNOWN, asked, assert_problem, client_of, served

E = Evidence
PROOFS = f"/v1/requests/{CASE}/proofs"
CANARY = "Quastenflosser"
JPEG = b"\xff\xd8\xff\xe0" + CANARY.encode()
PDF = b"%PDF-1.7\n" + CANARY.encode()
SAMPLES = {
    "image/jpeg": JPEG,
    "image/png": b"\x89PNG\r\n\x1a\n....",
    "image/tiff": b"II*\x00....",
    "image/heic": b"\x00\x00\x00\x24ftypheic....",
    "application/pdf": PDF,
    "application/pgp-encrypted": b"-----BEGIN PGP MESSAGE-----\n....",
}
PATH_NAMES = (
    "../../etc/passwd",
    "a\x00b.jpg",
    f"{CANARY}.jpg",
    "x" * 300,
    "\u202egpj.exe",
    "CON",
)


async def waiting() -> Office:
    return await asked((E.IDENTITY_DOCUMENT, E.ADDRESS_DOCUMENT))


def file(content: bytes, name: str = "scan.jpg", media_type: str = "image/jpeg") -> tuple[str, bytes, str]:
    return name, content, media_type


def sealed(office: Office, proof: Any) -> bytes:
    return office.sealed(CASE)[proof.ref]


def proofs_of(office: Office) -> list[Any]:
    return [proof for fact in office.facts(ProofReceived) for proof in fact.proofs]


@pytest.fixture
def spooled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return the temporary files that were moved to a disk, and the ones that were opened there at once."""
    moved: list[object] = []

    def rollover(self: object) -> None:
        moved.append(self)

    def opened(*args: object, **_kwargs: object) -> None:
        moved.append(args)

    # What is proven is that the library does not do it: there is nothing of ours to look into.
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rollover)
    monkeypatch.setattr(tempfile, "TemporaryFile", opened)
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", opened)
    return moved


# --- what comes in ------------------------------------------------------------------------------------


async def test_documents_of_a_form_are_sealed_by_their_claim() -> None:
    office = await waiting()
    async with client_of(office.requests) as client:
        response = await client.post(PROOFS, files={"identity": file(JPEG), "address": file(PDF, "bill.pdf")})
    assert (response.status_code, response.content) == (202, b"null")
    identity, address = proofs_of(office)
    assert (identity.kind, identity.slot, identity.media_type) == (
        ProofKind.DOCUMENT,
        ProofSlot.IDENTITY,
        "image/jpeg",
    )
    assert (address.slot, address.media_type) == (ProofSlot.ADDRESS, "application/pdf")
    assert [sealed(office, proof) for proof in (identity, address)] == [JPEG, PDF]


@pytest.mark.parametrize("media_type", SAMPLES)
@pytest.mark.parametrize("declared", ["image/jpeg", "application/octet-stream", "text/html; x=<script>", ""])
async def test_the_first_bytes_decide_the_type_of_a_file(declared: str, media_type: str) -> None:
    office = await waiting()
    async with client_of(office.requests) as client:
        await client.post(PROOFS, files={"identity": file(SAMPLES[media_type], media_type=declared)})
    [proof] = proofs_of(office)
    assert proof.media_type == media_type


@pytest.mark.parametrize("name", PATH_NAMES)
async def test_the_name_of_a_file_is_not_stored_or_published(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    office = await waiting()
    picture = JPEG.replace(CANARY.encode(), b"")
    with caplog.at_level(logging.DEBUG):
        async with client_of(office.requests) as client:
            taken = await client.post(PROOFS, files={"identity": file(picture, name)})
            refused = await client.post(PROOFS, files={"identity": file(b"GIF89a", name)})
    assert taken.status_code == 202
    assert_problem(refused, 422)
    [*_, proof] = proofs_of(office)
    assert proof.ref.startswith("proof_")
    written = "".join(message.body.decode() for message in office.broker.published)
    kept = b"".join(office.sealed(CASE)[proof.ref] for proof in proofs_of(office))
    for place in (written, str(office.rows()), kept.decode("latin-1"), refused.text, caplog.text):
        assert not re.search(rf"(?<![A-Z]){re.escape(name)}(?![A-Z])", place)


async def test_code_token_and_declaration_come_in_a_form_as_well() -> None:
    office = await asked((E.ACCOUNT,), (E.MAILBOX, E.TWO_POINTS, E.DECLARATION))
    texts = {
        "code": "012345",
        "token": "aa.bb.cc",
        "declaration": CURRENT,
        "declaration_name": " Ottilie Q. ",
    }
    async with client_of(office.requests) as client:
        response = await client.post(PROOFS, data=texts, files={"identity": file(b"", "")})
    assert response.status_code == 202
    code, token, declared = (sealed(office, proof) for proof in proofs_of(office))
    assert EmailCode.model_validate_json(code).code == "012345"
    assert IdToken.model_validate_json(token).token == "aa.bb.cc"
    signed = Declaration.model_validate_json(declared)
    assert (signed.text, signed.name, signed.signed_at) == (TEXTS[CURRENT], "Ottilie Q.", NOW)


async def test_a_box_without_a_value_signs_the_wording_that_is_current() -> None:
    office = await asked((E.DECLARATION,))
    async with client_of(office.requests) as client:
        parts = {"declaration": (None, "on"), "declaration_name": (None, "Ottilie Q.")}
        assert (await client.post(PROOFS, files=parts)).status_code == 202
    [proof] = proofs_of(office)
    assert Declaration.model_validate_json(sealed(office, proof)).text == TEXTS[CURRENT]


async def test_documents_tokens_and_declarations_come_as_json_as_well() -> None:
    office = await waiting()
    content = base64.b64encode(JPEG).decode()
    proofs = [
        {"kind": "document", "slot": "identity", "media_type": "image/jpeg", "content": content},
        {"kind": "id_token", "token": "aa.bb.cc"},
        {"kind": "declaration", "text": TEXTS[CURRENT], "name": "Ottilie Q.", "signed_at": NOW.isoformat()},
    ]
    async with client_of(office.requests) as client:
        response = await client.post(PROOFS, json={"proofs": proofs})
    assert response.status_code == 202
    document, token, declaration = proofs_of(office)
    assert sealed(office, document) == JPEG
    assert (token.kind, declaration.kind) == (ProofKind.ID_TOKEN, ProofKind.DECLARATION)


@pytest.mark.slow
async def test_json_may_be_as_large_as_a_document_needs() -> None:
    office = await waiting()
    content = base64.b64encode(JPEG + bytes(2 * MAX_BODY)).decode()
    proof = {"kind": "document", "slot": "identity", "media_type": "image/jpeg", "content": content}
    async with client_of(office.requests) as client:
        assert (await client.post(PROOFS, json={"proofs": [proof]})).status_code == 202


# --- no disk ------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_no_byte_of_a_file_is_written_to_a_disk(spooled: list[object]) -> None:
    office = await waiting()
    largest = JPEG + bytes(MOST_DOCUMENT_BYTES - len(JPEG))
    files = {slot.value: file(largest) for slot in ProofSlot}
    async with served(office.requests) as url, AsyncClient(base_url=url, timeout=90) as client:
        assert (await client.post(PROOFS, files=files)).status_code == 202
    assert spooled == []
    assert [len(sealed(office, proof)) for proof in proofs_of(office)] == [MOST_DOCUMENT_BYTES] * len(
        ProofSlot
    )


async def test_the_same_form_is_written_to_a_disk_by_a_parser_that_is_not_ours(
    spooled: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above would notice."""
    monkeypatch.setattr(uploads.InMemory, "spool_max_size", 1024 * 1024)
    office = await waiting()
    async with client_of(office.requests) as client:
        await client.post(PROOFS, files={"identity": file(JPEG + bytes(2 * MAX_BODY))})
    assert spooled != []


@pytest.mark.parametrize("page", ["code", "details", "declaration", "new-code", "withdrawal"])
async def test_a_file_that_comes_where_none_is_meant_is_not_written_to_a_disk(
    page: str, spooled: list[object]
) -> None:
    office = await waiting()
    async with client_of(office.requests) as client:
        for size in (MAX_BODY - 1000, 3 * MAX_BODY):
            await client.post(f"/requests/{CASE}/{page}", files={"code": file(bytes(size))})
    assert spooled == []


# --- limits -------------------------------------------------------------------------------------------


async def test_a_file_over_the_limit_is_a_problem_413_that_names_the_field() -> None:
    office = await waiting()
    files = {"address": file(JPEG + bytes(MOST_DOCUMENT_BYTES), f"{CANARY}.jpg")}
    async with client_of(office.requests) as client:
        response = await client.post(PROOFS, files=files)
    [error] = assert_problem(response, 413)["errors"]
    assert (error["path"], error["message"]) == ("address", uploads.TOO_LARGE % {"most": 10})
    assert CANARY not in response.text
    assert proofs_of(office) == []


@pytest.mark.slow
@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=b", "application/json"])
async def test_a_body_over_the_limit_is_refused_before_it_is_in_memory(content_type: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        head = b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n'
        for number in range(10_000):
            piece = head % number + bytes(60_000)
            sent += len(piece)
            yield piece

    office = await waiting()
    async with client_of(office.requests) as client:
        response = await client.post(PROOFS, content=endless(), headers={"Content-Type": content_type})
    assert_problem(response, response.status_code)
    assert response.status_code in {413, 422}
    assert sent <= uploads.MOST_BODY + 2 * 60_100


async def test_limit_of_other_networks_is_unchanged() -> None:
    office = await waiting()
    async with client_of(office.requests) as client:
        for path in (f"{PROOFS}/", f"/v1/requests/{UNKNOWN[1:]}/proofs", f"/requests/{CASE}/code"):
            response = await client.post(path, content=bytes(MAX_BODY + 1))
            assert response.status_code in {307, 404, 413, 422}
    assert proofs_of(office) == []


async def test_for_a_request_that_is_not_there_nothing_is_read() -> None:
    reads: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        reads.append(1)
        yield JPEG

    async with client_of(Office().requests) as client:
        for path in (f"/v1/requests/{UNKNOWN}/proofs", f"/requests/{UNKNOWN}/documents"):
            headers = {"Content-Type": "multipart/form-data; boundary=b"}
            assert_problem(await client.post(path, content=body(), headers=headers), 404)
    assert reads == []


# --- what is not taken --------------------------------------------------------------------------------

NOT_TAKEN = (
    pytest.param({"files": {"identity": file(CANARY.encode())}}, "identity", id="neither a picture"),
    pytest.param({"files": {"identity": file(f"<svg>{CANARY}".encode())}}, "identity", id="a drawing"),
    pytest.param({"files": {"identity": file(f"<html>%PDF-{CANARY}".encode())}}, "identity", id="HTML first"),
    pytest.param(
        {"files": [("identity", file(JPEG)), ("identity", file(JPEG))]}, "identity", id="two for one purpose"
    ),
    pytest.param({"files": {CANARY: file(JPEG)}}, "", id="a field that we do not know"),
    pytest.param({"files": [("identity", file(JPEG))] * 4}, "", id="too many files"),
    pytest.param({"files": {str(n): (None, "x") for n in range(9)}}, "", id="too many fields"),
    pytest.param({"files": {"code": (None, CANARY * 2000)}}, "", id="a text without end"),
    pytest.param({"files": {"code": (None, CANARY)}}, "code", id="no code"),
    pytest.param({"files": {"code": file(b"123456")}}, "", id="a file instead of a code"),
    pytest.param({"files": {"token": (None, CANARY)}}, "token", id="no token"),
    pytest.param({"files": {"declaration": (None, "on")}}, "declaration_name", id="not signed"),
    pytest.param({"files": {"declaration_name": (None, CANARY)}}, "declaration", id="not ticked"),
    pytest.param(
        {"files": {"declaration": (None, CANARY), "declaration_name": (None, CANARY)}},
        "declaration",
        id="wording of the declaration has changed",
    ),
    pytest.param(
        {"files": {"declaration": (None, "on"), "declaration_name": (None, CANARY * 100)}},
        "declaration_name",
        id="a signature without end",
    ),
    pytest.param({"files": {"identity": file(b"", "")}}, "", id="nothing chosen"),
)


@pytest.mark.parametrize(("form", "field"), NOT_TAKEN)
async def test_invalid_input_is_a_problem_422_with_the_field_and_no_value(
    form: dict[str, Any], field: str
) -> None:
    office = await waiting()
    async with client_of(office.requests) as client:
        response = await client.post(PROOFS, **form)
    problem = assert_problem(response, 422)
    assert [error["path"] for error in problem["errors"]] == [field]
    assert all(error["message"] for error in problem["errors"])
    assert CANARY not in response.text
    assert proofs_of(office) == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("multipart/form-data", JPEG, id="no boundary"),
        pytest.param("multipart/form-data; boundary=b", JPEG, id="no part"),
        pytest.param("multipart/form-data; boundary=b", b"--b\r\n\r\n" + JPEG, id="no name"),
        pytest.param("multipart/form-data; boundary=b", b"", id="empty"),
        pytest.param("", b"", id="nothing"),
        pytest.param("application/x-www-form-urlencoded", b"code=123456", id="another form"),
        pytest.param("application/json", b'{"proofs": "' + CANARY.encode(), id="half"),
    ],
)
async def test_an_unreadable_body_is_a_problem_422(content_type: str, body: bytes) -> None:
    office = await waiting()
    async with client_of(office.requests) as client:
        response = await client.post(PROOFS, content=body, headers={"Content-Type": content_type})
    assert_problem(response, 422)
    assert CANARY not in response.text
    assert proofs_of(office) == []


async def test_proofs_that_are_not_awaited_are_a_problem_409() -> None:
    office = await waiting()
    async with client_of(office.requests) as client:
        await client.delete(f"/v1/requests/{CASE}")
        await office.work()
        assert_problem(await client.post(PROOFS, files={"identity": file(JPEG)}), 409)
    assert JPEG not in office.sealed(CASE).values()


# --- what the API says --------------------------------------------------------------------------------


@pytest.mark.slow
async def test_the_api_describes_both_ways_to_offer_proofs() -> None:
    async with client_of(Office().requests) as client:
        document = (await client.get("/openapi.json")).json()
    content = document["paths"]["/v1/requests/{case_id}/proofs"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "multipart/form-data"}
    assert set(content["multipart/form-data"]["schema"]["properties"]) == uploads.FIELDS
    schemas = document["components"]["schemas"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/ProofUploadForm"}
    named = {
        part.split('"')[0] for part in json.dumps(schemas["ProofUploadForm"]).split("#/components/schemas/")
    }
    assert "Document" in named & set(schemas)


async def test_status_names_the_wanted_proof() -> None:
    office = await asked((E.MAILBOX,), (E.IDENTITY_DOCUMENT, E.ADDRESS_DOCUMENT))
    async with client_of(office.requests) as client:
        status = (await client.get(f"/v1/requests/{CASE}")).json()
        await client.delete(f"/v1/requests/{CASE}")
        await office.work()
        withdrawn = (await client.get(f"/v1/requests/{CASE}")).json()
    assert status["wanted"] == [["mailbox"], ["identity_document", "address_document"]]
    assert (status["in_review"], status["paused"], status["proof_refused_for"]) == (False, False, None)
    assert withdrawn["wanted"] == []
