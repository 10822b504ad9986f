"""The link "this was not me" of a letter stops its request, and only that, until the staff decides."""

import base64
import json
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from habeas.embedded.stack import Stack
from shared.contract.events import (
    IdentityDecided,
    IdentityVerified,
    ProofExamined,
    ProofKind,
    ProofReceived,
    ProofRef,
    ProofRefused,
    ProofSlot,
    RequestPaused,
    RequestReceived,
    RequestResumed,
    RequestStopped,
    StopDecided,
    StopReason,
    TimeCame,
    Verdict,
)
from shared.contract.stop_links import stop_url, stopped_case
from tests.integration.pipeline import WITHIN, Pipeline, Somebody, comes_true, command, running
from tests.unit.fakes import Office, request
from tests.unit.intake.test_unsubscribe import OTTILIE
from tests.unit.intake_api import CASE, LINKS, ROOT, STOP_KEY, answered, client_of
from tests.waiting import eventually

LINK = re.compile(r"https?://\S+/stop/[\w-]+")
OTHER = "0" * 31 + "1"
URL = stop_url(ROOT, STOP_KEY, CASE).removeprefix(ROOT)


def test_link_shows_nothing_of_the_request_and_is_the_same_for_each_letter() -> None:
    link = stop_url(ROOT, STOP_KEY, CASE)
    assert link == stop_url(f"{ROOT}/", STOP_KEY, CASE)
    assert CASE not in link
    token = link.rpartition("/")[2]
    assert bytes.fromhex(CASE) not in base64.urlsafe_b64decode(f"{token}=")
    assert stopped_case(STOP_KEY, token) == CASE


def test_token_of_one_request_opens_no_other_and_none_under_another_key() -> None:
    ours, theirs = (stop_url(ROOT, STOP_KEY, case).rpartition("/")[2] for case in (CASE, OTHER))
    assert ours != theirs
    assert stopped_case(STOP_KEY, theirs) == OTHER
    assert stopped_case(b"x" * 32, ours) is None
    assert all(stopped_case(STOP_KEY, ours[:cut] + theirs[cut:]) is None for cut in range(1, 42))


@given(
    st.text(max_size=60)
    | st.binary(min_size=32, max_size=32).map(lambda b: base64.urlsafe_b64encode(b).decode()[:43])
)
def test_guessed_token_opens_nothing(token: str) -> None:
    assert stopped_case(STOP_KEY, token) is None


def test_token_of_an_unsubscribe_link_opens_nothing() -> None:
    assert stopped_case(STOP_KEY, LINKS.url_for(OTTILIE).rpartition("/")[2]) is None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_scanner_that_reads_the_link_stops_nothing(method: str) -> None:
    office = Office()
    await office.submit(request())
    async with client_of(office.requests) as http:
        page = await http.request(method, URL, params={"stop": "1"})
    await office.work()
    assert page.status_code == 200
    assert "set-cookie" not in page.headers
    assert "script" not in page.text
    assert office.facts(RequestStopped) == []


@pytest.mark.parametrize("body", [{}, {"data": {"List-Unsubscribe": "One-Click"}}, {"content": b"\xff"}])
async def test_one_post_stops_without_login_cookie_or_form(body: dict[str, object]) -> None:
    office = Office()
    await office.submit(request())
    async with client_of(office.requests) as http:
        page = await http.post(URL, headers={"Origin": "https://mail.example.net"}, **body)  # type: ignore[arg-type]
        state = (await http.get(f"/v1/requests/{CASE}")).json()
    await office.work()
    assert page.status_code == 200
    assert office.the(RequestStopped).reason is StopReason.NOT_ME
    assert (state["stopped"], state["status"]) == ("not_me", "challenged")


async def test_link_does_nothing_but_stop_and_shows_no_data() -> None:
    office = Office()
    await office.submit(request())
    async with client_of(office.requests) as http:
        pages = [await http.get(URL), await http.post(URL), await http.get(URL)]
        others = [await http.request(method, URL) for method in ("PUT", "DELETE", "PATCH")]
        below = [await http.get(f"{URL}/{part}") for part in ("package", "certificate", "release")]
    assert all(answer.status_code in {404, 405} for answer in (*others, *below))
    for page in pages:
        assert CASE not in page.text
        assert "Ottilie" not in page.text


async def test_stop_is_idempotent_and_is_published_again_when_the_broker_was_away() -> None:
    office = Office()
    await office.submit(request())
    async with client_of(office.requests) as http:
        for _ in range(3):
            assert (await http.post(URL)).status_code == 200
    await office.work()
    assert len(office.facts(RequestStopped)) == 1, "the same fact under the same id"
    stops = [row for row in office.rows() if any(isinstance(fact, RequestStopped) for fact in row.events())]
    assert len(stops) == 2, "intake and the verifier each know it once"
    await office.tell(StopDecided(request_id=CASE, by="dana.muster", resume=True), service="command")
    async with client_of(office.requests) as http:
        await http.post(URL)
    await office.work()
    assert len(office.facts(RequestStopped)) == 2, "after a release it can be stopped again"


