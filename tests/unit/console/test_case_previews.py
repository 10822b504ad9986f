"""Previews of decisions: whose opened cases they take, and which request a reference names."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.console.context import ConsoleParts
from services.console.decisions.bulk import previewed_together
from services.console.decisions.bulk_forms import BULK, JointDecision
from services.console.decisions.case_decisions import NO_PREVIEW, EnteredDecision, previewed
from services.console.decisions.forms import CaseView, InvalidEntry
from services.console.decisions.offers import OFFERS
from services.console.http.guard import Visitor
from services.console.read_model.cases import CaseFilter
from services.console.signin.accounts import StaffMember
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from services.console.state import CaseKind, CaseRow
from shared.contract.events import ContentOpened, Decision, DuplicateDecided
from shared.contract.references import short_reference
from shared.vocabulary import StaffRole

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=1)
CASE, FIRST = "ab" * 16, "cd" * 16
ACCOUNT, OTHER = "dana.muster", "omar.sample"
KEY = UnlockedKey(Ed25519PrivateKey.generate(), "bearer", UNTIL)
VISITOR = Visitor(
    ConsoleSession("token", ACCOUNT, b"key", NOW, UNTIL, KEY),
    StaffMember(ACCOUNT, "", frozenset(StaffRole), b"key"),
)


class Drawn:
    """The console of one account: it knows some requests, and remembers the decisions that were previewed."""

    def __init__(self, *known: str) -> None:
        """Know requests of these ids."""
        self.known, self.decisions = known, list[Decision]()

    async def page(self, wanted: CaseFilter, today: object) -> SimpleNamespace:
        del today
        assert wanted.text.upper().startswith("HB-")
        return SimpleNamespace(rows=[CaseRow(one, CaseKind.REQUEST, NOW, NOW) for one in self.known])

    async def preview(self, decision: Decision, text: bytes | None, bearer: str) -> Mapping[str, Any]:
        del text, bearer
        self.decisions.append(decision)
        return {"letters": []}

    @property
    def parts(self) -> ConsoleParts:
        """The console with these requests."""
        parts: dict[str, Any] = dict.fromkeys(ConsoleParts.__dataclass_fields__, self)
        zone = SimpleNamespace(company=SimpleNamespace(zone=UTC))
        return ConsoleParts(**parts | {"clock": lambda: NOW, "settings": zone})


WHY = {"text": ["By telephone."]}


def opened(case: str, *accounts: str) -> CaseView:
    """Return a case that *accounts* have opened."""
    facts = [ContentOpened(request_id=case, by=one, item="everything", reason="review") for one in accounts]
    return CaseView(CaseRow(case, CaseKind.REQUEST, NOW, NOW), facts, NOW, NOW.date())


async def test_preview_of_many_cases_takes_a_case_that_the_account_itself_has_opened() -> None:
    console, mine = Drawn(), opened(FIRST, OTHER, ACCOUNT)
    form = JointDecision(BULK["withdraw"], [opened(CASE, OTHER), opened("ef" * 16), mine], values=WHY)
    await previewed_together(console.parts, VISITOR, form)
    assert [one.request_id for one in console.decisions] == [FIRST]


async def test_preview_of_many_cases_needs_one_that_the_account_has_opened() -> None:
    console, form = Drawn(), JointDecision(BULK["withdraw"], [opened(CASE, OTHER)], values=WHY)
    with pytest.raises(InvalidEntry) as raised:
        await previewed_together(console.parts, VISITOR, form)
    assert (str(raised.value), console.decisions) == (NO_PREVIEW, [])


def merging(first: str) -> EnteredDecision:
    """Return the decision to merge with the request *first*, as entered."""
    return EnteredDecision(OFFERS["merge"], opened(CASE), VISITOR, {"first": [first], **WHY})


@pytest.mark.parametrize(
    "written", [FIRST, FIRST.upper(), short_reference(FIRST), short_reference(FIRST).lower()]
)
async def test_earlier_request_is_named_by_its_id_or_its_short_reference(written: str) -> None:
    console = Drawn(FIRST)
    await previewed(console.parts, merging(written))
    [decision] = console.decisions
    assert isinstance(decision, DuplicateDecided)
    assert decision.first == FIRST


@pytest.mark.parametrize("known", [(), (FIRST, CASE)], ids=["none", "two"])
async def test_reference_that_names_no_single_request_is_an_error_of_its_field(
    known: tuple[str, ...],
) -> None:
    console = Drawn(*known)
    with pytest.raises(InvalidEntry) as raised:
        await previewed(console.parts, merging(short_reference(FIRST)))
    assert (raised.value.name, console.decisions) == ("first", [])
