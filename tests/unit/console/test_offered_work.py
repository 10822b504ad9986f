"""Pages offer an account the work, the owners and the reasons that fit its roles and the case."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.console import labels
from services.console.pages.content import readings
from services.console.read_model.cases import CasePage, WaitingWork
from services.console.signin.accounts import StaffMember
from services.console.state import WaitKind
from shared.law import Role
from shared.vocabulary import StaffRole
from tests.unit.console.test_decision_offers import CASE, END_USER, received, view_of
from tests.unit.console.test_package_page import MEMBER, OneReview, client_of

AGENT = replace(MEMBER, roles=frozenset({StaffRole.AGENT}))


class AgentAtWork(OneReview):
    """The console of an agent, with other accounts; nothing waits."""

    async def member(self, _name: str) -> StaffMember:
        return AGENT

    async def members(self) -> Sequence[StaffMember]:
        return [replace(AGENT, name=role.value, roles=frozenset({role})) for role in StaffRole]

    async def work(self, _today: date, _owner: str) -> WaitingWork:
        return WaitingWork((), 0)

    async def page(self, *_: Any, **__: Any) -> CasePage:
        return CasePage((), 0, True, None)


@pytest.mark.slow
@pytest.mark.parametrize(("view", "shown"), [("me", False), ("all", True)])
async def test_work_for_an_account_has_no_tile_that_its_roles_cannot_do(view: str, shown: bool) -> None:
    async with client_of(AgentAtWork()) as http:
        page = (await http.get("/", params={"view": view})).text
    assert f"work={WaitKind.DOCUMENT}" in page
    for kind in (WaitKind.PURGE, WaitKind.RELEASE):
        assert (f"work={kind}" in page) is shown


@pytest.mark.slow
async def test_owners_of_a_case_are_accounts_that_may_work() -> None:
    async with client_of(AgentAtWork()) as http:
        page = (await http.get(f"/requests/{CASE}")).text
    [owners] = re.findall(r'<select id="owner-account".*?</select>', page, re.DOTALL)
    assert re.findall(r'value="(\w+)"', owners) == ["agent", "approver", "incident_officer"]


@pytest.mark.parametrize("role", Role)
def test_customer_is_a_reason_to_open_requests_of_end_users_alone(role: Role) -> None:
    row = view_of((END_USER if role is Role.END_USER else received(role=role),)).row
    assert (labels.FORWARDING in readings(row)) is (role is Role.END_USER)
    assert "review" in readings(row)
