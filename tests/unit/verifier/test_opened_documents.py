"""Pictures of documents exist only while an account of the staff reads the case."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from services.verifier.documents.examiner.domain import Examination
from services.verifier.documents.examiner.handlers import ExaminerContext, draw, draws_nothing
from services.verifier.documents.results import PageFacts
from services.verifier.documents.sandbox import DocumentWorker, FilePreview, PagePixels
from services.verifier.handlers import PICTURES
from shared.contract.answer import SUBMISSION
from shared.contract.case_openings import DRAWING, EVERYTHING, OPENED_FOR, DrawnPages, page_of, pages_of
from shared.contract.events import (
    ContentOpened,
    DecisionRefused,
    EvidenceAsked,
    EvidenceShown,
    IdentityDecided,
    IdentityVerified,
    ProofPresented,
)
from tests.unit.fakes import NOW, Office
from tests.unit.verifier.test_verifier_proofs import CASE, document, opened

LETTER = FilePreview(PageFacts(pages=5), (PagePixels(1, 1, b"\xff\0\0"), PagePixels(1, 1, b"\0\0\xff")))


@dataclass
class Drawer:
    """Draws the same letter of every file."""

    files: list[tuple[bytes, str]] = field(default_factory=list)
    shown: FilePreview = LETTER

    async def show(self, content: bytes, media_type: str) -> FilePreview:
        self.files.append((content, media_type))
        return self.shown


async def with_document() -> Office:
    office = await opened()
    await office.offer(document("identity"), id_="d")
    return office


async def open_case(office: Office, item: str = EVERYTHING, by: str = "anna") -> None:
    await office.tell(ContentOpened(request_id=CASE, by=by, item=item, reason="review"), service="intake")


async def drawn(office: Office, drawer: Drawer | None = None) -> Drawer:
    """Let the examiner draw the documents of the last opening."""
    drawer = drawer or Drawer()
    ctx = ExaminerContext(
        case_id=CASE,
        known=Examination(),
        now=office.clock(),
        vault=office.vault,
        sandbox=cast("DocumentWorker", drawer),
        scanner=None,
        presented=cast("Any", None),
        zone=ZoneInfo("UTC"),
        bill_age=timedelta(days=90),
    )
    assert await draw(office.facts(EvidenceShown)[-1], ctx) == []
    return drawer


def proof_of(office: Office) -> str:
    return office.facts(ProofPresented)[-1].proof.ref


def pictures(office: Office) -> list[str]:
    return [item for item in office.sealed(CASE) if "_page" in item]


async def test_opening_a_case_is_on_record_and_names_the_documents_to_be_drawn() -> None:
    office = await with_document()
    await open_case(office)
    shown = office.the(EvidenceShown)
    assert (shown.by, shown.reason, shown.refs) == ("anna", "review", (proof_of(office),))
    assert [(one.ref, one.media_type) for one in shown.proofs] == [(proof_of(office), "image/jpeg")]
    assert shown.until == NOW + OPENED_FOR


async def test_pages_are_drawn_once_and_counted_at_last() -> None:
    office = await with_document()
    await open_case(office)
    drawer = await drawn(office)
    await drawn(office, drawer)
    assert [media_type for _, media_type in drawer.files] == ["image/jpeg"]
    proof, sealed = proof_of(office), office.sealed(CASE)
    assert pictures(office) == [page_of(proof, 1), page_of(proof, 2), pages_of(proof)]
    assert sealed[page_of(proof, 1)].startswith(b"\xff\xd8"), "a JPEG"
    assert DrawnPages.model_validate_json(sealed[pages_of(proof)]) == DrawnPages(pages=2, more=3)


@pytest.mark.parametrize("item", [SUBMISSION])
async def test_opening_of_one_item_draws_nothing(item: str) -> None:
    office = await with_document()
    await open_case(office, item)
    assert office.facts(EvidenceShown) == []


async def test_refused_opening_draws_nothing() -> None:
    office = await with_document()
    office.staff.against = "role_missing"
    await open_case(office)
    assert office.facts(EvidenceShown) == []
    assert {fact.reason for fact in office.facts(DecisionRefused)} == {"role_missing"}


async def test_command_draws_what_it_shows_itself() -> None:
    office = await with_document()
    looked = EvidenceAsked(request_id=CASE, by="anna", reason="review", refs=(proof_of(office),))
    await office.tell(looked, service="intake")
    assert draws_nothing(office.the(EvidenceShown))


async def test_pictures_are_destroyed_after_the_opening() -> None:
    office = await with_document()
    await open_case(office)
    await drawn(office)
    await office.fire(PICTURES, CASE)
    assert office.clock() == NOW + OPENED_FOR + DRAWING
    assert pictures(office) == []
    assert proof_of(office) in office.sealed(CASE), "the document itself waits for the decision"


async def test_end_of_an_earlier_opening_leaves_the_pictures_to_a_later_one() -> None:
    office = await with_document()
    await open_case(office)
    [first] = [name for _, name in office.timers.moments if name.startswith(PICTURES)]
    await drawn(office)
    office.clock.move(OPENED_FOR - timedelta(minutes=1))
    await open_case(office, by="bruno")
    await office.fire(first, CASE)
    assert pictures(office)
    await office.fire(PICTURES, CASE)
    assert not pictures(office)


async def test_pictures_are_destroyed_with_the_document_at_the_decision() -> None:
    office = await with_document()
    await open_case(office)
    await drawn(office)
    decided = IdentityDecided(
        request_id=CASE, by="anna", verified=True, identities=("email",), reason="document_convinces"
    )
    await office.tell(decided, service="intake")
    assert office.facts(IdentityVerified)
    assert pictures(office) == []
    await open_case(office)
    assert office.facts(EvidenceShown)[-1].proofs == (), "there is nothing left to show"


async def test_pictures_drawn_while_the_decision_fell_are_destroyed_after_the_opening() -> None:
    office = await with_document()
    await open_case(office)
    await office.tell(
        IdentityDecided(request_id=CASE, by="anna", verified=False, reason="proof_not_convincing"),
        service="intake",
    )
    await office.vault.seal(CASE, page_of(proof_of(office), 1), b"a page in the making")
    await office.fire(PICTURES, CASE)
    assert pictures(office) == []


async def test_destroyed_document_and_ended_opening_are_not_drawn() -> None:
    office = await with_document()
    await open_case(office)
    await office.vault.discard(CASE, [proof_of(office)])
    assert (await drawn(office)).files == []
    office.clock.move(OPENED_FOR)
    await office.vault.seal(CASE, proof_of(office), b"picture")
    assert (await drawn(office)).files == []
    assert pictures(office) == []


async def test_document_that_cannot_be_drawn_says_why() -> None:
    office = await with_document()
    await open_case(office)
    async with DocumentWorker(command=("/nonexistent",)) as sandbox:
        await drawn(office, cast("Drawer", sandbox))
    found = DrawnPages.model_validate_json(office.sealed(CASE)[pages_of(proof_of(office))])
    assert found == DrawnPages(pages=0, reasons=("reader_unavailable",))
