"""The page of a request: what it asks for, that anybody can use it, and what becomes of what they send."""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from httpx import Response
from starlette.routing import Route

from services.intake.domain import CaseStatus, PackageCodeRefused
from services.intake.pages import proof_form
from shared.contract.declarations import CURRENT, TEXTS
from shared.contract.events import (
    DataPoints,
    Declaration,
    Evidence,
    Fact,
    IdentityReviewNeeded,
    ProofKind,
    ProofReceived,
    ProofRefused,
    ProofSlot,
    RequestPaused,
    RequestResumed,
)
from tests.unit.fakes import NOW, PERSON, Office
from tests.unit.intake_api import CASE, PACKAGE, answered, app_of, asked, client_of

E = Evidence
CODE = ((E.MAILBOX,),)
CODE_OR_MORE = ((E.MAILBOX,), (E.THREE_POINTS,), (E.IDENTITY_DOCUMENT, E.ADDRESS_DOCUMENT))
CALIFORNIAN = (
    (E.ACCOUNT,),
    (E.MAILBOX, E.TWO_POINTS, E.DECLARATION),
    (E.THREE_POINTS, E.DECLARATION),
    (E.MAILBOX, E.IDENTITY_DOCUMENT),
    (E.IDENTITY_DOCUMENT, E.ADDRESS_DOCUMENT),
)
DETAILS = ((E.TWO_POINTS,),)
DOCUMENTS = ((E.IDENTITY_DOCUMENT, E.ADDRESS_DOCUMENT),)
PERMITTED = ((E.PERMISSION, E.IDENTITY_DOCUMENT),)
SIGNED = ((E.DECLARATION,),)
PAUSED = RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW)
RESUMED = RequestResumed(request_id=CASE, at=NOW)
REVIEWED = IdentityReviewNeeded(request_id=CASE, reasons=("name_partial",))
CALIFORNIA: dict[str, Any] = {"residence": {"country": "US", "subdivision": "CA"}}
HOSTILE = '"><script>alert(1)</script>'


@dataclass
class Drawn(HTMLParser):
    """A page, taken apart."""

    html: str
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"

    def named(self, *names: str) -> Iterator[dict[str, str]]:
        return (attributes for tag, attributes in self.tags if tag in names)

    def fields(self) -> dict[str, dict[str, str]]:
        return {attributes["name"]: attributes for attributes in self.named("input")}

    def actions(self) -> list[str]:
        return [form["action"].rpartition("/")[2] for form in self.named("form")]


async def page(office: Office, path: str = "") -> Drawn:
    async with client_of(office.requests) as client:
        response = await client.get(f"/requests/{CASE}{path}")
    assert response.status_code == 200
    return drawn(response)


async def sent(office: Office, where: str, data: dict[str, str]) -> Response:
    async with client_of(office.requests) as client:
        return await client.post(f"/requests/{CASE}/{where}", data=data)


def drawn(response: Response) -> Drawn:
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "same-origin"
    return Drawn(response.text)


def offered(office: Office) -> list[bytes]:
    refs = [proof.ref for fact in office.facts(ProofReceived) for proof in fact.proofs]
    return [office.sealed(CASE)[ref] for ref in refs]


def refused(reason: str) -> ProofRefused:
    return ProofRefused(request_id=CASE, reason=reason, tries_left=3, spends_code=False)


STATES: dict[str, Callable[[], Awaitable[Office]]] = {
    "code": lambda: asked(*CODE),
    "code or more": lambda: asked(*CODE_OR_MORE),
    "California": lambda: asked(*CALIFORNIAN, **CALIFORNIA),
    "details": lambda: asked(*DETAILS, after=(PAUSED,)),
    "documents": lambda: asked(*DOCUMENTS, after=(PAUSED,)),
    "an agent": lambda: asked(*PERMITTED, after=(PAUSED,)),
    "refused": lambda: asked(*DOCUMENTS, after=(refused("document_unreadable"),)),
    "looked at": lambda: asked(*DOCUMENTS, after=(REVIEWED,)),
    "answered": answered,
}


# --- anybody can use it -------------------------------------------------------------------------------


