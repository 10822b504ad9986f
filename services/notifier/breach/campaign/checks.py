"""
Checks of the letters of a phase before their approval: the statements that they lack, and samples.

One sample for each kind of letter, with all data that was found breached, to a fictional person. The text of
the declaration is confidential: samples lie sealed, with the incident.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from services.notifier.breach.notices.samples import NoticeAudience, Sample, SampleNotice, sample
from shared.contract.affected_people import NoticeBatch, batch_item
from shared.contract.events import Fact
from shared.contract.events.breaches import (
    BreachDeclared,
    BreachScoped,
    CheckedLetter,
    MissingStatement,
    NoticesChecked,
    SamplesAsked,
)
from shared.contract.ports import VaultPort

MOST_KINDS = 200
"""Kinds of letters that are checked; the most frequent first."""
MOST_BATCHES = 20
"""Batches of customers that are read; customers of one batch get the same kinds of letters."""


class SampleWriter(Protocol):
    """The vault, and what letters of the incident say besides the declaration."""

    @property
    def vault(self) -> VaultPort:
        """Return the vault."""

    def notice(self, declared: BreachDeclared) -> SampleNotice:
        """Return the notice in the words of *declared*."""


async def check_notices(event: BreachScoped, ctx: SampleWriter) -> Sequence[Fact]:
    """Seal a sample of each kind of letter of a phase, and report what it lacks."""
    if event.declaration is None or not event.chunks:
        return []
    sealed = await ctx.vault.open(event.request_id, event.declaration)
    declared = BreachDeclared.model_validate_json(sealed)
    letters = []
    for number, (wanted, people) in enumerate(await kinds_of_letters(event, ctx.vault)):
        made = sample(wanted, people, ctx.notice(declared))
        item = f"sample_{event.phase}_{number}"
        await ctx.vault.seal(event.request_id, item, made.words("html").encode())
        letters.append(_checked(made, people, item))
    return [NoticesChecked(request_id=event.request_id, phase=event.phase, letters=tuple(letters))]


async def write_samples(event: SamplesAsked, ctx: SampleWriter) -> Sequence[Fact]:
    """Seal a sample of each kind of letter in the language that an opening asks for."""
    sealed = await ctx.vault.open(event.request_id, event.declaration)
    declared, language = BreachDeclared.model_validate_json(sealed), event.language
    letters = []
    for number, laws in enumerate(event.laws[:MOST_KINDS]):
        wanted = NoticeAudience("people", laws, language, event.categories, event.phase)
        made = sample(wanted, None, ctx.notice(declared))
        item = f"sample_{event.phase}_{number}_{language.replace('-', '_').lower()}"
        await ctx.vault.seal(event.request_id, item, made.words("html").encode())
        letters.append(_checked(made, 0, item))
    checked = NoticesChecked(request_id=event.request_id, phase=event.phase, letters=tuple(letters))
    return [checked.model_copy(update={"language": language})]


async def kinds_of_letters(scoped: BreachScoped, vault: VaultPort) -> list[tuple[NoticeAudience, int]]:
    """Return the kinds of letters of a phase with their numbers, the most frequent first."""
    return (_to_people(scoped) + await _to_customers(scoped, vault)).most_common(MOST_KINDS)


def missing_in(made: Sample) -> tuple[MissingStatement, ...]:
    """Return the statements that a sample lacks."""
    return tuple(MissingStatement(says=one.says, provision=one.provision) for one in made.lacks)


def _to_people(event: BreachScoped) -> Counter[NoticeAudience]:
    counted: Counter[NoticeAudience] = Counter()
    for group in event.groups:
        if group.laws:
            wanted = NoticeAudience("people", group.laws, group.language, event.categories, event.phase)
            counted[wanted] += group.people + group.again - group.unreachable
    return +counted


async def _to_customers(event: BreachScoped, vault: VaultPort) -> Counter[NoticeAudience]:
    counted: Counter[NoticeAudience] = Counter()
    for number in range(min(event.chunks, MOST_BATCHES) if event.customers else 0):
        try:
            sealed = await vault.open(event.request_id, batch_item(event.phase, number))
        except KeyError:  # the phase was withdrawn by now
            return counted
        batch = NoticeBatch.model_validate_json(sealed)
        group = (batch.to, batch.laws, batch.language)
        people = batch.people if batch.to == "controllers" else ()
        counted.update(NoticeAudience(*group, one.categories, event.phase, one.services) for one in people)
    return counted


def _checked(made: Sample, people: int, item: str) -> CheckedLetter:
    wanted = made.wanted
    return CheckedLetter(
        to=wanted.to,
        laws=wanted.laws,
        language=wanted.language,
        people=people,
        lacks=missing_in(made),
        item=item,
    )
