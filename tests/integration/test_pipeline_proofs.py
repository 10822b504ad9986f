"""Proofs beyond the mailbox, on real parts: documents are read, judged and destroyed; log-ins are checked."""

import base64
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import pytest_asyncio
from pysequoia import Cert

from bench.document_images import bill, passport
from habeas.embedded.company import ADA
from habeas.embedded.stack import Stack
from shared.contract.case_openings import EVERYTHING
from shared.contract.events import OPENPGP_MESSAGE, ContentOpened
from tests import hostile, workers
from tests.integration.pipeline import Pipeline, Somebody, comes_true, command, running
from tests.openpgp_keys import ReceiverKey
from tests.unit.verifier.token_issuer import CLIENT, Issuer, issuing
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(240)  # a document takes seconds of a processor, the models as long again

ROOT = Path(__file__).parents[2]
ADA_ASKS = Somebody(ADA.email, ADA.name)
BORN, VALID_UNTIL = date(1988, 3, 4), date.today() + timedelta(days=900)  # noqa: DTZ011 - as it is printed
WITHIN = timedelta(seconds=120)
JPEG = b"\xff\xd8"
ASKING_LETTERS = ("code", "proof wanted")


@pytest_asyncio.fixture(scope="module")
async def parts(parts: Stack | None) -> AsyncIterator[Stack | None]:
    """Parts of our own: whatever they have written is looked through, and those of all tests have much."""
    if parts is None:
        yield None
        return
    with workers.parts_folder() as folder:
        async with Stack(folder) as own:
            yield own


OURS = ReceiverKey()
"""The company's key, for documents that people encrypt."""


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest_asyncio.fixture(scope="module")
async def pipeline(
    parts: Stack | None, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pipeline]:
    folder = tmp_path_factory.mktemp("proofs")
    settings: Any = {
        "HABEAS_SENSITIVITY": "high",
        "HABEAS_PRELOAD_MODELS": "true",
        "HABEAS_TWO_DECIDERS": "true",
        "HABEAS_LOGIN_ISSUER": issuer.url,
        "HABEAS_LOGIN_CLIENT": CLIENT,
        "HABEAS_MODELS": str(ROOT / ".tools" / "models"),
        "HABEAS_PROOF_KEY": str(OURS.pair),
        "HABEAS_PROOF_CERTIFICATE": str(OURS.file(folder)),
    }
    async with running(parts, folder, **settings) as pipeline:
        yield pipeline


def document(slot: str, content: bytes) -> dict[str, str]:
    types = {b"%PDF": "application/pdf", b"----": OPENPGP_MESSAGE}
    media_type = types.get(content[:4], "image/jpeg")
    return {
        "kind": "document",
        "slot": slot,
        "media_type": media_type,
        "content": base64.b64encode(content).decode(),
    }


async def offer(pipeline: Pipeline, case: str, *proofs: dict[str, Any]) -> None:
    answer = await pipeline.http.post(f"/v1/requests/{case}/proofs", json={"proofs": list(proofs)})
    answer.raise_for_status()


def a_wish() -> dict[str, str]:
    """Return details that no other test gives: who asks for the same again is answered with the first."""
    return {"statement": f"My reference is {uuid.uuid4().hex}."}


async def coded(pipeline: Pipeline, person: Somebody, right: str = "access", **more: Any) -> str:
    """Take *person* as far as the proof of the mailbox, which is not enough here."""
    case = await pipeline.verified(right, person, details=a_wish(), **more)
    await facts(pipeline, case, "habeas.request.paused.v1")
    return case


async def facts(pipeline: Pipeline, case: str, type_: str, number: int = 1) -> list[dict[str, Any]]:
    """Return the facts of a type that verifier and examiner have told of *case*, once there are so many."""

    async def told() -> list[dict[str, Any]]:
        services = ("verifier", "examiner", "login")
        rows = [row for service in services for row in await pipeline.rows(service, case=case)]
        found = [fact["data"] for row in rows for fact in row["facts"] if fact["type"] == type_]
        return found if len(found) >= number else []

    return await eventually(told, WITHIN)


