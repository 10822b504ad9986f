"""A staff account cannot confirm aliases if its own mailbox is among them."""

from typing import Any, cast
from unittest.mock import MagicMock

import orjson
import pytest

from shared.contract.answer import SUBMISSION
from shared.contract.events import AliasConfirmed
from shared.contract.staff import StaffAccount
from shared.runtime.staff_register import StaffKeys, StaffRegister
from tests.runtime_fakes import MemoryVault

CASE, OWN = "a" * 32, "dana@example.net"


@pytest.mark.parametrize(
    ("offered", "reason"),
    [
        ("Dana+x@example.net", "decider_is_concerned"),
        ("lou@example.net", None),
    ],
)
async def test_decider_with_an_offered_alias_as_mailbox_is_refused(offered: str, reason: str | None) -> None:
    vault = MemoryVault()
    await vault.create(CASE)
    await vault.seal(CASE, SUBMISSION, b'{"subject": {"email": "ada@example.org"}}')
    await vault.seal(CASE, "aliases_1", orjson.dumps([["email", offered]]))
    register = StaffRegister(MagicMock(), prefix="t_", keys=StaffKeys.of(bytes(32)), vault=cast(Any, vault))
    account = MagicMock(spec=StaffAccount)
    account.mailboxes = frozenset({register.mailbox(OWN)})
    decision = AliasConfirmed(request_id=CASE, by="dana", aliases="aliases_1", number=1)
    assert await register.concerned(decision, account) == reason
