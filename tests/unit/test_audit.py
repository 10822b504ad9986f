"""The audit of a crash run sees what was lost and what was done twice."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from bench.audit import Verdict, audit, books
from bench.evidence import Entry, Evidence, Told
from bench.installation import MASTER_KEY, SOURCE
from bench.requesters import ACCOUNTS, ORDERS, Kind, Load, Requester
from services.intake.domain import request_id
from shared.contract.events import (
    ErasurePlanned,
    IdentityAssessed,
    IdentityVerified,
    NoticeSent,
    RequestClosed,
    RequestFulfilled,
    RequestReceived,
    SubjectErased,
)
from shared.runtime.key_rings import derived_key

PERSON = Requester(0, Kind.ERASURE, withdraws=False)
CASE = request_id(SOURCE, PERSON.reference, key=derived_key(MASTER_KEY, "request ids"))
LOAD = Load((PERSON,), (), causes=frozenset({"submitted"}), malformed=0)
BYSTANDER = b"p1@requesters.example"
RECEIVED, ASSESSED, VERIFIED = RequestReceived.TYPE, IdentityAssessed.TYPE, IdentityVerified.TYPE
PLANNED = ErasurePlanned.TYPE
FULFILLED, ERASED, SENT, CLOSED = (
    RequestFulfilled.TYPE,
    SubjectErased.TYPE,
    NoticeSent.TYPE,
    RequestClosed.TYPE,
)


def told(type_: str, id_: str, **data: Any) -> Told:
    return Told(type_, id_, data)


def rows(*written: tuple[str, str, Sequence[Told]]) -> list[Entry]:
    return [Entry(CASE, n, cause, event, tuple(facts)) for n, (cause, event, facts) in zip(count(), written)]


JOURNALS: Mapping[str, list[Entry]] = {
    "intake": rows(
        ("submitted", "", [told(RECEIVED, "received")]),
        ("fulfilled", FULFILLED, []),
        ("answered", SENT, [told(CLOSED, "closed")]),
    ),
    "verifier": rows(("received", RECEIVED, [told(ASSESSED, "assessed"), told(VERIFIED, "verified")])),
    "fulfillment": rows(
        ("verified", VERIFIED, [told(PLANNED, "planned")]),
        ("planned", PLANNED, [told(FULFILLED, "fulfilled", outcome="granted"), told(ERASED, "erased")]),
    ),
    "codes": [],
    "notifier": rows(
        ("assessed", ASSESSED, [told(SENT, "acknowledged")]),
        ("fulfilled", FULFILLED, [told(SENT, "answered")]),
    ),
}
WHOLE = Evidence(
    journals=JOURNALS,
    notes={
        "intake": frozenset({"verified", "acknowledged", "planned"}),
        "codes": frozenset({"received"}),
        "notifier": frozenset({"received"}),
    },
    claims=frozenset({"assessed", "fulfilled"}),
    before={
        (ACCOUNTS, 0): PERSON.email.encode(),
        (ORDERS, 0): PERSON.email.encode(),
        (ACCOUNTS, 1): BYSTANDER,
        (ORDERS, 1): BYSTANDER,
    },
    after={(ORDERS, 0): b"masked", (ACCOUNTS, 1): BYSTANDER, (ORDERS, 1): BYSTANDER},
    changes={((ACCOUNTS, 0), "d"): 1, ((ORDERS, 0), "u"): 1},
    letters={(PERSON.email, "assessed"): 1, (PERSON.email, "fulfilled"): 1},
    heard={CLOSED: {CASE: {"closed"}}, ERASED: {CASE: {"erased"}}},
    queues={"intake": 0},
)


def found(evidence: Evidence, load: Load = LOAD) -> set[Verdict]:
    return {finding.verdict for finding in audit(books(load, evidence))}


def with_rows(service: str, changed: list[Entry]) -> Evidence:
    return replace(WHOLE, journals={**JOURNALS, service: changed})


def doubtful(letter: Entry) -> Entry:
    return replace(letter, facts=tuple(replace(fact, data={"doubtful": True}) for fact in letter.facts))


def test_a_run_in_which_everything_happened_once_is_without_fault() -> None:
    assert found(WHOLE) == set()


INTAKE, FULFILLMENT, NOTIFIER = JOURNALS["intake"], JOURNALS["fulfillment"], JOURNALS["notifier"]


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param(with_rows("verifier", []), id="fact nobody handled"),
        pytest.param(with_rows("intake", INTAKE[1:]), id="message without a row"),
        pytest.param(with_rows("intake", INTAKE[:-1]), id="request never closed"),
        pytest.param(replace(WHOLE, notes={}), id="fact not noted"),
        pytest.param(replace(WHOLE, after=WHOLE.before), id="record not erased"),
        pytest.param(replace(WHOLE, letters={(PERSON.email, "assessed"): 1}), id="letter never accepted"),
        pytest.param(replace(WHOLE, claims=frozenset({"begun"})), id="letter begun and never recorded"),
        pytest.param(replace(WHOLE, heard={CLOSED: {CASE: {"closed"}}}), id="fact not heard upstream"),
        pytest.param(replace(WHOLE, queues={"intake.parking": 1}), id="message parked"),
    ],
)
def test_what_is_lost_is_found(evidence: Evidence) -> None:
    assert Verdict.LOST in found(evidence)


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param(
            with_rows("intake", [*INTAKE, replace(INTAKE[-1], n=2, facts=())]), id="event with two rows"
        ),
        pytest.param(
            with_rows(
                "intake", [*INTAKE, replace(INTAKE[-1], n=2, cause="x", facts=(told(CLOSED, "again"),))]
            ),
            id="request closed twice",
        ),
        pytest.param(
            with_rows(
                "intake", [*INTAKE, replace(INTAKE[-1], n=3, cause="verified", event=VERIFIED, facts=())]
            ),
            id="fact with a row and a note",
        ),
        pytest.param(
            replace(WHOLE, changes={((ACCOUNTS, 0), "d"): 1, ((ORDERS, 0), "u"): 2}), id="masked twice"
        ),
        pytest.param(
            replace(WHOLE, heard={CLOSED: {CASE: {"closed", "other"}}, ERASED: {CASE: {"erased"}}}),
            id="fact under two ids",
        ),
        pytest.param(
            replace(WHOLE, letters={**WHOLE.letters, (PERSON.email, "fulfilled"): 2}),
            id="letter sent twice unnoticed",
        ),
    ],
)
def test_what_is_done_twice_is_found(evidence: Evidence) -> None:
    assert Verdict.DOUBLED in found(evidence)


def test_a_letter_that_may_have_gone_out_twice_and_is_known_as_such_is_no_fault() -> None:
    evidence = with_rows("notifier", [*NOTIFIER[:-1], doubtful(NOTIFIER[-1])])
    evidence = replace(evidence, letters={**WHOLE.letters, (PERSON.email, "fulfilled"): 2})
    assert found(evidence) == set()
    assert books(LOAD, evidence).doubtful == {"fulfilled"}


def test_changed_record_of_a_bystander_is_found() -> None:
    assert found(replace(WHOLE, after={**WHOLE.after, (ACCOUNTS, 1): b"other"})) == {Verdict.WRONG}


def test_an_erasure_without_a_record_of_it_is_found() -> None:
    untold = [FULFILLMENT[0], replace(FULFILLMENT[1], facts=FULFILLMENT[1].facts[:1])]
    assert Verdict.WRONG in found(with_rows("fulfillment", untold))


def test_unreadable_message_is_set_aside() -> None:
    assert found(WHOLE, replace(LOAD, malformed=1)) == {Verdict.LOST}
