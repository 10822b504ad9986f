"""`habeas init` writes files that `habeas up` and docker compose read, and replaces none unasked."""

import json
from datetime import date
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from habeas.cli import app, options, setup
from habeas.client.setup_files import (
    SetupAnswers,
    authority_of,
    company,
    databases_in,
    env,
    existing,
    surveyed_databases,
    verified_fields,
    write,
    zone_of,
)
from habeas.embedded.uptime import OwnSettings
from services.fulfillment.datamap import reader
from services.fulfillment.drafting.survey import StoreSurvey
from shared.errors import ConfigurationError
from shared.law import library
from shared.runtime.variables import without_effect
from tests.unit.fulfillment.test_draft_writer import PERSON, outline, survey
from tests.unit.pages import ROOT

URL = "mongodb://reader:it's$1@shop.example.org/shop?tls=true"
ANSWERS = SetupAnswers("L'Été, Inc.", "FR", "privacy@ete.example")
FIELDS = ["shop.customers.email", "shop.newsletter.email", "crm.newsletter.email"]
TODAY = date(2026, 11, 30)


def test_files_are_those_that_up_reads(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"shop.yml": "dataset: []\n"},
        company(ANSWERS),
        env({"default": URL}, ANSWERS.profile().sender),
    )
    assert existing(tmp_path) == ["datamap", "company.yaml", ".env"]
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    found = OwnSettings(env_file=tmp_path / ".env").environment({})
    assert found == {
        "HABEAS_STORES": json.dumps({"default": URL.replace("'", "%27")}),
        "HABEAS_DATAMAP": str(tmp_path / "datamap"),
        "HABEAS_COMPANY": str(tmp_path / "company.yaml"),
        "HABEAS_MAIL_FROM": '"L\'Été, Inc." <privacy@ete.example>',
    }
    profile = library.company(found["HABEAS_COMPANY"])
    assert profile == ANSWERS.profile()
    assert (profile.name, profile.contact, str(profile.zone)) == (
        "L'Été, Inc.",
        "privacy@ete.example",
        "Europe/Paris",
    )


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (SetupAnswers("", "FR", "a@b.example"), "^--name: "),
        (SetupAnswers("Example", "XX", "a@b.example"), "^--place: .*no such country"),
        (SetupAnswers("Example", "france", "a@b.example"), "^--place: "),
        (SetupAnswers("Example", "FR", "https://b.example"), "^--contact: must be a mail address"),
    ],
)
def test_wrong_answer_names_its_option(answers: SetupAnswers, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        answers.profile()


def test_fields_that_are_not_named_are_never_verified() -> None:
    assert verified_fields("customers.email", FIELDS) == {
        "shop.customers.email": "always",
        "shop.newsletter.email": "never",
        "crm.newsletter.email": "never",
    }
    assert set(verified_fields("all", FIELDS).values()) == {"always"}
    assert set(verified_fields("none", FIELDS).values()) == {"never"}


@pytest.mark.parametrize("word", ["orders.email", "newsletter.email", "all, customers.email"])
def test_unknown_or_ambiguous_field_lists_all_fields(word: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--verified: .*shop\.customers\.email"):
        verified_fields(word, FIELDS)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("GB", "Information Commissioner's Office"),
        ("CA-QC", "Commission d'accès à l'information"),
        ("CA-ON", "Office of the Privacy Commissioner of Canada"),
        ("DE-BE", "Supervisory authority of Germany"),
        ("JP", "Supervisory authority of Japan"),
    ],
)
def test_authority_is_that_of_the_law_of_the_place(place: str, name: str) -> None:
    assert authority_of(place, TODAY)["name"] == name


def test_place_chooses_zone_and_url_the_database() -> None:
    assert (zone_of("US-CA"), zone_of("DE-BE"), zone_of("XX")) == ("America/New_York", "Europe/Berlin", "UTC")
    assert databases_in({"default": URL, "crm": "mongodb://h.example/?tls=true"}) == {"default": ["shop"]}