def assert_accessible(page: Drawn) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)), "WCAG 4.1.1: every id is there once"
    labelled = [label["for"] for label in page.named("label")]
    fields = [attributes for attributes in page.named("input") if attributes.get("type") != "hidden"]
    fields += page.named("textarea")
    assert sorted(labelled) == sorted(one["id"] for one in fields), "WCAG 1.3.1, 3.3.2: each has its label"
    for one in fields:
        assert set(one.get("aria-describedby", "").split()) <= set(ids), "hints that are there"
        assert one.get("type") in {"file", "checkbox"} or one["autocomplete"], "WCAG 1.3.5"
    linked = [link["href"].removeprefix("#") for link in page.named("a") if link["href"].startswith("#")]
    assert set(linked) <= set(ids), "links that lead somewhere"
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), "WCAG 1.3.1"
    assert [html["lang"] for html in page.named("html")] == ["en"], "WCAG 3.1.1"
    assert not list(page.named("script", "style", "iframe", "img", "object"))
    assert not [
        name for _, attributes in page.tags for name in attributes if name.startswith(("on", "style"))
    ]
    assert not [one for one in page.named("input") if one.get("tabindex", "0") != "0"], "WCAG 2.4.3"


@pytest.mark.slow
@pytest.mark.parametrize("name", STATES)
async def test_every_field_has_a_label_and_every_page_an_order(name: str) -> None:
    assert_accessible(await page(await STATES[name]()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "data", "wrong"),
    [
        pytest.param("code", {"code": "12345"}, ["code"], id="code"),
        pytest.param("details", {"user.name": "Ottilie"}, ["user-contact-phone_number"], id="details"),
        pytest.param("declaration", {}, ["declaration", "declaration_name"], id="declaration"),
        pytest.param("declaration", {"declaration": CURRENT}, ["declaration_name"], id="signature"),
    ],
)
async def test_faults_are_shown_on_top_and_at_the_field(
    where: str, data: dict[str, str], wrong: list[str]
) -> None:
    """WCAG 3.3.1, 3.3.3; the summary has the focus, and leads to the fields."""
    office = await asked(*CALIFORNIAN, **CALIFORNIA)
    response = await sent(office, where, data)
    assert response.status_code == 422
    page = drawn(response)
    assert_accessible(page)
    [summary] = [one for one in page.named("div") if one.get("role") == "alert"]
    assert {"autofocus", "tabindex", "aria-labelledby"} <= set(summary)
    links = [link["href"] for link in page.named("a") if link["href"].startswith("#")]
    assert links == ["#content", *(f"#{one}" for one in wrong)]
    invalid = [one["id"] for one in page.named("input") if one.get("aria-invalid") == "true"]
    assert invalid == wrong
    assert all(f"{one}-error" in response.text for one in wrong)
    assert page.html.index("<title>Please correct this") < page.html.index("<h1>")
    assert offered(office) == []


@pytest.mark.slow
async def test_valid_input_is_kept_in_the_form() -> None:
    """WCAG 3.3.7; and what was typed stays text."""
    office = await asked((E.THREE_POINTS, E.DECLARATION))
    typed = {"user.name": HOSTILE, "user.unique_id": "K-1"}
    page = drawn(await sent(office, "details", typed))
    assert {name: page.fields()[name]["value"] for name in typed} == typed
    signed = drawn(await sent(office, "declaration", {"declaration_name": HOSTILE}))
    assert signed.fields()["declaration_name"]["value"] == HOSTILE
    assert not [*page.named("script"), *signed.named("script")]


@pytest.mark.parametrize(
    "name", ["name", "tel", "address-line1", "postal-code", "bday", "off", "one-time-code"]
)
async def test_browsers_can_help_to_fill_in(name: str) -> None:
    """WCAG 1.3.5."""
    page_ = await page(await asked(*CODE_OR_MORE))
    assert name in {one.get("autocomplete") for one in page_.named("input")}


# --- what it asks for ---------------------------------------------------------------------------------


async def test_the_proof_ways_are_listed_least_intrusive_first() -> None:
    text = (await page(await asked(*CODE_OR_MORE))).text
    reported = [
        text.index(words) for words in ("Enter the code that", "Provide three details", "Send a picture of")
    ]
    assert reported == sorted(reported)
    assert "your passport, identity card or driving licence. Send a recent bill" in text
    assert "GDPR Art. 12(6)" in text
    assert "delete it as soon as we have decided" in text


