import json
import re
from dataclasses import replace

import pytest
from httpx import AsyncClient
from structlog.testing import capture_logs

from services.intake.domain import PUBLIC_SOURCE, PackageCodeRefused
from services.intake.pages.site import paragraphs
from shared.contract.answer import SUBMISSION
from shared.contract.events import IdentityVerified, PackageFetched, RequestReceived, RequestWithdrawn
from shared.runtime.client_limits import Allowance
from tests.unit.fakes import (
    ABROAD,
    NOW,
    PERSON,
    SOURCE,
    Office,
    request,
    unread_deadlines,
    wrong,
)
from tests.unit.intake_api import (
    API_KEY,
    BEARER,
    CASE,
    CLOSED,
    PACKAGE,
    ROOT,
    answered,
    assert_problem,
    client_of,
    form,
    served,
)

# --- lodging ------------------------------------------------------------------------------------------


async def test_request_is_registered_when_it_is_accepted() -> None:
    office = Office()
    async with client_of(office.requests) as client:
        response = await client.post("/v1/requests", json=request(), headers=BEARER)
        assert response.status_code == 202
        assert response.json() == {
            "id": CASE,
            "status_url": f"{ROOT}/v1/requests/{CASE}",
        }
        before = await client.get(f"/v1/requests/{CASE}")
        assert (before.status_code, before.json()["status"]) == (200, "received")
        await office.work()
        after = (await client.get(response.json()["status_url"])).json()
        found = (await client.get("/v1/requests", params={"reference": "r-1"}, headers=BEARER)).json()
    assert (after["status"], after["due_on"], after["right"]) == ("challenged", "2026-04-07", "access")
    assert after["policy"] == "gdpr@2018-05-25"
    assert found == after


async def test_request_under_a_law_not_accepted_goes_on_and_names_the_law() -> None:
    """Nothing of that law judges it; the staff reads its name in the log and in the status."""
    office = Office(practice=replace(ABROAD, policies=unread_deadlines("br-lgpd")))
    with capture_logs() as lines:
        async with client_of(office.requests) as client:
            asked = request(residence={"country": "BR"}, regulation="lgpd")
            status_url = (await client.post("/v1/requests", json=asked, headers=BEARER)).json()["status_url"]
            await office.work()
            status = (await client.get(status_url)).json()
    assert (status["status"], status["laws"]) == ("challenged", ["gdpr@2018-05-25"])
    assert status["laws_not_accepted"] == ["br-lgpd@2020-09-18"]
    assert [line["law"] for line in lines if line["event"] == "law not accepted for a request"] == [
        "br-lgpd@2020-09-18"
    ]


async def test_the_laws_are_public_with_their_provisions() -> None:
    async with client_of(Office().requests) as client:
        shown = (await client.get("/v1/policies")).json()
    by_law = {(policy["law"], policy["edition"]): policy for policy in shown}
    [answer, *_] = by_law["gdpr", "2018-05-25"]["periods"]
    assert (answer["length"], answer["unit"], answer["provision"]) == (1, "month", "GDPR Art. 12(3)")
    assert {rule["read"] for policy in shown for rule in policy["periods"]} == {"text", "secondary", "ours"}
    assert by_law["gdpr", "2018-05-25"]["sources"][0]["date"] == "2026-11-29"


async def test_a_status_page_holds_no_personal_data() -> None:
    office = await answered()
    async with client_of(office.requests) as client:
        page = await client.get(f"/v1/requests/{CASE}")
    assert not [value for value in (PERSON["name"], PERSON["email"], "K-7741-Q") if str(value) in page.text]
    assert page.json()["package_url"].endswith(f"/v1/requests/{CASE}/package")


async def test_public_api_cannot_use_references_of_others_nor_backdate() -> None:
    office = Office()
    await office.submit(request())
    await office.lodge(request(), PUBLIC_SOURCE)
    hostile = request(subject={"email": "mallory@example.net"}, received_at="2026-01-01T00:00:00Z")
    async with client_of(office.requests) as client:
        asked = [hostile, {**hostile, "right": "erasure"}]
        ids = [(await client.post("/v1/requests", json=one)).json()["id"] for one in asked]
    await office.work()
    assert len({*ids, *(fact.request_id for fact in office.facts(RequestReceived))}) == 4
    mine = [fact for fact in office.facts(RequestReceived) if fact.request_id in ids]
    assert [(fact.source, fact.received_at) for fact in mine] == [(PUBLIC_SOURCE, NOW)] * 2
    assert json.loads(office.sealed(CASE)[SUBMISSION])["subject"]["email"] == PERSON["email"]


async def test_a_public_request_cannot_claim_a_trusted_source() -> None:
    office = Office(trusted={SOURCE})
    async with client_of(office.requests) as client:
        await client.post("/v1/requests", json=request(), headers={"ce-source": SOURCE})
    await office.work()
    assert office.facts(IdentityVerified) == []


