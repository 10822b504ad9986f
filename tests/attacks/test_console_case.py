"""Attacks on the page of a case: forms of others, roles that decide nothing, and other cases."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.console.context import ConsoleParts
from services.console.domain import HistoryEntry, row_of
from services.console.http.app import create_app
from services.console.settings import ConsoleSettings
from services.console.signin.accounts import StaffMember
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from services.console.state import CaseRow
from services.console.system.parked_messages import ParkedMessage
from services.console.system.reports import UnreachedPart
from shared.contract.events import Decision, ErasureApproved, Fact, RequestReceived, RequestReferred
from shared.contract.staff import public_bytes
from shared.law import Regulation, Right
from shared.law.library import EXAMPLE, company
from shared.runtime.staff_api import TakenDecision
from shared.vocabulary import StaffRole

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
CASE, OTHER_CASE = "ab" * 16, "cd" * 16
KEY = Ed25519PrivateKey.generate()
UNLOCKED = UnlockedKey(KEY, "bearer", NOW + timedelta(hours=1))


def session_of(account: str) -> ConsoleSession:
    return ConsoleSession(
        account, account, public_bytes(KEY), NOW, NOW + timedelta(hours=1), unlocked=UNLOCKED
    )


FACTS: tuple[Fact, ...] = (
    RequestReceived(
        request_id=CASE,
        right=Right.RECTIFICATION,
        regulation=Regulation.GDPR,
        policy="gdpr@2018-05-25",
        source="shop.example",
        received_at=NOW,
        received_on=NOW.date(),
        due_on=date(2026, 4, 10),
        internal_due_on=date(2026, 4, 1),
    ),
    RequestReferred(request_id=CASE, right=Right.RECTIFICATION, reason="nothing_named"),
)


HOSTILE = '</dd><script>alert(1)</script><img src=x onerror="alert(2)">'
CONTENT = {
    "until": "2026-03-10T09:15:00Z",
    "submission": {"subject": {"name": HOSTILE, HOSTILE: "value"}, "locale": HOSTILE},
    "scope_answered": [HOSTILE],
    "statements": [{"remedy": "appeal", "received_on": "2026-03-09", "text": HOSTILE}],
    "texts": [{"at": "2026-03-09T09:00:00Z", "text": HOSTILE}],
    "notes": [{"at": "2026-03-09T09:00:00Z", "by": "dana.muster", "text": HOSTILE}],
    "files": [
        {
            "at": "2026-03-09T09:00:00Z",
            "by": "dana",
            "item": "file_1",
            "media_type": HOSTILE,
            "name": HOSTILE,
            "size": 3,
        }
    ],
    "remarks": [{"at": "2026-03-09T09:00:00Z", "by": "dana", "type": ErasureApproved.TYPE, "text": HOSTILE}],
    "holds": [{"at": "2026-03-09T09:00:00Z", "by": "dana", "matter": "claim", "text": HOSTILE}],
    "mails": [{"item": "mail_1", "at": "2026-03-09T09:00:00Z", "reason": HOSTILE}],
    "letters": [
        {
            "item": "letter_1",
            "at": "2026-03-09T09:00:00Z",
            "kind": "outcome",
            "acknowledges": False,
            "to": HOSTILE,
            "subject": HOSTILE,
            "text": HOSTILE,
            "html": HOSTILE,
        }
    ],
    "evidence": {
        "pending": False,
        "documents": [
            {
                "proof": "proof_1",
                "slot": "identity",
                "media_type": HOSTILE,
                "pending": False,
                "pages": ["proof_1_page_1"],
                "more": 2,
                "reasons": [HOSTILE],
                "report": {"reading": {"name": HOSTILE}},
            }
        ],
        "claims": [{"city": HOSTILE}],
    },
    "plan": {"erased": [{"label": HOSTILE, "records": 1}]},
    "aliases": [{"identity": "email", "value": HOSTILE, "proven": False}],
    "certificates": [{"item": "certificate_1", "at": "2026-03-02T09:00:00Z"}],
    "review": {"listing": HOSTILE},
    "answer": {"disclosed": [{"label": HOSTILE, "records": 2}], "kept": [{"label": "Orders", "records": 1}]},
    "package": {"item": "package_1", "size": 4, "sha256": "ab", "files": [{"name": HOSTILE, "size": 4}]},
}


@dataclass
class OneCase:
    """The parts of a console that knows one case, and two accounts."""

    roles: dict[str, frozenset[StaffRole]]
    submitted: list[Decision] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Paths of intake that were called."""

    def history(self) -> list[HistoryEntry]:
        return [HistoryEntry(f"{n:032x}", NOW + timedelta(minutes=n), fact) for n, fact in enumerate(FACTS)]

    async def row(self, case: str) -> CaseRow | None:
        return row_of(CASE, self.history()) if case == CASE else None

    async def following(self, _case: str) -> list[str]:
        return []

    async def of_case(self, _case: str) -> list[ParkedMessage]:
        return []

    async def unreached_parts(self, _now: datetime) -> list[UnreachedPart]:
        return []

    async def of(self, cases: Collection[str]) -> dict[str, list[HistoryEntry]]:
        return {CASE: self.history()} if CASE in cases else {}

    async def shown(self, case: str) -> list[HistoryEntry]:
        return self.history() if case == CASE else []

    async def session(self, token: str, now: datetime, *, used: bool = True) -> ConsoleSession | None:
        del now, used
        return session_of(token) if token in self.roles else None

    async def member(self, name: str) -> StaffMember:
        return StaffMember(name, "", self.roles[name], public_bytes(KEY))

    async def members(self) -> list[StaffMember]:
        return [await self.member(name) for name in self.roles]

    async def submit(
        self,
        decision: Decision,
        text: bytes | None = None,
        bearer: str | None = None,
        package: bytes | None = None,
    ) -> TakenDecision:
        del text, bearer, package
        self.submitted.append(decision)
        return TakenDecision("0" * 32, decision.request_id)

    async def response(self, method: str, path: str, bearer: str, **body: Any) -> httpx.Response:
        del method, bearer, body
        self.asked.append(path)
        if path.endswith("/content"):
            return httpx.Response(200, json=CONTENT)
        headers = {"content-type": "text/html", "content-security-policy": "none"}
        return httpx.Response(200, text=HOSTILE, headers=headers)

    async def effect(self, id_: str, bearer: str | None = None) -> list[str]:
        del id_, bearer
        return []


