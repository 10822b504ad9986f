"""The page of a request: in the person's language, with the contact, without program texts."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from httpx import Response

from services.intake.cases.errors import CaseError, CodeRefused, NotPossibleNow, TooManyAttempts
from services.intake.http.packages import NotSatisfiable
from services.intake.pages import proof_form
from services.intake.pages.request_page import problem_of, size_in_words
from services.intake.pages.site import CATALOGUES, LANGUAGES, Site
from shared.contract.codes import CodeVerdict
from shared.contract.declarations import TEXTS
from shared.contract.events import LetterKind, NoticeSent, RequestWithdrawn
from shared.law import CompanyProfile
from tests.unit import intake_api
from tests.unit.fakes import PRACTICE, Office, request
from tests.unit.intake_api import CASE, UNKNOWN, client_of
from tests.unit.intake_states import (
    STATES,
    after,
    answered,
    appealed,
    code_awaited,
    documents_asked,
    everything_asked,
    fee_quoted,
    refused,
    withdrawn,
)

BROWSER = {"Accept": "text/html"}
RAW = re.compile(r"\b[a-z]+_[a-z_]+\b|%\(|\bNone\b|\b20\d\d-\d\d-\d\d\b")
"""What a program says, and no person: codes, places for values, days without words."""


async def seen(office: Office, path: str = "", *, language: str = "en", **more: str) -> Response:
    async with client_of(office.requests) as client:
        headers = {**BROWSER, "Accept-Language": language, **more}
        return await client.get(f"/requests/{CASE}{path}", headers=headers)


async def done(office: Office, what: str, language: str = "en", **more: str) -> Response:
    async with client_of(office.requests) as client:
        headers = {**BROWSER, "Accept-Language": language, **more}
        return await client.post(f"/requests/{CASE}/{what}", headers=headers)


def said(response: Response) -> str:
    """Return the words of the main part of a page."""
    main = response.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", main).split())


# --- languages ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
async def test_every_status_has_a_text_in_each_language(state: str, language: str) -> None:
    page = await seen(await STATES[state](), language=language)
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.text
    assert not RAW.findall(said(page).replace(CASE, ""))
    if language != "en":
        assert "Your request" not in said(page)
        assert "Received on" not in said(page)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "country", "tag"),
    [
        ("pt", "BR", "pt-BR"),
        ("pt-BR", "DE", "pt-BR"),
        ("pt", "DE", "pt"),
        ("pt-PT", "BR", "pt"),
        ("fr", "CA", "fr-CA"),
        ("fr-CH", "CA", "fr"),
        ("de", "BR", "de"),
    ],
)
async def test_page_is_in_the_region_of_the_law_or_the_browser(language: str, country: str, tag: str) -> None:
    page = await seen(await after(Office(), residence={"country": country}), language=language)
    assert f'<html lang="{tag}">' in page.text
    assert f'lang="{tag}" hreflang="{tag}" aria-current="true"' in page.text


async def test_the_language_that_was_chosen_is_kept_by_every_form() -> None:
    page = await seen(await everything_asked(), "?lang=it", language="de")
    assert '<html lang="it">' in page.text
    actions = re.findall(r'action="([^"]*)"', page.text)
    assert len(actions) > 4
    assert [action for action in actions if not action.endswith("?lang=it")] == []


async def test_a_download_keeps_the_language_too() -> None:
    page = await seen(await answered(), "?lang=it")
    assert '<input type="hidden" name="lang" value="it">' in page.text


async def test_faults_are_translated() -> None:
    async with client_of((await code_awaited()).requests) as client:
        page = await client.post(f"/requests/{CASE}/code?lang=nl", data={"code": "1"})
    assert "Voer de code precies zo in" in said(page)


async def test_declaration_is_signed_in_the_recorded_wording_and_translated() -> None:
    assert proof_form.MEANINGS == TEXTS
    page = await seen(await everything_asked(), language="de")
    (text,) = TEXTS.values()
    assert f'<blockquote id="declaration-text" lang="en">{text}</blockquote>' in page.text
    assert "Ich erkläre unter Strafandrohung" in page.text
    assert 'id="declaration-meaning"' not in (await seen(await everything_asked())).text


# --- what cannot be done ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "what", "words"),
    [
        pytest.param(withdrawn, "withdrawal", "It is too late to withdraw", id="withdrawn already"),
        pytest.param(answered, "fee", "There is no fee to agree to", id="no fee"),
        pytest.param(answered, "new-code", "We no longer need proof", id="proven already"),
        pytest.param(refused, "package-code", "There is no data package", id="no package"),
    ],
)
async def test_why_something_cannot_be_done_is_said_in_sentences(
    state: Callable[[], Awaitable[Office]], what: str, words: str
) -> None:
    page = await done(await state(), what)
    assert page.status_code == 409
    assert words in said(page)


@pytest.mark.parametrize(
    "error",
    [
        *(NotPossibleNow("a text of a program", obstacle) for obstacle in (*CaseError, None)),
        *(CodeRefused(verdict) for verdict in CodeVerdict if verdict is not CodeVerdict.MATCHED),
        TooManyAttempts("a text of a program"),
        NotSatisfiable(7),
    ],
)
def test_no_error_is_shown_as_the_program_words_it(
    error: NotPossibleNow | CodeRefused | TooManyAttempts | NotSatisfiable,
) -> None:
    sentence = problem_of(error)
    assert str(error) not in sentence
    assert all(CATALOGUES.sentences(language)[sentence] for language in LANGUAGES if language != "en")


async def test_for_no_certificate_there_is_a_sentence() -> None:
    page = await seen(await answered(), "/certificate")
    assert (page.status_code, "There is no certificate for this request" in said(page)) == (409, True)


async def test_a_package_is_not_opened_by_something_else_than_six_digits() -> None:
    page = await seen(await answered(), "/package?code=12")
    assert page.status_code == 422
    assert 'id="package-code-error"' in page.text


async def test_for_no_request_there_is_a_page() -> None:
    async with client_of(Office().requests) as client:
        page = await client.get(f"/requests/{UNKNOWN}?lang=de", headers=BROWSER)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert '<html lang="de">' in page.text


@pytest.mark.parametrize("what", ["withdrawal", "fee", "code", "new-code", "details", "declaration",
                                  "documents", "appeal", "package-code"])  # fmt: skip
async def test_no_other_site_has_a_browser_act_here(what: str) -> None:
    office = await fee_quoted()
    before = len(office.broker.published)
    page = await done(office, what, **{"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 403
    assert len(office.broker.published) == before


async def test_a_link_from_another_site_is_followed() -> None:
    """Webmail is one."""
    page = await seen(await fee_quoted(), **{"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 200


# --- what there is to know ----------------------------------------------------------------------------------


async def test_the_last_day_is_explained_until_there_is_an_answer() -> None:
    assert "Why this day?" in said(await seen(await documents_asked()))
    assert "Why this day?" not in said(await seen(await answered()))
    assert "Last day for our answer" not in said(await seen(await refused()))


async def test_the_timeline_shows_past_and_future_steps() -> None:
    text = said(await seen(await documents_asked())).partition("What happened so far")[2]
    reported = [
        "We received your request",
        "Letter sent: We received your request",
        "We asked for proof of identity",
        "7 April 2026 The last day for our answer",
    ]
    assert [text.index(one) for one in reported] == sorted(text.index(one) for one in reported)


async def test_the_timeline_shows_that_a_code_confirmed_the_receipt() -> None:
    office = Office()
    await office.submit(request())
    sent = NoticeSent(request_id=CASE, letter=LetterKind.CODE, acknowledges=True)
    await office.tell(sent, service="notifier")
    assert "Letter sent: We received your request; Your code" in said(await seen(office))


async def test_days_are_those_of_the_place_that_answers() -> None:
    office = await documents_asked()
    assert "Please answer by 4 April 2026" in said(await seen(office))


async def test_a_withdrawal_takes_a_second_step() -> None:
    office = await fee_quoted()
    page = (await seen(office)).text
    summary = page.index("<summary>Withdraw the request")
    assert summary < page.index("This cannot be undone") < page.index("/withdrawal")
    await done(office, "withdrawal")
    await office.work()
    assert office.facts(RequestWithdrawn)


async def test_an_appeal_is_one_where_the_law_knows_it_and_a_complaint_elsewhere() -> None:
    appeal = said(await seen(await refused()))
    assert "Appeal against our answer" in appeal
    assert "60 days to decide on an appeal" in appeal
    assert "Make a complaint to us" not in appeal
    complaint = said(await seen(await answered()))
    assert "Make a complaint to us" in complaint
    assert "Appeal" not in complaint


async def test_an_open_appeal_is_shown_with_its_last_day_and_not_offered_again() -> None:
    page = await seen(await appealed())
    assert "Your appeal Received on 10 April 2026" in said(page)
    assert "We will decide by 8 June 2026" in said(page)
    assert "/appeal" not in page.text


@pytest.mark.slow
async def test_the_page_shows_the_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"contact": "privacy@example.com", "officer": "officer@example.com"}
    company: CompanyProfile = PRACTICE.company.model_copy(update=known)
    monkeypatch.setattr(intake_api, "SITE", Site(company, intake_api.SITE.guard))
    text = (await seen(await code_awaited())).text
    for where in (
        "mailto:privacy@example.com",
        "mailto:officer@example.com",
        "https://authority.example.org",
    ):
        assert f'href="{where}"' in text.partition("<main")[2].partition("</main>")[0]


async def test_each_law_has_its_authority() -> None:
    office = Office()
    await office.submit({**intake_api.form(residence={"country": "GB"}), "reference": "r-1"})
    text = said(await seen(office))
    assert "Under UK General Data Protection Regulation (UK GDPR) you can complain to this authority:" in text
    assert "Authority of Examplia" in text


async def test_how_large_the_package_is_and_until_when_it_is_kept() -> None:
    text = said(await seen(await answered()))
    assert "Size: 3 MB" in text
    assert "It is kept until 14 April 2026, 11:30 CEST" in text
    assert "14 April 2026, 11:30 CEST We will delete the data package" in text


async def test_a_package_that_is_gone_is_not_offered() -> None:
    office = await answered()
    office.clock.move(timedelta(days=60))
    page = await seen(office)
    assert "The data package is no longer available" in said(page)
    assert "package-code" not in page.text


@pytest.mark.parametrize(
    ("size", "words"),
    [(1, "1 kB"), (1_499, "1.5 kB"), (3_000_004, "3 MB"), (12_345_678_901, "12,345.7 MB")],
)
def test_sizes_are_rounded(size: int, words: str) -> None:
    assert size_in_words(size, CATALOGUES.words("en")) == words


async def test_the_fee_is_written_as_the_language_writes_money() -> None:
    assert "Ich stimme der Gebühr von 12,50 € zu" in said(
        await seen(await fee_quoted(), language="de")
    ).replace("\N{NO-BREAK SPACE}", " ")
