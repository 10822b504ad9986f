"""Documents for authorities: one for each duty to tell one, filled with what is known."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from babel.languages import get_official_languages

from habeas.notices.samples import Sample
from services.intake.incidents.duties import Due
from services.notifier.notices.bureaus import BUREAUS
from services.notifier.notices.forms.filling import RECIPIENTS, Document, document
from services.notifier.notices.forms.known import Duty, Filing, Known
from services.notifier.notices.forms.pages import page, plain
from services.notifier.notices.forms.places import called
from services.notifier.wording import CATALOGUES
from services.notifier.writing import House
from shared.errors import ConfigurationError
from shared.incidents import Account, BreachDeclared
from shared.law import Company
from shared.law.breaches import BreachPolicies, Recipient, Stage
from shared.wording import SOURCE_LANGUAGE

AUTHORITIES = (Recipient.AUTHORITY, Recipient.ATTORNEY_GENERAL)
"""Whom a law means by the authority that it names."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Who fills documents in, when, and by which laws."""

    company: Company
    house: House
    policies: BreachPolicies
    now: datetime


def documents(known: Known, duties: Iterable[Duty], desk: Desk) -> Iterator[Document]:
    """Yield the document of each of *duties*."""
    for duty in duties:
        yield document(
            Filing(
                duty=duty,
                known=known,
                sender=desk.house.sender,
                authority=_authority(duty, desk.company),
                account=_account(duty, known.declared),
                words=CATALOGUES.words(SOURCE_LANGUAGE, desk.company.zone),
                now=desk.now,
                established=desk.company.places,
                sample=sample_name(duty),
            )
        )


def duties(clocks: Iterable[Due], policies: BreachPolicies) -> Iterator[Duty]:
    """Yield the duties of *clocks* that are owed, and that a document is for."""
    for clock in clocks:
        if not clock.owed or clock.policy is None or clock.recipient not in set(RECIPIENTS):
            continue
        yield Duty(
            clock=clock.clock,
            policy=policies.named(clock.policy),
            recipient=Recipient(clock.recipient),
            stage=_stage(clock.clock),
            place=clock.place,
            due_at=clock.due_at,
        )


def write(document: Document, letter: Sample | None, folder: Path) -> None:
    """
    Write *document* into *folder*, as a page and as JSON, and the *letter* that goes with it.

    Raises:
        ConfigurationError: It cannot be written there.
    """
    files = {
        f"{document.name}.html": page(document),
        f"{document.name}.json": json.dumps(plain(document), ensure_ascii=False, indent=2) + "\n",
    }
    if letter is not None:
        files[sample_name(document.filing.duty)] = letter.words("html")
    save(files, folder)


def save(files: Mapping[str, str], folder: Path) -> None:
    """
    Write *files*, contents by name, into *folder*.

    Raises:
        ConfigurationError: It cannot be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written ({error.strerror})") from None


def sample_name(duty: Duty) -> str:
    """Return the name of the file with the letter that the authority wants a copy of."""
    return f"{duty.policy.law}.sample.html"


def _stage(clock: str) -> Stage:
    """Return which of several notices it is; a clock's name says so where it is not the first."""
    return next((Stage(part) for part in clock.split(".") if part in set(Stage)), Stage.NOTICE)


def _authority(duty: Duty, company: Company) -> str:
    if duty.recipient is Recipient.CONSUMER_AGENCIES:
        return ", ".join(bureau.name for bureau in BUREAUS)
    if duty.policy.authority is not None and duty.recipient in AUTHORITIES:
        return duty.policy.authority.name
    own = company.established_in.partition("-")[0]
    if duty.recipient is Recipient.AUTHORITY and duty.place in (None, own):
        return company.authority.name
    return f"{RECIPIENTS[duty.recipient]} of {called(duty.place or own)}"


def _account(duty: Duty, declared: BreachDeclared) -> Account:
    """Return what was declared in a language of the authority; else as it was declared."""
    for language in get_official_languages(_country(duty)):
        if language in declared.translations or language == declared.language:
            return declared.account(language)
    return declared.account(declared.language)


def _country(duty: Duty) -> str:
    law = duty.policy.law
    return duty.place or (law[:2].upper() if law[2:3] == "-" else "GB")
