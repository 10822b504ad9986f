"""Who calls: tokens for those that show their secret, for an hour, and for what they may do."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from services.intake.channels.fides.clients import LIFETIME
from tests.unit.fakes import Office
from tests.unit.fides_clients import BASE, SECRETS, Calling, assert_detail, calling

PATH = f"{BASE}/oauth/token"
GOOD = {"grant_type": "client_credentials", "client_id": "scripts", "client_secret": SECRETS["scripts"]}


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"data": GOOD}, id="a form"),
        pytest.param(
            {"files": [(name, (None, value)) for name, value in GOOD.items()]}, id="multipart/form-data"
        ),
        pytest.param({"headers": basic("scripts", SECRETS["scripts"])}, id="Basic"),
        pytest.param(
            {
                "headers": basic("scripts", SECRETS["scripts"]),
                "data": {"grant_type": "client_credentials", "scope": "anything"},
            },
            id="Basic, with a form",
        ),
    ],
)
async def test_a_client_that_shows_its_secret_gets_a_token(sent: dict[str, Any]) -> None:
    async with calling(Office()) as client:
        answer = await client.http.post(PATH, **sent)
        assert answer.status_code == 200, answer.text
        given = answer.json()
        assert set(given) == {"access_token", "token_type", "expires_in", "expires_at"}
        assert (given["token_type"], given["expires_in"]) == ("Bearer", 3600)
        client.token = given["access_token"]
        assert (await client.search())["total"] == 0


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"data": GOOD | {"client_secret": "another secret, longer"}}, id="wrong"),
        pytest.param({"data": GOOD | {"client_secret": ""}}, id="none"),
        pytest.param({"data": GOOD | {"client_id": "readers"}}, id="another client's"),
        pytest.param({"data": GOOD | {"client_id": "nobody", "client_secret": ""}}, id="nobody's"),
        pytest.param({"json": GOOD}, id="no form"),
        pytest.param({}, id="nothing"),
        pytest.param({"headers": {"Authorization": "Basic ???"}}, id="no base64"),
        pytest.param({"headers": {"Authorization": "Basic /w=="}}, id="no text"),
        pytest.param({"headers": {"Authorization": "Bearer x"}}, id="a token"),
        pytest.param({"headers": basic("", "")}, id="empty"),
    ],
)
async def test_any_other_caller_gets_no_token_and_no_reason(sent: dict[str, Any]) -> None:
    async with calling(Office()) as client:
        assert assert_detail(await client.http.post(PATH, **sent), 401) == "Authentication Failure"


async def test_no_other_grant_is_served() -> None:
    async with calling(Office()) as client:
        answer = await client.http.post(PATH, data=GOOD | {"grant_type": "password"})
    assert_detail(answer, 400)


async def test_a_file_is_no_secret_and_a_broken_form_is_refused() -> None:
    async with calling(Office()) as client:
        file = await client.http.post(PATH, files={"client_secret": ("s.txt", b"s")})
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        broken = await client.http.post(PATH, content=b"--y\r\n\r\n", headers=headers)
    assert {file.status_code, broken.status_code} <= {400, 401}


async def test_a_token_is_good_for_an_hour() -> None:
    async with calling(Office()) as client:
        await client.log_in()
        client.office.clock.move(LIFETIME - timedelta(seconds=1))
        assert (await client.search())["total"] == 0
        client.office.clock.move(timedelta(seconds=1))
        answer = await client.call("POST", "/privacy-request/search", {})
        assert_detail(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


READING = [
    ("POST", "/privacy-request/search"),
    ("GET", "/privacy-request"),
    ("GET", "/privacy-request/pri_1/log"),
    ("GET", "/privacy-request/pri_1/access-results"),
]


async def refusals(client: Calling, calls: list[tuple[str, str]]) -> set[int]:
    return {(await client.call(method, path, {})).status_code for method, path in calls}


async def test_without_a_token_nothing_is_looked_up_or_made_for_others() -> None:
    async with calling(Office()) as client:
        for token in ("", "token-7", "x" * 5_000):
            client.token = token
            assert await refusals(client, [*READING, ("POST", "/privacy-request/authenticated")]) == {401}


async def test_a_client_may_do_what_it_was_given_leave_for() -> None:
    async with calling(Office()) as client:
        await client.log_in("readers")
        assert (await client.search())["total"] == 0
        forbidden = [READING[3], ("POST", "/privacy-request/authenticated")]
        assert await refusals(client, forbidden) == {403}