async def test_token_of_a_request_that_is_not_there_answers_as_an_unknown_one() -> None:
    office = Office()
    async with client_of(office.requests) as http:
        absent = await http.post(stop_url(ROOT, STOP_KEY, OTHER).removeprefix(ROOT))
        forged = await http.post(f"/stop/{'A' * 43}")
    assert (absent.status_code, absent.text.count("not ours")) == (404, forged.text.count("not ours"))
    assert office.rows() == []


async def test_stopped_request_takes_no_proof_by_any_way_in() -> None:
    office = Office()
    await office.submit(request())
    code = office.code_of(CASE, "code_0")
    async with client_of(office.requests) as http:
        await http.post(URL)
        proof = {"proofs": [{"kind": "email_code", "code": code}]}
        by_http = await http.post(f"/v1/requests/{CASE}/proofs", json=proof)
        page = await http.get(f"/requests/{CASE}")
    await office.offer({"kind": "email_code", "code": code}, id_="2")
    # What was announced before the stop, or forged, reaches the verifier itself.
    office.vault.items[CASE]["p"] = json.dumps({"kind": "email_code", "code": code}).encode()
    await office.tell(ProofReceived(request_id=CASE, proofs=(ProofRef(kind=ProofKind.EMAIL_CODE, ref="p"),)))
    assert not office.facts(ProofRefused), "it is not even judged"
    await office.tell(
        IdentityDecided(request_id=CASE, verified=True, by="x", reason="y", identities=("email",))
    )
    await office.tell(TimeCame(request_id=CASE, name="code_later_1_0"), service="verifier")
    assert by_http.status_code == 409
    assert "Stopped" in page.text
    assert 'name="code"' not in page.text
    assert office.facts(IdentityVerified) == []


async def test_document_that_was_under_examination_completes_nothing_while_stopped() -> None:
    office = Office()
    await office.submit(request(residence={"country": "US", "subdivision": "CA"}))
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_0")}, id_="2")
    async with client_of(office.requests) as http:
        await http.post(URL)
    document = ProofRef(kind=ProofKind.DOCUMENT, ref="d", slot=ProofSlot.IDENTITY, media_type="image/png")
    examined = ProofExamined(
        request_id=CASE, proof=document, verdict=Verdict.CONVINCING, identities=("name",)
    )
    await office.work()
    await office.tell(examined, service="examiner")
    assert office.facts(IdentityVerified) == []
    await office.tell(StopDecided(request_id=CASE, by="dana.muster", resume=True), service="command")
    assert office.facts(IdentityVerified), "what had convinced before counts once the staff lets it go on"


async def test_clock_runs_while_the_staff_decides_and_a_new_code_is_mailed_on_release() -> None:
    office = Office()
    await office.submit(request(residence={"country": "US", "subdivision": "CA"}))
    old = office.code_of(CASE, "code_0")
    await office.offer({"kind": "email_code", "code": old}, id_="2")
    assert office.facts(RequestPaused)
    async with client_of(office.requests) as http:
        await http.post(URL)
    await office.work()
    assert office.the(RequestResumed)

    office = Office()
    await office.submit(request())
    old = office.code_of(CASE, "code_0")
    async with client_of(office.requests) as http:
        await http.post(URL)
    await office.tell(StopDecided(request_id=CASE, by="dana.muster", resume=True), service="command")
    await office.offer({"kind": "email_code", "code": old}, id_="3")
    assert office.facts(IdentityVerified) == [], "a code from before the stop is void"
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_1")}, id_="4")
    assert office.the(IdentityVerified)


async def test_stop_before_the_request_is_known_holds_it_when_it_comes() -> None:
    office = Office()
    await office.tell(RequestStopped(request_id=CASE, reason=StopReason.NOT_ME), service="intake")
    await office.submit(request(), source="https://portal.example.com")
    received = office.the(RequestReceived).request_id
    if received == CASE:
        assert office.facts(IdentityVerified) == []


async def test_stopped_package_is_given_out_to_no_code_old_or_new() -> None:
    office = await answered()
    async with client_of(office.requests) as http:
        await http.post(f"/v1/requests/{CASE}/package/codes")
        code = office.code_of(CASE, "package_code_0")
        late = await http.post(URL)
        refused = await http.post(f"/v1/requests/{CASE}/package/codes")
        download = await http.get(f"/v1/requests/{CASE}/package", params={"code": code})
        looked = await http.head(f"/v1/requests/{CASE}/package", params={"code": code})
    assert "answered or ended." in late.text
    assert [refused.status_code, download.status_code, looked.status_code] == [409, 409, 409]


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("stop"), HABEAS_ERASURE_APPROVAL="always") as pipeline:
        yield pipeline


