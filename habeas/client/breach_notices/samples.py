"""Sample letters of a breach: one for each set of laws, language and categories, to fictional people."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from services.fulfillment.breach.affected import PEOPLE, AffectedPerson, merge_people
from services.fulfillment.breach.obligations import Judge, NoticeGroup, PolicyEditions
from services.fulfillment.breach.search import listed_in
from services.notifier.breach.notices.mailboxes import reached
from services.notifier.breach.notices.samples import NoticeAudience, Sample
from shared.contract.events.breaches import BreachDeclared, BreachRole
from shared.law import CompanyProfile


def distinct_samples(samples: Iterable[Sample]) -> list[Sample]:
    """Return *samples* without equal letters, by law and language, the most common first."""
    same: dict[Hashable, Sample] = {}
    for one in samples:
        wanted, said = one.wanted, (one.words("plain"), one.words("html"), one.lacks)
        key = (wanted.to, wanted.laws, wanted.language, wanted.phase, said)
        same[key] = _together(same[key], one) if key in same else one
    return sorted(same.values(), key=lambda one: (one.name, one.wanted.phase, -(one.people or 0)))


def _together(first: Sample, other: Sample) -> Sample:
    """Return one sample of two with equal letters."""
    people = None if first.people is None or other.people is None else first.people + other.people
    categories = tuple(sorted({*first.wanted.categories, *other.wanted.categories}))
    return replace(first, wanted=replace(first.wanted, categories=categories), people=people)


def audiences_of(
    declared: BreachDeclared, places: Sequence[str], languages: Sequence[str], law: PolicyEditions
) -> Iterator[NoticeAudience]:
    """
    Yield the audiences of what is *declared*, before the scope is known.

    Without *places*, those of the listed people or of the company count; without *languages*, the declared
    ones. Without both, and with all people listed, these are exactly the later audiences.
    """
    if declared.affected.list and not (places or languages or declared.affected.collections):
        letters, judge = LetterCounter(declared), Judge(declared, law)
        for one in merge_people(listed_in(declared, tagged=False), str).values():
            letters.add(judge.group_of(one), one)
        yield from letters.counted
        yield from _customers(declared, law)
        return
    spoken = tuple(languages) or (declared.language, *declared.translations)
    for place in places or _places(declared, law.company):
        if ids := law.owed(declared, place, declared.categories):
            yield from (NoticeAudience("people", ids, language, declared.categories) for language in spoken)
    yield from _customers(declared, law)


@dataclass
class LetterCounter:
    """A counter of letters to people and customers, without those lacking a good address."""

    declared: BreachDeclared
    counted: Counter[NoticeAudience] = field(default_factory=Counter)
    unsafe: int = 0
    """People with a forbidden or invalid address."""

    def add(self, group: NoticeGroup, affected: AffectedPerson) -> None:
        """Count the letter to the *affected* person of *group*, if there is one."""
        person = affected.reached("")
        if not group.notified or person.email is None:
            return
        if reached(person, self.declared):
            about = (person.categories, 1, person.services)
            self.counted[NoticeAudience(group.to, group.laws, group.language, *about)] += 1
        elif group.to == PEOPLE:
            self.unsafe += affected.people


def _customers(declared: BreachDeclared, law: PolicyEditions) -> Iterator[NoticeAudience]:
    """Yield the customers to be notified by a processor under its laws."""
    laws = law.to_customers(declared)
    if declared.role is not BreachRole.PROCESSOR or not laws:
        return
    audiences = {(one.locale, one.services): None for one in declared.affected.controllers}
    for language, used in audiences:
        yield NoticeAudience("controllers", laws, language, declared.categories, services=used)


def _places(declared: BreachDeclared, company: CompanyProfile) -> Iterable[str]:
    listed = (one.residence for one in declared.affected.list if one.residence)
    found = [f"{one.country}-{one.subdivision}" if one.subdivision else one.country for one in listed]
    return dict.fromkeys(found) or company.places
