"""
Documents for authorities, one for each duty, and announcements to the public and to users of a service.

An authority may get a copy of people's letter, without personal data.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from habeas.client.breach_notices.reader import batches, words_of
from habeas.client.breach_notices.samples import audiences_in
from habeas.client.incident_register import IncidentCase, IncidentRegister
from services.intake.breach.facts import known_facts
from services.intake.breach.phases import Phase
from services.notifier.breach.notices.documents import (
    Announcement,
    FormContext,
    announcements,
    documents,
    duties,
    held,
    sample_name,
)
from services.notifier.breach.notices.forms import (
    AuthorityForm,
    page,
    plain,
)
from services.notifier.breach.notices.methods import Part
from services.notifier.breach.notices.samples import UNNAMED, NoticeAudience, Sample, SampleNotice, sample
from shared.contract.events.breaches import NoticesReleased
from shared.errors import ConfigurationError
from shared.law.breaches import (
    laws_requiring_notice,
)
from shared.pages.translation import SOURCE_LANGUAGE


@dataclass(frozen=True, slots=True)
class PeopleLetter:
    """A letter to people, before or after its release."""

    wanted: NoticeAudience
    people: int
    notice: SampleNotice


async def write_all(
    incident: str, register: IncidentRegister, context: FormContext, folder: Path
) -> tuple[list[AuthorityForm], list[Announcement]]:
    """
    Write the documents and announcements of *incident* into *folder*; return them.

    Raises ConfigurationError if there is no such incident, or they cannot be written there.
    """
    case = await register.incident(incident)
    clocks, facts = case.incident.clocks, known_facts(case)
    filled = list(documents(facts, duties(clocks, context.policies), context))
    letters: list[PeopleLetter] = []
    if any(map(wants_copy, filled)):
        letters = list(people_letters(case, await audiences_in(batches(case, register.vault)), context))
    for one in filled:
        write(one, copy_for(one, letters, context) if wants_copy(one) else None, folder)
    announced = list(announcements(clocks, facts, context))
    for text in announced:
        write_announcement(text, folder)
    return filled, announced


def write(document: AuthorityForm, letter: Sample | None, folder: Path) -> None:
    """Write *document* into *folder*, as page and JSON, and the *letter* with it; raises as :func:`save`."""
    files = {
        f"{document.name}.html": page(document),
        f"{document.name}.json": json.dumps(plain(document), ensure_ascii=False, indent=2) + "\n",
    }
    if letter is not None:
        files[sample_name(document.filing.duty)] = letter.words("html")
    save(files, folder)


def write_announcement(text: Announcement, folder: Path) -> None:
    """Write *text* into *folder* as a page and as text; raises as :func:`save`."""
    save({f"{text.name}.html": text.body.html, f"{text.name}.txt": text.body.text}, folder)


def save(files: Mapping[str, str], folder: Path) -> None:
    """Write *files*, contents by name, into *folder*. Raises ConfigurationError if it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written ({error.strerror})") from None


def people_letters(
    case: IncidentCase, counted: Mapping[NoticeAudience, int], context: FormContext
) -> Iterator[PeopleLetter]:
    """Yield the letters to people of *case*, with the *counted* numbers, in their released words."""
    for wanted, people in counted.items():
        if wanted.to == "people":
            phase = case.incident.phases[wanted.phase - 1]
            notice = SampleNotice(
                words_of(case, phase),
                case.id,
                context.house,
                _released_at(case, phase) or context.now,
                held_by_police=phase.delayed,
                further=case.incident.has_earlier_notices(phase),
            )
            yield PeopleLetter(wanted, people, notice)


def _released_at(case: IncidentCase, phase: Phase) -> datetime | None:
    out = (at for at, fact in case.facts if isinstance(fact, NoticesReleased) and fact.phase == phase.number)
    return next(out, None)


def wants_copy(document: AuthorityForm) -> bool:
    """Return whether a copy of the letter goes with *document*."""
    return any(field.part is Part.SAMPLE for field in document.fields)


def copy_for(document: AuthorityForm, letters: Iterable[PeopleLetter], context: FormContext) -> Sample:
    """
    Return the copy that goes with *document*: the most common of *letters* under its law.

    One in English, if there is any. Before the scope is known, the letter they would get now.

    Law:
        Cal. Civ. Code § 1798.82(f), and the like: a sample copy of the notice that people get.
    """
    law = document.filing.duty.policy.id

    def rank(one: PeopleLetter) -> tuple[bool, bool, int]:
        english = one.wanted.language.partition("-")[0] == SOURCE_LANGUAGE
        return one.wanted.laws[0] == law, english, one.people

    theirs = [one for one in letters if law in one.wanted.laws]
    chosen = max(theirs, key=rank, default=None) or _expected(document, context)
    return sample(chosen.wanted, None, chosen.notice, UNNAMED)


def _expected(document: AuthorityForm, context: FormContext) -> PeopleLetter:
    """Return the letter that residents under the law of *document* would get."""
    known, policy = document.filing.known, document.filing.duty.policy
    declared, categories = known.declared, known.categories
    place = policy.scope.places[0] if policy.scope else None
    owed = laws_requiring_notice(declared.breach, place, categories, context.policies, context.company)
    laws = tuple(law.id for law in owed or (policy,))
    notice = SampleNotice(declared, known.incident, context.house, context.now, held_by_police=held(known))
    return PeopleLetter(NoticeAudience("people", laws, SOURCE_LANGUAGE, categories), 0, notice)
