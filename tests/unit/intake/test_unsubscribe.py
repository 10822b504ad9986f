"""One-click unsubscribe (RFC 8058): what a mail program does for the person, and what a scanner must not."""

import base64
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from habeas.cli import app as command
from services.intake.channels.unsubscribe.links import FORM, MailSubscription, UnsubscribeLinks
from services.intake.channels.unsubscribe.pages import CLICK, SOURCE
from shared.contract.answer import SUBMISSION
from shared.contract.events import Assurance, IdentityVerified, RequestReceived, RequestSubmitted
from shared.errors import ConfigurationError, StoreUnavailable
from shared.law import Right
from tests.unit.fakes import Office
from tests.unit.intake_api import API_KEY, LINKS, MASTER_KEY, ROOT
from tests.unit.platforms import platforms

OTTILIE = MailSubscription(email="ottilie.quastenflosser@example.org", list="Lamps of the month")
URL = LINKS.url_for(OTTILIE).removeprefix(ROOT)
BODY = b"List-Unsubscribe=One-Click"
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'


@pytest.mark.slow
async def test_a_click_is_an_objection_to_direct_marketing_that_needs_no_proof() -> None:
    office = Office()
    async with platforms(office) as calling:
        answer = await calling.http.post(URL, content=BODY, headers=FORM_TYPE)
        await office.work()
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    received = office.the(RequestReceived)
    assert (received.right, received.direct_marketing, received.source) == (Right.OBJECTION, True, SOURCE)
    assert office.the(IdentityVerified).assurance is Assurance.NONE_NEEDED
    sealed = office.sealed(received.request_id)
    request = RequestSubmitted.model_validate_json(sealed[SUBMISSION])
    assert request.subject.email == OTTILIE.email
    assert "Lamps of the month" in str(request.details.statement)
    assert sealed[CLICK] == BODY


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (BODY, "application/x-www-form-urlencoded"),
        (BODY, "application/x-www-form-urlencoded; charset=utf-8"),
        (MULTIPART, "multipart/form-data; boundary=b"),
    ],
)
async def test_a_click_may_be_either_kind_of_form(body: bytes, type_: str) -> None:
    office = Office()
    async with platforms(office) as calling:
        answer = await calling.http.post(URL, content=body, headers={"Content-Type": type_})
        await office.work()
    assert answer.status_code == 200
    assert office.the(RequestReceived)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_changes_nothing_for_scanners_follow_links(method: str) -> None:
    office = Office()
    async with platforms(office) as calling:
        answer = await calling.http.request(method, URL, params={"List-Unsubscribe": "One-Click"})
        await office.work()
    assert answer.status_code == 200
    assert office.vault.items == {}
    assert office.events() == []


async def test_the_page_shows_a_button_and_no_address() -> None:
    async with platforms(Office()) as calling:
        page = await calling.http.get(URL)
    assert '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">' in page.text
    assert "noindex" in page.text
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "set-cookie" not in page.headers
    assert "ottilie" not in page.text.lower()
    assert "Lamps" not in page.text


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        pytest.param(b"", "application/x-www-form-urlencoded", id="nothing"),
        pytest.param(b"List-Unsubscribe=One-click", "application/x-www-form-urlencoded", id="another word"),
        pytest.param(b"unsubscribe=One-Click", "application/x-www-form-urlencoded", id="another field"),
        pytest.param(BODY, "text/plain", id="no form"),
        pytest.param(BODY, "", id="of no type"),
        pytest.param(MULTIPART, "multipart/form-data; boundary=c", id="another boundary"),
        pytest.param(MULTIPART, "multipart/form-data", id="no boundary"),
        pytest.param(
            MULTIPART.replace(b'"\r\n\r\n', b'"; filename="x"\r\n\r\n'),
            "multipart/form-data; boundary=b",
            id="a file",
        ),
    ],
)
async def test_other_calls_are_not_clicks(body: bytes, type_: str) -> None:
    office = Office()
    async with platforms(office) as calling:
        answer = await calling.http.post(URL, content=body, headers={"Content-Type": type_})
        await office.work()
    assert answer.status_code == 400
    assert office.vault.items == {}


async def test_a_second_click_changes_nothing_and_one_another_day_is_heard_again() -> None:
    """They may have agreed to mails again in between, and be clicking in an old one."""
    office = Office()
    async with platforms(office) as calling:
        for _ in range(3):
            assert (await calling.http.post(URL, content=BODY, headers=FORM_TYPE)).status_code == 200
            await office.work()
        assert len(office.facts(RequestReceived)) == 1
        office.clock.move(timedelta(days=1))
        await calling.http.post(URL, content=BODY, headers=FORM_TYPE)
        await office.work()
    assert len(office.facts(RequestReceived)) == 2


def test_the_same_person_and_list_have_the_same_link_and_no_others() -> None:
    assert LINKS.url_for(OTTILIE) == UnsubscribeLinks(MASTER_KEY, f"{ROOT}/").url_for(OTTILIE)
    others = {
        LINKS.url_for(OTTILIE.model_copy(update={"list": None})),
        LINKS.url_for(OTTILIE.model_copy(update={"list": "Chairs"})),
        LINKS.url_for(OTTILIE.model_copy(update={"email": "emil@example.org"})),
        UnsubscribeLinks(b"n" * 32, ROOT).url_for(OTTILIE),
    }
    assert len({*others, LINKS.url_for(OTTILIE)}) == 5


def test_a_link_does_not_reveal_the_person() -> None:
    token = URL.rpartition("/")[2]
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"ottilie" not in raw
    assert b"Lamps" not in raw


