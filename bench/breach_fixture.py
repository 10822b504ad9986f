"""A fictional breach with hundreds of thousands of people, sealed in batches as by scoping."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from shared.contract.affected_people import (
    MOST_IN_BATCH,
    NoticeBatch,
    NoticeRecipient,
    batch_item,
    declaration_item,
)
from shared.contract.events.breaches import BreachDeclared, NoticesReleased
from shared.runtime.vault import Vault

CATEGORIES = ("user.contact.email", "user.name")
DOMAINS = ("example.org", "example.net", "example.com")
LANGUAGES = ("en", "de")
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Breach:
    """An incident whose notices can be released."""

    incident: str
    declaration: str
    people: int
    chunks: int

    def released(self, phase: int = 1) -> NoticesReleased:
        """Return the fact that lets them go."""
        return NoticesReleased(
            request_id=self.incident, phase=phase, declaration=self.declaration, chunks=self.chunks
        )


def address(number: int) -> str:
    """Return where the person *number* gets mail."""
    return f"person{number}@{DOMAINS[number % len(DOMAINS)]}"


def declared() -> BreachDeclared:
    """Return what was declared."""
    now = datetime.now(UTC)
    return BreachDeclared(
        reference="incident-1",
        nature="Somebody copied a backup of our customer accounts. " * 3,
        consequences="You may get mail that pretends to come from us. " * 3,
        measures="We have closed the gap and changed every key. " * 3,
        advice="Change your password, and do not follow links in mail. " * 3,
        occurred_from=now - timedelta(days=3),
        detected_at=now - timedelta(days=2),
        aware_at=now - timedelta(days=1),
        categories=CATEGORIES,
        contact="Example Privacy, privacy@example.com",
        high_risk=True,
    )


def batches(people: int, size: int = MOST_IN_BATCH) -> Iterator[NoticeBatch]:
    """Yield *people* in batches of at most *size*."""
    for n, first in enumerate(range(0, people, size)):
        some = range(first, min(first + size, people))
        language = LANGUAGES[n % len(LANGUAGES)]
        yield NoticeBatch(laws=("gdpr@2018-05-25",), language=language, people=tuple(map(_person, some)))


def _person(number: int) -> NoticeRecipient:
    key = blake2b(str(number).encode(), digest_size=16).hexdigest()
    return NoticeRecipient(
        key=key, email=address(number), name=f"Person {number}", place="DE", categories=CATEGORIES
    )


async def seal(vault: Vault, people: int, *, size: int = MOST_IN_BATCH) -> Breach:
    """Seal a breach that affects so many *people*."""
    return await seal_batches(vault, batches(people, size))


async def seal_batches(vault: Vault, parts: Iterator[NoticeBatch]) -> Breach:
    """Seal a breach that affects the people of *parts*."""
    incident, event = uuid.uuid4().hex, uuid.uuid4().hex
    await vault.create(incident)
    declaration = declaration_item(event)
    await vault.seal(incident, declaration, declared().model_dump_json().encode())
    people = count = 0
    free = asyncio.Semaphore(AT_ONCE)

    async def keep(number: int, content: bytes) -> None:
        async with free:
            await vault.seal(incident, batch_item(1, number), content)

    async with asyncio.TaskGroup() as group:
        for count, part in enumerate(parts, start=1):
            people += len(part.people)
            group.create_task(keep(count - 1, part.model_dump_json().encode()))
            await asyncio.sleep(0)
    return Breach(incident, declaration, people, count)


def letters_in(log: bytes) -> Mapping[str, list[str]]:
    """Return by recipient the message ids that a sink has noted in *log*."""
    found: dict[str, list[str]] = {}
    for line in log.decode().splitlines():
        recipient, message_id = line.split(" ", 1)
        found.setdefault(recipient, []).append(message_id)
    return found
