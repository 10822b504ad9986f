"""Rights exercised by the Data Rights Protocol: what is taken, refused, kept apart and taken back."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.intake.channels.drp.messages import IMPERSONAL, message_in
from services.intake.channels.drp.service import MESSAGE, REVOCATION
from services.intake.domain import RequestLodged
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    Evidence,
    IdentityVerified,
    Outcome,
    Requester,
    RequestFulfilled,
    RequestReceived,
    RequestSubmitted,
    RequestWithdrawn,
)
from shared.errors import StoreUnavailable
from shared.law import Regulation, Right, end_of
from tests.unit.agents import PERSON, REQUESTS, ROOT, Calling, assert_error, calling, desk_of, flipped
from tests.unit.fakes import NOW, PRACTICE, Office

ONE_MS = timedelta(milliseconds=1)
UNKNOWN = "0" * 32


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[Calling]:
    async with calling(Office(trusted={"drp/AGENT_ONE"})) as agent:
        await agent.set_up()
        yield agent


@pytest_asyncio.fixture(scope="module")
async def refused() -> AsyncIterator[Calling]:
    """An agent with refused calls, so that one is enough."""
    async with calling(Office()) as agent:
        await agent.set_up()
        yield agent


@pytest_asyncio.fixture(scope="module")
async def proven() -> AsyncIterator[tuple[Calling, str]]:
    """An agent, and a request of which it is proven who asks."""
    async with calling(Office(trusted={"drp/AGENT_ONE"})) as agent:
        await agent.set_up()
        made = await agent.made()
        assert agent.office.the(IdentityVerified).request_id == made
        yield agent, made


@pytest_asyncio.fixture(scope="module")
async def unproven() -> AsyncIterator[tuple[Calling, str]]:
    """An agent, and a request that could be revoked, and is not."""
    async with calling(Office()) as agent:
        await agent.set_up()
        yield agent, await agent.made()


def submission(agent: Calling, request_id: str) -> RequestSubmitted:
    return RequestSubmitted.model_validate_json(agent.office.sealed(request_id)[SUBMISSION])


def dated(agent: Calling, **times: timedelta) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in agent.times(**times).items()}


# --- what is taken ---------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_signed_request_becomes_a_case_and_is_answered_at_once(agent: Calling) -> None:
    answer = await agent.exercise(agent_request_id="their-7")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    page = answer.json()
    assert page == {
        "request_id": page["request_id"],
        "agent_request_id": "their-7",
        "status": "open",
        "reason": None,
        "received_at": "2026-03-05T09:30:00.000+00:00",
        "expected_by": page["expected_by"],
        "processing_details": None,
    }
    await agent.office.work()
    received = agent.office.the(RequestReceived)
    assert received.request_id == page["request_id"]
    assert (received.right, received.regulation) == (Right.ERASURE, Regulation.CCPA)
    assert (received.requester, received.source) == (Requester.AGENT, "drp/AGENT_ONE")
    assert received.received_at == NOW
    assert (await agent.status(page["request_id"]))["expected_by"] == page["expected_by"]
    due = end_of(received.due_on, PRACTICE.zone) - timedelta(seconds=1)
    assert datetime.fromisoformat(page["expected_by"]) == due


@pytest.mark.slow
async def test_the_time_to_answer_runs_from_when_the_agent_wrote_and_never_from_the_future(
    agent: Calling,
) -> None:
    for minutes, received in ((-5, NOW - timedelta(minutes=5)), (1, NOW)):
        times = dated(agent, issued=timedelta(minutes=minutes))
        made = await agent.made(**times)
        page = await agent.status(made)
        assert agent.office.facts(RequestReceived)[-1].received_at == received
        assert datetime.fromisoformat(page["received_at"]) == received


async def test_the_agents_claims_are_sealed_as_any_request(agent: Calling) -> None:
    made = submission(agent, await agent.made(power_of_attorney="poa-12"))
    subject, asking = made.subject, made.agent
    assert subject.name == "Ottilie Quastenflosser"
    assert (subject.email, subject.phone) == (PERSON["email"], PERSON["phone_number"])
    assert subject.postal_address is not None
    assert subject.postal_address.lines == ("1 Example Road",)
    assert subject.postal_address.city == "Sacramento"
    assert asking is not None
    assert (asking.name, asking.email) == ("Agency One", "people@one.agency.example")
    assert "Data Rights Protocol 1.0" in asking.permission
    assert asking.permission.endswith("Power of attorney: poa-12")


async def test_the_signed_bytes_are_kept_sealed_as_they_came(agent: Calling) -> None:
    body = agent.signed(agent.exercise_message())
    page = (await agent.exercise(body)).json()
    assert agent.office.sealed(page["request_id"])[MESSAGE] == body


async def test_no_event_names_the_person(agent: Calling) -> None:
    await agent.made()
    reported = b"".join(message.body for message in agent.office.broker.published)
    for word in ("ottilie", "quastenflosser", "5550147", "Example Road", "94203"):
        assert word.encode() not in reported
    assert agent.office.the(RequestLodged).attested == (Evidence.PERMISSION, Evidence.MAILBOX)


@pytest.mark.parametrize("regime", ["ccpa", "voluntary", None])
@pytest.mark.parametrize(
    ("exercise", "right"),
    [
        ("deletion", Right.ERASURE),
        ("access", Right.ACCESS),
        ("access:specific", Right.ACCESS),
        ("access:categories", Right.KNOW_CATEGORIES),
        ("sale:opt-out", Right.OPT_OUT_OF_SALE),
        ("sale:opt_out", Right.OPT_OUT_OF_SALE),
    ],
)
async def test_every_right_is_taken_under_every_regime(
    agent: Calling, exercise: str, right: Right, regime: str | None
) -> None:
    page = (await agent.exercise(exercise=exercise, regime=regime)).json()
    assert (page["status"], page["reason"]) == ("open", None)
    await agent.office.work()
    received = agent.office.the(RequestReceived)
    assert received.right is right
    assert (received.regulation is Regulation.CCPA) is (regime == "ccpa")


@pytest.mark.parametrize("exercise", ["sale:opt-in", "sale:opt_in"])
async def test_to_opt_in_again_is_denied_and_stays_so(agent: Calling, exercise: str) -> None:
    page = (await agent.exercise(exercise=exercise, agent_request_id="their-8")).json()
    assert page["agent_request_id"] == "their-8"
    assert (page["status"], page["reason"]) == ("denied", "claim_not_covered")
    assert page["processing_details"]
    await agent.office.work()
    assert await agent.status(page["request_id"]) == page
    assert not agent.office.facts(RequestLodged)
    assert_error(await agent.revoke(page["request_id"]), 409, fatal=False)
    # No case ends with which it would be destroyed: so nothing of the person is kept.
    (kept,) = agent.office.sealed(page["request_id"]).values()
    assert set(json.loads(message_in(kept))) <= IMPERSONAL


async def test_a_path_with_a_slash_is_the_same_call_and_no_redirect(agent: Calling) -> None:
    body = agent.signed(agent.exercise_message())
    answer = await agent.post(f"{REQUESTS}/", body, agent.bearer)
    assert answer.status_code == 200
    assert (await agent.exercise(body)).json() == answer.json()


async def test_the_type_that_a_body_is_said_to_have_does_not_matter(agent: Calling) -> None:
    for number, type_ in enumerate(("text/plain; charset=utf-8", "application/json", "")):
        headers = agent.bearer | ({"Content-Type": type_} if type_ else {})
        body = agent.signed(agent.exercise_message(agent_request_id=str(number)))
        answer = await agent.http.post(REQUESTS, content=body, headers=headers)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("claims", "attested"),
    [
        ({}, (Evidence.PERMISSION, Evidence.MAILBOX)),
        ({"email_verified": False}, (Evidence.PERMISSION,)),
        ({"email_verified": None}, (Evidence.PERMISSION,)),
        ({"email": None}, (Evidence.PERMISSION,)),
        ({"email": " "}, (Evidence.PERMISSION,)),
    ],
    ids=["mailbox verified", "not verified", "not said", "no mailbox", "blank"],
)
async def test_only_a_mailbox_that_the_agent_has_verified_is_attested(
    agent: Calling, claims: dict[str, Any], attested: tuple[Evidence, ...]
) -> None:
    await agent.made(**claims)
    assert agent.office.the(RequestReceived).attested == attested


# --- what is refused -------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[int, bool, Callable[[Calling], bytes]]] = {
    "not base64": (400, True, lambda a: a.signed(a.exercise_message())[:-3] + b"!!!"),
    "empty": (403, False, lambda _: b""),
    "not signed": (403, False, lambda _: base64.b64encode(b'{"agent-id": "AGENT_ONE"}')),
    "a bit flipped": (403, False, lambda a: flipped(a.signed(a.exercise_message()))),
    "signed by a stranger": (403, False, lambda a: a.signed(a.exercise_message(), by="STRANGER")),
    "signed by another agent": (403, False, lambda a: a.signed(a.exercise_message(), by="TWO")),
    "another agent's": (403, True, lambda a: a.signed(a.exercise_message(agent_id="AGENT_TWO"))),
    "nobody's": (403, True, lambda a: a.signed(a.exercise_message(agent_id=None))),
    "for another business": (403, True, lambda a: a.signed(a.exercise_message(business_id="ANOTHER"))),
    "for no business": (403, True, lambda a: a.signed(a.exercise_message(business_id=None))),
    "too early": (
        403, False, lambda a: a.signed(a.exercise_message(**dated(a, issued=timedelta(minutes=1) + ONE_MS)))
    ),
    "too late": (
        403, True, lambda a: a.signed(a.exercise_message(**dated(a, issued=timedelta(minutes=-15) - ONE_MS)))
    ),
    "good for too long": (
        403, True, lambda a: a.signed(a.exercise_message(**dated(a, lasts=timedelta(hours=2))))
    ),
    "without times": (400, True, lambda a: a.signed(a.exercise_message(issued_at=None))),
    "of another version": (400, True, lambda a: a.signed(a.exercise_message(version="0.9.3"))),
    "of no version": (400, True, lambda a: a.signed(a.exercise_message(version=None))),
    "no object": (400, True, lambda a: a.signed([1])),
    "no JSON": (400, True, lambda a: a.signed(b"{")),
    "of no right": (400, True, lambda a: a.signed(a.exercise_message(exercise=None))),
    "of an unknown right": (400, True, lambda a: a.signed(a.exercise_message(exercise="portability"))),
    "of several rights": (400, True, lambda a: a.signed(a.exercise_message(exercise=["deletion"]))),
    "with a name that is none": (400, True, lambda a: a.signed(a.exercise_message(name={"first": "O"}))),
    "with a name too long": (400, True, lambda a: a.signed(a.exercise_message(name="x" * 501))),
    "with a mailbox that is none": (400, True, lambda a: a.signed(a.exercise_message(email="nobody"))),
    "with a doubtful yes": (400, True, lambda a: a.signed(a.exercise_message(email_verified="true"))),
    "with an address in a line": (400, True, lambda a: a.signed(a.exercise_message(address="1 Road"))),
    "with a callback in clear": (
        400, True, lambda a: a.signed(a.exercise_message(status_callback="http://agency.example/"))
    ),
    "with a callback that has a password in it": (
        400, True, lambda a: a.signed(a.exercise_message(status_callback="https://user:pw@agency.example/"))
    ),
    "with a callback to no host": (
        400, True, lambda a: a.signed(a.exercise_message(status_callback="https://["))
    ),
    "with a callback to a file": (
        400, True, lambda a: a.signed(a.exercise_message(status_callback="file:///etc/passwd"))
    ),
    "too large": (413, False, lambda a: a.signed(a.exercise_message(padding="x" * 100_000))),
    "far too large": (413, False, lambda _: b"A" * 3_000_000),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
async def test_every_faulty_request_is_an_error_that_says_nothing_of_the_person(
    refused: Calling, fault: str
) -> None:
    status, fatal, body = REFUSED[fault]
    answer = await refused.exercise(body(refused))
    assert_error(answer, status, fatal=fatal)
    for word in ("ottilie", "Quastenflosser", "5550147", "nobody", "1 Road"):
        assert word not in answer.text
    await refused.office.work()
    assert refused.office.events() == []
    assert refused.office.vault.items == {}


async def test_the_signature_is_checked_before_anything_is_read(agent: Calling) -> None:
    """The order is the protocol's: an unsigned message gets no other error."""
    body = agent.signed(agent.exercise_message(agent_id="AGENT_TWO", exercise="nothing"), by="TWO")
    assert "signed" in assert_error(await agent.exercise(body), 403, fatal=False)["message"]
    late = dated(agent, issued=timedelta(hours=-2))
    for wrong, said in (
        ({"agent_id": "AGENT_TWO", "business_id": "ANOTHER"}, "agent-id"),
        ({"business_id": "ANOTHER"}, "business-id"),
        ({}, "expires-at"),
    ):
        answer = await agent.exercise(
            agent.signed(agent.exercise_message(exercise="nothing", **wrong, **late))
        )
        assert assert_error(answer, 403, fatal=True)["message"].startswith(said)


