"""Plans of marks and corrections, and their final results."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.fulfillment.changes import planner
from services.fulfillment.changes.change import Change, MissingChange, RefusedCorrection
from services.fulfillment.changes.planner import (
    NOT_MARKABLE,
    converted,
    lifted,
    marks,
    plan_corrections,
    plan_marks,
)
from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.domain import LEGAL_HOLD
from services.fulfillment.erasure.execution import NOT_TAKEN, OVERTAKEN
from services.fulfillment.erasure.steps import Disposition, RecordPlan, Set
from services.fulfillment.package import answers
from services.fulfillment.search.findings import Findings, FoundRecord, RecordTuple
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.state import outcome_of_change
from shared.contract.answer import Answer
from shared.contract.events import Correction, Outcome
from shared.law import ReasonCode, Right
from shared.runtime.mongo import Decimal128, Int64, ObjectId

TODAY = date(2026, 11, 25)
MAP = parse(
    {
        "desk.yml": """
dataset:
  - fides_key: desk
    collections:
      - name: people
        meta:
          habeas:
            restriction: { field: flags.restricted, value: true }
            opt_out: { field: sold, value: false }
            legal_hold: { field: hold, value: true }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: city, data_categories: [user.contact.address.city], meta: { habeas: { editable: true } } }
          - name: born
            data_categories: [user.demographic.date_of_birth]
            fides_meta: { data_type: datetime }
            meta: { habeas: { editable: true } }
          - name: visits
            data_categories: [user.behavior]
            fides_meta: { data_type: long }
            meta: { habeas: { editable: true } }
          - name: score
            data_categories: [user.behavior]
          - name: flags
            fides_meta: { data_type: object }
            fields:
              - { name: restricted, data_categories: [system.operations] }
          - { name: sold, data_categories: [system.operations] }
          - { name: hold, data_categories: [system.operations] }
      - name: accounts
        meta: { habeas: { restriction: { field: members.restricted, value: yes } } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: members
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - name: city
                data_categories: [user.contact.address.city]
                meta: { habeas: { editable: true } }
              - { name: restricted, data_categories: [system.operations] }
      - name: payments
        meta:
          habeas:
            recipients: [Broker]
            opt_out: { field: sold, value: false }
            consent: { field: consent, value: false }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: city, data_categories: [user.contact.address.city], meta: { habeas: { editable: true } } }
          - name: iban
            data_categories: [user.financial.bank_account]
            meta: { habeas: { editable: true } }
          - { name: sold, data_categories: [system.operations] }
          - { name: consent, data_categories: [system.operations] }