def of(person: Somebody, **changes: Any) -> bytes:
    first, last = person.name.split()
    return passport(last, first, **{"born": BORN, "expires": VALID_UNTIL, **changes})


async def test_models_are_loaded_before_the_services_are_ready(pipeline: Pipeline) -> None:
    assert "document reader is ready" in pipeline.log.read_text(encoding="utf-8")


async def test_a_passport_beside_the_mailbox_opens_sensitive_data_and_is_destroyed(
    pipeline: Pipeline, parts: Stack | None
) -> None:
    picture = of(ADA_ASKS)
    case = await coded(pipeline, ADA_ASKS)
    await offer(pipeline, case, document("identity", picture))
    [examined] = await facts(pipeline, case, "habeas.proof.examined.v1")
    assert (examined["verdict"], examined.get("reasons", [])) == ("convincing", [])
    [verified] = await facts(pipeline, case, "habeas.identity.verified.v1")
    assert verified["assurance"] == "reasonably_high"
    assert (await pipeline.closed(case, WITHIN))["outcome"] == "partly_granted"

    assert await left_of(picture, pipeline, parts, case) == []


async def test_encrypted_passport_is_decrypted_for_its_examination_and_destroyed(
    pipeline: Pipeline, parts: Stack | None
) -> None:
    """P39: a secure way for confidential documents."""
    picture = of(ADA_ASKS, number="E1X2D3F47")
    case = await coded(pipeline, ADA_ASKS)
    published = (await pipeline.http.get("/openpgp.asc")).text
    assert Cert.from_bytes(published.encode()).fingerprint == OURS.fingerprint
    assert "PRIVATE" not in published
    page = (await pipeline.http.get(f"/requests/{case}", headers={"Accept": "text/html"})).text
    assert OURS.fingerprint.upper() in page

    for key, number in ((ReceiverKey(), 1), (OURS, 2)):
        message = {"identity": ("passport.asc", key.sealed(picture))}
        (await pipeline.http.post(f"/requests/{case}/documents", files=message)).raise_for_status()
        await facts(pipeline, case, "habeas.proof.examined.v1", number)
    foreign, ours = await facts(pipeline, case, "habeas.proof.examined.v1", 2)
    assert (foreign["verdict"], foreign["reasons"]) == ("refused", ["file_not_decrypted"])
    [refused] = await facts(pipeline, case, "habeas.proof.refused.v1")
    assert refused["reason"] == "document_not_decrypted"
    assert (ours["verdict"], ours.get("reasons", [])) == ("convincing", [])
    assert (await pipeline.closed(case, WITHIN))["outcome"] == "partly_granted"
    assert await left_of(picture, pipeline, parts, case) == []


async def left_of(picture: bytes, pipeline: Pipeline, parts: Stack | None, case: str) -> list[str]:
    """Return where anything of *picture* is found once it is destroyed: after the row that says so."""
    [destroyed] = await facts(pipeline, case, "habeas.evidence.destroyed.v1")
    assert destroyed["refs"]
    vault = pipeline.client[f"{pipeline.prefix}_vault"]

    async def nothing_is_sealed() -> bool:
        counts = [
            await vault[kept].count_documents({"_id": {"$regex": f"{case}.*{ref}"}})
            for kept in ("items", "chunks")
            for ref in destroyed["refs"]
        ]
        return not any(counts)

    await comes_true(nothing_is_sealed)
    own = [] if parts is None else [parts.database.folder, parts.broker.folder]
    slices = [picture[start : start + 48] for start in range(600, len(picture) - 48, 4_001)]
    assert len(slices) > 10
    in_clear = [*slices, b"BRANDEL", base64.b64encode(picture)[400:460]]
    return found_on_disk([pipeline.folder, *own], in_clear)


