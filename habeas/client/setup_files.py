"""The files of a new installation: data map, company and `.env`, from the answers to `habeas init`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import TZPATH

from babel import Locale
from pydantic import ValidationError

from habeas.client.stores import database_in
from services.fulfillment.drafting.survey import StoreSurvey
from shared.errors import ConfigurationError
from shared.law.calendars import calendar_named
from shared.law.company import CompanyProfile
from shared.law.library import policies
from shared.law.policies import lies_in

MAP, COMPANY, ENV = "datamap", "company.yaml", ".env"
FILES = (MAP, COMPANY, ENV)
TO_DECIDE = "to decide"
"""Mark of a value that the operator writes."""
EDPB = "https://www.edpb.europa.eu/about-edpb/about-edpb/members_en"
"""The supervisory authorities of the EU and the EEA."""
ELSEWHERE = "https://globalprivacyassembly.org/participation-in-the-assembly/list-of-accredited-members/"
"""Authorities of the world."""
GDPR = "gdpr"


@dataclass(frozen=True, slots=True)
class SetupAnswers:
    """The answers to the questions about the company."""

    name: str
    place: str
    """Country, or country and part (ISO 3166): ``DE-BE``."""
    contact: str
    """Mail address for questions, which letters come from."""

    def profile(self) -> CompanyProfile:
        """Return the profile of the company. Raises ConfigurationError with the option of a wrong answer."""
        if "@" not in self.contact or " " in self.contact:
            raise ConfigurationError("--contact: must be a mail address, like privacy@example.com")
        try:
            calendar_named(self.place)
            return CompanyProfile.model_validate(self.values)
        except ConfigurationError as error:
            raise ConfigurationError(f"--place: {error}") from None
        except ValidationError as error:
            flaw = error.errors()[0]
            option = "--place" if flaw["loc"][0] == "established_in" else "--name"
            raise ConfigurationError(f"{option}: {flaw['msg']}") from None

    @property
    def values(self) -> dict[str, object]:
        """The lines of the company file."""
        return {
            "name": self.name,
            "contact": self.contact,
            "established_in": self.place,
            "zone": zone_of(self.place),
            "authority": authority_of(self.place, datetime.now(UTC).date()),
        }


COMPANY_HEAD = f"""\
# The company that answers, made by `habeas init`. `{TO_DECIDE}`: the supervisory authority, if the name below
# is a list; postal_address, officer, privacy_policy. `policies/company.yaml` explains every line.
"""


def company(answers: SetupAnswers) -> str:
    """Return the text of the company file."""
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in answers.values.items()]
    return "\n".join((COMPANY_HEAD, *lines, ""))


def env(stores: Mapping[str, str], sender: str) -> str:
    """Return the text of `.env` for `habeas up --env-file` and docker compose; *sender* is of letters."""
    urls = json.dumps({name: url.replace("'", "%27") for name, url in stores.items()})
    return (
        "# Made by `habeas init`, for `habeas up --env-file .env` and `docker compose up`. It holds the\n"
        "# password of your database. .env.example has all settings.\n"
        f"HABEAS_STORES='{urls}'\n"
        f"HABEAS_DATAMAP_FOLDER=./{MAP}\n"
        f"HABEAS_COMPANY_FILE=./{COMPANY}\n"
        f"HABEAS_MAIL_FROM={_quoted(sender)}\n"
    )


def _quoted(value: str) -> str:
    """Return *value* in quotes that both readers of `.env` understand."""
    return json.dumps(value, ensure_ascii=False) if "'" in value else f"'{value}'"


def identity_fields(found: StoreSurvey) -> list[str]:
    """Return the fields of mail addresses that a survey found: ``shop.customers.email``."""
    return [
        f"{key}.{identity.path}"
        for key, identities in found.identities.items()
        for identity in identities
        if identity.name == "email"
    ]


def verified_fields(answer: str, fields: Iterable[str]) -> dict[str, str]:
    """
    Return how the values of *fields* are verified: `always` for those that *answer* names, else `never`.

    It is `all`, `none`, or some fields, with or without their database. Raises ConfigurationError for others.
    """
    known = sorted(fields)
    words = answer.replace(",", " ").split()
    named = set[str]()
    for word in words if words not in (["all"], ["none"]) else []:
        meant = [field for field in known if field == word or field.endswith(f".{word}")]
        if len(meant) != 1:
            listed = ", ".join(known) or "no field holds mail addresses"
            raise ConfigurationError(f"--verified: {word}: write all, none, or some of: {listed}")
        named.update(meant)
    return {field: "always" if words == ["all"] or field in named else "never" for field in known}


def databases_in(stores: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the databases that the URLs name, by store; none of a store whose URL names none."""
    return {store: [name] for store, url in stores.items() if (name := database_in(url))}


def surveyed_databases(stores: Mapping[str, str]) -> list[str]:
    """Return the databases that the URLs name, if each names one; empty for all databases."""
    named = databases_in(stores)
    return (
        sorted({name for names in named.values() for name in names}) if named.keys() == stores.keys() else []
    )


def zone_of(place: str) -> str:
    """Return the time zone of the most people in the country of *place*, as the list of IANA orders them."""
    country = place.partition("-")[0]
    for folder in TZPATH:
        file = Path(folder) / "zone.tab"
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        rows = [line.split("\t") for line in lines if line.startswith(f"{country}\t")]
        if rows:
            return rows[0][2]
    return "UTC"


def authority_of(place: str, day: date) -> dict[str, str]:
    """Return name and URL of the authority that the law of *place* names, or a list of authorities."""
    laws = [one for one in policies().of_that_day(day) if lies_in(place, one.places)]
    for policy in sorted(laws, key=lambda one: place not in one.places):  # of the part before the country
        if policy.authority is not None:
            return {"name": policy.authority.name, "url": policy.authority.url}
    country = Locale("en").territories.get(place.partition("-")[0], place)
    in_europe = any(policy.law == GDPR for policy in laws)
    return {"name": f"Supervisory authority of {country}", "url": EDPB if in_europe else ELSEWHERE}


def existing(folder: Path) -> list[str]:
    """Return the names of the files that are in *folder* already."""
    return [name for name in FILES if (folder / name).exists()]


def write(folder: Path, drafted: Mapping[str, str], company: str, settings: str) -> None:
    """Write all files into *folder*; the settings are readable by their owner alone."""
    (folder / MAP).mkdir(parents=True, exist_ok=True)
    for name, text in drafted.items():
        (folder / MAP / name).write_text(text, encoding="utf-8")
    (folder / COMPANY).write_text(company, encoding="utf-8")
    (folder / ENV).touch(mode=0o600)
    (folder / ENV).chmod(0o600)
    (folder / ENV).write_text(settings, encoding="utf-8")
