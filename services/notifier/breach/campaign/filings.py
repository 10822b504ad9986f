"""
Documents for authorities, texts for the public and samples of waiting letters, for the opened incident.

They are sealed for the account that opened it. An authority may get a copy of people's letter.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.notifier.breach.campaign.checks import kinds_of_letters, missing_in
from services.notifier.breach.notices.copies import CountedLetter, copy_for, notice_for, wants_copy
from services.notifier.breach.notices.documents import (
    FormContext,
    announcements,
    documents,
    duties,
    sample_name,
)
from services.notifier.breach.notices.forms import page, plain
from services.notifier.breach.notices.samples import sample
from shared.contract.breach_facts import FACTS, FILE, FILING, FilingFacts, PhaseLetters
from shared.contract.events import Code, Fact, RequestId
from shared.contract.events.breaches import (
    BreachDeclared,
    FilingFile,
    FilingsAsked,
    FilingsWritten,
    WrittenFiling,
    WrittenLetter,
)
from shared.contract.ports import VaultPort


class FilingWriter(Protocol):
    """The vault, and the settings of documents."""

    @property
    def vault(self) -> VaultPort:
        """Return the vault."""

    def forms(self) -> FormContext:
        """Return company, moment and laws of documents."""


@dataclass(slots=True)
class OpenedFiles:
    """What is sealed at one opening of an incident."""

    incident: RequestId
    moment: str
    vault: VaultPort
    filings: list[WrittenFiling] = field(default_factory=list)
    files: list[FilingFile] = field(default_factory=list)
    letters: list[WrittenLetter] = field(default_factory=list)
    sealed: int = 0

    async def seal(self, content: str | bytes, suffix: str = "") -> Code:
        """Seal *content*; return its name in the vault."""
        item = f"{FILING}{self.moment}_{self.sealed}{suffix}"
        await self.vault.seal(self.incident, item, content.encode() if isinstance(content, str) else content)
        self.sealed += 1
        return item

    async def add_filing(self, name: str, html: str, missing: int = 0) -> None:
        """Add a document or text as a page."""
        self.filings.append(WrittenFiling(name=name, item=await self.seal(html), missing=missing))

    async def add_file(self, name: str, content: str) -> None:
        """Add a file, once by its *name*."""
        if name not in {one.name for one in self.files}:
            self.files.append(FilingFile(name=name, item=await self.seal(content, FILE)))


async def write_filings(event: FilingsAsked, ctx: FilingWriter) -> Sequence[Fact]:
    """Seal the document of each duty, the texts that a law wants published, and the letters that wait."""
    facts = FilingFacts.unpacked(await ctx.vault.open(event.request_id, event.facts))
    files = OpenedFiles(event.request_id, event.facts.removeprefix(FACTS), ctx.vault)
    context = ctx.forms()
    counted = [(phase, one) for phase in facts.phases async for one in _counted(phase, files, context)]
    await _write_documents(facts, [one for _, one in counted], files, context)
    for phase, one in counted:
        if phase.waits:
            await _write_letter(phase, one, files)
    return [
        FilingsWritten(
            request_id=event.request_id,
            filings=tuple(files.filings),
            files=tuple(files.files),
            letters=tuple(files.letters),
        )
    ]


async def _write_documents(
    facts: FilingFacts, letters: Sequence[CountedLetter], files: OpenedFiles, context: FormContext
) -> None:
    for form in documents(facts.known, duties(facts.duties, context.policies), context):
        await files.add_filing(form.name, page(form), len(form.missing))
        await files.add_file(f"{form.name}.json", json.dumps(plain(form), ensure_ascii=False, indent=2))
        if wants_copy(form):
            copy = copy_for(form, letters, context)
            await files.add_file(sample_name(form.filing.duty), copy.words("html"))
    for text in announcements(facts.duties, facts.known, context):
        await files.add_filing(text.name, text.body.html)
        await files.add_file(f"{text.name}.txt", text.body.text)


async def _counted(
    phase: PhaseLetters, files: OpenedFiles, context: FormContext
) -> AsyncIterator[CountedLetter]:
    """Yield the kinds of letters of *phase*, the most frequent first."""
    sealed = await files.vault.open(files.incident, phase.declaration)
    declared = BreachDeclared.model_validate_json(sealed)
    notice = notice_for(phase, declared, files.incident, context)
    for wanted, people in await kinds_of_letters(phase.scoped, files.vault):
        yield CountedLetter(wanted, people, notice)


async def _write_letter(phase: PhaseLetters, one: CountedLetter, files: OpenedFiles) -> None:
    """Seal a sample of a letter as a mail."""
    made = sample(one.wanted, one.people, one.notice)
    files.letters.append(
        WrittenLetter(
            phase=phase.scoped.phase,
            declaration=phase.declaration,
            to=one.wanted.to,
            laws=one.wanted.laws,
            language=one.wanted.language,
            categories=one.wanted.categories,
            people=one.people,
            lacks=missing_in(made),
            item=await files.seal(made.message, FILE),
        )
    )
