"""Announcements of a breach to the public and to users of a service."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from babel.languages import get_official_languages

from habeas.client.breach_notices.documents import FormContext, save
from habeas.client.breach_notices.samples import UNNAMED
from services.intake.breach.duties import NotificationDue
from services.notifier.breach.notices.facts import Circumstances
from services.notifier.breach.notices.forms import IncidentFacts
from services.notifier.breach.notices.writer import Notices, words_of
from services.notifier.letters import mime
from services.notifier.letters.languages import LANGUAGES
from shared.contract.events.breaches import BreachDeclared
from shared.law.breaches import BreachPolicy, NoticeRecipientKind

TO: Mapping[str, Literal["public", "users"]] = MappingProxyType(
    {NoticeRecipientKind.PUBLIC: "public", NoticeRecipientKind.SERVICE_RECIPIENTS: "users"}
)
"""Recipients of announcements."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A text for the staff to publish or send."""

    name: str
    """``br-lgpd.public.pt``"""
    body: mime.Alternatives


def announcements(
    clocks: Iterable[NotificationDue], known: IncidentFacts, desk: FormContext
) -> Iterator[Announcement]:
    """
    Yield the announcements of owed *clocks*, in each declared language.

    Law:
        ANPD Res. 15/2024 Art. 9 § 3: in public, where individual notice is impossible. NIS2 Art. 23(1)-(2).
    """
    for clock in clocks:
        if clock.owed and clock.policy is not None and clock.recipient in TO:
            policy = desk.policies.named(clock.policy)
            for language in _languages(policy, known.declared):
                body = _body(policy, language, TO[clock.recipient], known, desk)
                yield Announcement(f"{clock.clock}.{language}", body)


def write(announcement: Announcement, folder: Path) -> None:
    """
    Write *announcement* into *folder*, as a page and as text.

    Raises ConfigurationError if it cannot be written there.
    """
    body, name = announcement.body, announcement.name
    save({f"{name}.html": body.html, f"{name}.txt": body.text}, folder)


def _body(
    policy: BreachPolicy,
    language: str,
    to: Literal["public", "users"],
    known: IncidentFacts,
    desk: FormContext,
) -> mime.Alternatives:
    held = known.delayed or known.held_until is not None
    circumstances = Circumstances(known.incident, False, held, desk.now)  # the first notice of these people
    words = words_of((policy,), language, desk.house)
    used = (one.services for one in known.declared.affected.controllers)
    services = tuple(dict.fromkeys(chain.from_iterable(used)))
    recipient = UNNAMED.model_copy(update={"categories": known.categories, "services": services})
    notices = Notices(known.declared, circumstances, (policy,), to, desk.house, words)
    return notices.body(recipient, "")


def _languages(policy: BreachPolicy, declared: BreachDeclared) -> Iterable[str]:
    """Return the languages of the law's country that letters are written in, and those of the declaration."""
    country = policy.law[:2].upper() if policy.law[2:3] == "-" else ""
    there = [one for one in get_official_languages(country) if one in LANGUAGES] if country else []
    return dict.fromkeys((*there, declared.language, *declared.translations))
