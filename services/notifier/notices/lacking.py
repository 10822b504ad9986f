"""What a declaration lacks of what a law wants told. Pure: said before anybody approves of a notice."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.notifier.facts import Sender
from services.notifier.notices.manners import forbidden
from services.notifier.notices.outline import Part
from services.notifier.wording import LANGUAGES
from shared.incidents import BreachDeclared
from shared.law.breaches import BreachPolicy, Kind, Recipient, is_there


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that somebody should see to."""

    says: str
    provision: str
    """What wants it."""

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.says} ({self.provision})"


def lacks_for_people(
    declared: BreachDeclared,
    policies: Sequence[BreachPolicy],
    categories: Iterable[str],
    language: str,
    sender: Sender,
) -> tuple[Lack, ...]:
    """
    Return what a notice to people lacks.

    Args:
        declared: What they are told.
        policies: The laws that want them told, that of the residence first.
        categories: What of theirs was breached.
        language: What they read.
        sender: Who tells it.
    """
    theirs = tuple(categories) or declared.categories
    return (
        *_untranslated(declared, language),
        *_unprotected(declared, policies, theirs),
        *_forbidden(policies),
        *_given_away(policies),
        *_unspecified(theirs),
        *_unreachable(policies, sender),
        *_mailboxes(declared, theirs),
    )


def lacks_for_controllers(declared: BreachDeclared, language: str) -> tuple[Lack, ...]:
    """Return what a notice to customers lacks."""
    return (*_untranslated(declared, language), *_open_ended(declared))


def _untranslated(declared: BreachDeclared, language: str) -> Iterator[Lack]:
    if _short(language) not in LANGUAGES:
        yield Lack(f"letters are not written in {language!r}: this one is in English", "GDPR Art. 12(1)")
    if not is_written(declared, language):
        says = f"nature, consequences, measures and advice are not declared in {language!r}"
        yield Lack(f"{says}: they stand there in {declared.language!r}", "GDPR Art. 12(1), 34(2)")


def is_written(declared: BreachDeclared, language: str) -> bool:
    """Tell whether what is told was declared in *language*."""
    written = {_short(one) for one in (declared.language, *declared.translations)}
    return _short(language) in written


def _short(language: str) -> str:
    return language.replace("_", "-").partition("-")[0].lower()


def _unprotected(
    declared: BreachDeclared, policies: Iterable[BreachPolicy], categories: tuple[str, ...]
) -> Iterator[Lack]:
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
            yield Lack(f"{says}; the declaration offers {offered}", wanted.provision)


def _forbidden(policies: Sequence[BreachPolicy]) -> Iterator[Lack]:
    """Yield what one law wants told and that of the residence forbids."""
    if not policies:
        return
    first, *others = policies
    never = forbidden(first)
    for said in (said for policy in others for said in policy.letter if said.element in never):
        yield Lack(f"{said.element} is not told: {first.name} forbids it", said.provision)


def _given_away(policies: Sequence[BreachPolicy]) -> Iterator[Lack]:
    """Yield that what was declared beside the nature of the breach may tell it, where a law forbids that."""
    for policy in policies[:1]:
        if Part.NATURE in policy.never:
            says = "measures, advice and how to sign up must not tell the nature of the breach: read them"
            yield Lack(f"{says}; {policy.name} forbids it", _provision(policy))


def _provision(policy: BreachPolicy) -> str:
    notice = policy.notice(Recipient.PEOPLE)
    return notice.provision if notice else policy.name


def _unspecified(categories: tuple[str, ...]) -> Iterator[Lack]:
    if not categories:
        yield Lack("what kinds of data were breached is not declared", "GDPR Art. 34(2)")


def _unreachable(policies: Iterable[BreachPolicy], sender: Sender) -> Iterator[Lack]:
    for said in (said for policy in policies for said in policy.letter):
        if said.element is Part.OFFICER and not sender.data_protection_officer:
            yield Lack("the company names no data protection officer", said.provision)
        if said.element is Part.SENDER and not sender.postal_address:
            yield Lack("the company names no postal address", said.provision)


def _mailboxes(declared: BreachDeclared, categories: tuple[str, ...]) -> Iterator[Lack]:
    if is_there(Kind.CREDENTIALS, categories) and not declared.mail_domains:
        says = "passwords are part of it: where they open mailboxes that the company gives people, declare"
        yield Lack(f"{says} mail_domains, so that no notice goes there", "Cal. Civ. Code § 1798.82(j)(5)")


def _open_ended(declared: BreachDeclared) -> Iterator[Lack]:
    if declared.next_update_at is None and not declared.final:
        yield Lack("it is not declared when more is told (next_update_at)", "GDPR Art. 33(2), 33(4)")
    if any(not one.services for one in declared.affected.controllers):
        yield Lack("of some customers it is not declared what they use that is affected", "GDPR Art. 33(2)")
