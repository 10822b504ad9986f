"""Answers of repeated attempts: the sealed content of one never replaces that of another."""

from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Self

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.context import FulfillmentContext, FulfillmentProfile
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure.completion import Round
from services.fulfillment.erasure.execution import Refused, Remains
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.handlers import answer
from services.fulfillment.search.findings import Coverage, Findings, FoundRecord, RecordTuple, SearchStatus
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.ownership import OwnershipMatch
from shared.contract.answer import SUBMISSION, Answer
from shared.contract.events import (
    Assurance,
    ErasurePlanned,
    IdentityVerified,
    Outcome,
    RequestFulfilled,
    RequestSubmitted,
)
from shared.law import Regulation, Right
from tests.runtime_fakes import MemoryVault
from tests.unit.fulfillment.handler_fakes import around

CASE = "a" * 32
KEY = bytes(32)
MAP = parse(
    {
        "shop.yml": """
dataset:
  - fides_key: shop
    collections:
      - name: users
        fields:
          - {name: _id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
"""
    }
)
[USERS] = MAP.collections
ADA = FoundRecord(
    USERS,
    {"_id": 1},
    {"_id": 1, "email": "ada@example.org"},
    (OwnershipMatch("email", None, ("ada@example.org",)),),
)


@dataclass
class Shelf:
    """Records that come and go between two attempts."""

    found: tuple[FoundRecord, ...] = ()
    asked: list[Identities] = field(default_factory=list)

    def due_on(self, _day: date) -> Self:
        return self

    async def gather(
        self,
        data_map: DataMap,
        identities: Identities,
        claimed: Identities | None = None,  # noqa: ARG002
    ) -> Findings:
        self.asked.append(identities)
        coverage = (Coverage(USERS.key, SearchStatus.SEARCHED, len(self.found)),)
        return Findings(data_map.version, RecordTuple(self.found), coverage)

    async def erase(self, plan: RecordPlan) -> Refused:
        raise NotImplementedError

    async def plan_again(self, done: Round, data_map: DataMap, today: date) -> RecordPlan:
        raise NotImplementedError

    async def verify(self, plan: RecordPlan, data_map: DataMap, identities: Identities) -> Remains:
        raise NotImplementedError


class Maps:
    """One map."""

    current = MAP

    async def of(self, version: str) -> DataMap:
        del version
        return MAP


async def context(
    shelf: Shelf, right: Right = Right.ACCESS, **details: bool
) -> tuple[IdentityVerified, FulfillmentContext]:
    vault = MemoryVault()
    await vault.create(CASE)
    submitted = RequestSubmitted.model_validate(
        {"reference": "r", "right": right, "subject": {"email": "ada@example.org"}, "details": details}
    )
    await vault.seal(CASE, SUBMISSION, submitted.model_dump_json().encode())
    house = FulfillmentProfile(
        "Example", "privacy@example.com", "Authority", UTC, CertificateSigner(KEY), KEY, timedelta(days=30)
    )
    event = IdentityVerified(
        request_id=CASE,
        right=right,
        regulation=Regulation.GDPR,
        received_on=date(2026, 11, 25),
        assurance=Assurance.MAILBOX,
        proven=("email",),
        reasons=("mailbox",),
    )
    return event, around(vault=vault, records=shelf, maps=Maps(), house=house)


async def test_second_attempt_publishes_its_own_findings() -> None:
    shelf = Shelf()
    event, ctx = await context(shelf)
    [first] = await answer(event, ctx)  # dies before its row is written
    shelf.found = (ADA,)
    [second] = await answer(event, ctx)
    assert isinstance(first, RequestFulfilled)
    assert isinstance(second, RequestFulfilled)
    assert (first.outcome, second.outcome) == (Outcome.NOTHING_HELD, Outcome.GRANTED)
    sealed = Answer.model_validate_json(await ctx.vault.open(CASE, second.answer))
    assert [group.records for group in sealed.disclosed] == [1]


async def test_published_package_is_never_overwritten() -> None:
    shelf = Shelf((ADA,))
    event, ctx = await context(shelf)
    [promised] = await answer(event, ctx)
    assert isinstance(promised, RequestFulfilled)
    before = [piece async for piece in ctx.vault.open_stream(CASE, promised.package or "")]
    shelf.found = (ADA, FoundRecord(USERS, {"_id": 2}, {"_id": 2, "email": "ada@example.org"}, ADA.matches))
    [late] = await answer(event, ctx)  # a replica that was slow
    assert isinstance(late, RequestFulfilled)
    assert late.package != promised.package
    assert [piece async for piece in ctx.vault.open_stream(CASE, promised.package or "")] == before


async def test_a_copy_is_stored_and_named_before_an_erasure_is_planned() -> None:
    event, ctx = await context(Shelf((ADA,)), Right.ERASURE, with_copy=True)
    [planned] = await answer(event, ctx)
    assert isinstance(planned, ErasurePlanned)
    assert planned.package is not None
    assert [piece async for piece in ctx.vault.open_stream(CASE, planned.package)]
    decided = RecordPlan.of_line(await anext(ctx.opened_lines(planned.plan)))
    assert decided.identities == {"email": ("ada@example.org",)}


async def test_search_starts_with_proven_identities() -> None:
    shelf = Shelf()
    event, ctx = await context(shelf)
    await answer(event, ctx)
    assert shelf.asked == [{"email": ("ada@example.org",)}]
