"""Sessions of staff accounts: how long a secret opens the staff API, and for which account."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from services.intake.http.failed_attempts import MOST_OF_NETWORK, FailedAttempts
from shared.contract.events import MOST_SESSION, SESSION_ID, RequestPurged, StaffRole, StaffSignedOut
from shared.contract.register import CaseHistory, may_be_purged
from shared.contract.staff import objection, public_bytes, recovery_code, recovery_digest, session_token
from shared.runtime.client_limits import Allowance
from shared.runtime.console_credential import CLIENT, HEADER
from shared.runtime.journal import facts_of
from tests.unit.fakes import NOW, request
from tests.unit.intake_api import CASE, answered, assert_problem
from tests.unit.staff_desk import CREDENTIAL, DANA, StaffDesk

URL = "/v1/staff/session"


async def status(desk: StaffDesk, secret: str | None) -> int:
    async with desk.client(secret) as http:
        return (await http.get(URL)).status_code


@pytest.mark.slow
async def test_session_shows_its_account_and_its_end() -> None:
    desk = StaffDesk()
    async with desk.client(await desk.sign_in({StaffRole.VIEWER, StaffRole.AUDITOR})) as http:
        answer = await http.get(URL)
    until = (NOW + timedelta(hours=8)).isoformat().replace("+00:00", "Z")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "account": "dana.muster",
        "display_name": "Dana Muster",
        "roles": ["auditor", "viewer"],
        "until": until,
    }


async def test_call_without_a_session_is_refused() -> None:
    desk = StaffDesk()
    secret = await desk.sign_in()
    for shown in (None, "", secret[:-1], session_token(secret), session_token(secret)[:SESSION_ID]):
        async with desk.client(shown) as http:
            assert_problem(await http.get(URL), 401)
    async with desk.client() as http:
        answer = await http.get(URL, headers={"Authorization": f"Basic {secret}"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_secret_of_another_hash_with_the_same_first_digits_is_refused() -> None:
    desk = StaffDesk()
    secret = await desk.sign_in()
    token = session_token(secret)
    [row] = desk.office.journals["intake"].rows.values()
    begun = desk.signed_in(secret, token=token[:SESSION_ID] + "0" * SESSION_ID)
    desk.office.journals["intake"].rows[row.key] = replace(row, event=begun)
    assert await status(desk, secret) == 401


async def test_session_ends_at_its_time() -> None:
    desk = StaffDesk()
    secret = await desk.sign_in()
    desk.office.clock.move(timedelta(hours=8) - timedelta(seconds=1))
    assert await status(desk, secret) == 200
    desk.office.clock.move(timedelta(seconds=1))
    assert await status(desk, secret) == 401


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"disabled": True}, id="disabled"),
        pytest.param({"second_factor": b"g" * 20}, id="another second factor"),
        pytest.param({"public_key": public_bytes(Ed25519PrivateKey.generate())}, id="another password"),
    ],
)
async def test_session_ends_when_its_account_is_disabled_or_reset(change: dict[str, Any]) -> None:
    desk = StaffDesk()
    secret = await desk.sign_in()
    desk.change(**change)
    assert await status(desk, secret) == 401


async def test_session_that_began_with_a_recovery_code_lasts_until_the_account_has_others() -> None:
    desk, code = StaffDesk(), recovery_code(bytes(10))
    desk.change(recovery=(recovery_digest(code),))
    secret = await desk.sign_in(code=code)
    assert await status(desk, secret) == 200
    desk.change(recovery=(recovery_digest(recovery_code(b"x" * 10)),))
    assert await status(desk, secret) == 401


async def test_session_of_a_removed_account_is_refused() -> None:
    desk = StaffDesk()
    secret = await desk.sign_in()
    desk.people.clear()
    assert await status(desk, secret) == 401


async def test_changed_roles_count_at_once() -> None:
    desk = StaffDesk()
    secret = await desk.sign_in({StaffRole.AGENT})
    desk.change(roles=frozenset({StaffRole.VIEWER}))
    async with desk.client(secret) as http:
        assert (await http.get(URL)).json()["roles"] == ["viewer"]


async def test_sign_out_ends_the_session_and_is_on_record() -> None:
    desk = StaffDesk()
    secret = await desk.sign_in()
    other = await desk.sign_in()
    async with desk.client(secret) as http:
        assert (await http.delete(URL)).status_code == 204
        assert (await http.delete(URL)).status_code == 401
    id_ = session_token(secret)[:SESSION_ID]
    assert desk.office.the(StaffSignedOut) == StaffSignedOut(request_id=id_, by="dana.muster")
    assert await status(desk, secret) == 401
    assert await status(desk, other) == 200


async def test_wrong_secrets_are_limited_for_each_network_whatever_they_are() -> None:
    desk = StaffDesk(attempts=FailedAttempts())
    statuses = [await status(desk, f"guess {number}") for number in range(MOST_OF_NETWORK + 1)]
    assert statuses[-2:] == [401, 429]


async def test_other_credentials_of_a_network_are_limited_together() -> None:
    desk = StaffDesk(attempts=FailedAttempts())
    async with desk.client("key") as http:
        lodged = [
            (await http.post("/v1/requests", json={}, headers={"Authorization": f"Bearer {n}"})).status_code
            for n in range(MOST_OF_NETWORK + 1)
        ]
    assert lodged[-2:] == [401, 429]


@pytest.mark.slow
async def test_wrong_secrets_that_the_console_shows_count_for_the_network_of_its_client() -> None:
    desk = StaffDesk(attempts=FailedAttempts())
    secret = await desk.sign_in()

    async with desk.client() as http:

        async def shown(bearer: str, network: str, credential: str = CREDENTIAL) -> int:
            headers = {HEADER: credential, CLIENT: network, "Authorization": f"Bearer {bearer}"}
            return (await http.get(URL, headers=headers)).status_code

        assert [await shown("ended", "203.0.113.5") for _ in range(MOST_OF_NETWORK + 1)][-2:] == [401, 429]
        assert await shown(secret, "203.0.113.5") == 200
        assert {await shown(f"ended {one}", "203.0.113.5") for one in range(MOST_OF_NETWORK + 1)} == {401}
        assert await shown(secret, "203.0.113.5") == 200, "ended sessions of others lock nobody out"
        assert await shown(secret, "203.0.113.6") == 200
        assert {await shown("ended", "") for _ in range(MOST_OF_NETWORK + 1)} == {401}, "nobody's attempts"
        assert [await shown("wrong", "203.0.113.7", "a stranger's") for _ in range(MOST_OF_NETWORK)][
            -1
        ] == 401
        assert await shown("wrong", "203.0.113.8", "a stranger's") == 429, "counts for its own address"


async def test_calls_in_a_session_count_for_its_account_and_others_for_their_address() -> None:
    desk, salt = StaffDesk(calls=Allowance(3)), "/v1/staff/accounts/dana.muster/salt"
    secret = await desk.sign_in()
    for shown in (None, secret):
        async with desk.client(shown) as http:
            assert [(await http.get(salt)).status_code for _ in range(4)] == [200, 200, 200, 429]
    async with desk.client("wrong") as http:
        assert (await http.get(salt)).status_code == 429


async def test_calls_of_the_console_count_for_the_network_of_its_client() -> None:
    desk, salt = StaffDesk(calls=Allowance(2)), "/v1/staff/accounts/dana.muster/salt"

    async def statuses(credential: str, network: str) -> list[int]:
        shown = {HEADER: credential, CLIENT: network}
        async with desk.client() as http:
            return [(await http.get(salt, headers=shown)).status_code for _ in range(3)]

    assert await statuses(CREDENTIAL, "203.0.113.5") == [200, 200, 429]
    assert await statuses(CREDENTIAL, "203.0.113.6") == [200, 200, 429]
    assert await statuses(CREDENTIAL, "") == [200] * 3, "no client, and nobody else's calls"
    assert await statuses("a stranger's", "203.0.113.7") == [200, 200, 429]
    assert await statuses("a stranger's", "203.0.113.8") == [429] * 3, "counts for its own address"


async def test_secret_of_a_session_opens_no_page_of_a_person() -> None:
    desk = StaffDesk(office=await answered())
    async with desk.client(await desk.sign_in(StaffRole)) as http:
        for path, status in {"": 401, "/package": 401, "/package?code=123456": 403}.items():
            assert (await http.get(f"/v1/requests/{CASE}{path}")).status_code == status


async def test_number_of_a_session_is_no_request() -> None:
    desk = StaffDesk()
    id_ = session_token(await desk.sign_in())[:SESSION_ID]
    async with desk.client() as http:
        assert (await http.get(f"/v1/requests/{id_}")).status_code == 404
        assert (await http.delete(f"/v1/requests/{id_}")).status_code == 404


async def test_token_begins_one_session() -> None:
    desk = StaffDesk()
    secret = await desk.sign_in()
    desk.people["robin.muster"] = replace(DANA, name="robin.muster")
    await desk.office.tell(desk.signed_in(secret, by="robin.muster"), service="console")
    assert [one.reason for one in desk.office.staff.outcomes] == [None, "session_exists"]
    async with desk.client(secret) as http:
        assert (await http.get(URL)).json()["account"] == "dana.muster"


async def test_session_does_not_begin_in_the_case_of_a_request() -> None:
    desk = StaffDesk()
    await desk.office.submit(request())
    forged = desk.signed_in("secret", request_id=CASE, token=CASE * 2)
    await desk.office.tell(forged, service="console")
    assert desk.office.staff.outcomes[-1].reason == "session_exists"
    case, _ = await desk.office.requests.look_up(CASE)
    assert case.session is None


def test_session_lasts_twelve_hours_at_most() -> None:
    desk = StaffDesk()
    begun = desk.signed_in("secret", until=NOW + MOST_SESSION)
    again = begun.model_dump(mode="json")
    assert type(begun).model_validate(again) == begun
    longer = (NOW + MOST_SESSION + timedelta(seconds=1)).isoformat()
    with pytest.raises(ValidationError, match="at most 12 hours"):
        type(begun).model_validate(again | {"until": longer})


def test_number_of_a_session_follows_from_its_token() -> None:
    with pytest.raises(ValidationError, match="first 32 digits"):
        StaffDesk().signed_in("secret", request_id=CASE)


def test_program_has_no_session() -> None:
    begun = StaffDesk().signed_in("secret")
    assert objection(begun, DANA, NOW) is None
    assert objection(begun, replace(DANA, second_factor=b""), NOW) == "program_signed_in"


async def test_record_of_a_session_is_purged_as_of_its_end_and_counts_as_no_request() -> None:
    desk = StaffDesk()
    await desk.sign_in()
    history = CaseHistory.of(facts_of(desk.office.journals["intake"].rows.values()))
    until = NOW + timedelta(hours=8)
    assert not may_be_purged(history, until)
    assert may_be_purged(history, until + timedelta(seconds=1))
    assert history.entry(NOW.tzinfo or desk.office.ports.practice.zone) is None
    history.note(RequestPurged(request_id=CASE), NOW)
    assert not may_be_purged(history, until + timedelta(seconds=1))


async def test_calls_of_an_account_in_its_sessions_are_limited() -> None:
    desk = StaffDesk(readings=Allowance(2))
    first, second = await desk.sign_in(), await desk.sign_in()
    assert [await status(desk, secret) for secret in (first, second, first)] == [200, 200, 429]
