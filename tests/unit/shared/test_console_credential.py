"""The credential by which intake recognises the console."""

import json

import httpx

from shared.runtime.console_credential import CLIENT, HEADER, client_of
from shared.runtime.staff_api import StaffApi


def test_headers_without_the_credential_name_no_client() -> None:
    assert client_of({HEADER: "secret", CLIENT: "203.0.113.5"}, "secret") == "203.0.113.5"
    assert client_of({HEADER: "other", CLIENT: "203.0.113.5"}, "secret") is None
    assert client_of({CLIENT: "203.0.113.5"}, "secret") is None
    assert client_of({HEADER: "", CLIENT: "203.0.113.5"}, "") is None, "none is issued"


async def test_calls_of_the_console_show_its_headers() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=json.dumps({"salt": "00"}))

    async def credential() -> dict[str, str]:
        return {HEADER: "secret", CLIENT: "203.0.113.5"}

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://intake.test") as client:
        await StaffApi(client, credential).salt("dana.muster")
        await StaffApi(client).salt("dana.muster")
    assert [(one.headers.get(HEADER), one.headers.get(CLIENT)) for one in seen] == [
        ("secret", "203.0.113.5"),
        (None, None),
    ]