async def test_a_system_with_a_key_may_say_when_a_request_was_received() -> None:
    office = Office()
    async with client_of(office.requests) as client:
        await client.post("/v1/requests", json=request(received_at="2026-03-01T08:00:00Z"), headers=BEARER)
    await office.work()
    assert office.the(RequestReceived).received_on.isoformat() == "2026-03-01"


async def test_a_receipt_at_the_beginning_of_time_is_registered_all_the_same() -> None:
    office = Office()
    async with client_of(office.requests) as client:
        await client.post("/v1/requests", json=request(received_at="0001-01-01T00:00:00Z"), headers=BEARER)
    await office.work()
    assert office.the(RequestReceived).received_at <= NOW
    assert office.broker.parked("intake") == []


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(f"Bearer {API_KEY}x", id="wrong"),
        pytest.param("Bearer", id="no key"),
        pytest.param("Bearer ", id="empty key"),
        pytest.param(f"Basic {API_KEY}", id="another scheme"),
        pytest.param("", id="empty header"),
    ],
)
async def test_an_unknown_key_is_refused(authorization: str) -> None:
    office = Office()
    async with client_of(office.requests) as client:
        response = await client.post("/v1/requests", json=request(), headers={"Authorization": authorization})
        search = await client.get(
            "/v1/requests", params={"reference": "r-1"}, headers={"Authorization": authorization}
        )
    assert_problem(response, 401)
    assert_problem(search, 401)
    assert response.headers["www-authenticate"] == "Bearer"
    assert office.vault.items == {}


async def test_a_request_cannot_be_searched_for_without_a_key() -> None:
    office = await answered()
    async with client_of(office.requests) as client:
        assert_problem(await client.get("/v1/requests", params={"reference": "r-1"}), 401)


async def test_an_address_may_lodge_so_many_requests_and_systems_any_number() -> None:
    office = Office()
    async with client_of(office.requests, public=Allowance(2)) as client:
        statuses = [(await client.post("/v1/requests", json=form())).status_code for _ in range(2)]
        refused = await client.post("/v1/requests", json=form())
        system = await client.post("/v1/requests", json=request(), headers=BEARER)
    assert statuses == [202, 202]
    assert_problem(refused, 429)
    assert refused.headers["retry-after"] == "3600"
    assert system.status_code == 202


async def test_closed_public_api_takes_nothing() -> None:
    async with client_of(Office().requests, public=CLOSED) as client:
        assert_problem(await client.post("/v1/requests", json=form()), 429)


# --- the package --------------------------------------------------------------------------------------


async def test_the_package_comes_in_pieces_and_its_download_is_on_record() -> None:
    office = await answered()
    async with client_of(office.requests) as client:
        sent = await client.post(f"/v1/requests/{CASE}/package/codes")
        assert sent.status_code == 202
        code = office.code_of(CASE, "package_code_0")
        assert code not in sent.text
        response = await client.get(f"/v1/requests/{CASE}/package", params={"code": code})
    assert response.status_code == 200
    assert response.content == PACKAGE
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["cache-control"] == "no-store"
    assert [f for row in office.rows() for f in row.facts if isinstance(f, PackageFetched)]


@pytest.mark.slow
async def test_interrupted_download_continues_with_the_same_bytes() -> None:
    office = await answered()
    async with served(office.requests) as url, AsyncClient(base_url=url) as client:
        await client.post(f"/v1/requests/{CASE}/package/codes")
        path, code = f"/v1/requests/{CASE}/package", {"code": office.code_of(CASE, "package_code_0")}
        got = bytearray()
        async with client.stream("GET", path, params=code) as whole:
            etag = whole.headers["etag"]
            assert whole.headers["content-length"] == str(len(PACKAGE))
            assert whole.headers["accept-ranges"] == "bytes"
            async for piece in whole.aiter_bytes():
                got += piece
                if len(got) > len(PACKAGE) // 2:
                    break  # leaving the block closes the connection
        rest = await client.get(path, params=code, headers={"Range": f"bytes={len(got)}-", "If-Range": etag})
    assert len(got) < len(PACKAGE)
    assert rest.status_code == 206
    assert rest.headers["content-range"] == f"bytes {len(got)}-{len(PACKAGE) - 1}/{len(PACKAGE)}"
    assert bytes(got) + rest.content == PACKAGE
    fetched = [f.continued for row in office.rows() for f in row.facts if isinstance(f, PackageFetched)]
    assert fetched == [False, True]


async def test_head_says_how_large_the_package_is_and_leaves_the_code_good() -> None:
    office = await answered()
    async with client_of(office.requests) as client:
        await client.post(f"/v1/requests/{CASE}/package/codes")
        path, code = f"/v1/requests/{CASE}/package", {"code": office.code_of(CASE, "package_code_0")}
        head = await client.head(path, params=code)
        package = await client.get(path, params=code)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(PACKAGE))
    assert head.headers["etag"] == package.headers["etag"]
    assert package.content == PACKAGE


