"""Regional catalogues: the sentences that differ, inheritance of all others, and the choice for a reader."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from habeas.client.specimens import LETTERS, SENDER, law_named, letter
from services.fulfillment.package import labels
from services.intake.pages import site
from services.notifier.letters import languages
from services.notifier.letters.composer import render
from shared.contract.events import RequestSubmitted
from shared.pages import categories
from shared.pages.translation import Catalogues, spaced

ALL = {
    "letters": languages.CATALOGUES,
    "pages": site.CATALOGUES,
    "package": labels.CATALOGUES,
    "categories": categories.CATALOGUES,
}
REGIONAL = [
    pytest.param(catalogues, tag, id=f"{name}, {tag}")
    for name, catalogues in ALL.items()
    for tag in catalogues.regional
]
PLACES = re.compile(r"%\(\w+\)s|%|</?\w+[^>]*>")
FORBIDDEN = {
    "fr-CA": re.compile(
        r"(?<!dossier de )(?<!bases de )(?<!base de )(?<!protection des )"
        r"(?<!cartographie des )(?<!avez )(?<!suite )\bdonnées?\b|données? personnel|les avons \w+ées|"
        r"e-?mails?\b|\bmails?\b|"
        r"adresses? électronique|boîte aux lettres|délégué|réclamation|violation de données|usurpation|"
        r"jours? ouvrés?\b|[ \u00a0\u202f][?!;]|[ \u202f][:»]|«[ \u202f]|[^\s\u00a0\w]:(?!//)",
        re.IGNORECASE,
    ),
    "pt-BR": re.compile(
        r"apagamento|apagar|ficheiro|regist[oaáe]|\w+ámos\b|partilha(?<!compartilha)|\bequipa\b|contact[oae]|"
        r"\bRGPD\b|n\.º|palavra-passe|utilizador|carta de condução|eletrónic|connosco|violação de dados|"
        r"(?:vem|sobre|para) si\b(?! só)|retificação|bases? de dados|encarregado da proteção",
        re.IGNORECASE,
    ),
}
"""
Words and signs of the language that a reader in the region must not see.

