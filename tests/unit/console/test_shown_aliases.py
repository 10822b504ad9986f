"""The opened content of a case shows the further identities that an account can confirm."""

import httpx
import pytest

from shared.contract import events
from tests.unit.console.test_decision_offers import ALIASES, CASE, VERIFIED, fulfilled, received
from tests.unit.console.test_long_lists import content_with
from tests.unit.console.test_package_page import OneReview, client_of

OFFERED = {"alias": "aliases_1:1", "identity": "email", "value": "lou@example.net", "proven": False}
CONFIRM = f'href="/requests/{CASE}/decisions/confirm-alias"'


class NamedAlias(OneReview):
    """A case whose records name another mailbox."""

    async def response(self, *_: object) -> httpx.Response:
        return httpx.Response(200, json=content_with(aliases=[OFFERED]))


@pytest.mark.slow
@pytest.mark.parametrize(("facts", "confirmed"), [((), True), ((events.AliasProven,), False)])
async def test_values_are_shown_with_a_link_to_their_confirmation(
    facts: tuple[type[events.AliasProven], ...], confirmed: bool
) -> None:
    """Once the person has proven it by a code, there is nothing to confirm."""
    proven = [one(request_id=CASE, aliases=ALIASES.ref, number=1) for one in facts]
    case = (received(), VERIFIED, fulfilled(aliases=ALIASES), *proven)
    async with client_of(NamedAlias(facts=case)) as http:
        page = (await http.get(f"/requests/{CASE}/content")).text
    assert "lou@example.net" in page
    assert (CONFIRM in page) is confirmed