@pytest.mark.parametrize("ways", [CODE, CODE_OR_MORE, CALIFORNIAN, DETAILS, DOCUMENTS, PERMITTED, SIGNED])
async def test_nothing_is_asked_for_that_no_way_needs(ways: tuple[tuple[Evidence, ...], ...]) -> None:
    """GDPR Art. 5(1)(c), 12(6): no document where less will do."""
    wanted = {one for way in ways for one in way}
    fields = set((await page(await asked(*ways))).fields())
    by_evidence = {
        E.MAILBOX: {"code"},
        E.DECLARATION: {"declaration", "declaration_name"},
        E.IDENTITY_DOCUMENT: {ProofSlot.IDENTITY.value},
        E.ADDRESS_DOCUMENT: {ProofSlot.ADDRESS.value},
        E.PERMISSION: {ProofSlot.PERMISSION.value},
        E.TWO_POINTS: {detail.name for detail in proof_form.DETAILS},
        E.THREE_POINTS: {detail.name for detail in proof_form.DETAILS},
    }
    assert fields == {name for one in wanted for name in by_evidence.get(one, set())}


async def test_other_proof_ways_are_folded() -> None:
    html = (await page(await asked(*CODE_OR_MORE))).html
    folded = html.index("<summary>Other ways")
    assert html.index("/code") < folded < html.index('/details"') < html.index("/documents")


async def test_a_document_field_says_which_parts_to_cover() -> None:
    """GDPR Art. 5(1)(c); EDPB Guidelines 01/2022 para. 78."""
    page_ = await page(await asked(*DOCUMENTS))
    for words in ("date of birth", "valid", "machine-readable lines", "social security number", "signature"):
        assert words in page_.text
    for words in ("your name, your address, the date, and who sent it", "card numbers", "amounts"):
        assert words in page_.text
    for slot in (ProofSlot.IDENTITY, ProofSlot.ADDRESS):
        field_ = page_.fields()[slot]
        assert field_["accept"] == "image/jpeg,image/png,image/heic,image/tiff,application/pdf"
        assert f"{slot}-hint" in field_["aria-describedby"]


async def test_the_declaration_shows_the_words_that_are_signed() -> None:
    office = await asked(*SIGNED, **CALIFORNIA)
    page_ = await page(office)
    assert TEXTS[CURRENT] in page_.text
    assert "11 CCR § 7062(c)" in page_.text
    signed = {"declaration": page_.fields()["declaration"]["value"], "declaration_name": "Ottilie Q."}
    assert (await sent(office, "declaration", signed)).status_code == 200
    [proof] = offered(office)
    declaration = Declaration.model_validate_json(proof)
    assert (declaration.text, declaration.name) == (TEXTS[CURRENT], "Ottilie Q.")
    assert declaration.signed_at == office.clock()


async def test_a_wording_that_has_changed_is_not_signed() -> None:
    office = await asked(*SIGNED, **CALIFORNIA)
    response = await sent(office, "declaration", {"declaration": "2019-01", "declaration_name": "Ottilie Q."})
    assert response.status_code == 422
    assert "wording of the declaration has changed" in drawn(response).text
    assert offered(office) == []


async def test_a_code_in_the_link_is_shown_and_not_taken() -> None:
    """Mail scanners follow links."""
    office = await asked(*CODE)
    linked = await page(office, "?code=012345")
    assert linked.fields()["code"]["value"] == "012345"
    assert offered(office) == []


@pytest.mark.parametrize("code", ["12345", "1234567", HOSTILE, "１２３４５６", ""])  # noqa: RUF001 - wide digits
async def test_an_invalid_code_in_the_link_is_not_shown(code: str) -> None:
    office = await asked(*CODE)
    async with client_of(office.requests) as client:
        response = await client.get(f"/requests/{CASE}", params={"code": code})
    assert drawn(response).fields()["code"]["value"] == ""


async def test_a_request_for_another_person_needs_the_permission() -> None:
    agent = {"name": "Agents Ltd", "email": "agents@example.net", "permission": "signed"}
    page_ = await page(await asked(*PERMITTED, agent=agent))
    assert "Prove that you may make this request" in page_.text
    assert "Signed permission to make the request for this person" in page_.text


# --- what becomes of it -------------------------------------------------------------------------------


async def test_details_are_offered_as_the_api_takes_them() -> None:
    office = await asked(*DETAILS)
    given = {
        "user.name": " Ottilie Q. ",
        "user.demographic.date_of_birth": "1980-02-03",
        "user.unique_id": "",
    }
    response = await sent(office, "details", given)
    assert response.status_code == 200
    assert "We are checking what you sent" in drawn(response).text
    [proof] = offered(office)
    points = DataPoints.model_validate_json(proof).points
    assert points == {"user.name": "Ottilie Q.", "user.demographic.date_of_birth": "1980-02-03"}


