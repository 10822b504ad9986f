"""Decisions of clients that work for the privacy staff, and their errors."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.intake.channels.fides.bodies import spelt
from shared.contract.events import (
    DecisionRefused,
    ErasureApproved,
    ErasurePlanned,
    IdentityDecided,
    IdentityRefused,
    IdentityReviewNeeded,
    IdentityVerified,
    LetterKind,
    NoticeSent,
    Outcome,
    RequestFulfilled,
    RequestWithdrawn,
    StaffRole,
    WithdrawalDecided,
)
from shared.contract.staff import StaffAccount, public_bytes, signature_fits
from shared.errors import BrokerUnavailable
from shared.law import Regulation, Right
from shared.runtime.journal import NotedFact
from tests.unit.fakes import AbsentBroker, Office
from tests.unit.fides_clients import Calling, assert_detail, calling, hex_of


@pytest.fixture
async def client() -> AsyncIterator[Calling]:
    async with calling(Office()) as client:
        await client.log_in("reviewers")
        yield client


async def decided(client: Calling, what: str, body: Any) -> dict[str, Any]:
    answer = await client.call("PATCH", f"/privacy-request/administrate/{what}", body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def in_review(client: Calling, **changes: Any) -> str:
    """Return a request in which the staff must look at a proof."""
    name = await client.made(**changes)
    needed = IdentityReviewNeeded(request_id=hex_of(name), reasons=("unclear",))
    await client.office.tell(needed, service="verifier")
    assert (await client.shown(name))["status"] == "pending"
    return name


async def planned(client: Calling, *, approval: bool = True, approvers: int = 1) -> str:
    """Return a request with an erasure that waits for a second person."""
    name = await client.made(policy_key="default_erasure_policy")
    code = client.code_of(name)
    await client.call("POST", f"/privacy-request/{name}/verify", {"code": code})
    plan = ErasurePlanned(
        request_id=hex_of(name),
        plan="plan",
        regulation=Regulation.GDPR,
        received_on=client.office.clock().date(),
        approval=approval,
        approvers=approvers,
    )
    await client.office.tell(plan)
    return name


@pytest.mark.slow
async def test_an_approval_decides_the_identity_if_the_staff_has_to(client: Calling) -> None:
    name = await in_review(client)
    found = await decided(client, "approve", {"request_ids": [name]})
    assert found["failed"] == []
    (shown,) = found["succeeded"]
    assert (shown["id"], shown["status"]) == (name, "in_processing")
    assert shown["reviewed_at"]
    fact = client.office.the(IdentityDecided)
    assert (fact.verified, fact.by, fact.identities) == (True, "fides.reviewers", ("email",))
    assert client.office.the(IdentityVerified).proven == ("email",)


async def test_an_approval_is_for_the_mailbox_and_for_no_number_beside_it(client: Calling) -> None:
    await decided(
        client,
        "approve",
        [await in_review(client, identity={"email": "o@example.org", "external_id": "of somebody else"})],
    )
    assert client.office.the(IdentityVerified).proven == ("email",)


@pytest.mark.slow
async def test_where_there_is_no_mailbox_an_approval_is_for_what_is_named(client: Calling) -> None:
    names = [
        await in_review(client, identity={"phone_number": "+14155550147", "external_id": "7"}),
        await in_review(client, identity={"external_id": "7", "loyalty": {"label": "L", "value": "8"}}),
    ]
    await decided(client, "approve", names)
    assert [fact.identities for fact in client.office.facts(IdentityDecided)] == [
        ("phone_number",),
        ("external_id", "loyalty"),
    ]


async def test_an_approval_lets_a_planned_erasure_go_on(client: Calling) -> None:
    name = await planned(client)
    assert (await client.shown(name))["status"] == "pending"
    (shown,) = (await decided(client, "approve", [name]))["succeeded"]
    assert shown["status"] == "in_processing"
    assert client.office.the(ErasureApproved).by == "fides.reviewers"
    again = await decided(client, "approve", [name])
    assert "Cannot transition status" in again["failed"][0]["message"]
    assert again["failed"][0]["data"]["id"] == name


async def test_an_erasure_without_approval_needed_is_not_approved(client: Calling) -> None:
    name = await planned(client, approval=False)
    found = await decided(client, "approve", [name])
    assert (found["succeeded"], len(found["failed"])) == ([], 1)
    assert not client.office.facts(ErasureApproved)


@pytest.mark.slow
async def test_an_erasure_that_was_taken_back_is_not_approved(client: Calling) -> None:
    name = await planned(client)
    await decided(client, "cancel", [name])
    assert (await decided(client, "approve", [name]))["succeeded"] == []
    assert not client.office.facts(ErasureApproved)


async def test_an_unproven_identity_cannot_be_approved(client: Calling) -> None:
    name = await client.made()
    found = await decided(client, "approve", {"request_ids": [name, "bad_id", spelt("0" * 32)]})
    assert found["succeeded"] == []
    own, *unknown = found["failed"]
    assert "identity_unverified" in own["message"]
    assert [one["data"] for one in unknown] == [
        {"privacy_request_id": "bad_id"},
        {"privacy_request_id": spelt("0" * 32)},
    ]
    assert not client.office.facts(IdentityDecided)


async def test_a_denial_states_that_the_identity_is_not_established(client: Calling) -> None:
    name = await client.made()
    found = await decided(client, "deny", {"request_ids": [name]})
    assert found["succeeded"][0]["status"] == "denied"
    assert client.office.the(IdentityRefused).reasons == ("identity_not_established",)
    again = await decided(client, "deny", {"request_ids": [name]})
    assert "Cannot transition status" in again["failed"][0]["message"]


async def test_a_denial_has_a_reason_for_the_person(client: Calling) -> None:
    name = await client.made()
    words = await decided(client, "deny", {"request_ids": [name], "reason": "not a customer"})
    assert "proof_not_convincing" in words["failed"][0]["message"]
    await decided(client, "deny", {"request_ids": [name], "reason": "proof_not_convincing"})
    assert client.office.the(IdentityRefused).reasons == ("proof_not_convincing",)


async def test_a_verified_request_cannot_be_denied(client: Calling) -> None:
    name = await planned(client)
    assert (await decided(client, "deny", [name]))["succeeded"] == []
    assert not client.office.facts(IdentityDecided)


@pytest.mark.slow
async def test_a_request_can_be_taken_back_until_it_is_answered(client: Calling) -> None:
    name = await client.made()
    found = await decided(client, "cancel", {"request_ids": [name, name], "reason": "asked by phone"})
    assert [one["status"] for one in found["succeeded"]] == ["canceled"]
    assert client.office.the(RequestWithdrawn).request_id == hex_of(name)
    assert client.office.the(WithdrawalDecided).by == "fides.reviewers"
    other = await planned(client, approval=False)
    done = RequestFulfilled(
        request_id=hex_of(other), right=Right.ERASURE, outcome=Outcome.GRANTED, answer="answer"
    )
    await client.office.tell(done)
    late = await decided(client, "cancel", [other])
    assert "too late" in late["failed"][0]["message"]
    assert late["failed"][0]["data"]["status"] == "complete"


async def test_disabled_account_cancels_nothing_and_the_refusal_names_it(client: Calling) -> None:
    name = await client.made()
    client.office.staff.against = "account_disabled"
    await decided(client, "cancel", [name])
    assert not client.office.facts(RequestWithdrawn)
    refused = client.office.the(DecisionRefused)
    assert (refused.account, refused.reason) == ("fides.reviewers", "account_disabled")


async def test_cancellation_that_crosses_the_answer_is_refused(client: Calling) -> None:
    name = await planned(client, approval=False)
    done = RequestFulfilled(
        request_id=hex_of(name), right=Right.ERASURE, outcome=Outcome.GRANTED, answer="answer"
    )
    await client.office.tell(done, WithdrawalDecided(request_id=hex_of(name), by="fides.reviewers"))
    assert not client.office.facts(RequestWithdrawn)
    assert client.office.the(DecisionRefused).reason == "too_late_to_withdraw"


async def test_letter_that_was_sent_meanwhile_is_not_taken_for_the_effect_of_a_decision(
    client: Calling,
) -> None:
    office, name = client.office, await client.made()
    letter = NoticeSent(request_id=hex_of(name), letter=LetterKind.ACKNOWLEDGEMENT)
    effects = [office.journals["intake"].note([NotedFact(hex_of(name), "sent", letter, office.clock())])]

    async def pause() -> None:
        await (effects.pop() if effects else office.work())

    object.__setattr__(client.desk, "pause", pause)
    (shown,) = (await decided(client, "deny", [name]))["succeeded"]
    assert (shown["status"], effects) == ("denied", [])


async def test_first_of_two_approvals_is_answered_without_waiting_for_the_second(client: Calling) -> None:
    name = await planned(client, approvers=2)
    looks: list[None] = []

    async def pause() -> None:
        looks.append(None)
        await client.office.work()

    object.__setattr__(client.desk, "pause", pause)
    (shown,) = (await decided(client, "approve", [name]))["succeeded"]
    assert (shown["status"], len(looks)) == ("pending", 1)


@pytest.mark.slow
async def test_a_decision_by_filter_can_exclude_requests(client: Calling) -> None:
    names = []
    for number in range(5):
        names.append(await client.made(identity={"email": f"{number}@example.org"}))
        await client.office.wait(timedelta(minutes=1))
    opted = await client.made(policy_key="leave_me")
    body = {"filters": {"status": ["identity_unverified"]}, "exclude_ids": [names[2]]}
    found = await decided(client, "deny", body)
    assert {one["id"] for one in found["succeeded"]} == {*names} - {names[2]}
    assert (await client.shown(opted))["status"] == "in_processing"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param([], id="an empty list"),
        pytest.param({"request_ids": []}, id="no ids"),
        pytest.param({"request_ids": ["pri_1"], "filters": {}}, id="ids and filters"),
        pytest.param({"request_ids": ["pri_1"], "exclude_ids": ["pri_2"]}, id="ids but for some"),
        pytest.param("pri_1", id="one id"),
        pytest.param({"filters": {"odd": 1}}, id="a filter that there is not"),
        pytest.param({"filters": {}}, id="no filter"),
        pytest.param({"filters": {"verbose": True, "sort_direction": "asc"}}, id="only how it is shown"),
        pytest.param({"filters": {"request_id": "", "identities": {}}}, id="empty filters"),
    ],
)
async def test_a_decision_must_name_its_requests(client: Calling, body: Any) -> None:
    answer = await client.call("PATCH", "/privacy-request/administrate/approve", body)
    assert answer.status_code == 422


async def test_without_a_broker_each_decision_fails_with_a_reason(client: Calling) -> None:
    name = await client.made()
    object.__setattr__(client.office.requests, "publisher", AbsentBroker())
    with pytest.raises(BrokerUnavailable):
        await client.office.requests.publisher.publish([])
    found = await decided(client, "deny", [name])
    assert found["succeeded"] == []
    assert "does not answer" in found["failed"][0]["message"]


async def test_two_clients_with_one_account_are_one_decider() -> None:
    office = Office(four_eyes=True)
    async with calling(office) as client:
        await client.log_in("reviewers")
        name = await in_review(client)
        await decided(client, "approve", [name])
        await client.log_in("scripts")
        (shown,) = (await decided(client, "approve", [name]))["succeeded"]
        assert shown["status"] == "pending"
        assert [fact.reason for fact in office.facts(DecisionRefused)] == ["decider_decided_before"]


async def test_client_without_staff_account_decides_nothing(client: Calling) -> None:
    name = await in_review(client)
    await client.log_in("watchers")
    for verb in ("approve", "deny", "cancel"):
        answer = await client.call("PATCH", f"/privacy-request/administrate/{verb}", [name])
        assert "has no staff account" in assert_detail(answer, 403)
    await client.office.work()
    assert not client.office.facts(IdentityDecided)
    assert not client.office.facts(RequestWithdrawn)
    assert (await client.shown(name))["status"] == "pending"


async def test_decision_of_client_carries_the_signature_of_its_account(client: Calling) -> None:
    await decided(client, "approve", [await in_review(client)])
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    account = StaffAccount("fides.reviewers", frozenset({StaffRole.APPROVER}), public_bytes(key))
    assert signature_fits(client.office.the(IdentityDecided), account)


async def test_only_a_reviewer_decides(client: Calling) -> None:
    name = await client.made()
    for token, status in (("readers", 403), ("", 401)):
        client.token = ""
        if token:
            await client.log_in(token)
        for what in ("approve", "deny", "cancel"):
            answer = await client.call("PATCH", f"/privacy-request/administrate/{what}", [name])
            assert_detail(answer, status)
