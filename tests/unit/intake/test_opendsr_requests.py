"""OpenDSR by HTTP: what is taken and receipted, refused, answered, cancelled and handed over."""

import base64
import json
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.intake.channels.opendsr.instructions import CALL
from services.intake.channels.opendsr.messages import EXISTS
from services.intake.channels.protocols import MOST_BYTES
from services.intake.domain import RequestLodged
from services.intake.http.failed_attempts import FailedAttempts
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    Assurance,
    IdentityChallenged,
    IdentityVerified,
    Outcome,
    Requester,
    RequestFulfilled,
    RequestReceived,
    RequestSubmitted,
)
from shared.law import Right, Role, end_of
from tests.unit.controllers import (
    DOMAIN,
    EMAIL,
    ID,
    LISTED,
    PATHS,
    Calling,
    assert_error,
    assert_signed,
    calling,
    example,
    fresh_id,
)
from tests.unit.fakes import NOW, PRACTICE, Office

VERSIONS = pytest.mark.parametrize("version", ["1", "2", "3"])


@pytest_asyncio.fixture
async def controller() -> AsyncIterator[Calling]:
    async with calling(Office()) as controller:
        yield controller


@pytest_asyncio.fixture(scope="module")
async def refused() -> AsyncIterator[Calling]:
    """A controller with refused calls, so that one is enough."""
    async with calling(Office()) as controller:
        yield controller


def answer_of(case: str, outcome: Outcome = Outcome.GRANTED, **more: Any) -> RequestFulfilled:
    return RequestFulfilled(request_id=case, right=Right.ACCESS, outcome=outcome, answer="answer", **more)


# --- what is taken ---------------------------------------------------------------------------------------