@pytest.fixture
def console() -> OneCase:
    return OneCase({"victor.viewer": frozenset({StaffRole.VIEWER}), "omar.sample": frozenset(StaffRole)})


def client_of(console: OneCase, account: str) -> httpx.AsyncClient:
    settings = ConsoleSettings.model_construct(console_url="http://console.test", company=company(EXAMPLE))
    parts: dict[str, Any] = dict.fromkeys(ConsoleParts.__dataclass_fields__, console)
    given = ConsoleParts(**{**parts, "settings": settings, "clock": lambda: NOW, "provider": None})
    transport = httpx.ASGITransport(create_app(given), raise_app_exceptions=False)
    cookies = {"habeas-console": account}
    return httpx.AsyncClient(transport=transport, base_url="http://console.test", cookies=cookies)


def form(account: str, **entered: str) -> dict[str, str]:
    return {"form": session_of(account).form_token, "code": "123456", "text": "Looked by hand.", **entered}


async def test_the_form_of_an_approver_decides(console: OneCase) -> None:
    async with client_of(console, "omar.sample") as client:
        answer = await client.post(f"/requests/{CASE}/decisions/nothing-held", data=form("omar.sample"))
    assert answer.status_code == 303
    assert [one.request_id for one in console.submitted] == [CASE]


@pytest.mark.parametrize(
    ("account", "path", "entered", "status"),
    [
        pytest.param("victor.viewer", CASE, form("victor.viewer"), 403, id="a viewer decides"),
        pytest.param("omar.sample", CASE, form("victor.viewer"), 403, id="the token of another session"),
        pytest.param("omar.sample", CASE, {"code": "123456"}, 403, id="no token"),
        pytest.param("omar.sample", OTHER_CASE, form("omar.sample"), 404, id="an unknown case"),
        pytest.param("omar.sample", "../staff", form("omar.sample"), 404, id="no case at all"),
        pytest.param("nobody", CASE, form("nobody"), 403, id="no session"),
    ],
)
async def test_forged_form_decides_nothing(
    console: OneCase, account: str, path: str, entered: dict[str, str], status: int
) -> None:
    async with client_of(console, account) as client:
        answer = await client.post(f"/requests/{path}/decisions/nothing-held", data=entered)
    assert (answer.status_code, console.submitted) == (status, [])