async def test_while_a_part_is_away_the_agent_may_try_the_same_again() -> None:
    office = Office()
    desk = desk_of(office)
    async with calling(office, desk=desk) as agent:
        await agent.set_up()
        body = agent.signed(agent.exercise_message())
        office.journals["intake"].refuses.append(StoreUnavailable("away"))
        answer = await agent.exercise(body)
        assert_error(answer, 503, fatal=False)
        assert answer.headers["retry-after"]
    async with calling(office, desk=desk) as again:
        again.token = agent.token
        made = (await again.exercise(body)).json()["request_id"]
        await office.work()
    assert office.the(RequestReceived).request_id == made


# --- what comes again ------------------------------------------------------------------------------------


async def test_a_message_that_comes_again_is_the_same_request_again(agent: Calling) -> None:
    body = agent.signed(agent.exercise_message())
    first = (await agent.exercise(body)).json()
    again = (await agent.exercise(body)).json()
    await agent.office.work()
    once_more = (await agent.exercise(body)).json()
    await agent.office.work()
    assert first["request_id"] == again["request_id"] == once_more["request_id"]
    assert once_more["status"] == (await agent.status(first["request_id"]))["status"]
    assert len(agent.office.facts(RequestReceived)) == 1
    assert len(agent.office.vault.items) == 1


