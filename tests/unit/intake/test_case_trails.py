"""The trail of a request: its entries and provisions, its signature, and the roles that may export it."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO

import pypdfium2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from httpx import Response

from services.intake.http.staff_trails import AUDITING, CaseTrails
from services.intake.trail.archive import (
    FILES,
    JSON,
    KEY,
    PDF,
    SIGNED,
    SUMS,
    json_file,
    packed,
    signed_archive,
    verify_trail,
)
from services.intake.trail.document import CaseTrail, ChainOfTrail, TrailExport, meaning_of, trail_of
from services.intake.trail.provisions import applied_provisions
from shared.contract.events import (
    CaseAssigned,
    CaseNoted,
    DecisionRefused,
    ErasureGroundDecided,
    ErasurePlanned,
    ExtensionReason,
    Fact,
    FeeDecided,
    FeeQuoted,
    IdentityRefused,
    Outcome,
    PreviewAsked,
    RequestExtended,
    RequestFulfilled,
    StaffRole,
    TrailExported,
)
from shared.law import FeeReason, Money, Regulation, Right
from shared.runtime.client_limits import Allowance
from shared.runtime.signatures import PublicKey
from tests.unit.fakes import NOW, PERSON, request
from tests.unit.intake_api import CASE, UNKNOWN, UNLIMITED, assert_problem
from tests.unit.staff_desk import StaffDesk

SIGNER = Ed25519PrivateKey.from_private_bytes(b"t" * 32)
FINGERPRINT = PublicKey(SIGNER.public_key().public_bytes_raw()).fingerprint
GDPR = "gdpr@2018-05-25"
CHAIN = ChainOfTrail(rows=3, unchanged=False, faults=["2 changed"])


@dataclass
class OneChain:
    """Gives the same state of the chain of every case."""

    asked: list[str] = field(default_factory=list)

    async def of(self, case_id: str) -> ChainOfTrail:
        self.asked.append(case_id)
        return CHAIN


def desk_of(exports: Allowance = UNLIMITED) -> StaffDesk:
    """Return a desk that exports trails."""
    return StaffDesk(trails=CaseTrails(OneChain(), SIGNER, "Example & Söhne GmbH", exports))


async def exported(desk: StaffDesk, *roles: StaffRole, case: str = CASE) -> Response:
    async with desk.client(await desk.sign_in(roles=roles or AUDITING)) as http:
        return await http.post(f"/v1/staff/cases/{case}/trail")


async def trail() -> CaseTrail:
    """Return the trail of a request that waits for a code."""
    desk = desk_of()
    await desk.office.submit(request())
    case, rows = await desk.office.requests.rows(CASE)
    return trail_of(CASE, case, rows, TrailExport("Example GmbH", NOW, "alex.muster", CHAIN))


async def contents() -> dict[str, bytes]:
    """Return the files of an archive."""
    with zipfile.ZipFile(BytesIO(signed_archive(await trail(), SIGNER))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# --- content ------------------------------------------------------------------------------------------------


async def test_entries_have_time_service_meaning_provision_and_row() -> None:
    found = await trail()
    received, challenged = found.entries
    assert (received.type, received.service, received.at) == ("habeas.request.received.v1", "intake", NOW)
    assert received.meaning == "A request is registered: its clock runs."
    assert [(one.law, one.provision) for one in received.provisions] == [(GDPR, "GDPR Art. 12(3)")]
    assert received.row is not None
    assert received.row.n == 0
    assert (challenged.service, challenged.row) == ("verifier", None)
    assert [law.id for law in found.laws] == [GDPR]


@pytest.mark.slow
async def test_decision_of_another_service_is_noted_with_its_account_and_its_refusal() -> None:
    desk = desk_of()
    await desk.office.submit(request())
    decision = ErasureGroundDecided(request_id=CASE, by="dana.muster", ground="erasure_duty")
    await desk.office.requests.publish(decision, "1" * 32, None)
    refused = DecisionRefused(
        request_id=CASE, decision="1" * 32, type=decision.TYPE, account="dana.muster", reason="role_missing"
    )
    await desk.office.tell(refused, service="fulfillment")
    found = verify_trail((await exported(desk)).content).content["entries"]
    [decided, answered] = [one for one in found if one["actor"] == "dana.muster"][:2]
    assert (decided["service"], decided["event"], decided["row"]) == ("staff", "1" * 32, None)
    assert (decided["type"], decided["details"]["ground"]) == (decision.TYPE, "erasure_duty")
    assert (answered["type"], answered["details"]["reason"]) == (refused.TYPE, "role_missing")


@pytest.mark.slow
async def test_last_entry_is_the_export_itself_with_its_account() -> None:
    desk = desk_of()
    await desk.office.submit(request())
    answer = await exported(desk, StaffRole.AUDITOR)
    found = verify_trail(answer.content, issuer=FINGERPRINT)
    last = found.content["entries"][-1]
    assert found.trusted
    assert (last["type"], last["actor"]) == ("habeas.trail.exported.v1", "dana.muster")
    assert desk.office.the(TrailExported) == TrailExported(request_id=CASE, by="dana.muster")
    assert found.content["chain"]["faults"] == ["2 changed"]


@pytest.mark.slow
async def test_trail_names_no_sealed_content() -> None:
    desk = desk_of()
    await desk.office.submit(request())
    await desk.office.requests.record(CASE, CaseNoted(request_id=CASE, note="note_1", by="dana.muster"))
    found = verify_trail((await exported(desk)).content).content["entries"]
    [noted] = [one for one in found if one["type"] == CaseNoted.TYPE]
    assert (noted["actor"], noted["details"]) == ("dana.muster", {})


@pytest.mark.slow
async def test_trail_has_no_personal_data_of_the_request() -> None:
    desk = desk_of()
    await desk.office.submit(request())
    answer = await exported(desk)
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        text = pypdfium2.PdfDocument(archive.read(PDF))[0].get_textpage().get_text_range()
        both = f"{archive.read(JSON).decode()}{text}".lower()
    assert "habeas.request.received.v1" in both
    assert not [value for value in PERSON.values() if str(value).lower() in both]
    assert "r-1" not in both


@pytest.mark.slow
async def test_document_shows_names_that_are_markup_and_names_the_digest() -> None:
    desk = desk_of()
    await desk.office.submit(request())
    with zipfile.ZipFile(BytesIO((await exported(desk)).content)) as archive:
        document = pypdfium2.PdfDocument(archive.read(PDF))
        digest = archive.read(SUMS).split()[0].decode()
    text = "".join(page.get_textpage().get_text_range() for page in document)
    assert "Example & Söhne GmbH" in text
    assert digest in "".join(text.split())


@pytest.mark.slow
async def test_document_has_details_in_words_and_the_account_of_a_preview() -> None:
    desk = desk_of()
    await desk.office.submit(request())
    for fact in (
        ErasurePlanned(
            request_id=CASE, plan="plan_1", approval=True, regulation=Regulation.GDPR, received_on=NOW.date()
        ),
        RequestFulfilled(
            request_id=CASE,
            right=Right.ERASURE,
            outcome=Outcome.REFUSED,
            answer="answer",
            dispositions={"purpose_ended": 7, "third_party": 1},
            reasons={"manifestly_unfounded": 1},
        ),
        FeeQuoted(
            request_id=CASE,
            fee=Money(amount="5", currency="EUR"),
            reason=FeeReason.FURTHER_COPY,
            answer_by=NOW.date(),
        ),
        PreviewAsked(request_id=CASE, preview="preview_1", type="habeas.fee.decided.v1", by="erika_m.muster"),
        CaseAssigned(request_id=CASE, owner="erika_m.muster", by="dana.muster"),
    ):
        await desk.office.requests.record(CASE, fact)
    with zipfile.ZipFile(BytesIO((await exported(desk)).content)) as archive:
        pages = pypdfium2.PdfDocument(archive.read(PDF))
        text = " ".join("".join(page.get_textpage().get_text_range() for page in pages).split())
    for shown in (
        "approval: yes",
        "dispositions: purpose ended 7, third party 1",
        "reasons: manifestly unfounded 1",
        "fee: 5 EUR; reason: further copy",
        f"received at: {NOW:%Y-%m-%d %H:%M:%S} UTC",
        "type: " + meaning_of(FeeDecided).rstrip("."),
        "owner: erika_m.muster",
    ):
        assert shown in text
    assert text.count("erika_m.muster") == 2
    assert not [one for one in ("{", "[", "'", "True", "purpose_ended") if one in text]


@pytest.mark.parametrize(
    ("fact", "provisions"),
    [
        pytest.param(
            RequestExtended(
                request_id=CASE,
                reason=ExtensionReason.NUMBER_OF_REQUESTS,
                promised_on=NOW.date(),
                due_on=NOW.date(),
                meant_for=NOW.date(),
                policy=GDPR,
            ),
            ["GDPR Art. 12(3)"],
            id="extension",
        ),
        pytest.param(
            RequestFulfilled(
                request_id=CASE,
                right=Right.ERASURE,
                outcome=Outcome.REFUSED,
                answer="answer",
                reasons={"manifestly_unfounded": 1, "unknown_code": 1},
            ),
            ["GDPR Art. 12(5)"],
            id="ground of a refusal",
        ),
        pytest.param(
            FeeQuoted(
                request_id=CASE,
                fee=Money(amount="5", currency="EUR"),
                reason=FeeReason.FURTHER_COPY,
                answer_by=NOW.date(),
            ),
            ["GDPR Art. 15(3)"],
            id="fee",
        ),
        pytest.param(IdentityRefused(request_id=CASE, reasons=("no_proof",)), [], id="no ground of the law"),
    ],
)
def test_event_names_the_provisions_that_it_applied(fact: Fact, provisions: Sequence[str]) -> None:
    found = applied_provisions(fact, Right.ERASURE, (GDPR,))
    assert [one.provision for one in found] == provisions


# --- signature ----------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_archive_is_the_same_each_time_and_trusted_by_the_key_of_the_issuer_alone() -> None:
    found = await trail()
    archive = signed_archive(found, SIGNER)
    assert archive == signed_archive(found, SIGNER)
    assert verify_trail(archive, issuer=FINGERPRINT).trusted
    assert json.loads(json_file(found)) == verify_trail(archive).content
    for issuer in (None, "0" * 64):
        assert not verify_trail(archive, issuer=issuer).trusted


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
async def test_changed_byte_of_any_file_is_found(name: str) -> None:
    files = await contents()
    for place in range(0, len(files[name]), max(1, len(files[name]) // 10)):
        changed = bytearray(files[name])
        changed[place] ^= 1
        report = verify_trail(packed({**files, name: bytes(changed)}, NOW), issuer=FINGERPRINT)
        assert not report.trusted
        assert report.problems
        if name in SIGNED:
            assert report.problems == (f"{name} was changed",)


@pytest.mark.slow
async def test_archive_with_another_key_or_other_files_is_not_trusted() -> None:
    files, other = await contents(), Ed25519PrivateKey.generate()
    forged = signed_archive(await trail(), other)
    assert verify_trail(forged, issuer=FINGERPRINT).problems != ()
    with_key = {**files, KEY: PublicKey(other.public_key().public_bytes_raw()).pem}
    assert verify_trail(packed(with_key, NOW)).problems == ("the signature does not belong to the digests",)
    longer = {**files, KEY: files[KEY] + b"\n"}
    assert verify_trail(packed(longer, NOW)).problems == (f"{KEY} was changed",)
    for changed in ({**files, "more.txt": b""}, {JSON: files[JSON]}, {}):
        assert "not an archive" in verify_trail(packed(changed, NOW)).problems[0]
    assert "not an archive" in verify_trail(b"PK").problems[0]


# --- accounts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", StaffRole)
async def test_roles_that_audit_export_and_no_other_does(role: StaffRole) -> None:
    desk = desk_of()
    await desk.office.submit(request())
    answer = await exported(desk, role)
    assert answer.status_code == (200 if role in AUDITING else 403)
    assert len(desk.office.facts(TrailExported)) == (1 if role in AUDITING else 0)


@pytest.mark.slow
async def test_export_is_for_registered_requests_in_a_session_within_a_limit() -> None:
    desk = desk_of(Allowance(1))
    await desk.office.submit(request())
    assert_problem(await exported(desk, case=UNKNOWN), 404)
    async with desk.client("wrong") as http:
        assert_problem(await http.post(f"/v1/staff/cases/{CASE}/trail"), 401)
    session = next(row.case for row in desk.office.journals["intake"].rows.values() if row.case != CASE)
    assert_problem(await exported(desk, case=session), 404)
    assert (await exported(desk)).is_success
    assert_problem(await exported(desk), 429)
    assert len(desk.office.facts(TrailExported)) == 1
