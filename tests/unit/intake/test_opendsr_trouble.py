"""OpenDSR when parts are away, processes die, and calls are none."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from httpx import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.intake.channels.opendsr.messages import EXISTS, DiscoveryDocument, Version
from shared.contract.answer import SUBMISSION
from shared.contract.events import RequestReceived
from shared.errors import StoreUnavailable
from tests.unit.controllers import (
    DOMAIN,
    EMAIL,
    ID,
    PATHS,
    Calling,
    assert_error,
    calling,
    example,
)
from tests.unit.fakes import Office, UnwritableJournal


@pytest_asyncio.fixture
async def controller() -> AsyncIterator[Calling]:
    async with calling(Office()) as controller:
        yield controller


# --- trouble ---------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_an_unregistered_request_is_registered_by_its_repetition() -> None:
    async with calling(Office(journal=UnwritableJournal())) as controller:
        await registered_by_its_repetition(controller)


async def registered_by_its_repetition(controller: Calling) -> None:
    files = controller.desk.files
    body = json.dumps(example("3", group_id="g")).encode()
    with pytest.raises(StoreUnavailable):
        await controller.desk.submit(files.controllers["shop"], Version.THREE, body)
    assert (await controller.status())["request_status"] == "pending"
    # Nothing is missing of it, should it be registered and the process die then.
    assert set(files.watch.watched) == {f"{controller.case_of()}/0"}  # type: ignore[attr-defined]
    assert await files.groups.of(files.controllers["shop"], "g") == [controller.case_of()]
    assert assert_error(await controller.post(body, "3"), 400, bare=True)["message"] == EXISTS
    await controller.office.work()
    assert controller.office.the(RequestReceived).request_id == controller.case_of()
    assert (await controller.status())["request_status"] == "in_progress"


async def test_a_sealed_unlodged_request_is_pending_and_lodged_by_its_repetition(
    controller: Calling,
) -> None:
    body = json.dumps(example()).encode()
    await controller.post(body)
    case = controller.case_of()
    del controller.office.vault.items[case][SUBMISSION]
    controller.office.journals["intake"].rows.clear()
    controller.office.broker.published.clear()
    assert (await controller.status())["request_status"] == "pending"
    assert_error(await controller.post(body), 400, says=EXISTS)
    assert SUBMISSION in controller.office.sealed(case)


async def test_a_part_that_is_away_is_said_to_be(controller: Calling) -> None:
    office = controller.office
    office.journals["intake"].refuses.append(StoreUnavailable("away"))
    async with calling(office) as other:
        answer = await other.post(example("3"), "3")
        assert_error(answer, 503, bare=True)
        assert answer.headers["retry-after"] == "5"


async def test_the_id_of_a_purged_request_is_not_reused(controller: Calling) -> None:
    made = await controller.made()
    await controller.office.vault.destroy(controller.case_of(made))
    assert_error(await controller.get(f"{PATHS['2']}/{made}"), 404)
    assert_error(await controller.post(example(subject_request_id=made)), 400, says=EXISTS)


async def test_fewer_identities_served_leave_earlier_requests_as_they_are(controller: Calling) -> None:
    served = DiscoveryDocument(DOMAIN, {"controller_customer_id": "customer_no"})
    later = replace(controller.desk, files=replace(controller.desk.files, served=served))
    shop = later.files.controllers["shop"]
    assert (await controller.post(example())).status_code == 201
    assert (await later.status(shop, ID, Version.TWO))["request_status"] == "pending"
    assert await later.callback(f"{controller.case_of()}/0", "") is not None
    await controller.office.work()
    assert (await later.status(shop, ID, Version.TWO))["request_status"] == "in_progress"


CALLS = st.sampled_from(
    [*PATHS.values(), "/opendsr", "/opendsr/v2", "/opendsr/v2/discovery", "/opendsr/certificate.pem"]
)
NAMES = st.sampled_from(["", "/", f"/{ID}", f"/{ID}/results", "/%00", "/..%2f", "/%F0%9F%98%80", f"/{ID}/x"])
HEADERS = st.dictionaries(
    st.sampled_from(["Authorization", "Range", "If-Range", "Content-Type", "X-OpenDSR-Signature"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126)).map(str.strip)
    | st.sampled_from(
        ["Basic c2hvcC1rZXk6dGhlIHNlY3JldCBvZiB0aGUgc2hvcCBpcyBsb25n", "bytes=0-", "Basic /w=="]
    ),
    max_size=3,
)
CHANGED = st.dictionaries(
    st.sampled_from([*example("3"), "group_id"]),
    st.none() | st.text(max_size=20) | st.integers() | st.lists(st.text(max_size=5), max_size=2),
    max_size=2,
)
SPOILT = st.builds(
    lambda changes, version: json.dumps({**example(version), **changes}).encode(),
    CHANGED,
    st.sampled_from("123"),
)
BODIES = st.binary(max_size=60) | SPOILT
FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.slow
@FUZZ
@given(st.sampled_from(["GET", "POST", "DELETE", "PUT"]), CALLS, NAMES, HEADERS, BODIES)
async def test_random_calls_break_and_lose_nothing(
    method: str, path: str, name: str, headers: dict[str, str], body: bytes
) -> None:
    async with calling(Office()) as controller:
        sent = {**controller.basic, **headers}
        answer = await controller.http.request(method, f"{path}{name}", content=body, headers=sent)
        assert answer.status_code < 500, answer.text
        await controller.office.work()
        lodged = {fact.request_id for fact in controller.office.facts(RequestReceived)}
        assert len(lodged) == (answer.status_code == 201)
        _says_nothing_of_the_person(answer)


def _says_nothing_of_the_person(answer: Response) -> None:
    if answer.status_code >= 400:
        assert EMAIL not in answer.text


async def test_extensions_that_are_nested_too_deeply_are_refused() -> None:
    async with calling(Office()) as controller:
        deep = json.dumps(example("2", extensions={"other.example.net": 7})).replace(
            "7}", "[" * 300 + "]" * 300 + "}"
        )
        answer = await controller.post(deep.encode())
        assert answer.status_code == 400, answer.text
        assert "extensions" in answer.json()["error"]["message"]
        assert controller.office.vault.items == {}


async def test_a_request_called_like_a_version_has_the_errors_of_its_own() -> None:
    async with calling(Office()) as controller:
        for path, bare in (("/v2/requests/v3", False), ("/v3/requests/v2", True)):
            answer = await controller.http.get(f"/opendsr{path}", headers=controller.basic)
            assert answer.status_code == 404
            assert ("error" in answer.json()) is not bare
