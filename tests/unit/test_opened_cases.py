"""A case is opened on record only where its account has not opened it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from habeas.client import opened_cases
from habeas.client.console_api import ConsoleClient, ConsoleRefusal
from habeas.client.opened_cases import ContentOpening
from shared.errors import Unanswered

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


def test_written_files_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    [written] = opened_cases.write({"identity-1.jpg": b"a picture"}, tmp_path / "proofs")
    assert written.read_bytes() == b"a picture"
    assert (written.stat().st_mode | written.parent.stat().st_mode) & 0o077 == 0
