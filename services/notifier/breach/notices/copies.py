"""Copies of people's letters that go with documents for authorities, without personal data."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.notifier.breach.notices.documents import FormContext, held
from services.notifier.breach.notices.forms import AuthorityForm
from services.notifier.breach.notices.methods import Part
from services.notifier.breach.notices.samples import UNNAMED, NoticeAudience, Sample, SampleNotice, sample
from shared.contract.breach_facts import PhaseLetters
from shared.contract.events.breaches import BreachDeclared
from shared.law.breaches import laws_requiring_notice
from shared.pages.translation import SOURCE_LANGUAGE


@dataclass(frozen=True, slots=True)
class CountedLetter:
    """A kind of letter, before or after its release."""

    wanted: NoticeAudience
    people: int
    notice: SampleNotice


def notice_for(
    phase: PhaseLetters, declared: BreachDeclared, incident: str, context: FormContext
) -> SampleNotice:
    """Return the notice of *phase* in the words of *declared*, as it went out, or would go out now."""
    return SampleNotice(
        declared,
        incident,
        context.house,
        phase.out_at or context.now,
        held_by_police=phase.delayed,
        further=phase.further,
    )


def wants_copy(document: AuthorityForm) -> bool:
    """Return whether a copy of the letter goes with *document*."""
    return any(field.part is Part.SAMPLE for field in document.fields)


def copy_for(document: AuthorityForm, letters: Iterable[CountedLetter], context: FormContext) -> Sample:
    """
    Return the copy that goes with *document*: the most common of *letters* under its law.

    One in English, if there is any. Before the scope is known, the letter they would get now.

    Law:
        Cal. Civ. Code § 1798.82(f), and the like: a sample copy of the notice that people get.
    """
    law = document.filing.duty.policy.id

    def rank(one: CountedLetter) -> tuple[bool, bool, int]:
        english = one.wanted.language.partition("-")[0] == SOURCE_LANGUAGE
        return one.wanted.laws[0] == law, english, one.people

    theirs = [one for one in letters if one.wanted.to == "people" and law in one.wanted.laws]
    chosen = max(theirs, key=rank, default=None) or _expected(document, context)
    return sample(chosen.wanted, None, chosen.notice, UNNAMED)


def _expected(document: AuthorityForm, context: FormContext) -> CountedLetter:
    """Return the letter that residents under the law of *document* would get."""
    known, policy = document.filing.known, document.filing.duty.policy
    declared, categories = known.declared, known.categories
    place = policy.scope.places[0] if policy.scope else None
    owed = laws_requiring_notice(declared.breach, place, categories, context.policies, context.company)
    laws = tuple(law.id for law in owed or (policy,))
    notice = SampleNotice(declared, known.incident, context.house, context.now, held_by_police=held(known))
    return CountedLetter(NoticeAudience("people", laws, SOURCE_LANGUAGE, categories), 0, notice)
