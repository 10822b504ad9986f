import base64
import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from services.fulfillment.datamap.model import RetentionPeriod
from services.fulfillment.package import labels, pages
from services.fulfillment.package.labels import LANGUAGES, TEMPLATES, words
from services.fulfillment.package.survey import PackageSection
from services.fulfillment.package.values import ValueReader
from services.fulfillment.package.withheld import DisclosureRules
from shared.law.library import policies
from shared.pages.law_names import RIGHTS
from shared.pages.translation import SOURCE_LANGUAGE
from shared.runtime.mongo import Decimal128, ObjectId
from tests.unit.fulfillment.sample_records import ADA, CUSTOMERS, Many, contents, files_of, packed, unpacked

PLACE = re.compile(r"%\(\w+\)s|%")
SENTENCE = re.compile(r'(?:\b_|\bsay)\(\s*"((?:[^"\\]|\\.)*)"')


def page(**changes: object) -> str:
    return unpacked(packed(contents(**changes)))["index.html"].decode()


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted({*LANGUAGES} - {SOURCE_LANGUAGE}))
def test_every_sentence_is_translated_with_its_places_and_no_translation_is_idle(language: str) -> None:
    sources = [*TEMPLATES.glob("*.jinja"), *Path(pages.__file__).parents[1].rglob("*.py")]
    wanted = {found for path in sources for found in SENTENCE.findall(path.read_text("utf-8"))}
    wanted |= set(RIGHTS.values())
    wanted |= {one.name for law in policies() for one in law.category_names}
    with (TEMPLATES / "locale" / f"{language}.po").open("rb") as file:
        said = {str(entry.id): str(entry.string) for entry in read_po(file) if entry.id and entry.string}
    assert said.keys() == wanted
    assert [one for one in said if sorted(PLACE.findall(one)) != sorted(PLACE.findall(said[one]))] == []


@pytest.mark.parametrize(
    ("tag", "length"),
    [
        ("de", "10 Jahre, 6 Monate, 1 Tag"),
        ("nl-BE", "10 jaar, 6 maanden, 1 dag"),
        ("pt-BR", "10 anos, 6 meses, 1 dia"),
        ("zh-Hans", "10年, 6个月, 1天"),
    ],
)
def test_a_period_is_said_in_words_of_the_language(tag: str, length: str) -> None:
    assert labels.period(RetentionPeriod(years=10, months=6, days=1), words(tag)) == length