TOKEN = URL.rpartition("/")[2]


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("ABCDxyz019-_"))
def test_a_changed_token_is_invalid(at: int, letter: str) -> None:
    changed = TOKEN[:at] + letter + TOKEN[at + 1 :]
    found = LINKS.opened(changed)
    # The last letter has bits that stand for nothing.
    assert found is None or (found == LINKS.opened(TOKEN) and at == len(TOKEN) - 1) or changed == TOKEN


@given(
    st.text(max_size=200) | st.binary(max_size=300).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
)
def test_a_made_up_token_is_invalid(token: str) -> None:
    assert LINKS.opened(token) is None


def test_a_token_of_another_purpose_or_key_is_invalid() -> None:
    cipher, other = LINKS._cipher(), UnsubscribeLinks(b"n" * 32, ROOT)
    content = json.dumps({"email": OTTILIE.email}).encode()
    for sealed in (
        cipher.encrypt(content, None),
        cipher.encrypt(content, [b"another form"]),
        cipher.encrypt(b"{}", FORM),
        cipher.encrypt(b"no JSON", FORM),
        other._cipher().encrypt(content, FORM),
        content,
    ):
        assert LINKS.opened(base64.urlsafe_b64encode(sealed).decode().rstrip("=")) is None
    assert LINKS.opened("A" * 10_000) is None


@pytest.mark.parametrize("token", ["A", "%00", "x" * 3_000, TOKEN[:-4], TOKEN.lower(), "é"])
async def test_a_wrong_link_is_refused_and_has_no_effect(token: str) -> None:
    office = Office()
    async with platforms(office) as calling:
        for answer in (
            await calling.http.get(f"/unsubscribe/{token}"),
            await calling.http.post(f"/unsubscribe/{token}", content=BODY, headers=FORM_TYPE),
        ):
            assert answer.status_code == 404
            assert "Location" not in answer.headers
    assert office.vault.items == {}


async def test_while_a_part_is_away_the_mail_program_is_asked_to_try_again() -> None:
    office = Office()
    office.journals["intake"].refuses.append(StoreUnavailable("away"))
    async with platforms(office) as calling:
        assert (await calling.http.post(URL, content=BODY, headers=FORM_TYPE)).status_code == 503


async def test_an_upstream_system_has_links_made_for_its_mails() -> None:
    async with platforms(Office()) as calling:
        asked = {"email": OTTILIE.email, "list": OTTILIE.list}
        bearer = {"Authorization": f"Bearer {API_KEY}"}
        answer = await calling.http.post("/v1/unsubscribe-links", json=asked, headers=bearer)
    assert answer.status_code == 200
    assert answer.json() == {
        "url": LINKS.url_for(OTTILIE),
        "headers": {
            "List-Unsubscribe": f"<{LINKS.url_for(OTTILIE)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }


@pytest.mark.parametrize(
    "bearer", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {API_KEY}"}]
)
async def test_only_upstream_systems_can_make_links(bearer: dict[str, str]) -> None:
    async with platforms(Office()) as calling:
        asked = {"email": OTTILIE.email}
        assert (
            await calling.http.post("/v1/unsubscribe-links", json=asked, headers=bearer)
        ).status_code == 401


@pytest.mark.parametrize("asked", [{}, {"email": "nobody"}, {"email": OTTILIE.email, "lst": "x"}, [], "x"])
async def test_a_link_without_an_address_is_refused(asked: object) -> None:
    async with platforms(Office()) as calling:
        bearer = {"Authorization": f"Bearer {API_KEY}"}
        answer = await calling.http.post("/v1/unsubscribe-links", json=asked, headers=bearer)
    assert answer.status_code == 422
    assert "nobody" not in answer.text


LONG = "報" * 500


async def test_a_link_that_would_not_open_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    async with platforms(Office()) as calling:
        bearer = {"Authorization": f"Bearer {API_KEY}"}
        asked = {"email": OTTILIE.email, "list": LONG}
        answer = await calling.http.post("/v1/unsubscribe-links", json=asked, headers=bearer)
    assert answer.status_code == 422
    assert "too long for a link" in answer.text
    monkeypatch.setenv("HABEAS_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    monkeypatch.setenv("HABEAS_PUBLIC_URL", ROOT)
    words = ["unsubscribe", "link", "--email", OTTILIE.email, "--list", LONG]
    with pytest.raises(ConfigurationError, match="--list: is too long for a link"):
        CliRunner().invoke(command, words, catch_exceptions=False)


@pytest.mark.slow
@given(st.text(min_size=1, max_size=500) | st.text(st.sampled_from("報\x00é"), min_size=400, max_size=500))
def test_each_link_that_is_made_opens(name: str) -> None:
    try:
        subscription = MailSubscription(email=OTTILIE.email, list=name)
    except ValidationError:
        return
    opened = LINKS.opened(LINKS.url_for(subscription).rpartition("/")[2])
    assert opened is not None
    assert opened.subscription == subscription


def test_a_name_of_the_usual_length_is_short_enough() -> None:
    assert MailSubscription(email=f"{'a' * 64}@{'b' * 255}", list="x" * 500).list
    assert MailSubscription(email=OTTILIE.email, list=LONG[:400]).list


def test_the_command_makes_the_same_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    monkeypatch.setenv("HABEAS_PUBLIC_URL", ROOT)
    words = ["unsubscribe", "link", "--email", OTTILIE.email, "--list", str(OTTILIE.list)]
    assert CliRunner().invoke(command, words).stdout.strip() == LINKS.url_for(OTTILIE)
    said = json.loads(CliRunner().invoke(command, [*words, "--json"]).stdout)
    assert said["headers"] == dict(LINKS.headers_for(OTTILIE))