@pytest.mark.parametrize(("way", "least"), [(E.TWO_POINTS, 2), (E.THREE_POINTS, 3)])
async def test_fewer_details_than_are_needed_cost_no_try(way: Evidence, least: int) -> None:
    office = await asked((way,))
    names = [detail.name for detail in proof_form.DETAILS]
    response = await sent(office, "details", dict.fromkeys(names[: least - 1], "x"))
    assert response.status_code == 422
    assert f"at least {least} details" in drawn(response).text
    assert offered(office) == []


async def test_a_detail_without_end_is_not_taken() -> None:
    office = await asked(*DETAILS)
    response = await sent(office, "details", {"user.name": "x" * 501, "user.unique_id": "x"})
    assert response.status_code == 422
    assert offered(office) == []


@pytest.mark.parametrize(
    ("given", "status"),
    [
        pytest.param({"state": CASE}, 303, id="turned back"),
        pytest.param({"state": CASE, "id_token": "a.b.c"}, 200, id="not confirmed"),
        pytest.param({"state": "../x", "id_token": "a.b.c"}, 404, id="no request"),
        pytest.param({"id_token": "a.b.c"}, 404, id="without a request"),
    ],
)
async def test_answer_of_a_sign_in_without_token_or_request_proves_nothing(
    given: dict[str, str], status: int
) -> None:
    office = await asked(*DETAILS)
    async with client_of(office.requests) as client:
        response = await client.post(
            "/requests/sign-in", data=given, headers={"Sec-Fetch-Site": "cross-site"}
        )
        unknown = await client.get(f"/requests/{CASE}/sign-in")
    assert response.status_code == status
    assert unknown.status_code == 404, "the company has no sign-in page"
    assert offered(office) == []


async def test_token_counts_only_after_the_person_confirms_the_request_that_it_is_for() -> None:
    """A stranger can send a person the link to the sign-in of the stranger's own request."""
    office, token = await asked(*CALIFORNIAN, **CALIFORNIA), "eyJhbGciOiJub25lIn0.e30.c2ln"
    async with client_of(office.requests) as client:
        given, elsewhere = {"state": CASE, "id_token": token}, {"Sec-Fetch-Site": "cross-site"}
        shown = drawn(await client.post("/requests/sign-in", data=given, headers=elsewhere))
        assert offered(office) == []
        assert "sign-in" in shown.actions()
        assert shown.fields()["id_token"]["value"] == token
        assert "You asked for" in shown.text
        forged = await client.post(f"/requests/{CASE}/sign-in", data={"id_token": token}, headers=elsewhere)
        assert forged.status_code == 403
        assert offered(office) == []
    assert (await sent(office, "sign-in", {"id_token": "no token"})).status_code == 422
    assert (await sent(office, "sign-in", {"id_token": token})).status_code == 200
    assert [token.encode() in proof for proof in offered(office)] == [True]


async def test_documents_are_sealed_and_the_page_says_so() -> None:
    office = await asked(*DOCUMENTS)
    async with client_of(office.requests) as client:
        files = {"identity": ("a.jpg", b"\xff\xd8\xff."), "address": ("", b"")}
        response = await client.post(f"/requests/{CASE}/documents", files=files)
    assert "We are checking what you sent" in drawn(response).text
    [received] = office.facts(ProofReceived)
    assert [(proof.kind, proof.slot) for proof in received.proofs] == [
        (ProofKind.DOCUMENT, ProofSlot.IDENTITY)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        pytest.param(
            b"GIF89a", 422, "neither a picture (JPEG, PNG, HEIC, TIFF) nor a PDF", id="another type"
        ),
        pytest.param(b"\xff\xd8\xff" + bytes(10 << 20), 413, "larger than 10 MB", id="too large"),
        pytest.param(b"", 422, "Choose a file first", id="none"),
    ],
)
async def test_a_file_that_is_not_taken_is_explained_on_the_page(
    content: bytes, status: int, words: str
) -> None:
    office = await asked(*DOCUMENTS)
    async with client_of(office.requests) as client:
        files = {"identity": ("secret name.jpg", content)}
        response = await client.post(f"/requests/{CASE}/documents", files=files)
    assert response.status_code == status
    page_ = drawn(response)
    assert words in page_.text
    assert "secret name" not in page_.html
    assert_accessible(page_)