"""
    }
)
PEOPLE, ACCOUNTS, PAYMENTS = MAP.collections
KIM = "kim@example.org"


def found(collection: Collection, document: Mapping[str, Any], *, owned: bool = True) -> FoundRecord:
    path, unit = ("email", None) if owned else ("members.email", "members")
    return FoundRecord(
        collection, {"_id": document["_id"]}, dict(document), (OwnershipMatch(path, unit, (KIM,)),)
    )


def person(**fields: Any) -> FoundRecord:
    return found(PEOPLE, {"_id": 1, "email": KIM, **fields})


def findings(*records: FoundRecord) -> Findings:
    return Findings(MAP.version, RecordTuple(records), ())


def marked(
    *records: FoundRecord, right: Right = Right.RESTRICTION, data_map: DataMap = MAP, **how: bool
) -> RecordPlan:
    return plan_marks(findings(*records), data_map, TODAY, right, **how)


def corrected(*records: FoundRecord, **wanted: str) -> Change:
    named = [Correction(field=name.replace("__", "."), value=value) for name, value in wanted.items()]
    return plan_corrections(findings(*records), MAP, named, TODAY)


def sets(plan: RecordPlan) -> dict[str, tuple[Any, Any]]:
    """Return what each field becomes in *plan*, and what it was."""
    return {part.path: (part.before, part.value) for step in plan.steps for part in step.sets}


# --- marks --------------------------------------------------------------------------------------------


def test_record_is_marked_by_a_new_field() -> None:
    [step] = marked(person()).steps
    assert step.disposition is Disposition.MARKED
    assert step.sets == (Set("flags.restricted", True, created=True),)


def test_a_record_that_is_marked_already_is_marked_and_nothing_is_written() -> None:
    [step] = marked(person(flags={"restricted": True})).steps
    assert (step.disposition, step.sets, step.changes) == (Disposition.MARKED, (), False)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(found(PAYMENTS, {"_id": 1, "email": KIM}), id="the map names no mark"),
        pytest.param(person(flags=[{}]), id="an array is in the way"),
        pytest.param(person(flags=None), id="a value is in the way"),
        pytest.param(
            FoundRecord(
                PEOPLE,
                {"_id": 1},
                {"_id": 1, "friends": [KIM]},
                (OwnershipMatch("friends", "friends", (KIM,)),),
            ),
            id="the document is another person's",
        ),
    ],
)
def test_unmarkable_record_is_in_the_plan_with_the_reason(record: FoundRecord) -> None:
    [step] = marked(record).steps
    assert (step.disposition, step.reason, step.sets) == (Disposition.UNCHANGED, NOT_MARKABLE, ())


def test_in_a_shared_array_only_the_persons_elements_are_marked() -> None:
    account = {"_id": 1, "members": [{"email": KIM}, {"email": "lee@example.org"}]}
    [step] = marked(found(ACCOUNTS, account, owned=False)).steps
    [part] = step.sets
    assert (part.path, part.arrays, part.of) == ("members.restricted", ("members",), step.guard[0])


@pytest.mark.parametrize(
    ("right", "direct_marketing", "fields"),
    [
        pytest.param(Right.RESTRICTION, False, {"flags.restricted"}, id="restriction"),
        pytest.param(Right.OPT_OUT_OF_SALE, False, {"sold"}, id="opt-out"),
        pytest.param(Right.OBJECTION, True, {"sold"}, id="objection to direct marketing"),
        pytest.param(Right.OBJECTION, False, {"sold", "flags.restricted"}, id="objection"),
        pytest.param(Right.LIMIT_SENSITIVE_USE, False, set(), id="limit, where nothing is sensitive"),
        pytest.param(Right.CONSENT_WITHDRAWAL, False, set(), id="consent, where nothing rests on it"),
        pytest.param(Right.ACCESS, False, set(), id="access"),
    ],
)
def test_a_right_sets_its_own_marks(right: Right, direct_marketing: bool, fields: set[str]) -> None:
    wanted = {mark.field for mark in marks(right, PEOPLE, direct_marketing=direct_marketing)}
    assert wanted == fields
    assert set(sets(marked(person(), right=right, direct_marketing=direct_marketing))) == fields


def test_the_use_of_sensitive_data_is_limited_where_it_is_held() -> None:
    """Cal. Civ. Code § 1798.140(ae): an account number is sensitive, a city is not."""
    payment = found(PAYMENTS, {"_id": 7, "email": KIM})
    plan = marked(person(), payment, right=Right.LIMIT_SENSITIVE_USE)
    assert [step.key for step in plan.steps] == ["desk.payments"]


# --- lifting ------------------------------------------------------------------------------------------


def test_lifting_restores_the_earlier_value_and_removes_only_our_mark() -> None:
    other = replace(person(flags={"restricted": "maybe"}), id={"_id": 2})
    back = lifted(marked(person(), other), MAP)
    created, changed = (step.sets[0] for step in back.steps)
    assert (created.removed, created.before, created.instead) == (True, True, True)
    assert (changed.removed, changed.before, changed.value, changed.instead) == (False, True, "maybe", True)


def test_earlier_restriction_by_another_program_stays() -> None:
    assert lifted(marked(person(flags={"restricted": True})), MAP).steps == ()


def test_lifting_a_restriction_takes_no_objection_back() -> None:
    plan = marked(person(), right=Right.OBJECTION)
    assert set(sets(plan)) == {"flags.restricted", "sold"}
    assert set(sets(lifted(plan, MAP))) == {"flags.restricted"}


def test_elements_stay_restricted_if_some_were_before() -> None:
    account = {"_id": 1, "members": [{"email": KIM}, {"email": KIM, "restricted": True}]}
    plan = marked(found(ACCOUNTS, account, owned=False))
    assert sets(plan) == {"members.restricted": (True, True)}
    assert lifted(plan, MAP).steps == ()


# --- corrections --------------------------------------------------------------------------------------


def test_a_correction_takes_the_place_of_the_wrong_value_alone() -> None:
    change = corrected(person(city="Bremen"), city="Berlin")
    assert change.declined == ()
    [step] = change.plan.steps
    assert step.disposition is Disposition.CORRECTED
    assert step.sets == (Set("city", "Berlin", "Bremen", instead=True),)


def test_field_is_read_where_the_person_has_records() -> None:
    document = {"_id": 7, "members": [{"email": KIM, "city": "Bremen"}]}
    change = corrected(found(ACCOUNTS, document, owned=False), city="Berlin")
    assert change.declined == ()
    [step] = change.plan.steps
    assert [(part.path, part.value) for part in step.sets] == [("members.city", "Berlin")]


def test_incomplete_data_is_completed() -> None:
    """GDPR Art. 16, second sentence."""
    [step] = corrected(person(), city="Berlin").plan.steps
    assert step.sets == (Set("city", "Berlin", created=True, instead=True),)


@pytest.mark.parametrize(
    ("records", "wanted", "reason"),
    [
        pytest.param([person()], {"shoe_size": "44"}, "not_found", id="no such field"),
        pytest.param([person()], {"members__city": "B"}, "not_found", id="no record of theirs has it"),
        pytest.param([person(city="Berlin")], {"city": "Berlin"}, "same_value", id="it says so already"),
        pytest.param([person(visits=1)], {"visits": "often"}, "wrong_type", id="no number"),
        pytest.param([person(city="B", hold=True)], {"city": "C"}, "legal_hold", id="evidence"),
        pytest.param([person(city={"a": 1})], {"city": "B"}, "wrong_type", id="an object is held"),
        pytest.param(
            [person(city="A"), found(PEOPLE, {"_id": 2, "email": KIM, "city": "B"})],
            {"city": "C"},
            "ambiguous",
            id="which of two?",
        ),
    ],
)
def test_a_correction_that_is_not_made_says_why(
    records: list[FoundRecord], wanted: dict[str, str], reason: str
) -> None:
    change = corrected(*records, **wanted)
    assert [item.reason for item in change.declined] == [reason]
    assert change.plan.steps == ()


@pytest.mark.parametrize("wanted", [{"score": "2"}, {"_id": "3"}], ids=["not editable", "names the record"])
def test_record_with_a_disputed_value_is_restricted_until_staff_decides(wanted: dict[str, str]) -> None:
    blocked = found(PEOPLE, {"_id": 2, "email": KIM, "score": 1, "city": "A", "flags": "none"})
    change = corrected(person(score=1, city="A"), blocked, city="B", **wanted)
    assert change.disputed
    assert change.declined == (RefusedCorrection(next(iter(wanted)), "not_editable", "desk.people"),)
    assert [(step.id["_id"], step.disposition, step.reason) for step in change.plan.steps] == [
        (1, Disposition.MARKED, None),
        (2, Disposition.UNCHANGED, NOT_MARKABLE),
        (1, Disposition.CORRECTED, None),
        (2, Disposition.CORRECTED, None),
    ]
    assert sets(change.only(Disposition.MARKED)) == {"flags.restricted": (None, True)}
    assert [step.id for step in lifted(change.plan, MAP).steps] == [{"_id": 1}]


PERIODS = """
dataset:
  - fides_key: books
    collections:
      - name: invoices
        meta:
          habeas:
            erasure: delete
            retention: { keep: P8Y, from: issued.day, because: § 147 AO }
            legal_hold: { field: hold, value: true }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - name: issued
            fields: [{ name: day, meta: { habeas: { editable: true } } }]
          - { name: hold, meta: { habeas: { editable: true } } }
          - { name: city, data_categories: [user.contact.address.city], meta: { habeas: { editable: true } } }
