"""The code from the mailbox: its result is returned at once, for a form in a browser."""

from datetime import timedelta

import pytest

from services.intake.channels.fides.bodies import spelt
from shared.contract.codes import LIFETIME, MOST_ISSUED, TRIES
from shared.contract.events import IdentityVerified, Outcome, ProofReceived, RequestFulfilled
from shared.law import Right
from tests.unit.fakes import Office, request, wrong
from tests.unit.fides_clients import Calling, assert_detail, assert_flaws, calling, hex_of


async def offered(client: Calling, name: str, code: str) -> tuple[int, str]:
    answer = await client.call("POST", f"/privacy-request/{name}/verify", {"code": code})
    body = answer.json()
    return answer.status_code, body["status"] if answer.is_success else body["detail"]


@pytest.mark.slow
async def test_the_exchange_of_a_privacy_center() -> None:
    office = Office()
    async with calling(office) as client:
        config = (await client.call("GET", "/id-verification/config")).json()
        assert config["identity_verification_required"]
        found = await client.create(
            {
                "identity": {"email": "ottilie@example.org", "phone_number": None},
                "custom_privacy_request_fields": {"why": {"label": "Why", "value": "I want to know."}},
                "policy_key": "default_access_policy",
                "property_id": None,
                "source": "Privacy Center",
            }
        )
        made = found["succeeded"][0]
        assert made["status"] == "identity_unverified"
        await office.work()
        name = made["id"]
        code = client.code_of(name)
        assert await offered(client, name, wrong(code)) == (403, "Incorrect identification code.")
        assert await offered(client, name, code) == (200, "in_processing")
        await office.tell(
            RequestFulfilled(
                request_id=hex_of(name),
                right=Right.ACCESS,
                outcome=Outcome.GRANTED,
                answer="answer",
                package="package",
            )
        )
        await client.log_in()
        shown = await client.shown(name)
        assert shown["status"] == "complete"
        assert shown["identity_verified_at"]
        assert shown["finished_processing_at"]
        results = await client.call("GET", f"/privacy-request/{name}/access-results")
        page = f"https://privacy.example.com/requests/{hex_of(name)}"
        assert results.json() == {"access_result_urls": [page]}


async def test_a_code_is_taken_before_the_request_is_registered() -> None:
    office = Office()
    async with calling(office) as client:
        found = await client.create(
            {"identity": {"email": "o@example.org"}, "policy_key": "default_access_policy"}
        )
        # The call itself waits until the person was asked.
        status, _ = await offered(client, found["succeeded"][0]["id"], "000000")
    assert status in {403, 200}
    assert office.facts(ProofReceived)


async def test_a_code_that_has_expired_or_was_never_sent_is_of_no_use() -> None:
    office = Office()
    async with calling(office) as client:
        name = await client.made()
        code = client.code_of(name)
        await office.wait(LIFETIME + timedelta(seconds=1))
        status, said = await offered(client, name, code)
        assert (status, "code_expired" in said) == (400, True)


@pytest.mark.slow
async def test_five_wrong_codes_use_the_code_up() -> None:
    office = Office()
    async with calling(office) as client:
        name = await client.made()
        code = client.code_of(name)
        for _ in range(TRIES):
            assert (await offered(client, name, wrong(code)))[0] == 403
        assert (await offered(client, name, code))[0] == 400
        assert not office.facts(IdentityVerified)


@pytest.mark.slow
async def test_using_up_all_codes_denies_the_request() -> None:
    office = Office()
    async with calling(office) as client:
        name = await client.made()
        another = {"proofs": [{"kind": "new_code"}]}
        for number in range(MOST_ISSUED):
            if number:
                await client.http.post(f"/v1/requests/{hex_of(name)}/proofs", json=another)
                await office.work()
            answers = [await offered(client, name, "000000") for _ in range(TRIES)]
        assert answers[-1] == (403, "Too many incorrect identification codes.")
        await client.log_in()
        assert (await client.shown(name))["status"] == "denied"


async def test_a_code_is_taken_once() -> None:
    office = Office()
    async with calling(office) as client:
        name = await client.made()
        code = client.code_of(name)
        assert (await offered(client, name, code))[0] == 200
        assert await offered(client, name, code) == (400, "No code is awaited: the request is in_processing.")


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "-12345"]
)
async def test_an_invalid_code_uses_no_try(code: str) -> None:
    office = Office()
    async with calling(office) as client:
        name = await client.made()
        assert await offered(client, name, code) == (403, "Incorrect identification code.")
        assert not office.facts(ProofReceived)


async def test_opting_out_needs_no_code() -> None:
    async with calling(Office()) as client:
        name = await client.made(policy_key="default_consent_policy")
        status, said = await offered(client, name, "123456")
    assert status == 400
    assert "No code is awaited" in said


async def test_where_a_mailbox_is_not_enough_the_code_counts_and_more_is_wanted() -> None:
    office = Office()
    async with calling(office) as client:
        name = await client.made(location="us_ca")
        assert await offered(client, name, client.code_of(name)) == (200, "identity_unverified")
        page = (await client.http.get(f"/v1/requests/{hex_of(name)}")).json()
        assert page["wanted"]


@pytest.mark.slow
async def test_a_code_that_is_not_judged_in_time_is_said_to_be_waited_for() -> None:
    office = Office()
    async with calling(office) as client:
        found = await client.create(
            {"identity": {"email": "o@example.org"}, "policy_key": "default_access_policy"}
        )
        name = found["succeeded"][0]["id"]
        await office.work()
        code = client.code_of(name)

        async def nothing() -> None:
            return None

        object.__setattr__(client.desk, "pause", nothing)
        answer = await client.call("POST", f"/privacy-request/{name}/verify", {"code": code})
        assert_detail(answer, 503)
        assert answer.headers["retry-after"]
        await office.work()
        # Nothing is lost: it was taken.
        assert office.facts(IdentityVerified)


@pytest.mark.parametrize("name", ["pri_unknown", "con_00000000-0000-0000-0000-000000000000", spelt("0" * 32)])
async def test_an_unknown_request_cannot_be_verified(name: str) -> None:
    async with calling(Office()) as client:
        answer = await client.call("POST", f"/privacy-request/{name}/verify", {"code": "123456"})
    assert_detail(answer, 404)


async def test_request_of_another_channel_is_not_shown() -> None:
    office = Office()
    await office.submit(request())
    (case,) = office.vault.items
    async with calling(office) as client:
        answer = await client.call("POST", f"/privacy-request/{spelt(case)}/verify", {"code": "123456"})
        assert_detail(answer, 404)
        await client.log_in()
        assert (await client.search())["total"] == 0


async def test_a_code_comes_in_an_object() -> None:
    async with calling(Office()) as client:
        name = await client.made()
        path = f"/privacy-request/{name}/verify"
        assert_flaws(await client.call("POST", path, {}), ("body", "code"))
        assert (await client.call("POST", path, ["123456"])).status_code == 422
        assert (await client.call("POST", path, {"code": 123456})).status_code == 422


async def test_one_request_is_not_verified_more_often_than_others_are() -> None:
    office = Office()
    async with calling(office) as client:
        name = await client.made()
        client.office.requests.acts.per_hour = 1
        assert (await offered(client, name, "000000"))[0] == 403
        answer = await client.call("POST", f"/privacy-request/{name}/verify", {"code": "000000"})
        assert_detail(answer, 429)
