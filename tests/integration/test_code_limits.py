"""Wrong codes are counted in the database, each once, and set off the alarm for an hour."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from services.intake.cases.code_limits import WINDOW, CodeLimit, WrongCodes
from services.intake.cases.errors import TooManyAttempts
from shared.runtime.mongo import Client

NOW = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
ALARM = 3


async def wrong(client: Client, prefix: str, attempts: int) -> WrongCodes:
    """Return the count after so many wrong codes, each reported twice."""
    count = WrongCodes(client[f"{prefix}_intake"], alarm_at=ALARM)
    await count.prepare()
    for number in range(attempts):
        await count.note(f"attempt-{number}", NOW)
        await count.note(f"attempt-{number}", NOW)
    return count


@pytest.mark.parametrize(("attempts", "alarm"), [(ALARM - 1, False), (ALARM, True)])
async def test_alarm_is_on_from_so_many_wrong_codes_within_the_hour_on(
    mongo_client: Client, database_prefix: str, attempts: int, *, alarm: bool
) -> None:
    count = await wrong(mongo_client, database_prefix, attempts)
    assert await count.is_alarming(NOW) is alarm
    assert await count.is_alarming(NOW + WINDOW - timedelta(seconds=1)) is alarm
    assert not await count.is_alarming(NOW + WINDOW)


async def test_alarm_is_shared_by_replicas_and_leaves_each_network_five_codes(
    mongo_client: Client, database_prefix: str
) -> None:
    await wrong(mongo_client, database_prefix, ALARM)
    other = CodeLimit.of(WrongCodes(mongo_client[f"{database_prefix}_intake"], alarm_at=ALARM), 60)
    for network in ("192.0.2.1", "192.0.2.2"):
        for _ in range(5):
            await other.take(network, NOW)
        with pytest.raises(TooManyAttempts):
            await other.take(network, NOW)


async def test_without_an_alarm_a_network_may_offer_as_many_codes_as_the_setting_says(
    mongo_client: Client, database_prefix: str
) -> None:
    calm = CodeLimit.of(await wrong(mongo_client, database_prefix, 0), 10)
    for _ in range(10):
        await calm.take("192.0.2.1", NOW)
    with pytest.raises(TooManyAttempts):
        await calm.take("192.0.2.1", NOW)
    await calm.take("192.0.2.2", NOW)


async def test_what_is_counted_holds_neither_code_nor_request(
    mongo_client: Client, database_prefix: str
) -> None:
    await wrong(mongo_client, database_prefix, 1)
    kept = [row async for row in mongo_client[f"{database_prefix}_intake"]["wrong_codes"].find()]
    assert [set(row) for row in kept] == [{"_id", "at"}]


async def test_alarm_is_logged_once_for_each_multiple_though_no_count_hits_it(
    mongo_client: Client, database_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    count = await wrong(mongo_client, database_prefix, 0)
    others = mongo_client[f"{database_prefix}_intake"]["wrong_codes"]
    await others.insert_many([{"_id": f"other-{n}", "at": NOW} for n in range(ALARM)])
    for number in range(3):  # these are the fourth to the sixth
        await count.note(f"attempt-{number}", NOW)
    later = NOW + WINDOW
    for number in range(3, 3 + ALARM):  # the others count no more
        await count.note(f"attempt-{number}", later)
    said = [line for line in capsys.readouterr().out.splitlines() if "possible guessing" in line]
    assert [re.findall(r"count.*?=.*?(\d+)\x1b?\[?0?m?$", line) for line in said] == [["3"], ["6"], ["3"]]