"""


@pytest.mark.parametrize("field", ["issued.day", "hold"])
def test_field_that_decides_when_a_record_is_erased_goes_to_staff(field: str) -> None:
    periods = parse({"books.yml": PERIODS})
    document = {"_id": 1, "email": KIM, "issued": {"day": "2026-03-01"}, "city": "Bonn"}
    record = found(periods.collections[0], document)
    wanted = [Correction(field=field, value="2001-01-01"), Correction(field="city", value="Köln")]
    change = plan_corrections(findings(record), periods, wanted, TODAY)
    assert [one.reason for one in change.declined] == ["not_editable"]
    assert sets(change.plan) == {"city": ("Bonn", "Köln")}
    assert [one.what for one in periods.remarks if "decides when a record is erased" in one.what] == [
        f"`{path}` decides when a record is erased and is `editable`: only staff corrects it"
        for path in ("hold", "issued.day")
    ]


def test_in_a_shared_array_only_the_persons_element_is_corrected() -> None:
    account = {"_id": 1, "members": [{"email": KIM, "city": "A"}, {"email": "lee@example.org", "city": "B"}]}
    [step] = corrected(found(ACCOUNTS, account, owned=False), members__city="C").plan.steps
    [part] = step.sets
    assert (part.before, part.value, part.of) == ("A", "C", step.guard[0])


def test_a_name_with_its_collection_means_that_collection_alone() -> None:
    records = person(city="A"), found(PAYMENTS, {"_id": 7, "email": KIM, "city": "A"})
    everywhere, one = corrected(*records, city="B"), corrected(*records, payments__city="B")
    assert [step.key for step in everywhere.plan.steps] == ["desk.people", "desk.payments"]
    assert [step.key for step in one.plan.steps] == ["desk.payments"]


def test_a_copy_of_the_value_under_another_name_is_not_touched() -> None:
    account = found(ACCOUNTS, {"_id": 9, "members": [{"email": KIM, "city": "A"}]}, owned=False)
    change = corrected(person(city="A"), account, city="B")
    assert [step.key for step in change.plan.steps] == ["desk.people"]


@pytest.mark.parametrize(
    ("text", "stored", "declared", "value"),
    [
        ("Berlin", "Bremen", None, "Berlin"),
        ("44", 43, None, 44),
        ("44", Int64(43), None, Int64(44)),
        ("44", None, "long", Int64(44)),
        ("1.5", 1.0, None, 1.5),
        ("1.50", Decimal128("1"), None, Decimal128(Decimal("1.50"))),
        ("no", True, None, False),
        ("1980-04-02", datetime(1980, 1, 1, tzinfo=UTC), "datetime", datetime(1980, 4, 2, tzinfo=UTC)),
        ("Road 1\n\nDoor 2", ["Road 1"], "string[]", ["Road 1", "Door 2"]),
        ("+49 30 1", None, "string[]", ["+49 30 1"]),
    ],
)
def test_a_value_takes_the_type_of_its_field(
    text: str, stored: Any, declared: str | None, value: Any
) -> None:
    result = converted(text, stored, declared)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "stored"),
    [("x", 1), ("maybe", True), ("2 April", datetime.now(UTC)), ("a", ObjectId()), ("9" * 30, Int64(1))],
    ids=["number", "truth", "date", "id", "too large"],
)
def test_invalid_value_is_not_converted(text: str, stored: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        converted(text, stored, None)


# --- what truly came of it ----------------------------------------------------------------------------


def test_a_plan_comes_back_from_its_lines_as_it_was() -> None:
    account = found(ACCOUNTS, {"_id": ObjectId(), "members": [{"email": KIM}]}, owned=False)
    change = Change(marked(person(born=TODAY), account), (RefusedCorrection("city", "not_found"),))
    assert Change.of_lines(list(change.lines())) == change


def test_failed_mark_is_not_reported_as_done() -> None:
    plan = marked(person(), replace(person(), id={"_id": 2}))
    first = plan.steps[0]
    done = Change(plan).after([MissingChange(first, first.sets[0], "not_taken")])
    assert done.plan.counts() == {"unchanged": 1, "marked": 1}
    assert done.reasons() == {"not_taken": 1}
    assert outcome_of_change(done) is Outcome.PARTLY_GRANTED


def test_a_correction_that_does_not_hold_is_declined_and_the_others_stand() -> None:
    change = corrected(person(city="A", visits=1), city="B", visits="2")
    [step] = change.plan.steps
    done = change.after([MissingChange(step, step.sets[0], "overtaken")])
    assert set(sets(done.plan)) == {"visits"}
    assert done.declined == (RefusedCorrection("city", "overtaken", "desk.people"),)
    assert outcome_of_change(done) is Outcome.PARTLY_GRANTED
    nothing = done.after([MissingChange(done.plan.steps[0], done.plan.steps[0].sets[0], "overtaken")])
    assert outcome_of_change(nothing) is Outcome.REFUSED


def test_complete_correction_is_granted() -> None:
    assert outcome_of_change(corrected(person(city="A"), city="B")) is Outcome.GRANTED
    assert outcome_of_change(Change(marked(person(flags={"restricted": True})))) is Outcome.GRANTED


# --- in words -----------------------------------------------------------------------------------------


def test_a_letter_shows_no_secret_that_was_corrected() -> None:
    """11 CCR §§ 7024(d), 7023(j)."""
    payment = found(PAYMENTS, {"_id": 7, "email": KIM, "iban": "DE00 1", "city": "A"})
    change = corrected(payment, iban="DE00 2", payments__city="B")
    answer = answers.change(change, MAP, statement_kept=False, agreed=())
    assert {(item.label, item.before, item.after) for item in answer.corrected} == {
        ("Payments: Iban", "", ""),
        ("Payments: City", "A", "B"),
    }


def test_a_letter_shows_a_date_as_a_date_and_a_list_in_one_line() -> None:
    born = person(born=datetime(1970, 1, 1, tzinfo=UTC))
    [item] = answers.change(
        corrected(born, born="1971-02-03"), MAP, statement_kept=False, agreed=()
    ).corrected
    assert (item.before, item.after) == ("1970-01-01", "1971-02-03")


def test_a_field_that_is_found_nowhere_is_named_as_the_person_named_it() -> None:
    [item] = answers.change(corrected(person(), shoe_size="44"), MAP, statement_kept=True, agreed=()).declined
    assert (item.label, item.reason) == ("shoe_size", "not_found")


def test_answer_without_proof_names_all_recipients_and_no_record() -> None:
    answer = answers.stopped(Right.OPT_OUT_OF_SALE, MAP, agreed=("Broker",))
    assert answer == Answer(recipients=("Broker",), unsearched=True)


def test_every_reason_has_words_in_a_letter() -> None:
    reasons = {
        NOT_MARKABLE,
        NOT_TAKEN,
        OVERTAKEN,
        LEGAL_HOLD,
        *(value for name, value in vars(planner).items() if name.isupper() and isinstance(value, str)),
    }
    assert reasons <= set(ReasonCode)
    assert len(reasons) > 7
