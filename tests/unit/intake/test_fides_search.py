"""What clients with a token can look up: the requests that came by this API, and no others."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.intake.channels.fides.bodies import spelt
from shared.contract.events import RequestPurged
from tests.unit.fakes import Office
from tests.unit.fides_clients import Calling, assert_detail, assert_flaws, calling, hex_of, item

ADA, BOB = "ada@example.org", "bob@example.org"


@pytest.fixture
async def client() -> AsyncIterator[Calling]:
    async with calling(Office()) as client:
        await client.log_in()
        yield client


async def some(client: Calling) -> list[str]:
    """Make three requests, 40 minutes apart; return what they are called, the oldest first."""
    names = [
        await client.made(identity={"email": ADA}, location="us_ca", external_id="o-1", authenticated=True)
    ]
    await client.office.wait(timedelta(minutes=40))
    loyalty = {"label": "Loyalty", "value": 417}
    fields = {"site": {"label": "Site", "value": "abc"}}
    names.append(
        await client.made(
            identity={"email": BOB, "loyalty": loyalty},
            custom_privacy_request_fields=fields,
            policy_key="leave_me",
        )
    )
    await client.office.wait(timedelta(minutes=40))
    names.append(
        await client.made(identity={"phone_number": "+14155550147"}, policy_key="default_erasure_policy")
    )
    await client.log_in()
    return names


@pytest.mark.slow
async def test_requests_are_found_newest_first_in_pages(client: Calling) -> None:
    names = await some(client)
    whole = await client.search()
    assert [one["id"] for one in whole["items"]] == names[::-1]
    assert {key: whole[key] for key in ("total", "page", "size", "pages")} == {
        "total": 3,
        "page": 1,
        "size": 50,
        "pages": 1,
    }
    pages = [await client.search(page=page, size=2) for page in (1, 2, 3)]
    assert [[one["id"] for one in page["items"]] for page in pages] == [names[:0:-1], names[:1], []]
    assert [page["pages"] for page in pages] == [2, 2, 2]
    oldest = await client.search(sort_direction="asc", size=2)
    assert [one["id"] for one in oldest["items"]] == names[:2]


NOON = "2026-03-05T10:00:00Z"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param({"identities": {"email": ADA}}, [0], id="identity"),
        pytest.param({"identities": {"loyalty": "417"}}, [1], id="identity of the operator's own"),
        pytest.param({"identities": {"email": ADA, "loyalty": "417"}}, [], id="both must fit"),
        pytest.param({"identities": {"nothing": "None"}}, [], id="no such identity"),
        pytest.param({"fuzzy_search_str": "BOB@"}, [1], id="part of an identity"),
        pytest.param({"custom_privacy_request_fields": {"site": "abc"}}, [1], id="field"),
        pytest.param({"status": "identity_unverified"}, [0, 2], id="status"),
        pytest.param({"status": ["in_processing", "denied"]}, [1], id="several statuses"),
        pytest.param({"action_type": "erasure"}, [2], id="action"),
        pytest.param({"action_type": ["access", "consent"]}, [0, 1], id="several actions"),
        pytest.param({"external_id": "o-1"}, [0], id="external id"),
        pytest.param({"location": "US-CA"}, [0], id="location"),
        pytest.param({"created_gt": NOON}, [1, 2], id="created after"),
        pytest.param({"created_lt": NOON}, [0], id="created before"),
        pytest.param({"created_lt": "2026-03-05T10:00:00"}, [0], id="a time without a zone is in UTC"),
        pytest.param({"started_gt": NOON}, [1], id="started"),
        pytest.param({"completed_gt": "2020-01-01T00:00:00Z"}, [], id="completed"),
        pytest.param({"errored_gt": "2020-01-01T00:00:00Z"}, [], id="errored"),
        pytest.param({"is_overdue": False}, [0, 1, 2], id="not overdue"),
        pytest.param({"is_overdue": True}, [], id="overdue"),
    ],
)
async def test_a_filter_finds_what_all_of_it_is_true_of(
    client: Calling, wanted: dict[str, Any], found: list[int]
) -> None:
    names = await some(client)
    page = await client.search(**wanted, sort_direction="asc")
    assert [one["id"] for one in page["items"]] == [names[number] for number in found]
    assert page["total"] == len(found)


async def test_an_overdue_request_is_found(client: Calling) -> None:
    await client.made(authenticated=True, requested_at="2025-01-01T00:00:00Z")
    (late,) = (await client.search(is_overdue=True))["items"]
    assert late["days_left"] < 0


async def test_pages_of_what_a_filter_finds(client: Calling) -> None:
    names = await some(client)
    second = await client.search(status="identity_unverified", page=2, size=1)
    assert [one["id"] for one in second["items"]] == names[:1]
    assert (second["total"], second["pages"]) == (2, 2)


@pytest.mark.slow
async def test_one_request_is_found_by_its_id_or_the_beginning_of_it(client: Calling) -> None:
    names = await some(client)
    for query in ("", "/"):
        page = (
            await client.call("GET", f"/privacy-request{query}", request_id=names[1], verbose="True")
        ).json()
        (only,) = page["items"]
        assert only["id"] == names[1]
        steps = only["results"]["habeas"]
        assert steps[0]["message"] == "habeas.request.lodged.v1"
    assert (await client.search(request_id=names[1][:12]))["items"][0]["id"] == names[1]
    assert (await client.search(request_id="bad_id"))["items"] == []


async def test_the_query_of_an_address_asks_for_the_same(client: Calling) -> None:
    names = await some(client)
    answer = await client.call(
        "GET",
        "/privacy-request",
        status=["in_processing", "denied"],
        action_type="consent",
        size=1,
        id="ignored",
    )
    assert [one["id"] for one in answer.json()["items"]] == [names[1]]
    assert_flaws(await client.call("GET", "/privacy-request", status="odd"), ("query", "status", 0))


async def test_an_empty_body_looks_for_all(client: Calling) -> None:
    await client.made()
    answer = await client.call("POST", "/privacy-request/search")
    assert answer.json()["total"] == 1


async def test_identities_are_returned_if_requested(client: Calling) -> None:
    names = await some(client)
    plain = await client.shown(names[1])
    assert (plain["identity"], plain["custom_privacy_request_fields"]) == (None, None)
    shown = await client.shown(names[1], include_identities=True, include_custom_privacy_request_fields=True)
    assert shown["identity"]["email"] == BOB
    assert shown["identity"]["loyalty"] == {"label": "Loyalty", "value": 417}
    assert shown["custom_privacy_request_fields"] == {"site": {"label": "Site", "value": "abc"}}


async def test_the_log_lists_events_without_personal_data(client: Calling) -> None:
    name = await client.made(identity={"email": ADA})
    answer = await client.call("GET", f"/privacy-request/{name}/log", size=2)
    page = answer.json()
    assert page["total"] > 2
    assert [one["message"] for one in page["items"]] == [
        "habeas.request.lodged.v1",
        "habeas.request.received.v1",
    ]
    assert all(one["action_type"] == "access" and one["updated_at"] for one in page["items"])
    assert ADA not in answer.text
    last = (await client.call("GET", f"/privacy-request/{name}/log", size=1, page=page["total"])).json()
    assert last["items"][0]["status"] == "awaiting_processing"
    assert_detail(await client.call("GET", f"/privacy-request/{spelt('0' * 32)}/log"), 404)


async def test_a_purged_request_is_not_found(client: Calling) -> None:
    name = await client.made()
    journal = client.office.requests.journal
    (rows,) = (await journal.histories({hex_of(name)})).values()
    last = type(rows[0])(
        hex_of(name),
        len(rows),
        "purged",
        None,
        (RequestPurged(request_id=hex_of(name)),),
        client.office.clock(),
    )
    await journal.append([last])
    await journal.forget({hex_of(name)})
    assert (await client.search())["items"] == []
    assert_detail(await client.call("GET", f"/privacy-request/{name}/log"), 404)


async def test_access_results_wait_for_the_answer(client: Calling) -> None:
    name = await client.made()
    said = assert_detail(await client.call("GET", f"/privacy-request/{name}/access-results"), 400)
    assert "identity_unverified" in said


@pytest.mark.parametrize(
    ("wanted", "where"),
    [
        pytest.param({"odd": 1}, ("body", "odd"), id="unknown field"),
        pytest.param({"status": "open"}, ("body", "status", 0), id="unknown status"),
        pytest.param(
            {"created_lt": "9999-12-31T23:59:59-12:00"}, ("body", "created_lt"), id="no time of ours"
        ),
        pytest.param({"sort_direction": "up"}, ("body", "sort_direction"), id="no direction"),
    ],
)
async def test_a_filter_that_there_is_not_is_refused(
    client: Calling, wanted: dict[str, Any], where: tuple[Any, ...]
) -> None:
    assert_flaws(await client.call("POST", "/privacy-request/search", wanted), where)


async def test_an_order_or_a_form_that_there_is_not_is_refused(client: Calling) -> None:
    for wanted, status in (({"sort_field": "due_date"}, 422), ({"download_csv": True}, 400)):
        assert_detail(await client.call("POST", "/privacy-request/search", wanted), status)


@pytest.mark.parametrize(
    "params", [{"page": 0}, {"size": 0}, {"size": 101}, {"page": "one"}, {"page": 10**9}]
)
async def test_a_page_that_there_cannot_be_is_refused(client: Calling, params: dict[str, Any]) -> None:
    answer = await client.call("POST", "/privacy-request/search", {}, **params)
    assert_flaws(answer, ("query", next(iter(params))))


async def test_the_same_again_is_a_duplicate_of_the_first() -> None:
    office = Office()
    async with calling(office) as client:
        await client.log_in()
        await client.made(authenticated=True)
        again = await client.made(authenticated=True)
        assert (await client.shown(again))["status"] == "duplicate"
        assert (await client.create(item(), authenticated=True))["succeeded"][0]["status"] == "duplicate"