async def test_a_message_spelt_in_another_base64_is_the_same_message(agent: Calling) -> None:
    message = json.dumps(agent.exercise_message()).encode()
    body = next(one for n in range(3) if (one := agent.signed(message + b" " * n)).endswith(b"="))
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = len(body.rstrip(b"=")) - 1
    other = body[:last] + digits[digits.index(body[last]) + 1 :][:1] + body[last + 1 :]
    assert other != body
    assert base64.b64decode(other) == base64.b64decode(body)
    first, second = [(await agent.exercise(one)).json()["request_id"] for one in (body, other)]
    assert first == second


async def test_a_message_does_not_come_again_once_it_is_late(agent: Calling) -> None:
    body = agent.signed(agent.exercise_message())
    assert (await agent.exercise(body)).status_code == 200
    agent.office.clock.move(timedelta(minutes=15) + ONE_MS)
    assert_error(await agent.exercise(body), 403, fatal=True)


async def test_two_messages_of_one_number_are_two_requests(agent: Calling) -> None:
    """An agent's name for a request is its own, and need not be unique."""
    first = (await agent.exercise(agent_request_id="7")).json()
    second = (await agent.exercise(agent_request_id="7", exercise="access")).json()
    assert first["request_id"] != second["request_id"]
    assert first["agent_request_id"] == second["agent_request_id"] == "7"