async def test_bytes_behind_the_end_are_a_problem_416() -> None:
    office = await answered()
    async with client_of(office.requests) as client:
        await client.post(f"/v1/requests/{CASE}/package/codes")
        code = office.code_of(CASE, "package_code_0")
        behind = {"Range": f"bytes={len(PACKAGE)}-"}
        response = await client.get(f"/v1/requests/{CASE}/package", params={"code": code}, headers=behind)
    assert_problem(response, 416)
    assert response.headers["content-range"] == f"bytes */{len(PACKAGE)}"


async def test_the_page_hands_the_package_over_and_goes_on_with_it() -> None:
    office = await answered()
    async with client_of(office.requests) as client:
        await client.post(f"/requests/{CASE}/package-code")
        path, code = f"/requests/{CASE}/package", {"code": office.code_of(CASE, "package_code_0")}
        refused = await client.get(path, params={"code": wrong(code["code"])})
        whole = await client.get(path, params=code)
        headers = {"Range": "bytes=7-", "If-Range": whole.headers["etag"]}
        rest = await client.get(path, params=code, headers=headers)
    assert refused.status_code == 409
    assert "text/html" in refused.headers["content-type"]
    assert whole.content == PACKAGE
    assert (rest.status_code, rest.content) == (206, PACKAGE[7:])


async def test_if_range_outside_ascii_resumes_no_download_and_is_no_error() -> None:
    office = await answered()
    async with client_of(office.requests) as client:
        await client.post(f"/v1/requests/{CASE}/package/codes")
        path, code = f"/v1/requests/{CASE}/package", {"code": office.code_of(CASE, "package_code_0")}
        assert (await client.get(path, params=code)).status_code == 200
        headers = {b"Range": b"bytes=7-", b"If-Range": "é".encode("latin-1")}
        assert_problem(await client.get(path, params=code, headers=headers), 403)


async def test_a_package_without_a_code_is_a_problem_401() -> None:
    office = await answered()
    async with client_of(office.requests) as client:
        assert_problem(await client.get(f"/v1/requests/{CASE}/package"), 401)


async def test_a_wrong_code_is_a_problem_403_on_record_that_does_not_repeat_it() -> None:
    office = await answered()
    async with client_of(office.requests) as client:
        await client.post(f"/v1/requests/{CASE}/package/codes")
        guess = wrong(office.code_of(CASE, "package_code_0"))
        response = await client.get(f"/v1/requests/{CASE}/package", params={"code": guess})
    assert assert_problem(response, 403)["reason"] == "wrong_code"
    assert guess not in response.text
    assert [f for row in office.rows() for f in row.facts if isinstance(f, PackageCodeRefused)]


# --- the rest -----------------------------------------------------------------------------------------


async def test_a_withdrawal_by_http_is_accepted_and_happens() -> None:
    office = Office()
    await office.submit(request())
    async with client_of(office.requests) as client:
        assert (await client.delete(f"/v1/requests/{CASE}")).status_code == 202
        await office.work()
        assert (await client.get(f"/v1/requests/{CASE}")).json()["status"] == "withdrawn"
    assert office.the(RequestWithdrawn).request_id == CASE


@pytest.mark.slow
async def test_the_api_describes_itself() -> None:
    async with client_of(Office().requests) as client:
        document = (await client.get("/openapi.json")).json()
        docs = await client.get("/docs")
    assert document["openapi"].startswith("3.")
    assert {"/v1/requests", "/v1/requests/{case_id}", "/v1/requests/{case_id}/package"} <= set(
        document["paths"]
    )
    assert docs.status_code == 200
    assert "default-src 'none'" in docs.headers["Content-Security-Policy"]
    assert "https://" not in docs.text.partition("<main")[0]
    assert all(path in docs.text for path in document["paths"])
    assert "<em>reference</em>" in docs.text
    assert "<code>package/codes</code>" in docs.text
    assert not re.search(r"`|\*[a-z]", re.sub("<(pre|td)>.*?</(pre|td)>", "", docs.text, flags=re.DOTALL))


@pytest.mark.parametrize(
    ("description", "html"),
    [
        ("one\n two\n\n\nthree", ["one\n two", "three"]),
        ("`a*b*` *c d* ``e``", ["<code>a*b*</code> <em>c d</em> <code>e</code>"]),
        ("<b>&amp; 2 * 3 * 4", ["&lt;b&gt;&amp;amp; 2 * 3 * 4"]),
    ],
)
def test_marks_of_docstrings_are_those_of_a_page(description: str, html: list[str]) -> None:
    assert paragraphs(description) == html


async def test_the_status_of_a_request_is_not_cached() -> None:
    office = Office()
    await office.submit(request())
    async with client_of(office.requests) as client:
        by_id = await client.get(f"/v1/requests/{CASE}")
        by_reference = await client.get("/v1/requests", params={"reference": "r-1"}, headers=BEARER)
    for answer in (by_id, by_reference):
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