async def link_in_letter(pipeline: Pipeline, person: Somebody, case: str) -> str:
    letter = await eventually(lambda: next(iter(pipeline.letters_to(person, case)), None), WITHIN)
    assert letter is not None
    found = LINK.search(letter.body())
    assert found, letter.body()
    return urlsplit(found[0]).path


async def decided(pipeline: Pipeline, *words: str) -> None:
    code, said, complaint = await command(pipeline, *words, "--as", "dana.muster")
    assert (code, complaint) == (0, ""), said


async def state_of(pipeline: Pipeline, case: str, **wanted: object) -> None:
    async def holds() -> bool:
        page = await pipeline.page(case)
        return {name: page[name] for name in wanted} == wanted

    await comes_true(holds)


async def test_stopped_erasure_is_not_executed_by_an_approval_before_the_staff_lets_it_go_on(
    pipeline: Pipeline,
) -> None:
    person = (await pipeline.people())[0]
    case = await pipeline.verified("erasure", person)
    await state_of(pipeline, case, status="verified")

    async def planned() -> bool:
        return bool(
            await pipeline.rows("fulfillment", case=case, **{"facts.type": "habeas.erasure.planned.v1"})
        )

    await comes_true(planned)
    before = await pipeline.mentions(person.email)
    assert before
    link = await link_in_letter(pipeline, person, case)
    (await pipeline.http.get(link)).raise_for_status()
    await state_of(pipeline, case, stopped=None)
    (await pipeline.http.post(link)).raise_for_status()
    await state_of(pipeline, case, stopped="not_me")

    async def known() -> bool:
        return bool(
            await pipeline.rows("fulfillment", case=case, **{"event.type": "habeas.request.stopped.v1"})
        )

    await comes_true(known)
    await decided(pipeline, "request", "approve-erasure", case)

    async def approved() -> bool:
        return bool(
            await pipeline.rows("fulfillment", case=case, **{"event.type": "habeas.erasure.approved.v1"})
        )

    await comes_true(approved)
    assert await pipeline.mentions(person.email) == before
    await decided(pipeline, "request", "resume", case)
    page = await pipeline.closed(case)
    assert page["stopped"] is None
    assert await pipeline.mentions(person.email) != before


async def test_erasure_that_staff_closes_after_a_stop_erases_nothing(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[1]
    case = await pipeline.verified("erasure", person)
    await state_of(pipeline, case, status="verified")
    before = await pipeline.mentions(person.email)
    (await pipeline.http.post(await link_in_letter(pipeline, person, case))).raise_for_status()
    await decided(pipeline, "request", "close", case)
    page = await pipeline.closed(case)
    code, _, errors = await command(pipeline, "request", "approve-erasure", case, "--as", "dana.muster")
    assert (code, "no erasure of the request waits" in errors) == (2, True)
    assert page["outcome"] is None
    assert await pipeline.mentions(person.email) == before
    titles = [letter.subject for letter in pipeline.letters_to(person, case)]
    assert "We stopped working on your request" in titles
    assert all(LINK.search(letter.body()) for letter in pipeline.letters_to(person, case)), titles


async def test_access_that_was_stopped_discloses_nothing_until_resumed(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[2]
    case = await pipeline.lodge(person.asks("access"))
    code = await pipeline.code_for(person, case)
    link = await link_in_letter(pipeline, person, case)
    (await pipeline.http.post(link)).raise_for_status()
    assert (await pipeline.prove(case, code)).status_code == 409
    await state_of(pipeline, case, status="challenged")
    assert (await pipeline.http.post(f"/v1/requests/{case}/package/codes")).status_code == 409
    await decided(pipeline, "request", "resume", case)

    def fresh() -> bool:
        return len(set(codes_in(pipeline, person, case))) > 1

    assert await eventually(fresh, WITHIN)
    (await pipeline.prove(case, await pipeline.code_for(person, case))).raise_for_status()
    assert (await pipeline.closed(case))["outcome"] in {"granted", "partly_granted"}
    parked = await pipeline.parked()
    assert parked == {name: [] for name in parked}


def codes_in(pipeline: Pipeline, person: Somebody, case: str) -> list[str]:
    bodies = [letter.body() for letter in pipeline.letters_to(person, case)]
    return [found for body in bodies for found in re.findall(r"^\s{4}(\w{6,8})$", body, re.MULTILINE)]
