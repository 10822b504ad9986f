"""The verb that shows letters, the gallery, and the page about them."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from habeas.cli import app
from habeas.client.letters import explained, gallery, known_to, page_of, preview, refreshed, shown_laws
from habeas.client.specimen_words import company_words
from habeas.client.specimens import LETTERS, law_named
from services.notifier.letters.languages import LANGUAGES, REGIONAL
from services.notifier.letters.letter_models import form_of
from shared.errors import ConfigurationError
from shared.law import LetterForm
from shared.law.library import EXAMPLE
from tests.unit.pages import text


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["letters", "preview", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_without_arguments_all_kinds_are_listed() -> None:
    output = shown()
    assert all(form.value in output for form in LetterForm)
    assert all(law in output for law in shown_laws())
    assert all(language in output for language in (*LANGUAGES, *REGIONAL))


@pytest.mark.slow
def test_letter_is_printed_with_provisions_and_readability() -> None:
    output = shown("--kind", "refusal", "--law", "us-va", "--law", "gdpr")
    assert "Attorney General of Virginia" in output
    assert "§ appeal: Va. Code § 59.1-577(C)" in output
    assert "§ remedy: GDPR Art. 12(4), 79" in output
    assert re.search(r"refusal: reading ease \d+, grade \d\.\d", output)


def test_other_languages_are_not_measured_by_english() -> None:
    assert "reading ease" not in shown("--kind", "late", "--language", "de")


@pytest.mark.parametrize(
    ("law", "day", "of_opt_out"),
    [
        ("br-lgpd", "16 March", "23 March"),
        ("gdpr", "2 April", "23 March"),
        ("us-ca-ccpa", "April 15", "March 23"),
    ],
)
def test_acknowledgement_states_the_last_day_of_the_law(law: str, day: str, of_opt_out: str) -> None:
    output = shown("--kind", "acknowledgement", "--law", law)
    assert re.findall(r"our answer by (\d+ \w+|\w+ \d+)", output) == [day, of_opt_out]


def test_late_letter_and_extension_name_the_last_day_of_the_law() -> None:
    assert "by April 15, 2026. We did not" in shown("--kind", "late", "--law", "us-ca-ccpa")
    assert "our answer by May 29, 2026 at the latest" in shown("--kind", "extension", "--law", "us-ca-ccpa")


@pytest.mark.slow
def test_erasure_states_its_ground_only_where_the_law_has_grounds() -> None:
    assert "On which ground we erased it" in shown("--kind", "erasure", "--law", "gdpr")
    assert "On which ground we erased it" not in shown("--kind", "erasure", "--law", "us-ca-ccpa")


@pytest.mark.slow
def test_letter_is_shown_in_a_regional_catalogue_by_its_tag_or_by_the_law() -> None:
    assert "Para este pedido, não precisamos" in shown("--kind", "acknowledgement", "--language", "pt-BR")
    for arguments in (("--law", "gdpr", "--language", "pt-BR"), ("--law", "br-lgpd", "--language", "pt")):
        assert "encarregado pelo tratamento" in shown("--kind", "acknowledgement", *arguments)
    assert "encarregado da proteção" in shown("--kind", "acknowledgement", "--language", "pt")


def test_an_outcome_chooses_the_letters() -> None:
    output = shown("--kind", "erasure", "--outcome", "partly_granted")
    assert "Until:" in output
    assert "erasure, nothing held" not in output


def test_a_letter_is_written_as_a_page_that_shows_its_provisions(tmp_path: Path) -> None:
    shown("--kind", "late", "--html", str(tmp_path / "late.html"))
    page = (tmp_path / "late.html").read_text(encoding="utf-8")
    assert '<cite class="law">GDPR Art. 12(3)-(4)</cite>' in page
    shown("--kind", "late", "--law", "ca-qc", "--language", "fr", "--out", str(tmp_path))
    assert (tmp_path / "late.ca-qc.fr.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--kind", "late", "--language", "xx"), "known are en, de"),
        (("--kind", "late", "--law", "xx"), "known are"),
        (("--kind", "done", "--outcome", "refused"), "known are granted"),
        (("--all",), "--out FOLDER"),
    ],
)
def test_unknown_kind_law_or_language_is_refused(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        CliRunner().invoke(app, ["letters", "preview", *arguments], catch_exceptions=False)


def test_the_gallery_begins_with_every_law_language_and_kind() -> None:
    name, index = next(gallery())
    assert name == "index.html"
    pages = {page_of(law, language) for law in shown_laws() for language in LANGUAGES}
    links = {link.partition("#")[0] for link in re.findall(r'href="([^"]+)"', index)}
    assert links == pages
    assert all(f"#{form}" in index for form in LetterForm)


@pytest.mark.slow
def test_page_of_the_gallery_is_self_contained() -> None:
    first = next(iter(shown_laws()))
    pages = dict(page for page, _ in zip(gallery(), range(3), strict=False))
    page = pages[page_of(first, "de")]
    names = [
        name for name, facts in LETTERS.items() if known_to(law_named(first), LetterForm(form_of(facts)))
    ]
    assert re.findall(r'<div class="about"><h3>([^<]+)</h3>', page) == sorted(
        names, key=lambda name: list(LetterForm).index(LetterForm(form_of(LETTERS[name])))
    )
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)), "an id stands there once"
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert not re.search(r"<script|<link|<img|@import|url\(", page)
    body = page[page.index("<body") : page.index("</body>") + 7].replace("&", "&amp;")
    ET.fromstring(re.sub(r"<br>", "<br/>", body))  # noqa: S314 - it is ours; every tag is closed


def test_letter_unknown_to_a_law_is_not_shown_under_it() -> None:
    known = {law for law in shown_laws() if known_to(law_named(law), LetterForm.APPEAL_DECIDED)}
    assert known == {"us-va", "us-co", "us-ct", "us-tx"}
    assert not known_to(law_named("ca-qc"), LetterForm.EXTENSION)
    assert known_to(law_named("uk-gdpr"), LetterForm.COMPLAINT_RECEIVED)


@pytest.mark.slow
@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_examples_have_the_words_of_the_company_in_the_language_of_the_letter(language: str) -> None:
    words = company_words(language)
    assert all(words.values())
    shown = [one.body.text for form in LetterForm for one in preview(form, ["gdpr"], language)]
    english = {one for one in words if one not in words.values()}
    assert [one for one in english if any(f"- {one}\n" in text for text in shown)] == []


def test_letter_is_shown_with_the_brand_of_the_company(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path(EXAMPLE).read_text(encoding="utf-8").replace("letter_logo: null", "letter_logo: mail.gif")
    (tmp_path / "company.yaml").write_text(text.replace("#0a58ca", "#7a1f5c"), encoding="utf-8")
    (tmp_path / "mail.gif").write_bytes(b"GIF89a\x01")
    monkeypatch.setenv("HABEAS_COMPANY", str(tmp_path / "company.yaml"))
    shown("--kind", "code", "--own", "--html", str(tmp_path / "letter.html"))
    html = (tmp_path / "letter.html").read_text(encoding="utf-8")
    assert 'src="data:image/gif;base64,R0lGODlhAQ=="' in html
    assert "a{color:#7a1f5c}" in html
    assert "cid:" not in html


@pytest.mark.slow
def test_every_kind_is_explained_and_has_an_example() -> None:
    assert all(explained(form).endswith(".") for form in LetterForm)
    assert all(preview(form, ["gdpr"], "en") for form in LetterForm)


def test_tables_of_the_page_agree_with_the_policies() -> None:
    """Write them anew with ``python -m habeas.letters``."""
    page = text("docs/reference/letters.md")
    assert refreshed(page) == page
    assert "| `recourse-limit` | CQLR c. P-39.1 s. 34, 43 (unread) |" in page