KINDS = [
    "",
    "<b>",
    "two\nlines",
    "x" * 161,
    7,
    -2.5,
    1e22,
    1234.5,
    True,
    None,
    b"x",
    Decimal128("1.50"),
    ObjectId(b"o" * 12),
]
TIMES = [
    datetime(2026, 3, 5, tzinfo=UTC),
    datetime(2026, 3, 5, 13, 35, 1, 250_000, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("tag", ["en", "de"])
@pytest.mark.parametrize("value", [*KINDS, *TIMES], ids=repr)
def test_a_line_of_a_table_says_a_value_as_a_record_does(value: object, tag: str) -> None:
    reader = ValueReader(words(tag), CUSTOMERS)
    assert pages.TableLines(reader).line([value]) == f"<tr><td>{pages.text(reader.text(value))}</td></tr>"


@pytest.mark.parametrize("value", [*KINDS, *TIMES], ids=repr)
def test_a_flat_record_says_a_value_as_one_with_depths_does(value: object) -> None:
    reader = ValueReader(words("en"), CUSTOMERS)
    drawn = pages.NODES.entries(reader.entries({"<i>'_x": value}), "")
    assert pages.TableLines(reader).record({"<i>'_x": value}) == drawn


def test_a_page_asks_the_network_for_nothing_and_forbids_scripts() -> None:
    html = page()
    assert not re.search(r"https?://|src=|@import|url\(", html)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in html


def test_logo_is_in_the_page_and_nothing_else_is_allowed_to_load() -> None:
    plain, branded = page(), page(logo=b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    picture = re.search(r'<img src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)" alt="([^"]+)">', branded)
    assert picture
    assert base64.b64decode(picture[1]).startswith(b"<svg")
    assert picture[2] in plain
    assert "img-src data:;" in branded
    assert "img-src" not in plain


def test_links_lead_to_files_of_the_package() -> None:
    files = files_of(ADA)
    links = re.findall(r'href="([^"#]+)"', files["index.html"].decode())
    assert links
    assert set(links) <= files.keys()


@pytest.mark.parametrize(
    ("tag", "language", "title", "day"),
    [
        ("de-AT", "de", "Ihre Daten", "27. Februar 2026"),
        ("en", "en", "Your data", "27 February 2026"),
        ("en-US", "en", "Your data", "February 27, 2026"),
        ("nl-BE", "nl", "Uw gegevens", "27 februari 2026"),
        ("pt-BR", "pt-BR", "Os seus dados", "27 de fevereiro de 2026"),
        ("zh-Hans", "zh", "您的个人信息", "2026年2月27日"),
        ("zh-CN", "zh", "您的个人信息", "2026年2月27日"),
        ("tlh", "en", "Your data", "27 February 2026"),
    ],
)
def test_a_page_speaks_the_language_of_the_person(tag: str, language: str, title: str, day: str) -> None:
    html = page(locale=tag)
    assert f'<html lang="{language}"' in html
    assert f"<h1>{title}</h1>" in html
    assert day in html


@pytest.mark.slow
def test_a_long_collection_is_shown_in_part_and_says_so() -> None:
    html = unpacked(packed(contents(PackageSection(CUSTOMERS, Many(3_000)))))["index.html"].decode()
    assert "This page shows the first 100 of 3,000 records." in html
    assert html.count('<article class="record">') == pages.MOST_RECORDS


def test_text_of_the_map_is_escaped() -> None:
    said = page(person="<b>Ada</b>", request_id="a & b")
    assert "<dd>&lt;b&gt;Ada&lt;/b&gt;</dd>" in said
    assert "<dd>a &amp; b</dd>" in said


def test_flat_records_stand_in_one_table() -> None:
    html = files_of({"_id": 1, "email": "a@example.org"}, {"_id": 2, "city": "Dublin"})["index.html"].decode()
    assert '<article class="record">' not in html
    assert '<th scope="col"><bdi>City</bdi></th>' in html


def test_each_law_names_its_own_rights() -> None:
    california, gdpr, virginia = (
        page(rules=DisclosureRules(policies().named(law)))
        for law in ("us-ca-ccpa@2026-01-01", "gdpr@2018-05-25", "us-va@2023-01-01")
    )
    assert "selling and sharing" in california
    assert "less favourably because you use" in california
    assert "object to it" in gdpr
    assert "less favourably because you use" not in gdpr
    assert "selling and sharing" in virginia
    assert "object to it" not in virginia


def test_money_keeps_its_decimal_places() -> None:
    assert words("de").number(Decimal128("1234.50").to_decimal()) == "1.234,50"


def test_cached_text_is_not_used_for_another_map_or_controller() -> None:
    """Both collections have one name: what is remembered must hang on what the map says of them."""
    other = replace(
        CUSTOMERS, fields=CUSTOMERS.fields[:2], facts=replace(CUSTOMERS.facts, purpose="To advise")
    )
    first = unpacked(packed(contents(PackageSection(CUSTOMERS, [ADA]), contact="one@example.org")))
    again = unpacked(packed(contents(PackageSection(other, [ADA], "For a year"), contact="two@example.org")))
    german = unpacked(
        packed(
            contents(
                PackageSection(other, [ADA], "For a year"),
                locale="de",
                rules=DisclosureRules(policies().named("us-ca-ccpa@2026-01-01")),
            )
        )
    )
    page, schema = again["index.html"].decode(), again["schema/default.customers.json"]
    assert (b"To advise" in first["index.html"], "To advise" in page, "For a year" in page) == (
        False,
        True,
        True,
    )
    assert (b"bank" in first["schema/default.customers.json"], b"bank" in schema) == (True, False)
    assert ("one@example.org" in page, "two@example.org" in page) == (False, True)
    assert b"Why we hold it" not in german["index.html"]
    assert b"less favourably because you use" not in again["index.html"]
