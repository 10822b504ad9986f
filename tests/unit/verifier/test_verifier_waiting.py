"""Codes that a mailbox may not be sent yet, and the end that every request has."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain import request_id
from services.verifier.assurance.levels import Sensitivity
from services.verifier.handlers import ALLOWANCE_WINDOW, LAPSE, REMINDER
from shared.contract.codes import LIFETIME
from shared.contract.events import (
    Assurance,
    IdentityChallenged,
    IdentityClaimed,
    IdentityCompared,
    IdentityRefused,
    IdentityReminded,
    IdentityVerified,
    ProofExamined,
    ProofKind,
    ProofPresented,
    ProofRefused,
    RequestPaused,
    TimeCame,
    TokenPresented,
    Verdict,
)
from tests.unit.fakes import NOW, REQUEST_KEY, SOURCE, TARGET_DAY, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
LATER, MUCH_LATER = "code_later_0_0", "code_later_0_1"
"""Moments at which the first code is tried again."""
NEW_CODE = {"kind": "new_code"}
TOKEN = {"kind": "id_token", "token": "aaaa.bbbb.cccc"}
CLAIM = {"kind": "data_points", "points": {"customer_no": "K-7741-Q", "city": "Berlin", "plan": "L"}}
DOCUMENT = {"kind": "document", "slot": "identity", "media_type": "image/jpeg", "content": "/9g="}


async def flooded(**verifying: Any) -> Office:
    """Return an office with a request after all codes of the hour to its mailbox."""
    office = Office(**verifying)
    office.allowances.left = 0
    await office.submit(request())
    return office


async def fire_timer(office: Office, name: str, *, codes: int = 0) -> None:
    """Let the moment *name* come, at which the mailbox may be sent *codes* more."""
    office.allowances.left = codes
    office.clock.now = max(office.clock.now, office.timers.moments[CASE, name])
    await office.tell(TimeCame(request_id=CASE, name=name), service="verifier")


def codes(office: Office) -> list[IdentityChallenged]:
    return [fact for fact in office.facts(IdentityChallenged) if fact.kind is ProofKind.EMAIL_CODE]


# --- a mailbox that was sent too many codes -----------------------------------------------------------


async def test_person_without_further_codes_is_asked_for_other_proof() -> None:
    office = await flooded(logs_in=True)
    challenged = office.the(IdentityChallenged)
    assert (challenged.kind, challenged.ref) == (None, None)
    assert challenged.wanted == (("account",), ("mailbox",))
    assert challenged.expires_at == TARGET_DAY
    assert office.the(ProofRefused).reason == "too_many_codes"


async def test_person_with_delayed_code_can_log_in_instead() -> None:
    office = await flooded(logs_in=True)
    await office.offer(TOKEN, id_="t")
    await examined(office, Verdict.CONVINCING)
    assert office.the(IdentityVerified).assurance is Assurance.ACCOUNT


async def test_a_code_that_has_to_wait_is_mailed_an_hour_later() -> None:
    office = await flooded()
    assert office.timers.moments[CASE, LATER] == NOW + ALLOWANCE_WINDOW
    await fire_timer(office, LATER, codes=1)
    [code] = codes(office)
    assert (code.ref, code.expires_at) == ("code_0", NOW + ALLOWANCE_WINDOW + LIFETIME)
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_0")}, id_="code")
    assert office.the(IdentityVerified).assurance is Assurance.MAILBOX


async def test_a_code_that_has_to_wait_again_waits_longer_and_no_second_letter_is_written() -> None:
    """A flood may not become ours, neither of letters nor of moments that are waited for."""
    office = await flooded()
    await fire_timer(office, LATER)
    assert office.timers.moments[CASE, MUCH_LATER] == NOW + 3 * ALLOWANCE_WINDOW
    assert office.the(IdentityChallenged).kind is None
    await fire_timer(office, MUCH_LATER, codes=1)
    assert len(codes(office)) == 1


async def test_clock_does_not_pause_for_a_code_that_is_not_sent() -> None:
    office = await flooded(sensitivity=Sensitivity.HIGH)
    await office.offer(CLAIM, id_="c")
    await office.compare(IdentityCompared(request_id=CASE, agreed=2, claimed=2, groups=2, private=True))
    assert office.facts(IdentityChallenged)[-1].wanted == (("mailbox",), ("mailbox", "identity_document"))
    assert office.facts(RequestPaused) == []


async def test_person_with_delayed_code_is_reminded_and_then_the_request_lapses() -> None:
    office = await flooded()
    await office.fire(REMINDER, CASE)
    assert office.the(IdentityReminded).wanted == (("mailbox",),)
    await office.fire(LAPSE, CASE)
    assert office.the(IdentityRefused).reasons == ("not_proven_in_time",)


async def test_a_new_code_that_has_to_wait_leaves_the_old_one_and_comes_later() -> None:
    office = Office()
    await office.submit(request())
    office.allowances.left = 0
    await office.offer(NEW_CODE, id_="n")
    assert len(office.facts(IdentityChallenged)) == 1
    await fire_timer(office, "code_later_1_0", codes=1)
    assert [code.ref for code in codes(office)] == ["code_0", "code_1"]


async def test_a_code_that_was_asked_for_and_mailed_meanwhile_is_not_mailed_again() -> None:
    office = await flooded()
    office.allowances.left = 1
    await office.offer(NEW_CODE, id_="n")
    await fire_timer(office, LATER, codes=1)
    assert len(codes(office)) == 1


async def test_after_the_decision_no_code_is_mailed() -> None:
    office = await flooded(logs_in=True)
    await office.offer(TOKEN, id_="t")
    await examined(office, Verdict.CONVINCING)
    await fire_timer(office, LATER, codes=1)
    assert codes(office) == []
    assert office.broker.parked("verifier") == []


async def test_while_a_person_looks_at_a_proof_no_code_is_mailed() -> None:
    office = await flooded(sensitivity=Sensitivity.HIGH)
    await office.offer(DOCUMENT, id_="d")
    await examined(office, Verdict.UNCLEAR, "name_partial")
    await fire_timer(office, LATER, codes=1)
    assert codes(office) == []


async def test_claims_wait_where_the_code_has_to_wait() -> None:
    office = await flooded(sensitivity=Sensitivity.HIGH)
    for number in range(3):
        await office.offer(CLAIM, id_=f"c{number}")
    assert [fact.reason for fact in office.facts(ProofRefused)] == ["too_many_codes"]
    assert office.facts(IdentityClaimed) == []
    assert office.facts(IdentityRefused) == []


# --- the end ------------------------------------------------------------------------------------------


async def examined(office: Office, verdict: Verdict, *reasons: str) -> None:
    """Have the last presented proof examined."""
    presented: list[ProofPresented | TokenPresented] = [
        *office.facts(ProofPresented), *office.facts(TokenPresented),
    ]  # fmt: skip
    fact = ProofExamined(request_id=CASE, proof=presented[-1].proof, verdict=verdict, reasons=reasons)
    await office.tell(fact, service="examiner")


async def claimed(office: Office, *, id_: str) -> None:
    await office.offer(CLAIM, id_=id_)
    await office.compare(IdentityCompared(request_id=CASE, agreed=0, claimed=3))


async def wished(office: Office, *, id_: str) -> None:
    await office.offer(NEW_CODE, id_=id_)


async def guessed(office: Office, *, id_: str) -> None:
    await office.offer({"kind": "email_code", "code": "000000"}, id_=id_)


async def documented(office: Office, *, id_: str) -> None:
    await presented(office, DOCUMENT, id_=id_)


async def logged_in(office: Office, *, id_: str) -> None:
    await presented(office, TOKEN, id_=id_)


async def presented(office: Office, proof: dict[str, str], *, id_: str) -> None:
    before = len(office.facts(ProofPresented)) + len(office.facts(TokenPresented))
    await office.offer(proof, id_=id_)
    if len(office.facts(ProofPresented)) + len(office.facts(TokenPresented)) > before:
        await examined(office, Verdict.REFUSED, "image_blurred")


Deed = Callable[..., Awaitable[None]]
DEEDS: tuple[Deed, ...] = (claimed, wished, guessed, documented, logged_in)
PEOPLE: tuple[dict[str, Any], ...] = (
    {},
    {"residence": {"country": "US", "subdivision": "CA"}},
    {"subject": {"name": "Ottilie Q."}},
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    deeds=st.lists(st.sampled_from(DEEDS), max_size=5),
    left=st.integers(0, 3),
    logs_in=st.booleans(),
    sensitivity=st.sampled_from(Sensitivity),
    person=st.sampled_from(PEOPLE),
)
def test_time_ends_every_request_despite_few_codes(
    deeds: Sequence[Deed], left: int, logs_in: bool, sensitivity: Sensitivity, person: dict[str, Any]
) -> None:
    asyncio.run(_lived_through(deeds, left, Office(logs_in=logs_in, sensitivity=sensitivity), person))


async def _lived_through(deeds: Sequence[Deed], left: int, office: Office, person: dict[str, Any]) -> None:
    office.allowances.left = left
    await office.submit(request(**person))
    for number, deed in enumerate(deeds):
        await deed(office, id_=f"deed {number}")
    heard: set[str] = set()
    while coming := {name: at for (_, name), at in office.timers.moments.items() if name not in heard}:
        name = min(coming, key=coming.__getitem__)
        await fire_timer(office, name)
        heard.add(name)
    assert [event for event in office.events() if isinstance(event, IdentityVerified | IdentityRefused)]
    assert office.broker.parked("verifier") == []
