"""Each decision on a request is offered where it fits, to the accounts that may make it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.console.decisions.bulk_forms import BULK, JointDecision
from services.console.decisions.forms import CaseView, DecisionOffer, InvalidEntry
from services.console.decisions.offers import OFFERS
from services.console.domain import HistoryEntry, row_of
from services.console.http.permissions import WORK_ROLES
from services.console.state import WaitKind
from services.intake.http import letter_previews
from shared.contract import events
from shared.contract.catalogue import catalogue
from shared.contract.events import Decision, Fact
from shared.contract.staff import written_text
from shared.law import Regulation, Right, Role
from shared.vocabulary import (
    DeliveryAction,
    LetterKind,
    Outcome,
    ReferralReason,
    Remedy,
    StaffRole,
    StopReason,
)

CASE, SALT = "ab" * 16, b"s" * 16
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ACCOUNT, OTHER = "dana.muster", "omar.sample"
EVERY = frozenset(StaffRole)
OF_APPROVERS = (
    *("approve-erasure", "approve-correction", "approve-purge", "decide-ground", "answer", "refuse"),
    *("nothing-held", "agree", "grant-appeal", "refuse-appeal", "permit-reading", "revoke-permission"),
    *("reopen", "place-hold", "lift-hold"),
)
ROLES = {"forward": {StaffRole.AGENT}, **{name: {StaffRole.APPROVER} for name in OF_APPROVERS}}
"""Decision → the roles that may make it, if not agents and approvers."""
ELSEWHERE = {
    events.RequestTaken,  # registers a request
    events.ContentOpened,  # opens the content
    events.EvidenceAsked,  # of the command: the content has the proofs
}
ALIASES = events.OfferedAliases(ref="aliases_1", identities=("email",))


def received(right: Right = Right.ACCESS, **more: object) -> events.RequestReceived:
    return events.RequestReceived(
        request_id=CASE,
        right=right,
        regulation=Regulation.GDPR,
        source="shop.example",
        received_at=START,
        received_on=START.date(),
        due_on=date(2026, 4, 2),
        internal_due_on=date(2026, 3, 25),
        country="DE",
        **({"policy": "gdpr@2018-05-25"} | more),
    )


def of_case(kind: type[Fact], **data: object) -> Fact:
    return kind.model_validate({"request_id": CASE, **data})


def fulfilled(right: Right = Right.ACCESS, **more: object) -> Fact:
    return of_case(events.RequestFulfilled, right=right, outcome="granted", answer="answer", **more)


def referred(reason: ReferralReason = ReferralReason.NOTHING_DECLARED) -> Fact:
    return of_case(events.RequestReferred, right=Right.ERASURE, reason=reason)


VERIFIED = of_case(
    events.IdentityVerified,
    right=Right.ACCESS,
    regulation=Regulation.GDPR,
    received_on=START.date(),
    assurance="mailbox",
    reasons=(),
    deciders=(OTHER,),
)
PLANNED = of_case(
    events.ErasurePlanned, plan="plan", regulation="gdpr", received_on=START.date(), approval=True
)
APPEALED = of_case(
    events.AppealReceived,
    remedy=Remedy.APPEAL,
    statement="statement_1",
    received_on=START.date(),
    due_on=date(2026, 4, 2),
    policy="gdpr@2018-05-25",
)
PROPOSED = of_case(events.ReferralDecided, by=OTHER, outcome=Outcome.REFUSED, grounds=("excessive",))
RETURNED = of_case(
    events.NoticeReported, letter=LetterKind.OUTCOME, action=DeliveryAction.FAILED, status="5.1.1"
)
MASKED = events.WithheldValues(category="financial", reason="masked_value", values=2)
CHALLENGED = of_case(events.IdentityChallenged, expires_at=START)
DOUBTED = of_case(events.IdentityReviewNeeded, reasons=("unclear",))
STOPPED = of_case(events.RequestStopped, reason=StopReason.NOT_ME)
ASKED = of_case(
    events.ScopeAsked, asked_at=START, until=START, answer_by=START.date(), due_on=date(2026, 4, 2)
)
MAIL = of_case(events.MessageLodged, message="mail_1", reason="unclear", own=True)
GRANTED = of_case(
    events.PermissionGranted, account=OTHER, until=START + timedelta(days=1), reason="review", by="kim"
)
END_USER = received(role=Role.END_USER)
HELD = of_case(events.HoldPlaced, by=OTHER, hold="ef" * 16, scope="person", matter="claim_7")
UNTOLD = of_case(
    events.RecipientFailed,
    recipient="Mailer",
    notice="n1",
    about="habeas.subject.erased.v1",
    reason="refused",
)
SET_ASIDE = of_case(events.RequestRejected, publisher_source="shop.example", publisher_id=None, errors=())
PURGE = of_case(events.PurgeProposed, collection="shop.orders", day="2026-03-01", version="0" * 64, records=3)
LISTED = of_case(events.PackageReviewNeeded, right=Right.ACCESS, listing="listing_1", records=2)
WHY = {"text": "By telephone."}
NOW_DAY = {"on": "2026-04-20", **WHY}
FITTING: dict[str, tuple[tuple[Fact, ...], dict[str, str]]] = {
    "resume": ((received(), STOPPED), {"text": "The person called: it was their request."}),
    "close": ((received(), STOPPED), WHY),
    "accept-proof": (
        (received(), CHALLENGED, DOUBTED),
        {"reason": "looked_at", "identities": "email phone_number"},
    ),
    "ask-again": ((received(), CHALLENGED, DOUBTED), {"reason": "document_unreadable"}),
    "reopen": ((received(), fulfilled()), {"reason": "new_facts"}),
    "reject-proof": ((received(), CHALLENGED, DOUBTED), {"reason": "proof_not_convincing"}),
    "approve-erasure": ((received(Right.ERASURE), VERIFIED, PLANNED), {}),
    "decide-ground": (
        (received(Right.ERASURE), VERIFIED, referred(ReferralReason.GROUND_CLAIMED)),
        {"ground": "none", **WHY},
    ),
    "record-consent": (
        (received(), fulfilled(erasable=True)),
        {"accepted": "yes", "manner": "telephone"},
    ),
    "review-package": ((received(), VERIFIED, LISTED), {}),
    "agree": ((received(), VERIFIED, referred(), PROPOSED), {}),
    "answer": ((received(), VERIFIED, referred()), {"outcome": "granted", "text": "Done."}),
    "refuse": ((received(), VERIFIED, referred()), {"grounds": "excessive"}),
    "nothing-held": ((received(), VERIFIED, referred()), WHY),
    "grant-appeal": ((received(), fulfilled(), APPEALED), WHY),
    "refuse-appeal": ((received(), fulfilled(), APPEALED), {"text": "The answer was right."}),
    "mail-handled": ((received(), MAIL), {"message": "mail_1", "outcome": "answered"}),
    "notify-recipient": ((received(), UNTOLD), {"recipient": "Mailer"}),
    "recipient-informed": ((received(), UNTOLD), {"recipient": "Mailer"}),
    "submission-handled": ((SET_ASIDE,), {"outcome": "answered"}),
    "approve-purge": ((PURGE,), {}),
    "forward": ((END_USER,), {"name": "A customer", "email": "privacy@customer.example"}),
    "permit-reading": ((END_USER,), {"account": OTHER, "hours": "24", "reason": "forwarding"}),
    "revoke-permission": ((END_USER, GRANTED), {"account": OTHER, **WHY}),
    "pause": ((received(),), {"text": "The person asked us to wait."}),
    "merge": ((received(), CHALLENGED), {"first": "cd" * 16, **WHY}),
    "extend": ((received(),), {"reason": "complexity"}),
    "ask-scope": ((received(),), {"because": "large_quantity"}),
    "record-scope": ((received(), VERIFIED, ASKED), {"text": "orders\ninvoices"}),
    "fee": ((received(), VERIFIED), {"amount": "20,00", "currency": "eur", "reason": "excessive"}),
    "expect": ((received(),), NOW_DAY),
    "withdraw": ((received(),), {"text": "By telephone."}),
    "message": ((received(),), {"text": "Which account do you mean?"}),
    "delivered": ((received(), fulfilled(), RETURNED), {"way": "post"}),
    "approve-correction": (
        (received(Right.RECTIFICATION), VERIFIED, referred(ReferralReason.IDENTITY_CHANGE)),
        WHY,
    ),
    "confirm-alias": ((received(), fulfilled(aliases=ALIASES)), {"alias": "aliases_1:1", **WHY}),
    "release-values": ((received(), fulfilled(withheld=(MASKED,))), {"reason": "called_back"}),
    "place-hold": ((received(),), {"scope": "person", "matter": "Claim 7", "text": "A letter came."}),
    "lift-hold": ((received(), HELD), {"hold": "ef" * 16, "reason": "claim_ended"}),
    "lift-restriction": (
        (received(Right.RESTRICTION), fulfilled(Right.RESTRICTION)),
        {"reason": "person_asks"},
    ),
}


def view_of(facts: Iterable[Fact], today: date = date(2026, 3, 10)) -> CaseView:
    known = tuple(facts)
    history = [HistoryEntry(f"{n:032x}", START + timedelta(hours=n), fact) for n, fact in enumerate(known)]
    row = row_of(CASE, history)
    assert row is not None
    return CaseView(row, known, START, today, ((OTHER, "Omar Sample"), (ACCOUNT, "Dana Muster")))


def offered(view: CaseView, account: str = ACCOUNT, roles: frozenset[StaffRole] = EVERY) -> set[str]:
    return {name for name, offer in OFFERS.items() if offer.offered_to(account, roles, view)}


def drafted(offer: DecisionOffer, view: CaseView, entered: dict[str, str]) -> Decision:
    values = offer.entered(lambda name: [entered[name]] if name in entered else [], view)
    draft = offer.draft(values, view, ACCOUNT, SALT)
    if draft.text is not None:
        assert written_text(getattr(draft.decision, offer.sealed), draft.text) is not None
    assert isinstance(draft.decision, Decision)
    return draft.decision


@pytest.mark.parametrize("name", OFFERS)
def test_fitting_decision_is_offered_and_its_form_makes_the_event(name: str) -> None:
    facts, entered = FITTING[name]
    view, offer = view_of(facts), OFFERS[name]
    assert name in offered(view)
    decision = drafted(offer, view, entered)
    assert (type(decision), decision.request_id, decision.by) == (offer.kind, CASE, ACCOUNT)
    assert offer.made(decision)


def test_each_decision_on_a_request_has_an_offer() -> None:
    decisions = {kind for kind in catalogue() if issubclass(kind, Decision) and kind.OF_REQUEST}
    assert decisions - {offer.kind for offer in OFFERS.values()} == ELSEWHERE


def test_each_decision_on_the_common_form_has_a_field_for_its_reason() -> None:
    reasons = {"reason", "text", "grounds", "because", "outcome", "way"}
    for name, offer in OFFERS.items():
        assert offer.page or reasons.intersection(one.name for one in offer.fields), name


REASONLESS = {
    *("approve-erasure", "agree", "approve-purge", "review-package"),
    *("record-consent", "record-scope", "forward", "notify-recipient", "recipient-informed"),
    *("place-hold",),
}
"""Decisions that agree with a plan or a proposal, record what others said or did, or name a matter."""


@pytest.mark.parametrize("name", sorted(OFFERS.keys() - REASONLESS))
def test_decision_is_not_made_without_its_reason(name: str) -> None:
    facts, entered = FITTING[name]
    reasons = {"reason", "text", "grounds", "because", "outcome", "way"}
    without = {field: value for field, value in entered.items() if field not in reasons}
    with pytest.raises(InvalidEntry) as raised:
        drafted(OFFERS[name], view_of(facts), without)
    assert raised.value.name in reasons


def test_letters_of_each_decision_with_a_letter_can_be_previewed() -> None:
    with_letter = {offer.kind.TYPE for offer in OFFERS.values() if offer.letter}
    assert with_letter <= letter_previews.KINDS.keys()
    others = [offer for offer in OFFERS.values() if offer.kind in letter_previews.OTHERS]
    assert all(offer.letter or offer.page for offer in others)


def test_reason_in_words_is_sealed_as_the_remark() -> None:
    facts, entered = FITTING["recipient-informed"]
    decision = drafted(OFFERS["recipient-informed"], view_of(facts), entered | {"text": "By telephone."})
    assert isinstance(decision, events.ReasonedDecision)
    assert decision.remark is not None


@pytest.mark.parametrize(
    ("name", "reason"), [("forward", "named_in_request"), ("approve-purge", "period_checked")]
)
def test_reason_of_a_decision_without_a_text_for_the_staff_is_a_code(name: str, reason: str) -> None:
    facts, entered = FITTING[name]
    decision = drafted(OFFERS[name], view_of(facts), entered | {"reason": reason})
    assert isinstance(decision, events.ForwardingDecided | events.PurgeApproved)
    assert decision.reason == reason


def test_choices_of_a_decision_on_many_cases_are_those_of_every_case() -> None:
    facts, _entered = FITTING["refuse"]
    other = view_of((received(policy="us-ca-ccpa@2026-01-01"), *facts[1:]))
    offer = BULK["refuse"]
    [grounds, *_] = JointDecision(offer, [view_of(facts), other]).fields
    common = {value for value, _name in grounds.choices(other)}
    alone = {value for value, _name in offer.fields[0].choices(view_of(facts))}
    assert common < alone
    assert "manifestly_unfounded" in common
    with pytest.raises(InvalidEntry):
        JointDecision(offer, [view_of(facts), other], values={"grounds": [*(alone - common)]}).drafts(ACCOUNT)


def test_decision_on_many_cases_seals_its_reason_for_each_case() -> None:
    views = [view_of(FITTING["withdraw"][0])] * 2
    drafts = JointDecision(BULK["withdraw"], views, values={"text": ["By telephone."]}).drafts(ACCOUNT)
    first, second = [one.text for one in drafts]
    assert first is not None
    assert first != second
    assert first[len(SALT) :] == b"By telephone."


@pytest.mark.parametrize("name", OFFERS)
@pytest.mark.parametrize("role", StaffRole)
def test_decision_is_offered_to_the_roles_of_its_event(name: str, role: StaffRole) -> None:
    facts, _entered = FITTING[name]
    allowed = role in ROLES.get(name, {StaffRole.AGENT, StaffRole.APPROVER})
    assert (name in offered(view_of(facts), roles=frozenset({role}))) is allowed


def test_roles_of_each_event_are_those_of_the_table() -> None:
    """Services refuse other roles by the event; the console offers by the same."""
    table = {name: frozenset(ROLES.get(name, {StaffRole.AGENT, StaffRole.APPROVER})) for name in OFFERS}
    assert {name: offer.kind.ROLES for name, offer in OFFERS.items()} == table


@pytest.mark.parametrize("name", OFFERS)
def test_account_that_decided_before_is_barred_from_the_work_alone(name: str) -> None:
    facts, _entered = FITTING[name]
    view = view_of(facts)
    waits = tuple(replace(one, by=(OTHER,)) for one in view.row.waits)
    barred = replace(view, row=replace(view.row, waits=waits))
    assert name in offered(barred)
    assert (name in offered(barred, OTHER)) is (view.wait(OFFERS[name].answers) is None)


OF_REQUESTS = [kind for kind in WORK_ROLES if kind not in {WaitKind.RELEASE, WaitKind.REPORT}]


@pytest.mark.parametrize(
    ("kind", "role"), [(kind, role) for kind in OF_REQUESTS for role in sorted(WORK_ROLES[kind])]
)
def test_account_with_a_role_for_a_work_is_offered_a_decision_that_ends_it(
    kind: WaitKind, role: StaffRole
) -> None:
    views = [
        view for view in (view_of(facts) for facts, _entered in FITTING.values()) if view.waits_for(kind)
    ]
    assert views
    for view in views:
        names = offered(view, "kim.sample", frozenset({role}))
        assert any(OFFERS[name].answers is kind for name in names)


@pytest.mark.parametrize("name", ["approve-erasure", "agree", "refuse"])
def test_account_that_decided_before_is_not_offered_the_second_decision(name: str) -> None:
    facts = (received(Right.ERASURE), VERIFIED, PLANNED, referred(), PROPOSED)
    assert name in offered(view_of(facts))
    assert name not in offered(view_of(facts), OTHER)


def test_closed_request_is_offered_nothing_that_changes_its_answer() -> None:
    facts = (received(), VERIFIED, fulfilled(), of_case(events.NoticeSent, letter=LetterKind.OUTCOME))
    closed = view_of((*facts, of_case(events.RequestClosed, outcome="granted")))
    assert offered(closed) == {"message", "place-hold", "reopen"}


def test_request_without_proof_is_only_refused() -> None:
    view = view_of((received(), CHALLENGED))
    assert offered(view) & {"answer", "nothing-held", "refuse"} == {"refuse"}
    decision = drafted(OFFERS["refuse"], view, {"grounds": "excessive"})
    assert isinstance(decision, events.ReferralDecided)
    assert decision.unproven
    assert "agree" in offered(view_of((received(), CHALLENGED, decision)), OTHER)


def test_verified_request_is_answered_by_hand_until_its_answer_begins() -> None:
    by_hand = {"answer", "nothing-held", "refuse"}
    assert by_hand <= offered(view_of((received(Right.ERASURE), VERIFIED, PLANNED)))
    begun = of_case(events.ErasurePlanned, plan="plan", regulation="gdpr", received_on=START.date())
    assert not by_hand & offered(view_of((received(Right.ERASURE), VERIFIED, PLANNED, begun)))
    window = of_case(events.ErasureScheduled, at=START + timedelta(days=1))
    assert by_hand <= offered(view_of((received(Right.ERASURE), VERIFIED, begun, window)))


def test_text_is_named_by_its_digest_and_is_not_in_the_event() -> None:
    facts, entered = FITTING["answer"]
    decision = drafted(OFFERS["answer"], view_of(facts), entered)
    assert "Done." not in decision.model_dump_json()
    assert decision.model_dump()["explanation"].startswith("written_")


def test_forwarding_seals_the_customer() -> None:
    facts, entered = FITTING["forward"]
    decision = drafted(OFFERS["forward"], view_of(facts), entered)
    assert "customer.example" not in decision.model_dump_json()


@pytest.mark.parametrize(
    ("name", "entered", "error"),
    [
        ("refuse", {}, "grounds"),
        ("refuse", {"grounds": "unheard_of"}, "grounds"),
        ("answer", {"outcome": "granted", "text": "Done.", "grounds": "excessive"}, "grounds"),
        ("answer", {"outcome": "refused", "text": "No."}, "outcome"),
        ("refuse-appeal", {"text": "  "}, "text"),
        ("expect", {"on": "soon"}, "on"),
        ("fee", {"amount": "-1", "currency": "EUR", "reason": "excessive"}, ""),
        ("forward", {"name": "A customer", "email": "no address"}, "email"),
        ("mail-handled", {"message": "mail_2", "outcome": "answered"}, "message"),
        ("accept-proof", {"reason": "looked_at", "identities": "E-Mail!"}, ""),
        ("merge", {"first": "the other one"}, "first"),
        (
            "mail-handled",
            {"message": "mail_1", "outcome": "answered", "registered_as": "ab"},
            "registered_as",
        ),
    ],
)
def test_wrong_entry_names_its_field(name: str, entered: dict[str, str], error: str) -> None:
    facts, _fitting = FITTING[name]
    with pytest.raises(InvalidEntry) as raised:
        drafted(OFFERS[name], view_of(facts), entered)
    assert raised.value.name == error


def test_grounds_are_those_of_the_laws_with_their_provision() -> None:
    facts, _entered = FITTING["refuse"]
    field = next(one for one in OFFERS["refuse"].fields if one.name == "grounds")
    names = dict(field.choices(view_of(facts)))
    assert "GDPR Art. 12(5)" in names["manifestly_unfounded"]


@pytest.mark.parametrize(
    ("right", "listed", "left_out"),
    [
        (Right.ERASURE, {"retention_duty", "legal_claims"}, {"accuracy_verified", "grounds_prevail"}),
        (Right.OBJECTION, {"grounds_prevail"}, {"retention_duty", "accuracy_verified"}),
        (Right.ACCESS, {"third_party_rights", "excessive"}, {"retention_duty", "not_editable"}),
        (Right.RECTIFICATION, {"accuracy_verified"}, {"third_party_rights", "retention_duty"}),
    ],
)
def test_grounds_are_exceptions_from_the_right_of_the_request(
    right: Right, listed: set[str], left_out: set[str]
) -> None:
    field = next(one for one in OFFERS["refuse"].fields if one.name == "grounds")
    names = {name for name, _ in field.choices(view_of((received(right=right), VERIFIED, referred())))}
    assert (listed <= names, left_out & names) == (True, set())


def test_extension_is_not_offered_after_the_last_day_or_a_second_time() -> None:
    assert "extend" in offered(view_of((received(),)))
    assert "extend" not in offered(view_of((received(),), today=date(2026, 4, 3)))
    longer = of_case(
        events.RequestExtended,
        reason="complexity",
        promised_on=date(2026, 4, 2),
        due_on=date(2026, 6, 2),
        meant_for=date(2026, 5, 20),
        policy="gdpr@2018-05-25",
    )
    assert "extend" not in offered(view_of((received(), longer)))


def test_offered_identities_have_names() -> None:
    aliases = events.OfferedAliases(ref="aliases_1", identities=("email", "phone_number"))
    view = view_of((received(), fulfilled(aliases=aliases)))
    [choice, _remark] = OFFERS["confirm-alias"].fields
    assert [name for _value, name in choice.choices(view)] == ["Mail address (1)", "Telephone (2)"]