def found_on_disk(folders: list[Path], needles: list[bytes]) -> list[str]:
    """Return the files below *folders* that hold one of *needles*."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if _holds(path, needles)]


def _holds(path: Path, needles: list[bytes]) -> bool:
    content = _content(path)
    return any(needle in content for needle in needles)


def _content(path: Path) -> bytes:
    """Return what is in a file, without the place that was only reserved in it."""
    try:
        return path.read_bytes().strip(b"\0")
    except FileNotFoundError:  # the broker has put another in its place meanwhile
        return b""


async def test_the_search_for_a_picture_would_find_it(tmp_path: Path) -> None:
    (tmp_path / "leaked").write_bytes(b"before" + of(ADA_ASKS) + b"after")
    assert found_on_disk([tmp_path], [of(ADA_ASKS)[600:648]]) == ["leaked"]


async def test_another_persons_passport_is_refused_without_naming_the_difference(
    pipeline: Pipeline,
) -> None:
    case = await coded(pipeline, ADA_ASKS)
    stranger = passport("Brandel", "Ottilie", number="X7K2M9P41", born=BORN, expires=VALID_UNTIL)
    await offer(pipeline, case, document("identity", stranger))
    [examined] = await facts(pipeline, case, "habeas.proof.examined.v1")
    assert examined["verdict"] == "refused"
    assert "name_mismatch" in examined["reasons"]

    async def told() -> dict[str, Any]:
        page = await pipeline.page(case)
        return page if page["proof_refused_for"] else {}

    page: dict[str, Any] = await eventually(told, WITHIN)
    assert page["proof_refused_for"] == "document_not_accepted"
    assert "name_mismatch" not in json.dumps(page)


async def test_an_expired_passport_is_refused(pipeline: Pipeline) -> None:
    case = await coded(pipeline, ADA_ASKS)
    old = of(ADA_ASKS, expires=datetime.now(UTC).date() - timedelta(days=1), number="E5T6Y7U82")
    await offer(pipeline, case, document("identity", old))
    [examined] = await facts(pipeline, case, "habeas.proof.examined.v1")
    assert examined["verdict"] == "refused"
    assert "doc_expired" in examined["reasons"]


async def test_without_a_mailbox_passport_and_bill_must_agree_with_the_records(pipeline: Pipeline) -> None:
    contact = await pipeline.business("portal", "contacts").find_one({"email": ADA.email})
    customer = contact["customer_id"]
    subject = {
        "name": ADA.name,
        "identifiers": {"customer_id": str(customer)},
        "postal_address": {
            "lines": ["Example Street 12"],
            "city": "Berlin",
            "postal_code": "10115",
            "country": "DE",
        },
    }
    request = {
        "reference": uuid.uuid4().hex,
        "right": "access",
        "subject": subject,
        "residence": {"country": "DE"},
    }
    case = await pipeline.lodge(request)
    issued = datetime.now(UTC).date() - timedelta(days=20)
    papers = bill(ADA.name, "Example Street 12", "10115 Berlin", issued)
    passport_ = of(ADA_ASKS, number="A1X2D3F46")
    await offer(pipeline, case, document("identity", passport_), document("address", papers))
    examined = await facts(pipeline, case, "habeas.proof.examined.v1", 2)
    assert {one["verdict"] for one in examined} == {"convincing"}
    # Papers can be drawn, as these were: a person must look, whether her records agree or, as here, do not.
    [review] = await facts(pipeline, case, "habeas.identity.review_needed.v1")
    assert review["reasons"] == ["records_differ"]


def active_pdf() -> bytes:
    """Return a letter that runs a program when it is opened."""

    def run(pdf: pikepdf.Pdf) -> None:
        action = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
        pdf.Root.OpenAction = pdf.make_indirect(action)

    return hostile.changed_pdf(run)


async def test_the_staff_looks_at_a_proof_and_two_of_them_decide(pipeline: Pipeline, tmp_path: Path) -> None:
    case = await coded(pipeline, ADA_ASKS)
    await offer(pipeline, case, document("identity", active_pdf()))
    await facts(pipeline, case, "habeas.proof.refused.v1")
    picture = of(ADA_ASKS, number="C01X00T47")
    await offer(pipeline, case, document("identity", OURS.sealed(picture)))
    await facts(pipeline, case, "habeas.identity.review_needed.v1")

    async def listed() -> bool:
        code, output, errors = await command(pipeline, "verify", "list", "--as", "dana.muster", "--json")
        assert code == 0, errors
        return case in {standing["request"] for standing in json.loads(output)}

    await comes_true(listed)
    show = ("verify", "show", case, "--out", str(tmp_path / "proofs"), "--json")
    code, _, errors = await command(pipeline, *show, "--as", "robin.muster", "--code", "000000")
    assert (code, "not the code" in errors) == (2, True), errors
    assert not (tmp_path / "proofs").exists()
    code, output, errors = await command(pipeline, *show, "--as", "dana.muster")
    assert code == 0, errors
    shown = json.loads(output)
    assert shown["level"] == "reasonably_high"
    assert "sensitive_data" in shown["because"]
    written = [Path(path) for path in shown["written"]]
    assert sorted(path.suffix for path in written) == [".jpg", ".json", ".json"]
    assert picture not in {path.read_bytes() for path in written}
    assert list(shown["not_shown"].values()) == [["file_active_content"]]
    assert (tmp_path / "proofs").stat().st_mode & 0o077 == 0
    [looked] = await facts(pipeline, case, "habeas.evidence.shown.v1")
    assert looked["by"] == "dana.muster"

    for by, ended in (("dana.muster", 0), ("dana.muster", 2), ("robin.muster", 0)):
        assert (await pipeline.page(case))["status"] == "challenged"
        words = ("verify", "accept", case, "--as", by, "--reason", "looked_at", "--identity", "email")
        assert (await command(pipeline, *words))[0] == ended
    assert (await pipeline.closed(case, WITHIN))["outcome"] == "partly_granted"


@pytest.mark.parametrize("ending", ["withdrawn", "refused by the staff"])
async def test_a_proof_that_waits_for_the_staff_is_found_nowhere_however_the_request_ends(
    pipeline: Pipeline, parts: Stack | None, ending: str
) -> None:
    picture = of(ADA_ASKS, number="C01X00T47")
    case = await coded(pipeline, ADA_ASKS)
    await offer(pipeline, case, document("identity", picture))
    await facts(pipeline, case, "habeas.identity.review_needed.v1")
    if ending == "withdrawn":
        assert (await page_read_by_staff(pipeline, case)).startswith(JPEG)
        (await pipeline.http.delete(f"/v1/requests/{case}")).raise_for_status()
    else:
        code, _, errors = await command(
            pipeline, "verify", "refuse", case, "--as", "dana.muster", "--reason", "proof_not_convincing"
        )
        assert code == 0, errors

    items = pipeline.client[f"{pipeline.prefix}_vault"]["items"]

    assert await left_of(picture, pipeline, parts, case) == []

    async def nothing_is_drawn() -> bool:
        return await items.count_documents({"_id": {"$regex": f"^{case}/.*_page"}}) == 0

    await comes_true(nothing_is_drawn)


async def page_read_by_staff(pipeline: Pipeline, case: str) -> bytes:
    """Open *case* as a member of the staff, wait for the picture of its document, and return it."""
    opened = ContentOpened(request_id=case, by="lena.muster", item=EVERYTHING, reason="review")
    decision = await pipeline.accounts.signed(opened)
    body = {"type": decision.TYPE, "data": decision.model_dump(mode="json", exclude_defaults=True)}
    taken = (await pipeline.http.post("/v1/staff/decisions", json=body)).raise_for_status().json()

    async def accepted() -> bool:
        return bool((await pipeline.http.get(taken["status_url"])).json()["status"] == "accepted")

    await comes_true(accepted)  # signing in renews the second factor
    bearer = await pipeline.accounts.sign_in(pipeline.http, "lena.muster")
    url = f"/v1/staff/cases/{case}/content"

    async def shown() -> dict[str, Any]:
        answer = await pipeline.http.get(url, headers=bearer)
        content: dict[str, Any] = answer.json()
        documents = content["evidence"]["documents"] if answer.status_code == 200 else []
        return content if documents and not documents[0]["pending"] else {}

    content: dict[str, Any] = await eventually(shown, WITHIN)
    assert content["submission"]["subject"]["email"] == ADA.email
    assert {letter["to"] for letter in content["letters"]} == {ADA.email}
    [document] = content["evidence"]["documents"]
    assert document["report"]["verdict"] == "unclear"
    [page] = document["pages"]
    other = await pipeline.accounts.sign_in(pipeline.http, "mara.muster")
    assert (await pipeline.http.get(f"{url}/{page}", headers=other)).status_code == 403
    return (await pipeline.http.get(f"{url}/{page}", headers=bearer)).raise_for_status().content


async def test_a_log_in_opens_the_data_without_anything_else(pipeline: Pipeline, issuer: Issuer) -> None:
    case = await pipeline.lodge(ADA_ASKS.asks("access", details=a_wish()))
    token = issuer.token(case, datetime.now(UTC), email=ADA.email)
    await offer(pipeline, case, {"kind": "id_token", "token": token})
    [verified] = await facts(pipeline, case, "habeas.identity.verified.v1")
    assert (verified["assurance"], verified["proven"]) == ("account", ["email"])


async def test_log_in_of_another_person_or_request_opens_nothing(pipeline: Pipeline, issuer: Issuer) -> None:
    case = await pipeline.lodge(ADA_ASKS.asks("access", details=a_wish()))
    other = issuer.token(case, datetime.now(UTC), email="bruno@example.org", sub="another")
    replayed = issuer.token("f" * 32, datetime.now(UTC), email=ADA.email)
    await offer(pipeline, case, {"kind": "id_token", "token": other}, {"kind": "id_token", "token": replayed})
    examined = await facts(pipeline, case, "habeas.proof.examined.v1", 2)
    assert {tuple(one["reasons"]) for one in examined} == {("token_subject_mismatch",), ("token_nonce",)}
    assert (await pipeline.page(case))["status"] != "verified"


async def test_answer_does_not_reveal_known_people(pipeline: Pipeline) -> None:
    """The same pages and letters, also after details were compared, for whoever is held and who is not."""
    stranger = Somebody("nobody.at.all@example.net", "Ottilie Brandel")
    seen = []
    for person in (ADA_ASKS, stranger):
        case = await coded(pipeline, person)
        letters = await eventually(partial(subjects, pipeline, person, case), WITHIN)
        asked: dict[str, Any] = await eventually(partial(paused, pipeline, case), WITHIN)
        wrong = {"user.contact.phone_number": "+49 30 5550999", "user.contact.address.postal_code": "99999"}
        await offer(pipeline, case, {"kind": "data_points", "points": wrong})
        page: dict[str, Any] = await eventually(partial(compared, pipeline, case), WITHIN)
        assert page["wanted"] == asked["wanted"]
        happened = sorted((entry["what"], entry["letter"] or "") for entry in page["timeline"])
        same = {key: page[key] for key in page if key not in ("id", "due_on", "timeline")}
        seen.append((same, happened, letters))
    assert seen[0] == seen[1]


async def paused(pipeline: Pipeline, case: str) -> dict[str, Any]:
    """Return the page of a request, once it says that proof is awaited."""
    page = await pipeline.page(case)
    return page if page["paused"] else {}


async def compared(pipeline: Pipeline, case: str) -> dict[str, Any]:
    """Return the page of a request, once details were compared and its letters are on it."""
    page = await pipeline.page(case)
    letters = [entry for entry in page["timeline"] if entry["what"] == "letter_sent"]
    return page if page["proof_refused_for"] and len(letters) == len(ASKING_LETTERS) else {}


def subjects(pipeline: Pipeline, person: Somebody, case: str) -> list[str]:
    """Return what the letters are called, once both have come."""
    found = [letter.subject for letter in pipeline.letters_to(person, case)]
    return sorted(found) if len(found) == len(ASKING_LETTERS) else []
