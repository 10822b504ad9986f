"""Data maps with texts in several languages: how they are read, and shown in answers and packages."""

import json
from dataclasses import replace
from datetime import date

import pytest

from services.fulfillment.datamap.fides_import import imported
from services.fulfillment.datamap.model import CollectionPlace, DataMap
from services.fulfillment.datamap.reader import load, parse
from services.fulfillment.domain import LegalBasis, legal_bases
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep
from services.fulfillment.map_check.comparison import untranslated_texts
from services.fulfillment.package import answers
from services.fulfillment.package.labels import map_in, storage, words
from services.fulfillment.package.portability import portable
from services.fulfillment.package.survey import PackageSection, survey
from services.fulfillment.package.withheld import NOT_PROVIDED
from services.fulfillment.search.findings import Findings, RecordTuple
from services.fulfillment.search.scope import scope_of
from shared.contract.answer import Answer
from shared.errors import InvalidDataMap
from shared.runtime.mongo import Document
from tests.unit.fulfillment.sample_records import contents, packed, unpacked
from tests.unit.pages import ROOT

EXAMPLE = ROOT / "datamaps" / "example"
TEXT = """
data_category:
  - { fides_key: user.shoe_size, name: { en: Shoe size, de: Schuhgröße } }
dataset:
  - fides_key: shop
    meta:
      habeas:
        purpose: { en: To send orders, de: Wir liefern Bestellungen aus }
        legal_basis: { de: Art. 6 Abs. 1 lit. a DSGVO, en: Art. 6(1)(a) GDPR }
        source: { en: The person, de: Von Ihnen }
        recipients: [{ en: Tax authority, de: Finanzamt }, Bank]
    collections:
      - name: invoices
        description: { en: Invoices, de: Rechnungen, pt-BR: Notas fiscais }
        meta:
          habeas:
            retention: { keep: P8Y, from: card.at, because: { en: § 147 AO, de: § 147 der Abgabenordnung } }
        fields:
          - { name: _id }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - name: token
            data_categories: [user.authorization.password]
            meta:
              habeas:
                disclose: { never: security, because: { en: Art. 32 GDPR, de: Art. 32 DSGVO } }
          - name: card
            meta: { habeas: { label: { en: Card, de: Karte } } }
            fields:
              - name: last4
                data_categories: [user.shoe_size]
                meta: { habeas: { label: { en: Last four digits, de: Letzte vier Ziffern } } }
              - name: at
                fides_meta: { data_type: datetime }
                meta: { habeas: { label: { en: Issued, de: Ausgestellt } } }
"""
MAP = parse({"map.yml": TEXT})
DESCRIPTION = "{ en: Invoices, de: Rechnungen, pt-BR: Notas fiscais }"
KIM: Document = {
    "_id": 1,
    "email": "kim@example.org",
    "token": "s3cret",
    "card": {"last4": "1234", "vat_id": "none"},
}
PLACE = CollectionPlace("default", "shop", "invoices")


def german() -> DataMap:
    return map_in(MAP, "de_AT")


def retained(because: str) -> RecordPlan:
    step = RecordStep(
        "shop.invoices", PLACE, {"_id": 1}, Disposition.RETAINED, (), reason="retention_duty", because=because
    )
    steps = (step, replace(step, disposition=Disposition.ERASED, deleted=True))
    return RecordPlan("v", date(2026, 11, 25), (), steps, ())


def page_in(locale: str) -> dict[str, bytes]:
    section = PackageSection(map_in(MAP, locale).by_key["shop.invoices"], [KIM])
    return unpacked(packed(contents(section, locale=locale)))


def test_answer_is_in_the_language_of_the_reader() -> None:
    answer = answers.erasure(retained("§ 147 AO"), (), german(), Answer(), agreed=())
    [kept], [erased] = answer.kept, answer.erased
    assert (kept.label, kept.citation, erased.label) == (
        "Rechnungen",
        "§ 147 der Abgabenordnung",
        "Rechnungen",
    )
    assert answer.recipients == ("Finanzamt", "Bank")


def test_answer_in_a_language_that_the_map_lacks_has_the_default() -> None:
    answer = answers.erasure(retained("§ 147 AO"), (), map_in(MAP, "it"), Answer(), agreed=())
    assert (answer.kept[0].label, answer.recipients) == ("Invoices", ("Tax authority", "Bank"))


@pytest.mark.parametrize(("locale", "label"), [("pt-BR", "Notas fiscais"), ("pt-PT", "Invoices")])
def test_region_of_the_reader_counts(locale: str, label: str) -> None:
    assert map_in(MAP, locale).by_key["shop.invoices"].description == label


def test_language_that_letters_are_not_written_in_shows_english_as_the_letter_does() -> None:
    swedish = parse({"map.yml": TEXT.replace("pt-BR: Notas fiscais", "sv: Fakturor")})
    assert map_in(swedish, "sv").by_key["shop.invoices"].description == "Invoices"


def test_recipient_that_is_notified_automatically_is_known_by_its_default_name() -> None:
    answer = answers.erasure(retained(""), (), german(), Answer(), agreed=("Tax authority",))
    assert answer.by_hand == ("Bank",)
    answer = answers.erasure(retained(""), (), german(), Answer(), agreed=("Bank",))
    assert answer.by_hand == ("Finanzamt",)


def test_provision_of_a_row_that_the_map_no_longer_states_stays_as_it_is() -> None:
    [kept] = answers.erasure(retained("§ 257 HGB"), (), german(), Answer(), agreed=()).kept
    assert kept.citation == "§ 257 HGB"


def test_rows_hold_the_default_of_a_text() -> None:
    rule = MAP.by_key["shop.invoices"].retention
    assert rule is not None
    assert json.loads(json.dumps(rule.because)) == "§ 147 AO"


