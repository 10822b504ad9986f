"""Proofs of staff accounts: what a signature covers; no decision reaches a handler without one."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from services.intake.http.staff_decisions import KINDS
from shared.contract.catalogue import catalogue
from shared.contract.envelope import decode, encode
from shared.contract.events import (
    Decision,
    DecisionRefused,
    ExtensionDecided,
    Fact,
    IdentityDecided,
    StaffProof,
    StaffRole,
)
from shared.contract.events.breaches import BreachDeclared
from shared.contract.staff import (
    LIFETIME,
    TEXT_SALT_BYTES,
    StaffAccount,
    _signed_bytes,
    addresses_in,
    code_at,
    decision_digest,
    decision_id,
    demands_proof,
    is_current,
    mailbox_hash,
    objection,
    private_key,
    public_bytes,
    salted,
    signature_fits,
    signed,
    signed_batch,
    step_of,
    written_item,
    written_text,
)
from shared.contract.topology import EVENTS, LISTENS
from shared.errors import RefusedDecision
from shared.runtime.broker import Message
from shared.runtime.service import Moment, Runtime, Service, on
from tests.runtime_fakes import MemoryBroker, MemoryJournal
from tests.unit.fakes import OpenGate
from tests.unit.incident_register_fakes import declaration

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
CASE = "c" * 32
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ACCOUNT = StaffAccount("dana.muster", frozenset({StaffRole.AGENT}), public_bytes(KEY), b"f" * 20)
DECISIONS = [kind for kind in catalogue() if issubclass(kind, Decision)]


def accepts(**changes: Any) -> IdentityDecided:
    fields = {"request_id": CASE, "by": "dana.muster", "verified": True, "reason": "looked_at"}
    return IdentityDecided.model_validate(fields | {"identities": ["email"]} | changes)


def sign(decision: Decision) -> Decision:
    return signed(decision, KEY, at=NOW, nonce="0" * 32, code="123456")


def test_signature_survives_the_journey_over_the_bus() -> None:
    decision = sign(accepts())
    body = encode(decision, id="1", source="habeas/intake", time=NOW)
    arrived = decode(body, exchange=EVENTS, content_type=None, headers={}).event
    assert isinstance(arrived, IdentityDecided)
    assert signature_fits(arrived, ACCOUNT)


@pytest.mark.parametrize(
    "change",
    [
        {"request_id": "d" * 32},
        {"by": "robin.muster"},
        {"verified": False},
        {"reason": "other"},
        {"identities": ("email", "phone")},
        {"identities": ()},
    ],
    ids=str,
)
def test_signature_covers_every_field_of_the_decision(change: dict[str, Any]) -> None:
    assert not signature_fits(sign(accepts()).model_copy(update=change), ACCOUNT)


@pytest.mark.parametrize(
    "change",
    [
        {"code": "654321"},
        {"nonce": "1" * 32},
        {"at": NOW + timedelta(seconds=1)},
        {"account": "robin.muster"},
    ],
    ids=str,
)
def test_signature_covers_every_field_of_the_proof(change: dict[str, Any]) -> None:
    decision = sign(accepts())
    assert decision.proof is not None
    altered = decision.model_copy(update={"proof": decision.proof.model_copy(update=change)})
    assert not signature_fits(altered, ACCOUNT)


def test_signature_of_another_key_does_not_fit() -> None:
    other = Ed25519PrivateKey.generate()
    forged = signed(accepts(), other, at=NOW, nonce="0" * 32, code="123456")
    assert not signature_fits(forged, ACCOUNT)
    assert not signature_fits(accepts(), ACCOUNT)


def test_account_signs_no_decision_in_the_name_of_another() -> None:
    decision = accepts(by="robin.muster")
    draft = StaffProof(account=ACCOUNT.name, at=NOW, nonce="0" * 32, code="123456", signature="0" * 128)
    proof = draft.model_copy(update={"signature": KEY.sign(_signed_bytes(decision, draft)).hex()})
    assert not signature_fits(decision.model_copy(update={"proof": proof}), ACCOUNT)


BATCH = [accepts(request_id=digit * 32) for digit in "abc"]


def batched() -> list[Decision]:
    return signed_batch(BATCH, KEY, at=NOW, nonce="0" * 32, code="123456")


def test_one_signature_fits_each_decision_of_a_batch_and_no_other() -> None:
    signed_ones = batched()
    assert [signature_fits(one, ACCOUNT) for one in signed_ones] == [True] * 3
    assert len({one.proof for one in signed_ones}) == 1
    for other in (accepts(request_id="d" * 32), accepts(request_id="a" * 32, verified=False)):
        assert not signature_fits(other.model_copy(update={"proof": signed_ones[0].proof}), ACCOUNT)


def test_signature_covers_the_list_of_a_batch() -> None:
    [one, *_] = batched()
    assert one.proof is not None
    other = accepts(request_id="d" * 32)
    for batch in ((*one.proof.batch, decision_digest(other)), one.proof.batch[:1], ()):
        proof = one.proof.model_copy(update={"batch": batch})
        for decision in (one, other):
            assert not signature_fits(decision.model_copy(update={"proof": proof}), ACCOUNT)


def test_each_decision_of_a_batch_is_an_event_of_its_own() -> None:
    first, again = batched(), batched()
    assert len(set(map(decision_id, first))) == 3
    assert [*map(decision_id, first)] == [*map(decision_id, again)]


def test_batch_has_at_most_100_decisions() -> None:
    many = [accepts(request_id=f"{n:032x}") for n in range(101)]
    assert len(signed_batch(many[1:], KEY, at=NOW, nonce="0" * 32)) == 100
    with pytest.raises(ValidationError):
        signed_batch(many, KEY, at=NOW, nonce="0" * 32)


@pytest.mark.slow
def test_key_follows_from_password_and_salt() -> None:
    one, same = private_key("correct horse", b"s" * 16), private_key("correct horse", b"s" * 16)
    others = private_key("correct horsf", b"s" * 16), private_key("correct horse", b"t" * 16)
    assert public_bytes(one) == public_bytes(same)
    assert public_bytes(one) not in {public_bytes(other) for other in others}


def test_proof_is_fresh_for_ten_minutes() -> None:
    decision = sign(accepts())
    assert objection(decision, ACCOUNT, NOW + LIFETIME) is None
    assert objection(decision, ACCOUNT, NOW + LIFETIME + timedelta(seconds=1)) == "proof_stale"
    assert objection(decision, ACCOUNT, NOW - timedelta(seconds=61)) == "proof_stale"


def test_code_counts_in_its_half_minute_and_the_next() -> None:
    key = ACCOUNT.second_factor
    code = code_at(key, NOW)
    assert step_of(code, key, NOW) == step_of(code, key, NOW + timedelta(seconds=30)) is not None
    assert step_of(code, key, NOW + timedelta(seconds=60)) is None
    assert step_of(code, key, NOW - timedelta(seconds=1)) is None


def test_code_counts_within_90_seconds_of_its_half_minute() -> None:
    step = int(NOW.timestamp()) // 30
    moments = [datetime.fromtimestamp(step * 30 + late, UTC) for late in (-91, -90, 0, 90, 91)]
    assert [is_current(step, moment) for moment in moments] == [False, True, True, True, False]


def test_mailbox_is_known_in_every_spelling_of_its_owner() -> None:
    key = b"k" * 32
    assert mailbox_hash("Dana.Muster+x@Example.org ", key) == mailbox_hash("dana.muster@example.org", key)
    assert mailbox_hash("dana@example.org", key) != mailbox_hash("dana@example.com", key)


def test_addresses_of_subject_agent_and_identifiers_are_found() -> None:
    submission = (
        b'{"subject": {"email": "a@example.org", "identifiers": {"mail": "b@example.org"}},'
        b' "agent": {"email": "c@example.org"}, "details": {"statement": "I am d@example.org"}}'
    )
    assert addresses_in(submission) == {"a@example.org", "b@example.org", "c@example.org"}


# --- no way around ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DECISIONS, ids=lambda kind: kind.TYPE)
def test_every_decision_names_its_roles_and_is_taken_by_intake(kind: type[Decision]) -> None:
    assert kind.ROLES
    assert KINDS[kind.TYPE] is kind


def test_every_fact_with_a_decider_is_a_decision() -> None:
    """A fact that a service makes may repeat the account; nothing else may name one."""
    made_by_services = {
        "BreachRegistered",
        "CaseAssigned",
        "CaseNoted",
        "CasesSearched",
        "EvidenceShown",
        "FeeQuoted",
        "FileAttached",
        "PackageFetched",
        "PreviewAsked",
        "PreviewDrafted",
        "ScopeAnswered",
        "StaffSignedOut",
        "TrailExported",
    }
    named = {kind.__name__ for kind in catalogue() if issubclass(kind, Fact) and "by" in kind.model_fields}
    assert named - made_by_services == {kind.__name__ for kind in DECISIONS}


@pytest.mark.parametrize("kind", DECISIONS, ids=lambda kind: kind.TYPE)
def test_decision_of_an_account_without_its_role_is_refused(kind: type[Decision]) -> None:
    decision = sign(kind.model_validate({"request_id": CASE, "by": ACCOUNT.name, **_filled(kind)}))
    for role in StaffRole:
        reason = objection(decision, replace(ACCOUNT, roles=frozenset({role})), NOW)
        assert (reason == "role_missing") is (role not in kind.ROLES), role


@pytest.mark.parametrize("gate", [None, OpenGate("signature_wrong")], ids=["no accounts", "refused"])
@pytest.mark.parametrize("kind", DECISIONS, ids=lambda kind: kind.TYPE)
async def test_no_decision_reaches_a_handler_without_a_proof(
    kind: type[Decision], gate: OpenGate | None
) -> None:
    [listening, *_] = [name for name, types in LISTENS.items() if kind.TYPE in types]
    handled: list[Decision] = []

    async def handle(event: Decision, _context: object) -> list[Fact]:
        handled.append(event)
        return []

    rows = await _runs(kind, handle, listening, gate)
    assert handled == []
    [row] = rows
    assert row.event is None
    assert list(row.events()) == []
    [refused] = row.facts
    assert isinstance(refused, DecisionRefused)
    assert refused.reason == ("signature_wrong" if gate else "no_accounts")


async def test_handler_refuses_a_decision_without_parking_it() -> None:
    async def handle(_event: Decision, _context: object) -> list[Fact]:
        raise RefusedDecision("decider_decided_before")

    gate = OpenGate()
    [row] = await _runs(ExtensionDecided, handle, "intake", gate)
    assert row.event is None
    assert [fact.reason for fact in row.facts if isinstance(fact, DecisionRefused)] == [
        "decider_decided_before"
    ]
    assert [outcome.reason for outcome in gate.outcomes] == ["decider_decided_before"]


def test_declaration_with_a_proof_is_verified() -> None:
    proof = sign(accepts()).proof
    declared = BreachDeclared.model_validate(declaration(by="dana.muster", proof=proof))
    assert demands_proof(declared)
    assert not demands_proof(declared.model_copy(update={"proof": None}))
    assert KINDS[BreachDeclared.TYPE] is BreachDeclared


async def _runs(kind: type[Decision], handle: Any, name: str, gate: OpenGate | None) -> list[Any]:
    broker, journal = MemoryBroker(), MemoryJournal()
    service: Service[int, Moment[int]] = Service(
        name, (on(kind, handle),), 0, lambda state, _fact: state + 1, lambda moment: moment
    )
    runtime = Runtime(service, journal, broker.inbox(name), broker, clock=lambda: NOW, staff=gate)
    decision = kind.model_validate({"request_id": CASE, "by": "dana.muster", **_filled(kind)})
    body = encode(decision, id=secrets.token_hex(16), source="habeas/command", time=NOW)
    await broker.publish([Message(EVENTS, kind.TYPE, body, "1")])
    await broker.drain(runtime)
    return list(journal.rows.values())


EXAMPLES: dict[str, Any] = {
    "on": "2026-04-20",
    "number": 1,
    "phase": 1, "until": NOW, "since": NOW, "at": NOW, "clock": "gdpr.authority.DE", "agency": "police",
    "token": CASE * 2,
    "incident": "storm", "verified": True, "granted": True, "replayed": True, "accepted": True, "way": "post",
    "controller": "written_1", "address": f"written_{'0' * 64}",
    "collection": "shop.orders", "day": NOW.date(), "version": "0" * 64, "records": 1,
    "hold": "1" * 32, "first": "2" * 32, "matter": "claim_7",
    "received_at": NOW, "resume": True, "refs": ("proof_1",), "fee": {"amount": "20.00", "currency": "EUR"},
}  # fmt: skip


def _filled(kind: type[BaseModel]) -> dict[str, Any]:
    """Return a value for each field that *kind* needs."""
    needed = {name: field for name, field in kind.model_fields.items() if field.is_required()}
    return {
        name: EXAMPLES.get(name, _some(field))
        for name, field in needed.items()
        if name not in {"request_id", "by"}
    }


def _some(field: FieldInfo) -> Any:
    members = getattr(field.annotation, "__members__", None)
    return next(iter(members.values())) if members else ("reason" if not get_args(field.annotation) else ())


@pytest.mark.parametrize(("text", "found"), [("Grüße".encode(), "Grüße"), ("Grüße".encode("latin-1"), None)])
def test_text_of_a_decision_is_utf_8(text: bytes, found: str | None) -> None:
    content = salted(text, bytes(TEXT_SALT_BYTES))
    assert written_text(written_item(content), content) == found
    assert written_text(written_item(b"another"), content) is None
