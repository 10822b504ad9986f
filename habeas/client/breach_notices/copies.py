"""The copy of people's letter for an authority, without personal data."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from habeas.client.breach_notices.documents import FormContext
from habeas.client.breach_notices.reader import words_of
from habeas.client.breach_notices.samples import UNNAMED, NoticeAudience, Sample, SampleNotice, sample
from habeas.client.incident_register import IncidentCase
from services.intake.breach.phases import Phase
from services.notifier.breach.notices.forms.form_filler import AuthorityForm
from services.notifier.breach.notices.outline import Part
from shared.contract.events.breaches import NoticesReleased
from shared.law.breaches import laws_requiring_notice
from shared.pages.translation import SOURCE_LANGUAGE


@dataclass(frozen=True, slots=True)
class PeopleLetter:
    """A letter to people, before or after its release."""

    wanted: NoticeAudience
    people: int
    telling: SampleNotice


def people_letters(
    case: IncidentCase, counted: Mapping[NoticeAudience, int], desk: FormContext
) -> Iterator[PeopleLetter]:
    """Yield the letters to people of *case*, with the *counted* numbers, in their released words."""
    for wanted, people in counted.items():
        if wanted.to == "people":
            phase = case.incident.phases[wanted.phase - 1]
            written_at = _released_at(case, phase) or desk.now
            telling = SampleNotice(
                words_of(case, phase),
                case.id,
                desk.house,
                written_at,
                held_by_police=phase.delayed,
                further=case.incident.has_earlier_notices(phase),
            )
            yield PeopleLetter(wanted, people, telling)


def wants_copy(document: AuthorityForm) -> bool:
    """Return whether a copy of the letter goes with *document*."""
    return any(field.part is Part.SAMPLE for field in document.fields)


def copy_for(document: AuthorityForm, letters: Iterable[PeopleLetter], desk: FormContext) -> Sample:
    """
    Return the copy that goes with *document*: the most common of *letters* under its law.

    One in English, if there is any. Before the scope is known, the letter they would get now.

    Law:
        Cal. Civ. Code § 1798.82(f), and the like: a sample copy of the notice that people get.
    """
    law = document.filing.duty.policy.id
    theirs = [one for one in letters if law in one.wanted.laws]
    chosen = max(theirs, key=lambda one: _rank(one, law), default=None) or _expected(document, desk)
    return sample(chosen.wanted, None, chosen.telling, UNNAMED)


def _rank(one: PeopleLetter, law: str) -> tuple[bool, bool, int]:
    english = one.wanted.language.partition("-")[0] == SOURCE_LANGUAGE
    return one.wanted.laws[0] == law, english, one.people


def _expected(document: AuthorityForm, desk: FormContext) -> PeopleLetter:
    """Return the letter that residents under the law of *document* would get."""
    known, policy = document.filing.known, document.filing.duty.policy
    place = policy.scope.places[0] if policy.scope else None
    owed = laws_requiring_notice(
        known.declared.breach, place, known.categories, desk.policies, desk.company
    ) or (policy,)
    laws = tuple(law.id for law in owed)
    held = known.delayed or known.held_until is not None
    telling = SampleNotice(known.declared, known.incident, desk.house, desk.now, held_by_police=held)
    return PeopleLetter(NoticeAudience("people", laws, SOURCE_LANGUAGE, known.categories), 0, telling)


def _released_at(case: IncidentCase, phase: Phase) -> datetime | None:
    out = (at for at, fact in case.facts if isinstance(fact, NoticesReleased) and fact.phase == phase.number)
    return next(out, None)
