"""Documents for authorities: one for each duty to tell one, filled with what is known."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.languages import get_official_languages

from services.intake.incidents.duties import Due
from services.notifier.facts import Sender
from services.notifier.notices.forms.filling import RECIPIENTS, Document, document
from services.notifier.notices.forms.known import Duty, Filing, Known
from services.notifier.notices.forms.pages import page, plain
from services.notifier.notices.forms.places import called
from services.notifier.wording import CATALOGUES
from shared.incidents import Account, BreachDeclared
from shared.law import Company
from shared.law.breaches import BreachPolicies, Recipient, Stage
from shared.wording import SOURCE_LANGUAGE


@dataclass(frozen=True, slots=True)
class Desk:
    """Who fills documents in, when, and by which laws."""

    company: Company
    sender: Sender
    policies: BreachPolicies
    now: datetime


def documents(known: Known, duties: Iterable[Duty], desk: Desk) -> Iterator[Document]:
    """Yield the document of each of *duties*."""
    for duty in duties:
        yield document(
            Filing(
                duty=duty,
                known=known,
                sender=desk.sender,
                authority=_authority(duty, desk.company),
                account=_account(duty, known.declared),
                words=CATALOGUES.words(SOURCE_LANGUAGE, _zone(desk.company)),
                now=desk.now,
                sample=sample_name(duty),
            )
        )


def duties(clocks: Iterable[Due], policies: BreachPolicies) -> Iterator[Duty]:
    """Yield the duties of *clocks* that are owed, and that a document is for."""
    for clock in clocks:
        recipients = set(RECIPIENTS) & set(Recipient)
        if not clock.owed or clock.policy is None or clock.recipient not in recipients:
            continue
        yield Duty(
            clock=clock.clock,
            policy=policies.named(clock.policy),
            recipient=Recipient(clock.recipient),
            stage=_stage(clock.clock),
            place=clock.place,
            due_at=clock.due_at,
        )


def write(document: Document, folder: Path) -> list[Path]:
    """Write *document* as a page and as JSON into *folder*; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{document.name}.html", folder / f"{document.name}.json"]
    files[0].write_text(page(document), encoding="utf-8")
    files[1].write_text(json.dumps(plain(document), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return files


def sample_name(duty: Duty) -> str:
    """Return the name of the file with the letter that the authority wants a copy of."""
    return f"{duty.policy.law}.sample.html"


def _stage(clock: str) -> Stage:
    """Return which of several notices it is; a clock's name says so where it is not the first."""
    return next((Stage(part) for part in clock.split(".") if part in set(Stage)), Stage.NOTICE)


def _authority(duty: Duty, company: Company) -> str:
    if duty.policy.authority is not None:
        return duty.policy.authority.name
    own = company.established_in.partition("-")[0]
    if duty.place in (None, own):
        return company.authority.name
    return f"Supervisory authority of {called(duty.place)}"


def _account(duty: Duty, declared: BreachDeclared) -> Account:
    """Return what was declared in a language of the authority; else as it was declared."""
    for language in get_official_languages(_country(duty)):
        if language in declared.translations or language == declared.language:
            return declared.account(language)
    return declared.account(declared.language)


def _country(duty: Duty) -> str:
    law = duty.policy.law
    return duty.place or (law[:2].upper() if law[2:3] == "-" else "GB")


def _zone(company: Company) -> ZoneInfo:
    return company.zone
