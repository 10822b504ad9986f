import pytest

from services.intake.cases.errors import TooManyAttempts
from services.intake.http.failed_attempts import MOST_OF_CLIENT, MOST_OF_NETWORK, FailedAttempts
from tests.unit.controllers import desk_of
from tests.unit.fakes import Office
from tests.unit.fides_clients import BASE, SECRETS, calling
from tests.unit.intake_api import BEARER, client_of

HOME, AWAY = "192.0.2.1", "198.51.100.7"
WRONG = {"Authorization": "Bearer no key of anybody"}


def guess(attempts: FailedAttempts, times: int) -> None:
    for _ in range(times):
        attempts.shown("scripts", AWAY, lambda: None)


def test_client_with_guessed_secrets_is_refused_from_new_networks() -> None:
    attempts = FailedAttempts()
    guess(attempts, MOST_OF_CLIENT)
    with pytest.raises(TooManyAttempts):
        attempts.shown("scripts", AWAY, lambda: "the client")


def test_guesses_do_not_lock_a_client_out_of_its_own_network() -> None:
    attempts = FailedAttempts()
    assert attempts.shown("scripts", HOME, lambda: "the client")
    guess(attempts, MOST_OF_CLIENT)
    assert attempts.shown("scripts", HOME, lambda: "the client")


def test_guesses_at_one_client_do_not_count_for_another() -> None:
    attempts = FailedAttempts()
    guess(attempts, MOST_OF_CLIENT)
    assert attempts.shown("readers", AWAY, lambda: "the other client")


@pytest.mark.slow
async def test_network_that_shows_wrong_keys_is_refused_before_a_key_is_compared() -> None:
    async with client_of(Office().requests, attempts=FailedAttempts()) as http:
        for _ in range(MOST_OF_NETWORK):
            answer = await http.get("/v1/requests?reference=r-1", headers=WRONG)
            assert answer.status_code == 401
        answer = await http.get("/v1/requests?reference=r-1", headers=BEARER)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3600")
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await http.get("/v1/policies")).status_code == 200


async def test_client_secrets_of_a_form_are_throttled_by_network() -> None:
    form = {"grant_type": "client_credentials", "client_id": "scripts", "client_secret": "wrong"}
    async with calling(Office(), attempts=FailedAttempts()) as client:
        statuses = [(await client.http.post(f"{BASE}/oauth/token", data=form)).status_code for _ in range(25)]
        assert statuses == [401] * MOST_OF_NETWORK + [429] * (25 - MOST_OF_NETWORK)
        right = form | {"client_secret": SECRETS["scripts"]}
        assert (await client.http.post(f"{BASE}/oauth/token", data=right)).status_code == 429


def test_password_of_a_controller_is_throttled_by_its_name() -> None:
    desk = desk_of(Office())
    wrong = "Basic c2hvcDp3cm9uZw=="  # shop:wrong
    for _ in range(MOST_OF_CLIENT):
        assert desk.caller(wrong, AWAY) is None
    with pytest.raises(TooManyAttempts):
        desk.caller(wrong, HOME)
    assert desk.caller("Bearer wrong", HOME) is None