async def test_form_of_another_site_decides_nothing(console: OneCase) -> None:
    headers = {"Origin": "https://evil.example"}
    async with client_of(console, "omar.sample") as client:
        path = f"/requests/{CASE}/decisions/nothing-held"
        answer = await client.post(path, data=form("omar.sample"), headers=headers)
    assert (answer.status_code, console.submitted) == (403, [])


async def test_field_of_a_form_names_neither_case_nor_account(console: OneCase) -> None:
    entered = form("omar.sample", request_id=OTHER_CASE, by="dana.muster", outcome="granted")
    async with client_of(console, "omar.sample") as client:
        await client.post(f"/requests/{CASE}/decisions/nothing-held", data=entered)
    [made] = console.submitted
    assert (made.request_id, made.by, made.model_dump()["outcome"]) == (CASE, "omar.sample", "nothing_held")


async def test_hostile_text_stays_text_in_a_form_that_is_shown_again(console: OneCase) -> None:
    hostile = "</textarea><script>alert(1)</script>"
    entered = form("omar.sample", text=hostile, outcome='"><img src=x>')
    async with client_of(console, "omar.sample") as client:
        answer = await client.post(f"/requests/{CASE}/decisions/answer", data=entered)
    assert answer.status_code == 409
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text


async def test_link_with_an_invented_decision_claims_no_success(console: OneCase) -> None:
    async with client_of(console, "omar.sample") as client:
        page = await client.get(f"/requests/{CASE}", params={"decision": "the answer is given"})
    assert page.status_code == 200
    assert "the answer is given" not in page.text
    assert 'role="status"' not in page.text


async def test_hostile_content_stays_text(console: OneCase) -> None:
    async with client_of(console, "omar.sample") as client:
        page = await client.get(f"/requests/{CASE}/content")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert page.text.count("&lt;script&gt;alert(1)") >= 15
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text


async def test_letter_runs_and_loads_nothing(console: OneCase) -> None:
    async with client_of(console, "omar.sample") as client:
        letter = await client.get(f"/requests/{CASE}/content/letter_1")
    policy = letter.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script" not in policy
    assert letter.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["content", "content/letter_1"])
async def test_viewer_opens_nothing(console: OneCase, path: str) -> None:
    async with client_of(console, "victor.viewer") as client:
        assert (await client.get(f"/requests/{CASE}/{path}")).status_code == 403
        opening = {**form("victor.viewer"), "reason": "review"}
        assert (await client.post(f"/requests/{CASE}/content", data=opening)).status_code == 403
    assert console.submitted == []


@pytest.mark.parametrize("role", [StaffRole.VIEWER, StaffRole.AGENT, StaffRole.INCIDENT_OFFICER])
async def test_account_that_does_not_audit_exports_no_trail(console: OneCase, role: StaffRole) -> None:
    console.roles["victor.viewer"] = frozenset({role})
    async with client_of(console, "victor.viewer") as client:
        answers = [
            await client.post(f"/requests/{CASE}/audit", data=form("victor.viewer")),
            await client.get(f"/requests/{CASE}/audit"),
            await client.get("/audit"),
            await client.get("/audit.csv"),
        ]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert console.asked == []


async def test_forged_form_exports_no_trail(console: OneCase) -> None:
    async with client_of(console, "omar.sample") as client:
        for entered in (form("victor.viewer"), {}):
            assert (await client.post(f"/requests/{CASE}/audit", data=entered)).status_code == 403
        asked = await client.post(f"/requests/{CASE}/audit", data=form("omar.sample"))
    assert asked.status_code == 200
    assert console.asked == [f"/v1/staff/cases/{CASE}/trail"]