# --- who may see and do what -------------------------------------------------------------------------------


async def test_no_agent_sees_or_revokes_anothers_requests(agent: Calling) -> None:
    made = await agent.made()
    two = Calling(agent.office, agent.http, "TWO")
    await two.set_up()
    before = len(agent.office.events())
    assert_error(await two.http.get(f"{REQUESTS}/{made}", headers=two.bearer), 403, fatal=False)
    assert_error(await two.revoke(made), 403, fatal=False)
    await agent.office.work()
    assert len(agent.office.events()) == before
    assert (await agent.status(made))["status"] != "revoked"


async def test_equal_messages_of_two_agents_are_two_requests(agent: Calling) -> None:
    two = Calling(agent.office, agent.http, "TWO")
    await two.set_up()
    assert await agent.made() != await two.made()


async def test_another_agents_message_is_refused_although_it_is_signed(agent: Calling) -> None:
    two = Calling(agent.office, agent.http, "TWO")
    await two.set_up()
    assert_error(await two.exercise(agent.signed(agent.exercise_message())), 403, fatal=False)


@pytest.mark.slow
@pytest.mark.parametrize("request_id", [UNKNOWN, "nobody", "..%2Fagent", "x" * 300])
async def test_an_unknown_request_is_not_found(refused: Calling, request_id: str) -> None:
    answer = await refused.http.get(f"{REQUESTS}/{request_id}", headers=refused.bearer)
    assert_error(answer, 404, fatal=False)
    assert_error(await refused.revoke(request_id), 404, fatal=False)