Source: CQLR c. P-39.1 s. 1, 3.1 and 3.5 (*renseignement personnel*, *responsable de la protection des
renseignements personnels*, *incident de confidentialité*); Lei 13.709/2018 Art. 5 and 18 (*eliminação*,
*bloqueio*, *encarregado*); spacing: Office québécois de la langue française, *Espacement*. Not read again.
"""


def entries(catalogues: Catalogues, tag: str) -> Iterator[Message]:
    path = catalogues._folder / f"{tag.replace('-', '_')}.po"
    with path.open("rb") as file:
        catalogue = read_po(file, abort_invalid=True)
    assert not catalogue.obsolete
    yield from (entry for entry in catalogue if entry.id)


def test_all_parts_have_the_same_regional_catalogues() -> None:
    assert {catalogues.regional for catalogues in ALL.values()} == {tuple(sorted(FORBIDDEN))}


@pytest.mark.parametrize(("catalogues", "tag"), REGIONAL)
def test_regional_catalogue_holds_only_sentences_that_differ(catalogues: Catalogues, tag: str) -> None:
    inherited = catalogues.sentences(tag.partition("-")[0])
    own = {str(entry.id): str(entry.string) for entry in entries(catalogues, tag) if not entry.fuzzy}
    assert own
    assert "" not in own.values()
    assert sorted(own.keys() - inherited.keys()) == []
    alike = {sentence for sentence in own if spaced(own[sentence], tag) == spaced(inherited[sentence], tag)}
    assert sorted(alike) == []


@pytest.mark.parametrize(("catalogues", "tag"), REGIONAL)
def test_regional_sentence_has_the_places_of_its_sentence(catalogues: Catalogues, tag: str) -> None:
    said = {str(entry.id): str(entry.string) for entry in entries(catalogues, tag)}
    wrong = [one for one in said if sorted(PLACES.findall(one)) != sorted(PLACES.findall(said[one]))]
    assert wrong == []


@pytest.mark.parametrize(("catalogues", "tag"), REGIONAL)
def test_no_sentence_has_words_that_are_foreign_in_the_region(catalogues: Catalogues, tag: str) -> None:
    """Own sentences and inherited ones: a new sentence of the language alone can break the rule."""
    said = catalogues.sentences(tag)
    assert said.keys() == catalogues.sentences(tag.partition("-")[0]).keys()
    assert {one: said[one] for one in said if FORBIDDEN[tag].search(said[one])} == {}


def test_region_inherits_sentences_of_its_language(tmp_path: Path) -> None:
    (tmp_path / "pt.po").write_text('msgid "File"\nmsgstr "Ficheiro"\n\nmsgid "Day"\nmsgstr "Dia"\n', "utf-8")
    (tmp_path / "pt_BR.po").write_text('msgid "File"\nmsgstr "Arquivo"\n', "utf-8")
    words = Catalogues(tmp_path).words("pt-BR")
    assert (words.language, words.say("File"), words.say("Day")) == ("pt-BR", "Arquivo", "Dia")
    assert Catalogues(tmp_path).words("pt-PT").say("File") == "Ficheiro"


@pytest.mark.parametrize(
    ("wanted", "country", "tag"),
    [
        pytest.param("pt-BR", "GB", "pt-BR", id="by the tag"),
        pytest.param("pt_BR", "DE", "pt-BR", id="by the tag, in the notation of a locale"),
        pytest.param("pt", "BR", "pt-BR", id="by the country"),
        pytest.param("pt-PT", "BR", "pt", id="the country in the tag comes first"),
        pytest.param("pt", "PT", "pt", id="a country without a catalogue"),
        pytest.param("fr-CA", "FR", "fr-CA", id="another language"),
        pytest.param("fr", "CA", "fr-CA", id="another language, by the country"),
        pytest.param("de", "BR", "de", id="a language without a regional catalogue"),
    ],
)
def test_catalogue_is_chosen_by_the_tag_or_the_country(wanted: str, country: str, tag: str) -> None:
    for catalogues in ALL.values():
        assert catalogues.words(wanted, at_home=country).language == tag


REFUSED = {
    "pt": "O nosso encarregado da proteção de dados",
    "pt-BR": "O nosso encarregado pelo tratamento de dados pessoais",
    "fr": "Délégué(e) à la protection des données",
    "fr-CA": "Responsable de la protection des renseignements personnels",
}


@pytest.mark.parametrize(
    ("locale", "laws", "tag"),
    [
        ("pt", ["br-lgpd"], "pt-BR"),
        ("pt", ["gdpr", "br-lgpd"], "pt-BR"),
        ("pt-BR", ["gdpr"], "pt-BR"),
        ("pt", ["gdpr"], "pt"),
        ("pt-PT", ["br-lgpd"], "pt"),
        ("fr", ["ca-qc"], "fr-CA"),
        ("fr", ["gdpr", "ca-qc", "ca-pipeda"], "fr-CA"),
        ("fr_CA", ["gdpr"], "fr-CA"),
        ("fr", ["gdpr"], "fr"),
        ("fr-FR", ["ca-qc"], "fr"),
    ],
)
def test_letter_is_in_the_region_of_the_law_or_the_tag(locale: str, laws: list[str], tag: str) -> None:
    editions = tuple(map(law_named, laws))
    body = render(letter(LETTERS["refusal"], editions, locale), SENDER)
    assert f'<html lang="{tag}"' in body.html
    assert REFUSED[tag] in body.text


def test_refusal_in_quebec_names_the_commission() -> None:
    text = render(letter(LETTERS["refusal"], (law_named("ca-qc"),), "fr"), SENDER).text
    assert "Commission d'accès à l'information" in text
    assert "porter plainte auprès de" in text


def test_french_of_france_has_one_word_for_mail() -> None:
    for catalogues in ALL.values():
        said = catalogues.sentences("fr").values()
        assert [one for one in said if re.search(r"e-?mail|\bmails?\b|\bmél\b", one, re.IGNORECASE)] == []


@pytest.mark.parametrize(
    ("request_of", "locale"),
    [
        ({"locale": "pt", "residence": {"country": "BR"}}, "pt_BR"),
        ({"locale": "pt", "regulation": "lgpd"}, "pt_BR"),
        ({"locale": "pt", "residence": {"country": "PT"}}, "pt_PT"),
        ({"locale": "fr", "residence": {"country": "CA", "subdivision": "QC"}}, "fr_CA"),
        ({"locale": "fr", "regulation": "quebec"}, "fr_CA"),
        ({"locale": "pt-PT", "residence": {"country": "BR"}}, "pt_PT"),
        ({"locale": "en", "residence": {"country": "US"}}, "en_US"),
        ({}, "en_GB"),
    ],
)
def test_package_is_in_the_region_of_the_residence(request_of: dict[str, object], locale: str) -> None:
    subject = {"email": "amelia.ferreira@example.org"}
    submitted = {"reference": "1", "right": "access", "subject": subject, **request_of}
    assert labels.locale_of(RequestSubmitted.model_validate(submitted)) == locale


def test_portuguese_without_a_country_writes_prices_as_in_portugal() -> None:
    words = languages.CATALOGUES.words("pt")
    assert words.money(Decimal("1204.50"), "EUR") == "1204,50\N{NO-BREAK SPACE}€"
