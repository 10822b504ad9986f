"""The privacy centre: choosing, filling in, looking again, sending; and what keeps programs out."""

import re
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from httpx import AsyncClient, Response
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.channels.unsubscribe.links import MailSubscription
from services.intake.domain import GPC, PUBLIC_SOURCE, RequestLodged
from services.intake.pages.centre.form import (
    CHOICES,
    FIELDS,
    MARKETING,
    OPT_OUT,
    OPTIONS,
    FilledForm,
    FormPart,
    OnBehalf,
)
from services.intake.pages.csrf import TRAP
from services.intake.pages.site import CATALOGUES, LANGUAGES
from shared.contract.answer import SUBMISSION
from shared.contract.events import RequestSubmitted
from shared.contract.references import short_reference
from shared.law import Regulation, Right, Role
from shared.law.places import SUBDIVISIONS, countries
from shared.runtime.client_limits import Allowance
from tests.unit.fakes import Office, request
from tests.unit.intake_api import CASE, LINKS, ROOT, app_of, asked, client_of, form

HOSTILE = '"><script>alert(1)</script>'
PERSON = {"email": "ottilie@example.org", "name": "Ottilie Q.", "country": "DE"}
SIGNAL = {"Sec-GPC": "1"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SEAL = re.compile(r'name="seal" value="([^"]+)"')
LATER = timedelta(seconds=5)
ACTS = ("appeal", "documents")
PUBLIC_PAGES = ("/", "/choices", "/account-deletion", *OPTIONS)


class Drawn(HTMLParser):
    """A page, taken apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def named(self, *names: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag in names]


async def seal(client: AsyncClient, office: Office, path: str) -> str:
    """Open a form as a person does, and take some time."""
    [found] = SEAL.findall((await client.get(path)).text)
    office.clock.move(LATER)
    return str(found)


async def sent(
    office: Office, path: str, given: dict[str, str], *, step: str = "send", **headers: str
) -> Response:
    async with client_of(office.requests) as client:
        sealed = await seal(client, office, path)
        return await client.post(path, data={"seal": sealed, "step": step, **given}, headers=headers)


def lodged(office: Office) -> list[RequestSubmitted]:
    cases = [fact.request_id for fact in office.facts(RequestLodged)]
    return [RequestSubmitted.model_validate_json(office.sealed(case)[SUBMISSION]) for case in cases]


# --- every page ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PUBLIC_PAGES)
async def test_every_page_is_there_in_every_language(path: str, language: str) -> None:
    async with client_of(Office().requests) as client:
        response = await client.get(path, params={"lang": language}, headers={"Accept-Language": "de"})
    assert response.status_code == 200
    page = Drawn(response.text)
    assert [html["lang"] for html in page.named("html")] == [language]
    inside = [link["href"] for link in page.named("a") if link["href"].startswith("/") and "lang" not in link]
    assert inside
    assert all(href.endswith(f"lang={language}") for href in inside), "links keep the language"


@pytest.mark.slow
@pytest.mark.parametrize("path", PUBLIC_PAGES)
async def test_every_page_has_an_order_labels_and_no_foreign_parts(path: str) -> None:
    async with client_of(Office().requests) as client:
        response = await client.get(path)
    page = Drawn(response.text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    fields = [one for one in page.named("input", "select", "textarea") if one.get("type") != "hidden"]
    assert sorted(label["for"] for label in page.named("label")) == sorted(one["id"] for one in fields)
    assert all(set(one.get("aria-describedby", "").split()) <= set(ids) for one in fields)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert not page.named("script", "style", "iframe", "object")
    assert not [
        name for _, attributes in page.tags for name in attributes if name.startswith(("on", "style"))
    ]
    loaded = [one.get("src", "") or one.get("href", "") for one in page.named("img", "link")]
    assert all(address.startswith("/") for address in loaded)


@pytest.mark.slow
@pytest.mark.parametrize("path", PUBLIC_PAGES)
async def test_pages_are_closed_to_everything_foreign_and_store_nothing(path: str) -> None:
    async with client_of(Office().requests) as client:
        headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "set-cookie" not in headers
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"


def test_one_click_forms_ask_for_a_mail_address_and_nothing_else() -> None:
    """11 CCR §§ 7026(c)-(d), 7027(d)-(e), 7060(b); GDPR Art. 21(2)-(3)."""
    assert {wish.where: (wish.parts, wish.needs_proof) for wish in CHOICES} == {
        "/opt-out": ((), False),
        "/limit": ((), False),
        "/no-marketing": ((), False),
    }


@pytest.mark.parametrize("where", sorted(OPTIONS))
def test_form_states_as_a_promise_what_happens_only_after_it_is_sent(where: str) -> None:
    """``/opt-out`` said "We no longer sell your data" before anything was sent."""
    acts = "no longer|collect|correct|delete|disclose|erase|list|notify|send|sell|share|stop|store|tell|use"
    said = " ".join((OPTIONS[where].short, *OPTIONS[where].notes))
    assert re.findall(rf"\bWe (?:also |only )?(?:{acts})\b[^.]*", said) == []
    assert "will" in said


def test_every_right_has_a_form() -> None:
    assert {wish.right for wish in OPTIONS.values()} == set(Right)


@pytest.mark.parametrize("language", LANGUAGES)
def test_countries_have_names_and_an_order(language: str) -> None:
    named = countries(CATALOGUES.words(language).locale)
    assert {"DE", "US", "GB", "BR", "XK"} <= set(named)
    assert not {"EU", "UN", "ZZ"} & set(named)
    assert len(named) > 240
    assert len(SUBDIVISIONS["US"]) == 51


# --- from the form to the request ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "more", "wanted"),
    [
        pytest.param("/ask/access", {}, True, id="copy"),
        pytest.param("/ask/erasure", {"with_copy": "yes"}, True, id="copy before an erasure"),
        pytest.param("/ask/erasure", {}, False, id="erasure alone"),
        pytest.param("/ask/restriction", {}, False, id="no copy"),
    ],
)
async def test_person_can_want_values_in_full_with_a_copy_alone(
    path: str, more: dict[str, str], *, wanted: bool
) -> None:
    office = Office()
    await sent(office, path, PERSON | {"full_values": "yes"} | more)
    [request] = lodged(office)
    assert request.details.full_values is wanted


async def test_a_submitted_form_becomes_a_request_with_a_page() -> None:
    office = Office()
    response = await sent(office, "/ask/erasure", PERSON | {"with_copy": "yes", "statement": " Please. "})
    [case] = [fact.request_id for fact in office.facts(RequestLodged)]
    assert (response.status_code, response.headers["location"]) == (303, f"/requests/{case}")
    [request] = lodged(office)
    assert request.right is Right.ERASURE
    assert (request.subject.email, request.subject.name) == (PERSON["email"], PERSON["name"])
    assert request.residence is not None
    assert request.residence.country == "DE"
    assert request.details.with_copy
    assert request.details.statement == "Please."
    assert (request.agent, request.child, request.role) == (None, False, Role.CONSUMER)
    assert office.the(RequestLodged).source == PUBLIC_SOURCE


@pytest.mark.slow
async def test_everything_is_shown_once_more_before_it_is_sent() -> None:
    office = Office()
    typed = PERSON | {"statement": HOSTILE, "country": "US", "state": "US-CA"}
    response = await sent(office, "/ask/access", typed, step="check")
    assert response.status_code == 200
    page = Drawn(response.text)
    kept = {one["name"]: one["value"] for one in page.named("input")}
    assert {name: kept[name] for name in typed} == typed
    assert "California" in response.text
    assert not page.named("script")
    assert office.facts(RequestLodged) == []
    async with client_of(office.requests) as client:
        changed = Drawn((await client.post("/ask/access", data=kept | {"step": "change"})).text)
        assert "textarea" in [tag for tag, _ in changed.tags], "a form, not the summary"
        assert {one["name"]: one.get("value") for one in changed.named("input")}["name"] == PERSON["name"]
        done = await client.post("/ask/access", data=kept | {"step": "send"})
    assert done.status_code == 303
    [request] = lodged(office)
    assert request.residence is not None
    assert request.residence.subdivision == "CA"


@pytest.mark.parametrize(
    ("path", "given", "wrong"),
    [
        pytest.param("/ask/access", {}, ["email", "name", "country"], id="nothing"),
        pytest.param("/ask/access", PERSON | {"email": "ottilie@example"}, ["email"], id="no address"),
        pytest.param("/ask/access", PERSON | {"country": "US"}, ["state"], id="no State"),
        pytest.param("/ask/access", PERSON | {"country": "Germany"}, ["country"], id="no code"),
        pytest.param("/ask/objection", PERSON, ["statement"], id="no reason"),
        pytest.param("/ask/rectification", PERSON, ["fix_name"], id="no correction"),
        pytest.param("/ask/rectification", PERSON | {"other_field": "x"}, ["other_value"], id="no value"),
        pytest.param("/ask/rectification", PERSON | {"other_value": "x"}, ["other_field"], id="no field"),
        pytest.param("/ask/access", PERSON | {"for": "cat"}, ["for"], id="for nobody"),
        pytest.param(
            "/ask/access", PERSON | {"for": "other"}, ["agent_name", "agent_email", "permission"], id="agent"
        ),
        pytest.param("/ask/access", PERSON | {"name": "x" * 501}, ["name"], id="too long"),
        pytest.param("/opt-out", {}, ["email"], id="one-click form"),
    ],
)
async def test_faults_are_shown_on_top_and_at_the_field(
    path: str, given: dict[str, str], wrong: list[str]
) -> None:
    """WCAG 3.3.1, 3.3.3, 3.3.7."""
    office = Office()
    response = await sent(office, path, given)
    assert response.status_code == 422
    page = Drawn(response.text)
    [summary] = [one for one in page.named("div") if one.get("role") == "alert"]
    assert {"autofocus", "tabindex", "aria-labelledby"} <= set(summary)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    linked = [link["href"][1:] for link in page.named("a") if link["href"].startswith("#")]
    assert linked == ["content", *wrong]
    assert set(linked) <= set(ids)
    invalid = [one["name"] for one in page.named("input", "select", "textarea") if "aria-invalid" in one]
    assert set(invalid) == set(wrong) - {"for"}
    assert "<title>Please correct" in response.text
    assert {one["name"]: one.get("value") for one in page.named("input")}["email"] == given.get("email", "")
    assert office.facts(RequestLodged) == []


def request_of(path: str, **given: str) -> RequestSubmitted:
    filled = FilledForm(OPTIONS[path], PERSON | given)
    assert filled.flaws() == ()
    request = filled.request("r", "de")
    assert request is not None
    return request


def test_corrections_name_the_field_and_the_value() -> None:
    request = request_of("/ask/rectification", fix_city="Kiel", other_field="Tariff", other_value="Basic")
    assert [(one.field, one.value) for one in request.details.corrections] == [
        ("city", "Kiel"),
        ("Tariff", "Basic"),
    ]


@pytest.mark.parametrize(("whom", "parent"), [(OnBehalf.OTHER, False), (OnBehalf.CHILD, True)])
def test_a_request_for_another_person_names_the_agent(whom: OnBehalf, parent: bool) -> None:
    agent = {"agent_name": "Ada", "agent_email": "ada@example.net", "permission": "signed on 1 May"}
    request = request_of("/ask/access", **{"for": whom.value}, **agent)
    assert request.agent is not None
    assert (request.agent.name, request.agent.parent, request.child) == ("Ada", parent, parent)
    assert request.subject.email == PERSON["email"]


def test_input_for_another_person_is_left_out_of_an_own_request() -> None:
    request = request_of("/ask/access", agent_name="Ada", agent_email="ada@example.net", permission="x")
    assert request.agent is None


def test_a_person_in_a_customers_data_is_an_end_user() -> None:
    """P26: GDPR Art. 28(3)(e); 11 CCR § 7050(c)."""
    request = request_of("/ask/access", customer_of="Shop Ltd")
    assert request.role is Role.END_USER
    assert request.details.statement is not None
    assert "Shop Ltd" in request.details.statement


def test_a_state_of_another_country_is_not_taken() -> None:
    residence = request_of("/ask/access", country="DE", state="US-CA").residence
    assert residence is not None
    assert residence.subdivision is None


@pytest.mark.parametrize("path", [wish.where for wish in CHOICES])
async def test_a_choice_page_lodges_at_once_and_ignores_other_fields(path: str) -> None:
    office = Office()
    response = await sent(office, path, {"email": "ottilie@example.org", "name": "Nobody", "step": "check"})
    assert response.status_code == 303
    [request] = lodged(office)
    assert (request.right, request.details.scope) == (OPTIONS[path].right, OPTIONS[path].scope)
    assert request.subject.name is None
    assert request.direct_marketing is (OPTIONS[path] is MARKETING)


async def test_an_opt_out_is_a_request_under_californian_law() -> None:
    """The strictest period of all, wherever they live: 11 CCR § 7026(f)."""
    office = Office()
    await sent(office, "/opt-out", {"email": "ottilie@example.org"})
    [request] = lodged(office)
    assert request.regulation is Regulation.CCPA


async def test_the_language_of_the_page_is_that_of_the_letters() -> None:
    office = Office()
    async with client_of(office.requests) as client:
        sealed = await seal(client, office, "/opt-out?lang=nl")
        response = await client.post("/opt-out?lang=nl", data={"seal": sealed, "email": "o@example.org"})
    assert response.headers["location"].endswith("?lang=nl")
    assert [request.locale for request in lodged(office)] == ["nl"]


@pytest.mark.slow
@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=30)), st.sampled_from(sorted(OPTIONS)))
def test_any_input_is_a_fault_or_a_request(typed: dict[str, str], path: str) -> None:
    filled = FilledForm(OPTIONS[path], PERSON | typed)
    assert filled.flaws() or filled.request("r", "en") or FormPart.PERSON in filled.option.parts


@pytest.mark.slow
@settings(max_examples=40)
@given(body=st.binary(max_size=300), path=st.sampled_from(sorted(OPTIONS)))
async def test_no_body_breaks_a_form(body: bytes, path: str) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
        async with client_of(Office().requests) as client:
            response = await client.post(path, content=body, headers={"Content-Type": kind})
        assert response.status_code < 500


@pytest.mark.parametrize("charset", ["undefined", "punycode", "idna", "utf-7", "unicode_escape"])
@pytest.mark.parametrize(
    "path", ["/opt-out", "/find", f"/requests/{CASE}/appeal", f"/requests/{CASE}/documents"]
)
async def test_a_form_in_another_character_set_is_refused(path: str, charset: str) -> None:
    office = Office()
    await office.submit(request())
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    body = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n\\ud800\r\n--x--\r\n'
    async with client_of(office.requests) as client:
        answer = await client.post(path, content=body, headers={"Content-Type": kind, **BROWSER})
    assert answer.status_code == 415
    assert "Nothing has been processed" in answer.text


async def test_no_link_of_a_page_that_is_not_there_leads_elsewhere() -> None:
    async with client_of(Office().requests) as client:
        answer = await client.get(f"{ROOT}//evil.example/", headers=BROWSER)
    assert answer.status_code == 404
    assert 'href="//' not in answer.text


@pytest.mark.parametrize("tag", ["de-US", "de_XX", "zh-cmn-Hans", "fr-DE"])
async def test_a_language_is_supported_with_any_country(tag: str) -> None:
    async with client_of(Office().requests) as client:
        answer = await client.get("/", headers={"Accept-Language": f"{tag},en;q=0.1"})
    assert f'<html lang="{tag[:2]}"' in answer.text


@pytest.mark.parametrize("given", [{"country": "CA"}, {"country": "US"}, {"email": "a\x00b@example.org"}])
async def test_residence_and_contact_are_required(given: dict[str, str]) -> None:
    answer = await sent(Office(), "/ask/access", PERSON | given)
    assert answer.status_code == 422


async def test_letter_to_an_agent_names_the_recipient_of_the_code() -> None:
    agent = {"for": "other", "agent_name": "Berta", "agent_email": "berta@example.org", "permission": "Mine"}
    answer = await sent(Office(), "/ask/access", PERSON | agent, step="check")
    assert "to the person the request is about" in answer.text
    assert "we will email you a code" not in answer.text


# --- the signal of the browser ------------------------------------------------------------------------


@pytest.mark.parametrize("path", PUBLIC_PAGES)
async def test_the_signal_is_shown_on_every_page(path: str) -> None:
    """11 CCR § 7025(c)(6)."""
    async with client_of(Office().requests) as client:
        with_signal = await client.get(path, headers=SIGNAL)
        without = await client.get(path)
    assert "Opt-Out Request Honored" in with_signal.text
    assert "Opt-Out Request Honored" not in without.text


@pytest.mark.parametrize("value", ["0", "true", "11", " ", "1, 1"])
async def test_any_other_value_is_no_signal(value: str) -> None:
    async with client_of(Office().requests) as client:
        assert "Opt-Out Request Honored" not in (await client.get("/", headers={"Sec-GPC": value})).text


async def test_of_several_headers_one_is_enough() -> None:
    async with client_of(Office().requests) as client:
        response = await client.get("/", headers=[("Sec-GPC", "0"), ("Sec-GPC", "1")])
    assert "Opt-Out Request Honored" in response.text


async def test_do_not_track_is_another_header_and_means_nothing_here() -> None:
    """P38."""
    office = Office()
    response = await sent(office, "/ask/access", PERSON, DNT="1")
    assert response.status_code == 303
    assert [request.right for request in lodged(office)] == [Right.ACCESS]


async def test_with_the_signal_the_sale_is_stopped_besides_and_nothing_else_happens() -> None:
    office = Office()
    await sent(office, "/ask/access", PERSON, **SIGNAL)
    opt_out, access = lodged(office)
    assert (opt_out.right, access.right) == (Right.OPT_OUT_OF_SALE, Right.ACCESS)
    assert (opt_out.subject.email, opt_out.subject.name) == (PERSON["email"], None)
    by_signal, by_person = office.facts(RequestLodged)
    assert (by_signal.source, by_person.source) == (GPC, PUBLIC_SOURCE)
    assert office.sealed(by_signal.request_id)["signal"] == b"Sec-GPC: 1"


async def test_the_signal_counts_with_a_request_of_a_program_and_with_a_click_too() -> None:
    office = Office()
    async with client_of(office.requests) as client:
        await client.post("/v1/requests", json=form(), headers=SIGNAL)
        link = LINKS.url_for(MailSubscription(email="ottilie@example.org"))
        await client.post(link, data={"List-Unsubscribe": "One-Click"}, headers=SIGNAL)
    assert [fact.source for fact in office.facts(RequestLodged)].count(GPC) == 2


@pytest.mark.slow
async def test_however_many_forms_are_sent_on_a_day_the_signal_is_one_request() -> None:
    office = Office()
    await sent(office, "/ask/access", PERSON, **SIGNAL)
    await sent(office, "/ask/erasure", PERSON | {"email": "Ottilie@EXAMPLE.org"}, **SIGNAL)
    assert sorted(request.right for request in lodged(office)) == ["access", "erasure", "opt_out_of_sale"]
    office.clock.move(timedelta(days=1))
    await sent(office, "/ask/portability", PERSON, **SIGNAL)
    assert [request.right for request in lodged(office)].count(Right.OPT_OUT_OF_SALE) == 2


async def test_an_opt_out_with_the_signal_is_one_opt_out() -> None:
    office = Office()
    await sent(office, "/opt-out", {"email": PERSON["email"]}, **SIGNAL)
    [request] = lodged(office)
    assert request.right is Right.OPT_OUT_OF_SALE
    [case] = [fact.request_id for fact in office.facts(RequestLodged)]
    assert office.sealed(case)["signal"] == b"Sec-GPC: 1"


async def test_the_browser_of_an_agent_says_nothing_of_the_person() -> None:
    agent = {"for": "other", "agent_name": "A", "agent_email": "a@example.net", "permission": "x"}
    office = Office()
    await sent(office, "/ask/access", PERSON | agent, **SIGNAL)
    assert [request.right for request in lodged(office)] == [Right.ACCESS]


async def test_sites_can_learn_that_the_signal_is_honoured() -> None:
    """Global Privacy Control, section 4."""
    async with client_of(Office().requests) as client:
        response = await client.get("/.well-known/gpc.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json()["gpc"] is True
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", response.json()["lastUpdate"])


# --- who may send a form ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303, id="our own page"),
        pytest.param({"Sec-Fetch-Site": "none"}, 303, id="by hand"),
        pytest.param({"Origin": ROOT}, 303, id="our own page, an old browser"),
        pytest.param({}, 303, id="no browser"),
        pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": ROOT}, 403, id="another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="a neighbour"),
        pytest.param({"Origin": "https://evil.example"}, 403, id="another site, an old browser"),
        pytest.param({"Origin": "null"}, 403, id="nobody"),
        pytest.param({"Origin": "null", "Host": ""}, 403, id="nobody, at no host"),
        pytest.param({"Origin": "https://["}, 403, id="no address"),
        pytest.param({"Origin": f"{ROOT}.evil.example"}, 403, id="a name that begins alike"),
    ],
)
async def test_other_sites_cannot_have_a_browser_send_a_form(headers: dict[str, str], status: int) -> None:
    office = Office()
    response = await sent(office, "/opt-out", {"email": PERSON["email"]}, **headers)
    assert response.status_code == status
    assert len(lodged(office)) == (status == 303)


async def test_form_with_a_forged_seal_is_shown_again_with_its_input() -> None:
    office = Office()
    for forged in ("", "0.00.00", f"{'9' * 40}.x.y", "\N{SNOWMAN}"):
        async with client_of(office.requests) as client:
            response = await client.post("/opt-out", data={"seal": forged, "email": PERSON["email"]})
        assert response.status_code == 422
        assert PERSON["email"] in response.text
    assert lodged(office) == []


async def test_the_seal_of_one_form_does_not_fit_another() -> None:
    office = Office()
    async with client_of(office.requests) as client:
        sealed = await seal(client, office, "/limit")
        response = await client.post("/opt-out", data={"seal": sealed, "email": PERSON["email"]})
    assert response.status_code == 422


async def test_a_form_sent_too_fast_must_be_sent_again() -> None:
    office = Office()
    async with client_of(office.requests) as client:
        [sealed] = SEAL.findall((await client.get("/opt-out")).text)
        data = {"seal": sealed, "email": PERSON["email"]}
        again = await client.post("/opt-out", data=data)
        assert again.status_code == 422
        assert "faster than a person can type" in again.text
        assert SEAL.findall(again.text) == [sealed]
        office.clock.move(LATER)
        assert (await client.post("/opt-out", data=data)).status_code == 303


async def test_form_of_a_replica_whose_clock_is_ahead_is_taken() -> None:
    office = Office()
    async with client_of(office.requests) as client:
        [sealed] = SEAL.findall((await client.get("/opt-out")).text)
        office.clock.move(timedelta(minutes=-5))
        data = {"seal": sealed, "email": PERSON["email"]}
        assert (await client.post("/opt-out", data=data)).status_code == 303


async def test_a_page_that_was_open_for_long_is_looked_at_again_and_then_taken() -> None:
    office = Office()
    async with client_of(office.requests) as client:
        sealed = await seal(client, office, "/opt-out")
        office.clock.move(timedelta(hours=25))
        old = await client.post("/opt-out", data={"seal": sealed, "email": PERSON["email"]})
        assert "open for a long time" in old.text
        office.clock.move(LATER)
        [fresh] = SEAL.findall(old.text)
        assert fresh != sealed
        assert (
            await client.post("/opt-out", data={"seal": fresh, "email": "o@example.org"})
        ).status_code == 303


async def test_a_filled_trap_field_is_reported_and_the_form_kept() -> None:
    office = Office()
    response = await sent(office, "/opt-out", {"email": PERSON["email"], TRAP: "https://spam.example"})
    assert response.status_code == 422
    assert "Please leave this field empty" in response.text
    assert "spam.example" not in response.text
    assert lodged(office) == []


async def test_a_double_submission_is_one_request_and_a_changed_one_is_another() -> None:
    office = Office()
    async with client_of(office.requests) as client:
        data = PERSON | {"seal": await seal(client, office, "/ask/access"), "step": "send"}
        once, again = [await client.post("/ask/access", data=data) for _ in range(2)]
        other = await client.post("/ask/access", data=data | {"email": "other@example.org"})
    assert once.headers["location"] == again.headers["location"] != other.headers["location"]


async def test_one_address_may_lodge_so_many_in_an_hour() -> None:
    office = Office()
    async with client_of(office.requests, public=Allowance(1)) as client:
        for status in (303, 429):
            data = {"seal": await seal(client, office, "/opt-out"), "email": PERSON["email"]}
            response = await client.post("/opt-out", data=data, headers=BROWSER | {"Accept-Language": "de"})
            assert response.status_code == status
    assert response.headers["retry-after"] == "3600"
    assert "Zu viele Anträge" in response.text


# --- other pages --------------------------------------------------------------------------------------


async def test_link_from_a_letter_opens_the_request() -> None:
    office = await asked()
    async with client_of(office.requests) as client:
        spaced = f" {CASE[:16].upper()} {CASE[16:]} "
        found = await client.post("/find", data={"reference": spaced})
        assert (found.status_code, found.headers["location"]) == (303, f"/requests/{CASE}")
        linked = await client.post("/find", data={"reference": f"https://example.com/requests/{CASE}?code=1"})
        assert linked.headers["location"] == f"/requests/{CASE}"
        for wrong in ("0" * 32, "../admin", ""):
            missing = await client.post("/find", data={"reference": wrong}, headers=BROWSER)
            assert missing.status_code == 404
            assert "This page does not exist" in missing.text


async def test_short_reference_opens_no_page() -> None:
    """It has too few characters to be a secret: the link in the letter opens the page."""
    office = await asked()
    async with client_of(office.requests) as client:
        short = await client.post("/find", data={"reference": short_reference(CASE)}, headers=BROWSER)
    assert short.status_code == 404
    assert "Please open the link in our letter" in short.text
    assert CASE not in short.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", f"/requests/{'0' * 32}", 404),
        ("GET", "/requests/nonsense", 422),
        ("POST", "/choices", 405),
    ],
)
async def test_browsers_get_a_page_and_programs_a_problem(method: str, path: str, status: int) -> None:
    async with client_of(Office().requests) as client:
        page = await client.request(method, path, headers=BROWSER | {"Accept-Language": "fr"})
        problem = await client.request(method, path)
    assert (page.status_code, problem.status_code) == (status, status)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Cette page n" in unescape(page.text)
    assert problem.headers["content-type"] == "application/problem+json"


async def test_an_app_is_named_if_it_is_ours_and_nothing_else_is_repeated() -> None:
    """Google Play's account deletion requirement: app, developer, steps, what is kept and how long."""
    office = Office()
    async with client_of(office.requests) as client:
        ours = await client.get("/account-deletion", params={"app": "com.example.app"})
        other = await client.get("/account-deletion", params={"app": HOSTILE})
    assert "Delete your account in Example App" in ours.text
    for words in ("How it works", "What is deleted", "What is kept, and how long", "Invoices", "10 years"):
        assert words in ours.text
    assert "/ask/erasure" in ours.text
    assert "account-deletion?app=com.example.app&amp;lang=de" in ours.text
    assert HOSTILE not in other.text
    assert "alert(1)" not in other.text


async def test_retained_data_is_named_in_the_language_of_the_reader_else_by_default() -> None:
    async with client_of(Office().requests) as client:
        pages = [(await client.get("/account-deletion", params={"lang": lang})).text for lang in ("de", "fr")]
    assert ["<strong>Rechnungen</strong>" in page for page in pages] == [True, False]
    assert ["<strong>Invoices</strong>" in page for page in pages] == [False, True]


@pytest.mark.slow
def test_the_api_of_the_pages_is_not_in_the_schema() -> None:
    assert OPT_OUT.where not in app_of(Office().requests).openapi()["paths"]
