"""A case is opened on record only where its account has not opened it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from habeas.cli import app
from habeas.client import opened_cases
from habeas.client.console_api import ConsoleClient, ConsoleRefusal
from habeas.client.opened_cases import ContentOpening
from shared.errors import ConfigurationError, Unanswered

CASE = "ab" * 16
PATH = f"/cases/{CASE}/content"
DRAWN = {
    "proof": "proof_12345678",
    "slot": "identity",
    "pending": False,
    "pages": ["page_1"],
    "more": 2,
    "reasons": [],
    "report": {"verdict": "unclear"},
}
REFUSED = {**DRAWN, "slot": None, "pages": [], "more": 0, "reasons": ["file_active_content"], "report": None}


def opening(answer: Callable[[httpx.Request], httpx.Response]) -> tuple[ContentOpening, list[str]]:
    """Return the opening of a case at a console that gives *answer*, and the calls that it gets."""
    calls: list[str] = []

    def answered(request: httpx.Request) -> httpx.Response:
        calls.append(f"{request.method} {request.url.path}")
        return answer(request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answered), base_url="http://console")
    return ContentOpening(ConsoleClient(http), CASE, "review", lambda: "123456"), calls


def with_documents(*documents: dict[str, Any]) -> dict[str, Any]:
    return {"evidence": {"pending": False, "documents": list(documents)}}


async def test_open_case_is_not_opened_again() -> None:
    opened, calls = opening(lambda _request: httpx.Response(200, json={"submission": {}}))
    assert await opened.content() == {"submission": {}}
    assert calls == [f"GET {PATH}"]


async def test_closed_case_is_opened_with_a_code() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(403, json={"detail": "not opened"})
        assert request.content == b'{"reason":"review","code":"123456"}'
        return httpx.Response(200, json={"submission": {}})

    opened, calls = opening(answer)
    assert await opened.content() == {"submission": {}}
    assert calls == [f"GET {PATH}", f"POST {PATH}"]


async def test_unknown_case_is_not_opened() -> None:
    opened, calls = opening(lambda _request: httpx.Response(404, json={"detail": "There is no such case."}))
    with pytest.raises(ConsoleRefusal, match=r"^there is no such case$"):
        await opened.content()
    assert calls == [f"GET {PATH}"]


async def test_pictures_have_their_findings_and_the_reasons_of_others() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("page_1"):
            return httpx.Response(200, content=b"a picture")
        return httpx.Response(200, json=with_documents(DRAWN, REFUSED))

    files, withheld = await opening(answer)[0].pictures()
    assert files["identity-12345678-1.jpg"] == b"a picture"
    assert b"unclear" in files["report-12345678.json"]
    assert withheld == {"identity-12345678": ["2 more pages"], "document-12345678": ["file_active_content"]}


async def test_documents_that_are_not_drawn_in_time_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened_cases, "DRAWN_WITHIN_S", 0.01)
    monkeypatch.setattr(opened_cases, "PAUSE_S", 0)
    waits = with_documents({**DRAWN, "pending": True})
    opened, _ = opening(lambda _request: httpx.Response(200, json=waits))
    with pytest.raises(Unanswered):
        await opened.documents()


async def test_records_of_a_listing_are_read_in_pieces() -> None:
    pieces = {"0": {"records": [1, 2], "next": 40}, "40": {"records": [3], "next": None}}
    opened, _ = opening(lambda request: httpx.Response(200, json=pieces[request.url.params["start"]]))
    records: list[object] = [*await opened.records()]
    assert records == [1, 2, 3]


async def test_newest_certificate_is_read_as_it_was_signed() -> None:
    certificates = [{"item": "certificate_1"}, {"item": "certificate_2"}]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == PATH:
            return httpx.Response(200, json={"certificates": certificates})
        return httpx.Response(200, content=request.url.path.encode())

    assert await opening(answer)[0].certificate() == f"{PATH}/certificate_2".encode()


async def test_plan_is_the_outline_in_the_content() -> None:
    outline = {"erased": [{"label": "Profiles", "records": 2}]}
    opened, _ = opening(lambda _request: httpx.Response(200, json={"plan": outline}))
    assert await opened.plan() == outline


@pytest.mark.parametrize("question", ["plan", "certificate"])
async def test_request_without_plan_or_certificate_is_an_error(question: str) -> None:
    opened, _ = opening(lambda _request: httpx.Response(200, json={"plan": None, "certificates": []}))
    with pytest.raises(ConfigurationError, match=f"has no .*{question}"):
        await getattr(opened, question)()


OUTLINE = {
    "erased": [{"label": "Profiles", "records": 2}],
    "kept": [{"label": "Invoices", "records": 3, "reason": "tax_law", "until": "2034-12-31"}],
    "grounds": [{"label": "Profiles", "reason": "purpose_ended"}],
}


def test_plan_is_printed_by_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("habeas.cli.erasures.in_opened", lambda *_given: OUTLINE)
    printed = CliRunner().invoke(app, ["erasures", "plan", CASE], catch_exceptions=False).output
    assert printed.splitlines() == [
        "erased           2 Profiles",
        "kept             3 Invoices (tax_law, 2034-12-31)",
        "because  purpose_ended Profiles",
    ]