def test_databases_of_the_urls_are_surveyed_if_each_names_one() -> None:
    shop, bare = URL, "mongodb://h.example/?tls=true"
    assert surveyed_databases({"default": shop, "crm": "mongodb://h.example/crm"}) == ["crm", "shop"]
    assert surveyed_databases({"default": shop, "crm": bare}) == []


def test_question_without_terminal_or_option_names_the_option(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["init", "--out", str(tmp_path)])
    assert isinstance(result.exception, ConfigurationError)
    assert str(result.exception).startswith("--stores is missing: without a terminal")


def test_init_lists_its_files_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def surveyed(_urls: object) -> StoreSurvey:
        return survey(outline("customers", PERSON))

    monkeypatch.setattr(setup, "_surveyed", surveyed)
    given = {
        "stores": URL,
        "verified": "all",
        "name": "Example Shop",
        "place": "DE",
        "contact": "p@shop.example",
    }
    options = (word for name, text in given.items() for word in (f"--{name}", text))
    result = CliRunner().invoke(app, ["init", "--json", "--out", str(tmp_path), *options])
    printed = json.loads(result.stdout)
    written = {str(path) for path in tmp_path.rglob("*") if path.is_file()}
    assert {one["file"] for one in printed["files"]} == written
    assert printed["files"][0]["to_decide"] > 0
    assert printed["next"] == f"habeas up --env-file {tmp_path / '.env'}"


def test_init_asks_five_questions_and_prints_the_next_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def surveyed(_urls: object) -> StoreSurvey:
        return survey(outline("customers", PERSON), outline("newsletter", PERSON))

    monkeypatch.delenv("HABEAS_STORES", raising=False)
    monkeypatch.setattr(options, "has_terminal", lambda: True)
    monkeypatch.setattr(setup, "_surveyed", surveyed)
    answers = iter((URL, "customers.email", "Example Shop", "DE-BE", "privacy@shop.example"))
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: next(answers))
    result = CliRunner().invoke(app, ["init", "--out", str(tmp_path)])
    assert result.exception is None
    assert result.stdout.splitlines()[-1] == f"next: habeas up --env-file {tmp_path / '.env'}"
    assert list(answers) == []
    found = reader.load(tmp_path / "datamap").by_key
    assert found["shop.customers"].by_path["email"].always_verified
    assert not found["shop.newsletter"].by_path["email"].verifiable


def test_wrong_answer_is_asked_for_again_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def surveyed(_urls: object) -> StoreSurvey:
        return survey(outline("customers", PERSON))

    monkeypatch.delenv("HABEAS_STORES", raising=False)
    monkeypatch.setattr(options, "has_terminal", lambda: True)
    monkeypatch.setattr(setup, "_surveyed", surveyed)
    answers = (
        "shop",
        URL,
        "customers.mail",
        "all",
        "Example Shop",
        "Germany",
        "DE",
        "privacy",
        "p@shop.example",
    )
    result = CliRunner().invoke(app, ["init", "--out", str(tmp_path)], input="\n".join(answers) + "\n")
    assert result.exception is None
    assert result.stderr.count("Error: ") == 4
    assert "no such country" in result.stderr
    assert yaml.safe_load((tmp_path / "company.yaml").read_text())["contact"] == "p@shop.example"


def test_settings_have_an_effect_in_docker_compose() -> None:
    names = [line.partition("=")[0] for line in env({}, "").splitlines() if line[0] != "#"]
    assert without_effect(names) == []
    assert all(name in (ROOT / "docker-compose.yml").read_text() for name in names)


@pytest.mark.parametrize("name", ["datamap", "company.yaml", ".env"])
def test_existing_file_is_not_replaced_unasked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    result = CliRunner().invoke(app, ["init", "--out", str(tmp_path), "--stores", URL])
    assert f"{tmp_path} has {name} already: " in str(result.exception)
    assert "--force" in str(result.exception)
    assert (tmp_path / name).read_text() == "mine"


def test_company_file_has_a_line_for_each_answer() -> None:
    lines = yaml.safe_load(company(ANSWERS))
    assert lines.keys() == {"name", "contact", "established_in", "zone", "authority"}