@pytest.mark.slow
@VERSIONS
@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_worked_example_is_taken_receipted_and_signed(
    controller: Calling, version: str, slash: str
) -> None:
    # Bytes that no program would write twice: the receipt is of these.
    body = json.dumps(example(version), indent=3, sort_keys=True).encode() + b"\n "
    headers = controller.basic | {"Content-Type": "application/json"}
    answer = await controller.http.post(f"{PATHS[version]}{slash}", content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    assert_signed(answer, version)
    receipt = answer.json()
    assert receipt == {
        "controller_id": "shop",
        "subject_request_id": ID,
        "received_time": "2026-03-05T09:30:00.000Z",
        "expected_completion_time": receipt["expected_completion_time"],
        "encoded_request": base64.b64encode(body).decode(),
    }
    await controller.office.work()
    received = controller.office.the(RequestReceived)
    due = end_of(received.due_on, PRACTICE.zone) - timedelta(seconds=1)
    assert datetime.fromisoformat(receipt["expected_completion_time"]) == due
    assert controller.office.sealed(controller.case_of())[CALL].partition(b"\n")[2] == body


@pytest.mark.slow
async def test_the_law_counts_from_when_the_person_asked(controller: Calling) -> None:
    await controller.made(submitted_time="2026-02-20T23:30:00+01:00")
    received = controller.office.the(RequestReceived)
    assert received.received_at == datetime(2026, 2, 20, 22, 30, tzinfo=UTC)
    await controller.made(submitted_time="2027-01-01T00:00:00Z", subject_request_type="access")
    assert controller.office.facts(RequestReceived)[-1].received_at == NOW


@pytest.mark.slow
async def test_an_instruction_is_verified_at_once_without_proof(
    controller: Calling,
) -> None:
    await controller.made()
    received, verified = (
        controller.office.the(RequestReceived),
        controller.office.the(IdentityVerified),
    )
    assert (received.requester, received.role, received.source) == (
        Requester.CONTROLLER,
        Role.END_USER,
        "opendsr/shop",
    )
    assert (received.reachable, received.attested) == (False, ())
    assert (verified.assurance, verified.proven, verified.laws) == (Assurance.VOUCHED, None, ())
    assert controller.office.facts(IdentityChallenged) == []
    submission = RequestSubmitted.model_validate_json(
        controller.office.sealed(received.request_id)[SUBMISSION]
    )
    assert (submission.subject.email, submission.subject.identifiers) == (EMAIL, {})


async def test_no_event_names_the_person_or_the_controllers_reference(
    controller: Calling,
) -> None:
    made = await controller.made("3", group_id="g-of-johndoe")
    reported = b"".join(message.body for message in controller.office.broker.published)
    for word in ("johndoe", made, "callbacks", "g-of"):
        assert word.encode() not in reported
    assert controller.office.the(RequestLodged).instructed


async def test_window_is_skipped_unless_the_controller_always_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = LISTED["club"].model_copy(update={"always_waits": True})
    monkeypatch.setitem(LISTED, "club", waiting)
    at_once = example(extensions={DOMAIN: {"skip_waiting_period": True}})
    office = Office()
    async with calling(office) as shop, calling(office, "club") as club:
        assert_error(await club.post(at_once), 400, says="skip_waiting_period")
        assert (await shop.post(at_once)).status_code == 201
        assert (await club.post(example())).status_code == 201
    await office.work()
    assert {one.source: one.at_once for one in office.facts(RequestReceived)} == {
        LISTED["shop"].source: True,
        LISTED["club"].source: False,
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "header",
    [
        pytest.param("bearer the secret of the shop is long", id="bearer"),
        pytest.param(
            f"basic {base64.b64encode(b'shop-key:the secret of the shop is long').decode()}", id="basic"
        ),
    ],
)
async def test_a_controller_shows_its_credential_in_either_way(controller: Calling, header: str) -> None:
    answer = await controller.post(example(), headers={"Authorization": header})
    assert (answer.status_code, answer.json()["controller_id"]) == (201, "shop")


async def test_attempts_are_counted_in_one_thread(
    controller: Calling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other channels count in the same object, which is not locked."""
    threads, shown = set[int](), FailedAttempts.shown

    def counted(*given: Any) -> Any:
        threads.add(threading.get_ident())
        return shown(*given)

    monkeypatch.setattr(FailedAttempts, "shown", counted)
    assert (await controller.post(example())).status_code == 201
    assert threads == {threading.get_ident()}


# --- what is refused -------------------------------------------------------------------------------------


def basic(text: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": ""}, id="empty"),
        pytest.param({"Authorization": "Bearer "}, id="no token"),
        pytest.param({"Authorization": "Bearer shop-key"}, id="the key alone"),
        pytest.param({"Authorization": "Digest the secret of the shop is long"}, id="another scheme"),
        pytest.param({"Authorization": "Basic ???"}, id="no base64"),
        pytest.param(basic(b"shop-key:the secret of the club is long"), id="another's secret"),
        pytest.param(basic(b"shop-key:"), id="no secret"),
        pytest.param(basic(b":the secret of the shop is long"), id="no key"),
        pytest.param(basic(b"shop:the secret of the shop is long"), id="the id"),
        pytest.param(basic(b"\xff\xfe:\x00"), id="no text"),
    ],
)
@VERSIONS
async def test_without_a_credential_nothing_is_answered(
    refused: Calling, version: str, headers: dict[str, str]
) -> None:
    path = PATHS[version]
    calls = [
        await refused.post(example(version), version, headers=headers),
        await refused.http.get(f"{path}/{ID}", headers=headers),
        await refused.http.get(f"{path}/{ID}/results", headers=headers),
        await refused.http.delete(f"{path}/{ID}", headers=headers),
    ]
    if version == "3":
        calls.append(await refused.http.get(path, params={"group_id": "g"}, headers=headers))
    for answer in calls:
        assert_error(answer, 401, bare=version == "3")
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert "X-OpenDSR-Signature" not in answer.headers
    assert refused.office.broker.published == []


@VERSIONS
async def test_malformed_calls_are_refused_in_the_form_of_their_version(
    refused: Calling, version: str
) -> None:
    answer = await refused.post(example(version, subject_request_id=EMAIL), version)
    error = assert_error(answer, 400, bare=version == "3", says="subject_request_id")
    assert [one["domain"] for one in error["errors"]] == ["Validation"]
    assert_error(await refused.post(b"", version), 400, bare=version == "3")
    large = json.dumps(example(version)).encode() + b" " * MOST_BYTES
    assert_error(await refused.post(large, version), 413, bare=version == "3")


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https://user:secret@a.example.com/",
        "https://[::1",
        "https://a b.example.com",
        "https://a%00/",
    ],
)
async def test_an_address_that_is_none_is_refused_when_it_is_named(refused: Calling, url: str) -> None:
    urls = ["https://a.example.com/", url]
    answer = await refused.post(example(status_callback_urls=urls))
    error = assert_error(answer, 400, says="status_callback_urls.1")
    assert url not in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/opendsr/v2/nowhere", 404),
        ("GET", "/opendsr/v4/requests", 404),
        ("POST", "/opendsr/v1/requests", 404),
        ("PUT", f"/opendsr/v2/requests/{ID}", 405),
        ("GET", "/opendsr/v2/requests", 405),
        ("PUT", f"/opendsr/v3/requests/{ID}", 405),
    ],
)
async def test_there_are_no_other_calls(refused: Calling, method: str, path: str, status: int) -> None:
    answer = await refused.http.request(method, path, headers=refused.basic)
    assert_error(answer, status, bare="/v3/" in path)


@VERSIONS
async def test_an_id_counts_once_for_any_right(controller: Calling, version: str) -> None:
    assert (await controller.post(example(version), version)).status_code == 201
    for later in ("1", "2", "3"):
        for changes in ({}, {"subject_request_type": "access"}):
            again = await controller.post(example(later, **changes), later)
            assert assert_error(again, 400, bare=later == "3")["message"] == EXISTS
    await controller.office.work()
    assert len(controller.office.facts(RequestReceived)) == 1


@pytest.mark.slow
async def test_an_equal_request_is_refused_as_long_as_the_first_is_open(controller: Calling) -> None:
    first = await controller.made()
    equal = example("3", subject_request_id=fresh_id())
    assert_error(await controller.post(equal, "3"), 409, bare=True, says="in progress")
    other = example(subject_request_id=fresh_id(), subject_request_type="access")
    assert (await controller.post(other)).status_code == 201
    await controller.office.tell(answer_of(controller.case_of(first)))
    assert (await controller.post(equal, "3")).status_code == 201
    assert_error(await controller.post(example(subject_request_id=fresh_id())), 409)


async def test_requests_over_the_limit_get_a_time_to_retry() -> None:
    async with calling(Office(), per_hour=1) as controller:
        await controller.made()
        answer = await controller.post(example("3"), "3")
        assert_error(answer, 429, bare=True)
        assert int(answer.headers["retry-after"]) > 0
