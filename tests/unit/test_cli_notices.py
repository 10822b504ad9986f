"""The verb that previews notices."""

import re
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path

import pytest
from typer.testing import CliRunner

from habeas.cli import app
from habeas.client.breach_notices.samples import distinct_samples
from habeas.client.breach_specimens import DECLARED, HOUSE, INCIDENT, WRITTEN_AT
from services.notifier.breach.notices.samples import NoticeAudience, SampleNotice, sample
from shared.contract.events import Residence
from shared.contract.events.breaches import Affected, BreachRole, ListedPerson
from shared.errors import ConfigurationError

OURS = DECLARED.model_copy(update={"affected": DECLARED.affected.model_copy(update={"controllers": ()})})
"""A breach of data that the company decides about itself."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "breach.json"
    path.write_text(OURS.model_dump_json(exclude_none=True), encoding="utf-8")
    return path


def shown(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["breach", "preview", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def names(folder: Path, ending: str) -> list[str]:
    return sorted(path.stem for path in folder.glob(f"*{ending}"))


@pytest.mark.slow
def test_each_law_and_language_has_a_sample_as_mail_page_and_text(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "samples"
    output = shown(
        file, "--out", out, "--place", "FR", "--place", "US-CA", "--language", "de", "--language", "fr"
    )
    wanted = ["gdpr.de", "gdpr.fr", "us-ca.de", "us-ca.fr"]
    assert names(out, ".eml") == names(out, ".txt") == wanted
    assert names(out, ".html") == sorted([*wanted, "index"])
    assert "4 letters; open" in output
    mail = message_from_bytes((out / "us-ca.de.eml").read_bytes(), policy=SMTP)
    assert mail["To"] == "Amelia Ferreira <amelia@example.net>"
    assert mail["Subject"] == "Notice of Data Breach (Mitteilung über eine Datenschutzverletzung)"


@pytest.mark.slow
def test_page_shows_provisions_and_missing_translations(file: Path, tmp_path: Path) -> None:
    shown(file, "--out", tmp_path, "--place", "DE", "--language", "fr", "--language", "de")
    french = (tmp_path / "gdpr.fr.html").read_text(encoding="utf-8")
    assert '<cite class="law">GDPR Art. 34(2), 33(3)(a)</cite>' in french
    assert french.count("not declared in fr: as declared") == 4
    assert "not declared in" not in (tmp_path / "gdpr.de.html").read_text(encoding="utf-8")
    text = (tmp_path / "gdpr.fr.txt").read_text(encoding="utf-8")
    assert "§ complaint: GDPR Art. 77" in text
    assert "! not declared in fr" in text


@pytest.mark.slow
def test_index_page_links_every_file_and_lists_missing_facts(file: Path, tmp_path: Path) -> None:
    output = shown(file, "--out", tmp_path, "--place", "DE", "--language", "fr")
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    links = set(re.findall(r'href="([^"]+)"', index))
    assert links == {path.name for path in tmp_path.iterdir()} - {"index.html", file.name, "samples"}
    for said in (output, index):
        assert "are not declared in" in said
        assert "mail_domains" in said


@pytest.mark.slow
def test_without_places_the_listed_people_count(tmp_path: Path) -> None:
    listed = Affected(
        list=(ListedPerson(email="ada@example.org", residence=Residence(country="US", subdivision="TX")),)
    )
    path = tmp_path / "breach.json"
    path.write_text(DECLARED.model_copy(update={"affected": listed}).model_dump_json(exclude_none=True))
    shown(path, "--out", tmp_path / "samples", "--language", "en")
    assert names(tmp_path / "samples", ".eml") == ["us-tx.en"]


@pytest.mark.slow
def test_only_a_processor_notifies_customers(tmp_path: Path) -> None:
    """Law: GDPR Art. 33(2)."""
    path = tmp_path / "breach.json"
    theirs = DECLARED.model_copy(update={"role": BreachRole.PROCESSOR})
    assert theirs.affected.controllers
    for declared, wanted in ((theirs, ["gdpr.controllers.en"]), (OURS, ["gdpr.de"])):
        path.write_text(declared.model_dump_json(exclude_none=True))
        shown(path, "--out", tmp_path / declared.role, "--place", "DE", "--language", "de")
        assert names(tmp_path / declared.role, ".eml") == wanted


@pytest.mark.slow
def test_preview_of_listed_people_shows_exactly_their_letters(tmp_path: Path) -> None:
    listed = (
        ListedPerson(email="ada@example.org", locale="fr", residence=Residence(country="DE")),
        ListedPerson(email="bo@example.org", residence=Residence(country="US", subdivision="TX")),
        ListedPerson(name="No Address", locale="pl", residence=Residence(country="PL")),
        ListedPerson(email="cy@mail.example", locale="es", residence=Residence(country="ES")),
    )
    changes = {"affected": Affected(list=listed), "mail_domains": ("mail.example",)}
    path = tmp_path / "breach.json"
    path.write_text(DECLARED.model_copy(update=changes).model_dump_json(exclude_none=True))
    shown(path, "--out", tmp_path / "samples")
    assert names(tmp_path / "samples", ".eml") == ["gdpr.fr", "us-tx.en"]


def test_preview_without_a_demanding_law_has_no_letter(tmp_path: Path) -> None:
    path = tmp_path / "breach.json"
    harmless = {"high_risk": False, "affected": Affected(), "categories": ("user.contact.email",)}
    path.write_text(DECLARED.model_copy(update=harmless).model_dump_json(exclude_none=True))
    assert "no law demands a notice" in shown(path, "--out", tmp_path / "samples", "--place", "DE")


@pytest.mark.slow
def test_invalid_folder_is_reported(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be made"):
        shown(file, "--out", file)


def test_equal_letters_have_one_sample_the_most_common_first() -> None:
    """A city in a record counts as an address."""
    telling = SampleNotice(OURS, INCIDENT, HOUSE, WRITTEN_AT)
    audiences = [
        (NoticeAudience("people", ("uk-gdpr@2021-01-01",), "en", ("user.name",)), 1),
        (NoticeAudience("people", ("gdpr@2018-05-25",), "en", ("user.name", "user.contact.address")), 2),
        (NoticeAudience("people", ("gdpr@2018-05-25",), "en", ("user.name",)), 3),
        (NoticeAudience("people", ("gdpr@2018-05-25",), "en", ("user.name", "user.contact.address.city")), 4),
        (NoticeAudience("people", ("gdpr@2018-05-25",), "de", ("user.name",)), 5),
    ]
    found = distinct_samples(sample(wanted, people, telling) for wanted, people in audiences)
    assert [(one.name, one.people) for one in found] == [
        ("gdpr.de", 5), ("gdpr.en", 6), ("gdpr.en", 3), ("uk-gdpr.en", 1),
    ]  # fmt: skip
    assert found[1].wanted.categories == ("user.contact.address", "user.contact.address.city", "user.name")


def test_letter_to_a_customer_has_only_facts_declared_for_it() -> None:
    [customer] = DECLARED.affected.controllers
    others = (customer, customer.model_copy(update={"id": "c-18", "services": ()}))
    declared = DECLARED.model_copy(
        update={"role": BreachRole.PROCESSOR, "affected": Affected(controllers=others)}
    )
    telling = SampleNotice(declared, INCIDENT, HOUSE, WRITTEN_AT)
    wanted = [
        NoticeAudience("controllers", ("gdpr@2018-05-25",), "en", (), services=one.services) for one in others
    ]
    lacking = ["what they use" in str(sample(one, 1, telling).lacks) for one in wanted]
    assert lacking == [False, True]
