"""Facts that a law demands and a declaration lacks. Pure: shown before the notices are approved."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.notifier.breach.notices.facts import spelt
from services.notifier.breach.notices.methods import Part, forbidden
from services.notifier.letters.languages import LANGUAGES
from services.notifier.letters.letter_models import Sender
from shared.contract.events.breaches import BreachDeclared
from shared.law.breaches import BreachedKind, BreachPolicy, NoticeRecipientKind, is_there
from shared.pages.categories import called
from shared.pages.translation import SOURCE_LANGUAGE


@dataclass(frozen=True, slots=True)
class Omission:
    """A missing fact for the staff to complete."""

    says: str
    provision: str
    """The provision that demands it."""

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.says} ({self.provision})"


NO_CUSTOMER = Omission("no customer is declared, so that none is notified", "GDPR Art. 33(2)")
"""Shown for a processor's breach that names no controller of the data."""


def missing_for_people(
    declared: BreachDeclared,
    policies: Sequence[BreachPolicy],
    categories: Iterable[str],
    language: str,
    sender: Sender,
) -> tuple[Omission, ...]:
    """Return the omissions of a notice to people in *language*; *policies*: that of the residence first."""
    theirs = tuple(categories) or declared.categories
    return (
        *_untranslated(declared, language),
        *_half_translated(declared, policies, theirs, language),
        *_unnamed(theirs, language),
        *_unprotected(declared, policies, theirs),
        *_forbidden(policies),
        *_undeclared(declared, policies, theirs, sender),
    )


def missing_for_controllers(declared: BreachDeclared, language: str) -> Iterator[Omission]:
    """Yield the omissions of a notice to customers."""
    yield from _untranslated(declared, language)
    yield from _unnamed(declared.categories, language)
    if declared.next_update_at is None and not declared.final:
        says = "the time of the next update (next_update_at) is not declared"
        yield Omission(says, "GDPR Art. 33(2), 33(4)")
    if any(not one.services for one in declared.affected.controllers):
        says = "of some customers it is not declared what they use that is affected"
        yield Omission(says, "GDPR Art. 33(2)")


def _untranslated(declared: BreachDeclared, language: str) -> Iterator[Omission]:
    if _short(language) not in LANGUAGES:
        yield Omission(f"letters are not written in {language!r}: this one is in English", "GDPR Art. 12(1)")
    if not is_written(declared, language):
        says = f"nature, consequences, measures and advice are not declared in {language!r}"
        yield Omission(f"{says}: they stand there in {declared.language!r}", "GDPR Art. 12(1), 34(2)")


def is_written(declared: BreachDeclared, language: str) -> bool:
    """Return whether the texts were declared in *language*."""
    return _short(language) == _short(declared.language) or declared.translation(language) is not None


def _half_translated(
    declared: BreachDeclared, policies: Iterable[BreachPolicy], categories: tuple[str, ...], language: str
) -> Iterator[Omission]:
    """Yield texts that are used, but not declared in *language*, though others are."""
    if _short(language) == _short(declared.language):
        return
    there = declared.translation(language)
    wanted = {said.element: said for policy in policies for said in policy.statements_for(categories)}
    late, offered = wanted.get(Part.LATE_BECAUSE), wanted.get(Part.PROTECTION)
    if late and declared.late_because and not (there and there.late_because):
        yield Omission(
            f"the reason for a delay (late_because) is not declared in {language!r}", late.provision
        )
    if offered and declared.protection and not (there and there.sign_up):
        says = f"how to sign up for the service against theft of identity (sign_up) is not in {language!r}"
        yield Omission(says, offered.provision)


def _unnamed(categories: Iterable[str], language: str) -> Iterator[Omission]:
    """Yield categories that a map added, without a name in *language*."""
    if _short(language) == SOURCE_LANGUAGE:
        return
    for category in categories:
        if called(category, _short(language)) is None:
            says = f"{category} has no name in {language!r}: it stands there as {spelt(category)!r}"
            yield Omission(says, "GDPR Art. 12(1), 34(2)")


def _short(language: str) -> str:
    return language.replace("_", "-").partition("-")[0].lower()


def _unprotected(
    declared: BreachDeclared, policies: Iterable[BreachPolicy], categories: tuple[str, ...]
) -> Iterator[Omission]:
    """
    Yield where a service against theft of identity must be offered, and is not, or for too short a time.

    Law:
        Cal. Civ. Code § 1798.82(d)(2)(G): twelve months at no cost; other States, up to two years.
    """
    offered = declared.protection.months if declared.protection else 0
    for policy in policies:
        wanted = policy.protection
        if wanted is None or offered >= wanted.months:
            continue
        if any(is_there(kind, categories) for kind in wanted.kinds):
            says = f"{wanted.months} months of service against theft of identity must be offered, free"
            yield Omission(f"{says}; the declaration offers {offered}", wanted.provision)


def _forbidden(policies: Sequence[BreachPolicy]) -> Iterator[Omission]:
    """Yield elements that the law of the residence forbids: demanded by others, or revealed by texts."""
    if not policies:
        return
    first, *others = policies
    never = forbidden(first)
    for said in (said for policy in others for said in policy.letter if said.element in never):
        yield Omission(f"{said.element} is left out: {first.name} forbids it", said.provision)
    if Part.NATURE in first.never:
        notice = first.notice(NoticeRecipientKind.PEOPLE)
        says = "measures, advice and how to sign up must not reveal the nature of the breach: read them"
        yield Omission(f"{says}; {first.name} forbids it", notice.provision if notice else first.name)


def _undeclared(
    declared: BreachDeclared,
    policies: Iterable[BreachPolicy],
    categories: tuple[str, ...],
    sender: Sender,
) -> Iterator[Omission]:
    """Yield facts that neither the declaration nor the company's profile has."""
    if not categories:
        yield Omission("what kinds of data were breached is not declared", "GDPR Art. 34(2)")
    for said in (said for policy in policies for said in policy.letter):
        if said.element is Part.OFFICER and not sender.data_protection_officer:
            yield Omission("the company names no data protection officer", said.provision)
        if said.element is Part.SENDER and not sender.postal_address:
            yield Omission("the company names no postal address", said.provision)
    if is_there(BreachedKind.CREDENTIALS, categories) and not declared.mail_domains:
        says = "passwords are part of it: where they open mailboxes that the company gives people, declare"
        yield Omission(f"{says} mail_domains, so that no notice goes there", "Cal. Civ. Code § 1798.82(j)(5)")
