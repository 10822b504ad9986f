"""What controllers hear of a request, how they cancel it, and what they are handed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509

from services.intake.cases.service import ACTS_PER_HOUR
from services.intake.http.packages import Packages
from shared.contract.answer import PackageFacts, facts_of
from shared.contract.events import (
    Outcome,
    PackageFetched,
    RequestFulfilled,
    RequestSubmitted,
    RequestWithdrawn,
)
from shared.contract.sources import ChannelSource, channel_source
from shared.law import Right
from tests.unit.controllers import (
    DOMAIN,
    EMAIL,
    ID,
    PATHS,
    URL,
    Calling,
    assert_error,
    assert_signed,
    calling,
    example,
    fresh_id,
    verifies,
)
from tests.unit.fakes import Office

VERSIONS = pytest.mark.parametrize("version", ["1", "2", "3"])
PACKAGE = b"PK\x03\x04" + b"x" * 5_000
FACTS = PackageFacts(size=len(PACKAGE), sha256=sha256(PACKAGE).hexdigest()).model_dump_json().encode()


@pytest_asyncio.fixture
async def controller() -> AsyncIterator[Calling]:
    async with calling(Office()) as controller:
        yield controller


def answer_of(case: str, outcome: Outcome = Outcome.GRANTED, **more: Any) -> RequestFulfilled:
    return RequestFulfilled(request_id=case, right=Right.ACCESS, outcome=outcome, answer="answer", **more)


async def handed_over(controller: Calling, version: str = "2") -> str:
    """Have an access carried out, with a package that is kept for ten days; return its id."""
    made = await controller.made(version, subject_request_type="access")
    case = controller.case_of(made)
    controller.office.vault.items[case] |= {"package": PACKAGE, facts_of("package"): FACTS}
    expires_at = controller.office.clock() + timedelta(days=10)
    more: dict[str, Any] = {"package": "package", "package_expires_at": expires_at}
    await controller.office.tell(answer_of(case, dispositions={"disclosed": 3}, **more))
    return made


# --- owners ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@VERSIONS
async def test_requests_of_another_controller_are_not_found(version: str) -> None:
    office = Office()
    async with calling(office) as shop, calling(office, "club") as club:
        made = await handed_over(shop, version)
        path = f"{PATHS[version]}/{made}"
        calls = [
            await club.get(path),
            await club.delete(made, version),
            await club.get(f"{path}/results"),
            await club.get(f"{PATHS[version]}/{fresh_id()}"),
            await club.get(f"{PATHS[version]}/x"),
        ]
        for answer in calls:
            assert_error(answer, 404, bare=version == "3")
        # The same name is another request of another's.
        theirs = example(version, subject_request_id=made)
        assert (await club.post(theirs, version)).status_code == 201
        await shop.made("3", group_id="g", subject_request_type="erasure")
        found = await club.get(PATHS["3"], params={"group_id": "g"})
        assert found.json() == []


# --- where it stands -------------------------------------------------------------------------------------


@pytest.mark.slow
@VERSIONS
async def test_a_status_says_what_its_version_says(controller: Calling, version: str) -> None:
    await controller.post(example(version), version)
    answer = await controller.get(f"{PATHS[version]}/{ID}")
    assert_signed(answer, version)
    page = answer.json()
    always = {
        "controller_id": "shop",
        "expected_completion_time": page["expected_completion_time"],
        "subject_request_id": ID,
        "request_status": "pending",
        "api_version": f"{version}.0",
    }
    dialect = {"results_url": None, "group_id": None, "extensions": None}
    assert page == always | (dialect if version == "3" else {})
    assert page["expected_completion_time"].endswith("Z")
    await controller.office.work()
    assert (await controller.status(version=version)) == page | {"request_status": "in_progress"}
    await controller.office.tell(answer_of(controller.case_of(), Outcome.NOTHING_HELD))
    done = {"request_status": "completed", "results_count": 0}
    assert (await controller.status(version=version)) == page | done


@pytest.mark.slow
async def test_a_refusal_by_law_is_cancelled_with_the_reason_in_our_extension(controller: Calling) -> None:
    made = await controller.made("3")
    case = controller.case_of(made)
    await controller.office.tell(answer_of(case, Outcome.REFUSED, reasons={"tax_law": 2}))
    page = await controller.status(made, "3")
    said = {"outcome": "rejected", "reason": "tax_law", "reasons": ["tax_law"]}
    assert (page["request_status"], page["extensions"]) == ("cancelled", {DOMAIN: said})


@pytest.mark.slow
async def test_requests_of_a_group_are_listed_in_an_array(controller: Calling) -> None:
    first = await controller.made("3", group_id="g-1")
    second = await controller.made("3", group_id="g-1", subject_request_type="access")
    await controller.made("3", group_id="g-2", subject_request_type="portability")
    for slash in ("", "/"):
        answer = await controller.get(f"{PATHS['3']}{slash}", params={"group_id": "g-1"})
        assert_signed(answer, "3")
        assert [(page["subject_request_id"], page["group_id"]) for page in answer.json()] == [
            (first, "g-1"),
            (second, "g-1"),
        ]
    assert (await controller.get(PATHS["3"], params={"group_id": "none"})).json() == []
    assert_error(await controller.get(PATHS["3"]), 400, bare=True, says="group_id")
    await controller.office.vault.destroy(controller.case_of(first))
    (left,) = (await controller.get(PATHS["3"], params={"group_id": "g-1"})).json()
    assert left["subject_request_id"] == second


@pytest.mark.slow
@VERSIONS
@pytest.mark.parametrize("slash", ["", "/"])
async def test_discovery_says_what_is_served_and_with_what_it_is_signed(
    controller: Calling, version: str, slash: str
) -> None:
    answer = await controller.http.get(f"/opendsr/v{version}/discovery{slash}")
    assert_signed(answer, version)
    found = answer.json()
    assert found == {
        "api_version": f"{version}.0",
        "supported_identities": [
            {"identity_type": kind, "identity_format": "raw"} for kind in ("email", "controller_customer_id")
        ],
        "supported_subject_request_types": ["access", "portability", "erasure"],
        "processor_certificate": f"{URL}/certificate.pem",
    }
    served = await controller.http.get(found["processor_certificate"])
    certificate = x509.load_pem_x509_certificate(served.content)
    assert certificate.subject.rfc4514_string() == f"CN={DOMAIN}"
    signature = answer.headers["X-OpenGDPR-Signature" if version == "1" else "X-OpenDSR-Signature"]
    assert verifies(served.content, signature, answer.content)


# --- cancelled -------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_id_is_repeated_as_sent_and_found_in_either_case(controller: Calling) -> None:
    sent = ID.upper()
    receipt = await controller.post(example(subject_request_id=sent))
    assert (receipt.status_code, receipt.json()["subject_request_id"]) == (201, sent)
    for name in (ID, sent, ID.title()):
        assert (await controller.get(f"{PATHS['2']}/{name}")).json()["subject_request_id"] == sent
        again = example(subject_request_id=name, subject_request_type="access")
        assert_error(await controller.post(again), 400, says="already exists")
    assert (await controller.delete(ID)).json()["subject_request_id"] == sent


@pytest.mark.slow
@VERSIONS
async def test_a_pending_request_can_be_cancelled(controller: Calling, version: str) -> None:
    await controller.post(example(version), version)
    answer = await controller.delete(ID, version)
    assert answer.status_code == 202
    assert_signed(answer, version)
    receipt = {
        "controller_id": "shop",
        "received_time": "2026-03-05T09:30:00.000Z",
        "subject_request_id": ID,
        "api_version": f"{version}.0",
    }
    assert answer.json() == receipt | ({"expected_completion_time": None} if version == "3" else {})
    assert (await controller.status(version=version))["request_status"] == "cancelled"
    await controller.office.work()
    assert controller.office.the(RequestWithdrawn).request_id == controller.case_of()
    assert (await controller.status(version=version))["request_status"] == "cancelled"
    # A repeated cancellation has no effect, and the request blocks no other.
    assert_error(await controller.delete(ID, version), 400, bare=version == "3", says="pending")
    again = example(version, subject_request_id=fresh_id())
    assert (await controller.post(again, version)).status_code == 201


@VERSIONS
async def test_a_request_in_progress_or_over_cannot_be_cancelled(controller: Calling, version: str) -> None:
    made = await controller.made(version)
    assert_error(await controller.delete(made, version), 400, bare=version == "3", says="in_progress")
    await controller.office.tell(answer_of(controller.case_of(made)))
    assert_error(await controller.delete(made, version), 400, bare=version == "3", says="completed")
    assert controller.office.facts(RequestWithdrawn) == []


# --- results ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@VERSIONS
async def test_the_package_is_handed_to_the_controller_and_that_is_on_record(
    controller: Calling, version: str
) -> None:
    made = await handed_over(controller, version)
    page = await controller.status(made, version)
    assert (page["request_status"], page["results_count"]) == ("completed", 3)
    assert page["results_url"] == f"{URL}/{PATHS[version].removeprefix('/opendsr/')}/{made}/results"
    answer = await controller.get(page["results_url"])
    assert (answer.status_code, answer.content) == (200, PACKAGE)
    assert answer.headers["cache-control"] == "no-store"
    fetched = controller.office.the(PackageFetched)
    assert (fetched.by, fetched.request_id) == ("opendsr/shop", controller.case_of(made))
    assert controller.case_of(made) not in page["results_url"]
    ranged = {"Range": "bytes=5000-", "If-Range": answer.headers["etag"], **controller.basic}
    rest = await controller.http.get(page["results_url"], headers=ranged)
    assert (rest.status_code, rest.content) == (206, PACKAGE[5000:])
    beyond = controller.basic | {"Range": "bytes=9999-"}
    assert_error(await controller.http.get(page["results_url"], headers=beyond), 416, bare=version == "3")


@VERSIONS
async def test_the_package_is_gone_when_its_time_is_over(controller: Calling, version: str) -> None:
    made = await handed_over(controller, version)
    url = (await controller.status(made, version))["results_url"]
    controller.office.clock.move(timedelta(days=10))
    assert_error(await controller.get(url), 410, bare=version == "3")
    assert (await controller.status(made, version))["results_url"] == url
    assert controller.office.facts(PackageFetched) == []


async def test_no_code_opens_a_controllers_package(controller: Calling) -> None:
    case = controller.case_of(await handed_over(controller))
    assert (await controller.http.post(f"/v1/requests/{case}/package/codes")).status_code == 409


async def test_a_person_s_package_is_no_controllers(controller: Calling) -> None:
    requests = controller.office.requests
    person = RequestSubmitted.model_validate(
        {"reference": "r", "right": "access", "subject": {"email": EMAIL}}
    )
    case = await requests.lodge(person, channel_source(ChannelSource.OPENDSR, "shop"))
    await controller.office.work()
    with pytest.raises(Exception, match="no request has this id"):
        await Packages(requests).hand_over(case, "opendsr/shop")


@pytest.mark.slow
async def test_a_loop_that_downloads_is_slowed_down(controller: Calling) -> None:
    made = await handed_over(controller)
    url = f"{PATHS['2']}/{made}/results"
    answers = [(await controller.get(url)).status_code for _ in range(ACTS_PER_HOUR + 1)]
    assert (answers[0], answers[-1]) == (200, 429)


async def test_a_request_without_answer_has_no_results(controller: Calling) -> None:
    made = await controller.made()
    assert_error(await controller.get(f"{PATHS['2']}/{made}/results"), 404, says="no results")