async def test_requests_of_others_are_refused_to_agents(agent: Calling) -> None:
    form = {"right": "access", "subject": {"email": "somebody@example.org"}, "reference": "r-9"}
    lodged = (await agent.http.post("/v1/requests", json=form)).json()["id"]
    await agent.office.work()
    assert_error(await agent.http.get(f"{REQUESTS}/{lodged}", headers=agent.bearer), 404, fatal=False)
    assert_error(await agent.revoke(lodged), 404, fatal=False)


# --- taking back -----------------------------------------------------------------------------------------


async def test_a_revoked_request_is_withdrawn_and_says_so_at_once(agent: Calling) -> None:
    made = await agent.made(exercise="access")
    body = agent.signed({"reason": "changed their mind"})
    answer = await agent.revoke(made, body)
    assert (answer.status_code, answer.json()["status"]) == (200, "revoked")
    assert (await agent.status(made))["status"] == "revoked"
    await agent.office.work()
    assert agent.office.the(RequestWithdrawn).request_id == made
    assert (await agent.status(made))["status"] == "revoked"
    assert agent.office.sealed(made)[REVOCATION] == body


async def test_a_request_can_be_revoked_before_the_register_has_heard_of_it(agent: Calling) -> None:
    made = (await agent.exercise(exercise="access")).json()["request_id"]
    assert (await agent.revoke(made)).json()["status"] == "revoked"
    await agent.office.work()
    await agent.office.wait(timedelta(minutes=1))
    assert agent.office.the(RequestWithdrawn).request_id == made
    assert (await agent.status(made))["status"] == "revoked"


async def test_revocation_may_state_its_claims(agent: Calling) -> None:
    made = await agent.made(exercise="access")
    assert (await agent.revoke(made, agent.signed(agent.set_up_message()))).json()["status"] == "revoked"


async def test_revoking_twice_is_revoking_once(agent: Calling) -> None:
    made = await agent.made(exercise="access")
    for _ in range(2):
        assert (await agent.revoke(made, agent.signed({}))).json()["status"] == "revoked"
        await agent.office.work()
    assert len(agent.office.facts(RequestWithdrawn)) == 1


BAD_REVOCATIONS: dict[str, tuple[int, bool, Callable[[Calling], bytes]]] = {
    "empty": (403, False, lambda _: b""),
    "not base64": (400, True, lambda _: b"{}"),
    "not signed": (403, False, lambda _: base64.b64encode(b"{}")),
    "signed by another agent": (403, False, lambda a: a.signed({}, by="TWO")),
    "no object": (400, True, lambda a: a.signed("revoke")),
    "agent-id of another": (403, True, lambda a: a.signed({"agent-id": "TWO"})),
    "agent-id null": (403, True, lambda a: a.signed({"agent-id": None})),
    "business-id of another": (403, True, lambda a: a.signed({"business-id": "ANOTHER"})),
    "issued in the future": (403, False, lambda a: a.signed({"issued-at": "2126-01-01T00:00:00Z"})),
    "expired": (403, True, lambda a: a.signed({"expires-at": "2020-01-01T00:00:00Z"})),
    "time without zone": (400, True, lambda a: a.signed({"issued-at": "2020-01-01T00:00:00"})),
    "another version": (400, True, lambda a: a.signed({"drp.version": "0.9"})),
}