@pytest.mark.parametrize("data_map", [MAP, map_in(MAP, "de")], ids=["default", "German"])
def test_legal_basis_and_source_are_judged_by_their_default(data_map: DataMap) -> None:
    collection = data_map.by_key["shop.invoices"]
    assert legal_bases(collection.facts.legal_basis) == {LegalBasis.CONSENT}
    kept, left = portable([PackageSection(collection, [KIM])])
    assert (len(kept), left) == (1, [])


def test_source_is_judged_by_its_default_in_every_language() -> None:
    derived = parse(
        {"map.yml": TEXT.replace("{ en: The person, de: Von Ihnen }", "{ en: Derived, de: Score }")}
    )
    for locale in ("en", "de"):
        section = PackageSection(map_in(derived, locale).by_key["shop.invoices"], [KIM])
        assert [item.reason for item in portable([section])[1]] == [NOT_PROVIDED]


def test_scope_is_understood_in_every_language_of_the_map() -> None:
    assert {scope_of([said], MAP).areas for said in ("rechnungen", "Invoices", "NOTAS FISCAIS")} == {
        ("shop.invoices",)
    }


def test_page_and_facts_of_a_package_are_in_the_language_of_the_reader() -> None:
    files = page_in("de")
    html, facts = files["index.html"].decode(), json.loads(files["about.json"])["collections"][0]
    assert all(said in html for said in ("Rechnungen", "Finanzamt, Bank", "Wir liefern Bestellungen aus"))
    assert (facts["label"], facts["recipients"]) == ("Rechnungen", ["Finanzamt", "Bank"])
    assert "Invoices" not in html


def test_fields_of_a_package_have_the_labels_of_the_map_or_their_names_in_words() -> None:
    german, english = (page_in(locale)["index.html"].decode() for locale in ("de", "en"))
    assert all(said in german for said in (">Karte<", ">Letzte vier Ziffern<", ">Vat id<"))
    assert all(said in english for said in (">Card<", ">Last four digits<"))
    assert "Last4" not in german + english


def test_own_category_has_its_name_in_the_language_of_the_reader() -> None:
    for locale, name in (("de", "Schuhgröße"), ("en", "Shoe size"), ("fr", "Shoe size")):
        files = page_in(locale)
        [facts] = [
            one for one in json.loads(files["about.json"])["categories"].values() if one["name"] == name
        ]
        assert facts["labels"]
        assert name in files["index.html"].decode()


def test_schema_of_a_package_has_the_labels_of_the_map() -> None:
    schema = json.loads(page_in("de")["schema/default.invoices.json"])
    assert schema["items"]["properties"]["card"]["title"] == "Karte"


def test_provision_of_a_withheld_value_is_shown_translated_and_recorded_by_default() -> None:
    section = PackageSection(german().by_key["shop.invoices"], [KIM])
    answer = answers.disclosure(
        survey(contents(section, locale="de")), Findings("v", RecordTuple(()), ()), MAP
    )
    assert [group.citation for group in answer.withheld] == ["Art. 32 DSGVO"]
    assert [one.provision for one in answers.withheld_values(answer)] == ["Art. 32 GDPR"]
    assert "(Art. 32 DSGVO)" in page_in("de")["index.html"].decode()


def test_storage_period_names_its_field_as_the_map_does() -> None:
    assert "„Ausgestellt“" in storage(german().by_key["shop.invoices"], words("de"))


def test_provision_alone_is_shown_in_the_language_of_the_reader() -> None:
    retention = "retention: { keep: P1Y, from: at, because: { en: Law, de: Gesetz } }"
    collection = (
        f"{{ name: a, meta: {{ habeas: {{ {retention} }} }}, fields: [{{ name: _id }}, {{ name: at }}] }}"
    )
    text = f"dataset: [{{ fides_key: shop, collections: [{collection}] }}]"
    rule = map_in(parse({"map.yml": text}), "de").by_key["shop.a"].retention
    assert rule is not None
    assert rule.because == "Gesetz"


def test_map_without_translations_is_the_same_in_every_language() -> None:
    plain = parse({"map.yml": TEXT.replace(DESCRIPTION, "Bills")})
    assert map_in(plain, "de").by_key["shop.invoices"].description == "Bills"
    none = parse(
        {"map.yml": "dataset: [{ fides_key: shop, collections: [{ name: a, fields: [{ name: _id }] }] }]"}
    )
    assert map_in(none, "de") is none


@pytest.mark.parametrize(
    ("stated", "error"),
    [
        ("{ english: Invoices }", "`description` has no language `english`"),
        ("{ en: Invoices, de: }", "`description` has a language without text"),
        ("{}", "`description` has a language without text"),
        ("[Invoices]", "`description` must be text"),
    ],
)
def test_text_that_is_in_no_language_is_reported_with_its_line(stated: str, error: str) -> None:
    wrong = TEXT.replace(DESCRIPTION, stated)
    with pytest.raises(InvalidDataMap, match=f"map.yml:14: {error}"):
        parse({"map.yml": wrong})


def test_shipped_map_has_every_language_of_letters() -> None:
    assert list(untranslated_texts(load(EXAMPLE))) == []


def test_imported_map_keeps_its_translations() -> None:
    again = map_in(parse({"map.yml": imported({"map.yml": TEXT}).text}), "de").by_key["shop.invoices"]
    assert (again.description, again.category_names) == ("Rechnungen", {"user.shoe_size": "Schuhgröße"})
    rule = again.by_path["token"].withheld
    assert rule is not None
    assert rule.because == "Art. 32 DSGVO"
    assert (again.by_path["card.last4"].label, again.facts.recipients) == (
        "Letzte vier Ziffern",
        ("Finanzamt", "Bank"),
    )
