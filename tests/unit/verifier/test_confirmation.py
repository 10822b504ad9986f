"""An erasure or a transfer is confirmed by the person, once, by the code or on the page of the request."""

from datetime import timedelta
from typing import Any

import pytest

from services.verifier.domain import CONFIRMED
from shared.contract.events import (
    Assurance,
    Evidence,
    IdentityChallenged,
    IdentityDecided,
    IdentityVerified,
    ProofRefused,
    RequestPaused,
)
from tests.unit.fakes import SOURCE, Office, request
from tests.unit.verifier.test_verifier_handlers import CASE, CLAIM, code, compared, decided, reasons

UNREACHABLE = {"name": "Ada Example", "identifiers": {"customer_no": "4711"}}
ERASE = {"kind": "confirmation", "right": "erasure"}
TRANSFER = {"transfer_to": "https://import.example.com/people"}


async def opened(*, office: Office | None = None, **changes: Any) -> Office:
    office = office or Office()
    await office.submit(request(**{"right": "erasure", **changes}))
    return office


def wanted(office: Office) -> tuple[tuple[Evidence, ...], ...]:
    return office.facts(IdentityChallenged)[-1].wanted


async def test_code_of_an_erasure_confirms_it_without_another_step() -> None:
    office = await opened()
    await office.offer(code(office.code_of(CASE, "code_0")), id_="p")
    verified = office.the(IdentityVerified)
    assert verified.assurance is Assurance.MAILBOX
    assert "confirmation" in verified.reasons
    assert len(office.facts(IdentityChallenged)) == 1


@pytest.mark.parametrize(
    ("changes", "letters"),
    [
        pytest.param({"right": "erasure"}, True, id="erasure"),
        pytest.param({"right": "portability", "details": TRANSFER}, True, id="transfer"),
        pytest.param({"right": "portability"}, False, id="portability without a transfer"),
        pytest.param({"right": "access", "details": TRANSFER}, False, id="access is sent to no one"),
        pytest.param({"right": "rectification"}, False, id="correction"),
    ],
)
async def test_code_has_letters_where_it_confirms_an_irreversible_act(
    changes: dict[str, Any], *, letters: bool
) -> None:
    office = await opened(**changes)
    drawn = office.code_of(CASE, "code_0")
    assert drawn.replace("-", "").isalpha() is letters
    assert len(drawn.replace("-", "")) == (8 if letters else 6)


@pytest.mark.parametrize(
    "changes",
    [{"right": "erasure"}, {"right": "portability", "details": TRANSFER}],
    ids=["erasure", "transfer"],
)
async def test_word_of_a_trusted_source_does_not_confirm(changes: dict[str, Any]) -> None:
    office = await opened(office=Office(trusted=[SOURCE]), **changes)
    assert not decided(office)
    assert wanted(office) == CONFIRMED
    await office.offer(code(office.code_of(CASE, "code_0")), id_="p")
    verified = office.the(IdentityVerified)
    assert (verified.assurance, verified.proven) == (Assurance.VOUCHED, None)
    assert len(office.facts(IdentityChallenged)) == 1, "one letter, with the code"
    assert office.facts(RequestPaused) == []


async def test_access_that_a_trusted_source_vouches_for_needs_no_step() -> None:
    office = await opened(office=Office(trusted=[SOURCE]), right="access")
    assert office.the(IdentityVerified).assurance is Assurance.VOUCHED
    assert office.facts(IdentityChallenged) == []


async def test_source_that_has_the_person_confirm_counts_if_it_is_listed() -> None:
    office = await opened(office=Office(trusted=[SOURCE], confirming=frozenset({SOURCE})))
    assert office.the(IdentityVerified).assurance is Assurance.VOUCHED


async def test_untrusted_source_that_confirms_proves_nothing() -> None:
    office = await opened(office=Office(confirming=frozenset({SOURCE})))
    assert not decided(office)


async def test_details_that_agree_do_not_erase_without_the_code() -> None:
    office = await opened(proofs=[CLAIM])
    await compared(office, 3)
    assert not decided(office)
    await office.offer(ERASE, id_="e")
    assert not decided(office), "a mailbox that can be mailed to confirms"
    assert reasons(office)[-1] == "not_needed"
    await office.offer(code(office.code_of(CASE, "code_0")), id_="p")
    assert office.the(IdentityVerified)


@pytest.mark.slow
async def test_person_without_a_mailbox_confirms_on_the_page_and_last() -> None:
    office = await opened(subject=UNREACHABLE)
    await office.offer(ERASE, id_="early")
    assert not decided(office)
    await office.offer(CLAIM, ERASE, id_="at-once")
    await compared(office, 3)
    assert not decided(office), "a confirmation that came before the proof does not count"
    assert wanted(office) == CONFIRMED
    await office.offer({**ERASE, "right": "access"}, id_="other")
    assert not decided(office), "it must name the right"
    await office.offer(ERASE, id_="e")
    assert office.the(IdentityVerified).right == "erasure"


async def test_staff_decides_on_the_identity_and_the_person_confirms() -> None:
    office = await opened()
    await office.wait(timedelta(hours=1))
    yes = IdentityDecided(
        request_id=CASE, verified=True, by="dana.muster", reason="looked_at", identities=("email",)
    )
    await office.tell(yes, service="command")
    assert not decided(office)
    assert wanted(office) == CONFIRMED
    await office.offer(ERASE, id_="e")
    verified = office.the(IdentityVerified)
    assert verified.reasons == ("decided_by_staff", "looked_at")
    assert verified.proven == ("email",)


async def test_erasure_that_is_never_confirmed_lapses() -> None:
    office = await opened(office=Office(trusted=[SOURCE]))
    assert [name for _, name in office.timers.moments] == ["proof_lapse_20260401220000", "proof_reminder_1"]
    assert office.facts(ProofRefused) == []
