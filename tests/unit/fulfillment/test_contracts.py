"""Records that a running contract needs, and the end of the contract."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.domain import LegalBasis, legal_bases
from services.fulfillment.erasure.planner import is_contract, plan, plan_records
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.handlers import answer
from services.fulfillment.search.findings import Findings, FoundRecord, RecordTuple
from services.fulfillment.search.ownership import OwnershipMatch
from shared.contract.events import ErasurePlanned, ErasureScheduled, Evidence
from shared.errors import InvalidDataMap
from shared.law import Right
from tests.unit.fulfillment.handler_fakes import HOUSE, stage
from tests.unit.fulfillment.test_disclosure import findings
from tests.unit.fulfillment.test_domain import TODAY

MAP = """
dataset:
  - fides_key: shop
    meta: { habeas: { legal_basis: Art. 6(1)(b) GDPR } }
    collections:
      - name: rentals
        meta: { habeas: { erasure: delete, active: { field: status, value: running } } }
        fields:
          - { name: _id }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: status, fides_meta: { data_type: string } }
          - name: drivers
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
      - name: customers
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - name: bank
            data_categories: [user.financial]
            fides_meta: { masking_strategy_override: { strategy: null_rewrite } }
      - name: visits
        meta: { habeas: { erasure: delete, legal_basis: Art. 6(1)(f) GDPR } }
        fields:
          - { name: _id }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
"""
PEOPLE = parse({"map.yml": MAP})
KIM = "kim@example.org"


def found(name: str, number: int = 1, /, **document: Any) -> FoundRecord:
    matches = (OwnershipMatch("email", None, (KIM,)),)
    whole = {"_id": number, "email": KIM, **document}
    return FoundRecord(PEOPLE.by_key[f"shop.{name}"], {"_id": number}, whole, matches)


def planned(*records: FoundRecord, data_map: DataMap = PEOPLE) -> RecordPlan:
    return plan(Findings(data_map.version, RecordTuple(records), ()), data_map, TODAY)


def dispositions(decided: RecordPlan) -> list[tuple[str, str, str | None]]:
    return [(step.key.split(".")[1], step.disposition.value, step.reason) for step in decided.steps]


def test_erasure_keeps_running_contract_and_what_it_needs_and_erases_the_rest() -> None:
    decided = planned(found("rentals", status="running"), found("customers"), found("visits"))
    assert dispositions(decided) == [
        ("rentals", "retained", "contract"),
        ("customers", "retained", "contract"),
        ("visits", "erased", None),
    ]


def test_of_records_that_a_contract_needs_only_needed_fields_stay() -> None:
    decided = planned(found("rentals", status="running"), found("customers", bank="XX00"))
    assert [mask.path for mask in decided.steps[1].masks] == ["bank"]


def test_ended_contract_is_erased_beside_a_running_one() -> None:
    decided = planned(found("rentals", 1, status="running"), found("rentals", 2, status="ended"))
    assert [step.disposition.value for step in decided.steps] == ["retained", "erased"]


def test_without_a_running_contract_everything_is_erased() -> None:
    decided = planned(found("rentals", status="ended"), found("customers"))
    assert [step.disposition.value for step in decided.steps] == ["erased", "erased"]


def test_running_contract_of_another_person_keeps_nothing() -> None:
    match = OwnershipMatch("drivers.email", "drivers", (KIM,))
    others = {"_id": 1, "email": "bo@example.org", "status": "running", "drivers": [{"email": KIM}]}
    driver = FoundRecord(PEOPLE.by_key["shop.rentals"], {"_id": 1}, others, (match,))
    assert not is_contract(driver)
    dispositions = [step.disposition.value for step in planned(driver, found("customers")).steps]
    assert dispositions == ["erased", "erased"]


def test_missing_end_date_states_a_running_contract() -> None:
    text = MAP.replace("{ field: status, value: running }", "{ field: status }")
    rentals = parse({"map.yml": text}).by_key["shop.rentals"]
    matches = (OwnershipMatch("email", None, (KIM,)),)
    documents: list[dict[str, Any]] = [{}, {"status": None}, {"status": "2026-01-01"}]
    running = [is_contract(FoundRecord(rentals, {"_id": 1}, one, matches)) for one in documents]
    assert running == [True, True, False]


def test_state_of_a_contract_in_a_restored_backup_keeps_nothing() -> None:
    decided = plan_records([found("rentals", status="running")], PEOPLE, TODAY)
    assert [step.disposition.value for step in decided.steps] == ["erased"]


def test_field_that_states_a_contract_must_not_be_editable() -> None:
    text = MAP.replace(
        "name: status, fides_meta: { data_type: string }",
        "name: status, meta: { habeas: { editable: true } }",
    )
    with pytest.raises(InvalidDataMap, match="states a running contract and is `editable`"):
        parse({"map.yml": text})


@pytest.mark.parametrize(
    ("text", "bases"),
    [
        ("Art. 6(1)(b) GDPR (performance of a contract)", {LegalBasis.CONTRACT}),
        ("Art. 6 (1) a) DSGVO, Vertrag", {LegalBasis.CONSENT}),
        ("Art. 6(1)(a) and Art. 9(2)(h) GDPR", {LegalBasis.CONSENT}),
        ("Art. 9(2)(h) GDPR", set()),
        ("explicit consent, Art. 9(2)(a) GDPR", {LegalBasis.CONSENT}),
        ("Einwilligung", {LegalBasis.CONSENT}),
        ("legitimate interest", {LegalBasis.LEGITIMATE_INTERESTS}),
        (None, set()),
    ],
)
def test_legal_basis_is_read_from_articles_before_words(text: str | None, bases: set[LegalBasis]) -> None:
    assert legal_bases(text) == bases


@pytest.mark.parametrize(("status", "contract"), [("running", True), ("ended", False)])
async def test_person_learns_of_the_contract_before_the_rest_is_erased(
    status: str, *, contract: bool
) -> None:
    held = findings(found("rentals", status=status), found("visits"), data_map=PEOPLE)
    event, ctx = await stage(PEOPLE, held, Right.ERASURE)
    ctx = replace(ctx, house=replace(HOUSE, erasure_window=timedelta(days=1)))
    # A person who confirmed separately got a letter before, but none about the contract.
    confirmed = event.model_copy(update={"reasons": (Evidence.CONFIRMATION,)})
    *_, planned, window = await answer(confirmed, ctx)
    assert isinstance(planned, ErasurePlanned)
    assert isinstance(window, ErasureScheduled)
    assert (planned.contract, window.contract, window.letter) == (contract, contract, contract)
