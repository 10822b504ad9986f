"""The register of staff accounts on a real database: a code makes one decision."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from shared.contract.events import Decision, IdentityDecided
from shared.contract.staff import STEP_S, code_at, signed
from shared.runtime.mongo import Client
from shared.runtime.staff_register import StaffKeys, StaffRegister
from shared.runtime.vault import Vault
from tests.staff import StaffRoom

MASTER = bytes(range(32))
CASE = "c" * 32
NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
"""The beginning of a half-minute."""
HALF_MINUTE = timedelta(seconds=STEP_S)


@pytest_asyncio.fixture
async def room(mongo_client: Client, database_prefix: str) -> StaffRoom:
    vault = Vault(mongo_client, prefix=database_prefix, master_key=MASTER)
    register = StaffRegister(mongo_client, prefix=database_prefix, keys=StaffKeys.of(MASTER), vault=vault)
    await register.prepare()
    return StaffRoom(register)


async def test_code_that_made_a_decision_makes_no_other_in_the_next_half_minute(room: StaffRoom) -> None:
    account = await room.present("anna")
    code = code_at(account.second_factor, NOW)

    def decision(reason: str, at: datetime) -> Decision:
        drawn: Decision = IdentityDecided(request_id=CASE, by="anna", verified=False, reason=reason)
        return signed(drawn, room.key("anna"), at=at, nonce=secrets.token_hex(16), code=code)

    first, second = decision("unidentifiable", NOW), decision("permission_not_shown", NOW + HALF_MINUTE)
    assert await room.register.refusal(first, "event-1", NOW) is None
    assert await room.register.refusal(second, "event-2", NOW + HALF_MINUTE) == "code_spent"
    assert await room.register.refusal(first, "event-1", NOW + HALF_MINUTE) is None, "the same event"