@pytest.mark.parametrize(
    ("after", "ways", "standing", "forms"),
    [
        pytest.param((), CODE, "Waiting for your code", ["code", "new-code"], id="a code is mailed"),
        pytest.param((PAUSED,), DETAILS, "Waiting for proof of your identity", ["details"], id="asked"),
        pytest.param((PAUSED, RESUMED), DETAILS, "We are checking what you sent", ["details"], id="sent"),
        pytest.param(
            (PAUSED, RESUMED, REVIEWED), DETAILS, "Our privacy staff is reviewing", [], id="looked at"
        ),
        pytest.param(
            (refused("document_unreadable"),), DOCUMENTS, "Waiting for proof", ["documents"], id="again"
        ),
        pytest.param((REVIEWED,), CODE_OR_MORE, "Our privacy staff", ["code", "new-code"], id="or a code"),
    ],
)
async def test_the_page_states_the_next_step(
    after: tuple[Fact, ...], ways: tuple[tuple[Evidence, ...], ...], standing: str, forms: list[str]
) -> None:
    page_ = await page(await asked(*ways, after=after))
    assert f"Status {standing}" in page_.text
    assert [action for action in page_.actions() if action not in {"withdrawal", "appeal"}] == forms


@pytest.mark.parametrize(
    "reason", sorted({*proof_form.SETBACKS, "something_new"} - {proof_form.KEPT_WAITING})
)
async def test_a_refused_proof_is_explained_in_words_without_details(reason: str) -> None:
    page_ = await page(await asked(*DOCUMENTS, after=(refused(reason),)))
    sentence = proof_form.SETBACKS.get(reason, proof_form.UNCONVINCED)
    assert f"We could not accept what you sent last. {sentence}" in page_.text
    assert reason not in page_.html


async def test_a_delayed_code_is_not_shown_as_a_refused_proof() -> None:
    page_ = await page(await asked(*DOCUMENTS, after=(refused(proof_form.KEPT_WAITING),)))
    assert "It will be sent automatically" in page_.text
    assert "could not accept what you sent" not in page_.text


async def test_tries_are_counted_where_a_code_is_entered_and_not_for_other_proofs() -> None:
    wrong = ProofRefused(request_id=CASE, reason="wrong_code", tries_left=4)
    assert "Attempts left: 4" in (await page(await asked(*CODE_OR_MORE, after=(wrong,)))).text
    unread = await page(await asked(*CODE_OR_MORE, after=(refused("document_unreadable"),)))
    assert "Attempts left" not in unread.text


async def test_operations_over_the_limit_end_with_an_explaining_page() -> None:
    office = await asked(*CODE)
    for _ in range(60):
        office.requests.acts.take(CASE)
    response = await sent(office, "code", {"code": "123456"})
    assert response.status_code == 429
    assert "try again in an hour" in drawn(response).text


async def test_the_page_holds_no_personal_data() -> None:
    page_ = await page(await asked(*CALIFORNIAN))
    assert not [value for value in (PERSON["name"], PERSON["email"], "K-7741-Q") if str(value) in page_.html]


async def test_the_style_comes_from_the_same_place() -> None:
    async with client_of((await asked(*CODE)).requests) as client:
        style = await client.get("/style.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "url(" not in style.text


def test_every_status_has_words() -> None:
    assert set(proof_form.STANDINGS) == set(CaseStatus)


def test_every_piece_of_evidence_has_words() -> None:
    assert set(proof_form.WORDS) == set(Evidence)


# --- only the head ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_page_for_people_is_asked_for_by_its_head_as_well() -> None:
    routes = [route for route in app_of(Office().requests).routes if isinstance(route, Route)]
    pages = {route.path for route in routes if "GET" in (route.methods or ())}
    heads = {route.path for route in routes if "HEAD" in (route.methods or ())}
    assert {path for path in pages - heads if not path.startswith("/v1/")} == set()


@pytest.mark.slow
async def test_the_head_of_a_page_is_that_of_the_page() -> None:
    office = await answered()
    async with client_of(office.requests) as client:
        for path in ("/", f"/requests/{CASE}", "/style.css", "/docs"):
            head, page = await client.head(path), await client.get(path)
            assert (head.status_code, head.headers) == (200, page.headers), path


async def test_the_head_of_a_package_spends_no_code() -> None:
    office = await answered()
    async with client_of(office.requests) as client:
        await client.post(f"/v1/requests/{CASE}/package/codes")
        package = f"/requests/{CASE}/package?code={office.code_of(CASE, 'package_code_0')}"
        heads = [await client.head(package) for _ in range(2)]
        assert [head.status_code for head in heads] == [200, 200]
        page = await client.get(package)
    assert page.content == PACKAGE
    assert heads[0].headers["etag"] == page.headers["etag"]
    assert not office.facts(PackageCodeRefused)