@pytest.mark.parametrize("fault", BAD_REVOCATIONS)
async def test_a_refused_revocation_changes_nothing(unproven: tuple[Calling, str], fault: str) -> None:
    agent, made = unproven
    before = await agent.status(made)
    status, fatal, body = BAD_REVOCATIONS[fault]
    assert_error(await agent.revoke(made, body(agent)), status, fatal=fatal)
    await agent.office.work()
    assert await agent.status(made) == before
    assert not agent.office.facts(RequestWithdrawn)


async def test_an_answered_request_cannot_be_revoked(agent: Calling) -> None:
    made = await agent.made()
    fulfilled = RequestFulfilled(
        request_id=made,
        right=Right.ERASURE,
        outcome=Outcome.GRANTED,
        answer="answer",
        certificate="certificate",
    )
    await agent.office.tell(fulfilled)
    before = await agent.status(made)
    assert before["status"] == "fulfilled"
    assert_error(await agent.revoke(made), 409, fatal=False)
    await agent.office.work()
    assert await agent.status(made) == before
    assert not agent.office.facts(RequestWithdrawn)


async def test_too_many_revocations_are_put_off(agent: Calling) -> None:
    made = await agent.made(exercise="access")
    agent.office.requests.acts.per_hour = 0
    answer = await agent.revoke(made)
    assert_error(answer, 429, fatal=False)
    assert answer.headers["retry-after"] == "3600"
    assert REVOCATION not in agent.office.sealed(made)


# --- proving who asks --------------------------------------------------------------------------------------


async def test_person_with_missing_proof_is_redirected_to_the_page(agent: Calling) -> None:
    made = await agent.made(exercise="access")
    page = await agent.status(made)
    assert (page["status"], page["reason"]) == ("in_progress", "need_user_verification")
    assert page["expires_at"] > page["received_at"]
    url = page["user_verification_url"]
    assert url == f"{ROOT}/drp/v1/verification/{made}"
    back = "https://one.agency.example/done?x=1"
    answer = await agent.http.get(url, params={"request_id": made, "redirect_to": back})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ROOT}/requests/{made}")


@pytest.mark.parametrize(
    ("back", "followed"),
    [
        ("https://one.agency.example/done?x=1", True),
        ("https://two.agency.example/done", False),
        ("http://one.agency.example/done", False),
        ("https://one.agency.example@evil.example/", False),
        ("//evil.example", False),
        ("https://[", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
async def test_after_the_proof_the_person_is_redirected_to_the_agents_site_alone(
    proven: tuple[Calling, str], back: str, followed: bool
) -> None:
    agent, made = proven
    answer = await agent.http.get(
        f"/drp/v1/verification/{made}", params={"request_id": made, "redirect_to": back}
    )
    assert answer.headers["location"] == (back if followed else f"{ROOT}/requests/{made}")


@pytest.mark.slow
async def test_without_a_proof_the_person_is_not_redirected_even_after_the_end(agent: Calling) -> None:
    made = await agent.made(exercise="access")
    await agent.revoke(made)
    await agent.office.work()
    back = {"redirect_to": "https://one.agency.example/done"}
    answer = await agent.http.get(f"/drp/v1/verification/{made}", params=back)
    assert answer.headers["location"] == f"{ROOT}/requests/{made}"


async def test_an_address_to_prove_it_at_is_one_requests_alone(proven: tuple[Calling, str]) -> None:
    agent, made = proven
    url = f"/drp/v1/verification/{made}"
    assert_error(await agent.http.get(url, params={"request_id": UNKNOWN}), 404, fatal=False)
    assert_error(await agent.http.get(f"/drp/v1/verification/{UNKNOWN}"), 404, fatal=False)


async def test_unused_fields_may_hold_anything() -> None:
    async with calling(Office(trusted={"drp/AGENT_ONE"})) as agent:
        await agent.set_up()
        odd: object
        for odd in ([""], "customer", 7, [{}]):
            assert (await agent.exercise(relationships=odd)).status_code == 200
