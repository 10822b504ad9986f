"""Meta's data deletion callback, as Meta signs it."""

import json
from urllib.parse import urlencode

import pytest

from services.intake.channels.webhooks.service import MESSAGE
from services.intake.handlers import SET_ASIDE
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    Assurance,
    IdentityVerified,
    RequestReceived,
    RequestRejected,
    RequestSubmitted,
)
from shared.law import Right
from tests.unit.fakes import NOW, Office
from tests.unit.platforms import META, ROOT, base64url, platforms, signed_request, signed_text


async def test_a_deletion_request_is_an_erasure_request_with_a_page() -> None:
    office = Office(trusted={"meta"})
    async with platforms(office) as calling:
        answer = await calling.meta(signed_request())
        said = answer.json()
        page = await calling.http.get(said["url"].removeprefix(ROOT))
    received = office.the(RequestReceived)
    assert answer.status_code == 200
    assert said == {
        "url": f"{ROOT}/requests/{received.request_id}",
        "confirmation_code": received.request_id,
    }
    assert said["confirmation_code"].isalnum()
    assert page.status_code == 200
    assert (received.right, received.source) == (Right.ERASURE, "meta")
    sealed = office.sealed(received.request_id)
    assert RequestSubmitted.model_validate_json(sealed[SUBMISSION]).subject.identifiers == {
        "meta_user_id": "218471"
    }
    assert sealed[MESSAGE] == urlencode({"signed_request": signed_request()}).encode()
    assert office.the(IdentityVerified).assurance is Assurance.VOUCHED


async def test_unless_it_is_trusted_its_word_proves_nothing() -> None:
    office = Office()
    async with platforms(office) as calling:
        assert (await calling.meta(signed_request())).status_code == 200
    assert office.facts(IdentityVerified) == []


async def test_the_page_is_there_at_once_before_any_service_has_worked() -> None:
    office = Office()
    async with platforms(office) as calling:
        form = {"signed_request": signed_request()}
        said = (await calling.http.post("/webhooks/meta", data=form)).json()
        assert (await calling.http.get(said["url"].removeprefix(ROOT))).status_code == 200


async def test_the_same_message_again_is_the_same_request() -> None:
    office = Office()
    async with platforms(office) as calling:
        first, again = [await calling.meta(signed_request()) for _ in range(2)]
        other = await calling.meta(signed_request(issued_at=1772700001))
    assert first.json() == again.json() != other.json()
    assert len(office.facts(RequestReceived)) == 2


@pytest.mark.parametrize(
    ("signed", "status"),
    [
        pytest.param("", 400, id="nothing"),
        pytest.param("nodot", 400, id="without a dot"),
        pytest.param(".", 401, id="a dot"),
        pytest.param(signed_request(b"another app's secret"), 401, id="of another app"),
        pytest.param(signed_request(b""), 401, id="of no secret"),
        pytest.param("." + signed_request().partition(".")[2], 401, id="without a signature"),
        pytest.param(signed_request()[:-2], 401, id="with something else signed"),
        pytest.param("!" + signed_request(), 401, id="with a signature that is no base64url"),
        pytest.param(signed_request(algorithm="none"), 401, id="that names no algorithm"),
        pytest.param(signed_request(algorithm="HMAC-SHA1"), 401, id="that names another algorithm"),
        pytest.param(signed_request(expires=int(NOW.timestamp())), 401, id="that has expired"),
        pytest.param(signed_request(expires=1), 401, id="that has expired long ago"),
    ],
)
async def test_unsigned_or_expired_requests_of_meta_are_refused(signed: str, status: int) -> None:
    office = Office()
    async with platforms(office) as calling:
        assert (await calling.meta(signed)).status_code == status
    assert office.vault.items == {}


async def test_a_message_without_expiry_is_accepted() -> None:
    async with platforms(Office()) as calling:
        for expires in (None, 0, int(NOW.timestamp()) + 1):
            assert (await calling.meta(signed_request(expires=expires))).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(base64url(b"{"), id="no JSON"),
        pytest.param("***", id="no base64url"),
        pytest.param(base64url(json.dumps({"algorithm": "HMAC-SHA256"}).encode()), id="nobody"),
        pytest.param(base64url(b'{"algorithm":"HMAC-SHA256","user_id":" "}'), id="blank"),
        pytest.param(base64url(b"[" * 60_000), id="deep"),
    ],
)
async def test_a_signed_unreadable_message_is_set_aside(text: str) -> None:
    office = Office()
    async with platforms(office) as calling:
        answer = await calling.meta(signed_text(text, META))
    assert (answer.status_code, answer.json()["status"]) == (200, "set_aside")
    rejected = office.the(RequestRejected)
    form = urlencode({"signed_request": signed_text(text, META)}).encode()
    assert office.sealed(rejected.request_id)[SET_ASIDE] == form


async def test_form_with_two_signed_requests_is_refused() -> None:
    async with platforms(Office()) as calling:
        form = "&".join(2 * [urlencode({"signed_request": signed_request()})]).encode()
        assert (await calling.http.post("/webhooks/meta", content=form)).status_code == 400
        assert (await calling.http.post("/webhooks/meta", content=b"&" * 50_000)).status_code == 400
