"""Documents for authorities and texts for the public, sealed for the account that opened an incident."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from services.notifier.breach.notices.documents import FormContext, announcements, documents, duties
from services.notifier.breach.notices.forms import page
from shared.contract.breach_facts import FACTS, FILING, FilingFacts
from shared.contract.events import Fact
from shared.contract.events.breaches import FilingsAsked, FilingsWritten, WrittenFiling
from shared.contract.ports import VaultPort


class FilingWriter(Protocol):
    """The vault, and the settings of documents."""

    @property
    def vault(self) -> VaultPort:
        """Return the vault."""

    def forms(self) -> FormContext:
        """Return company, moment and laws of documents."""


async def write_filings(event: FilingsAsked, ctx: FilingWriter) -> Sequence[Fact]:
    """Seal the document of each duty, and the texts that a law wants published."""
    facts = FilingFacts.unpacked(await ctx.vault.open(event.request_id, event.facts))
    moment, filings = event.facts.removeprefix(FACTS), []
    for number, (name, text, missing) in enumerate(_written(facts, ctx.forms())):
        item = f"{FILING}{moment}_{number}"
        await ctx.vault.seal(event.request_id, item, text.encode())
        filings.append(WrittenFiling(name=name, item=item, missing=missing))
    return [FilingsWritten(request_id=event.request_id, filings=tuple(filings))]


def _written(facts: FilingFacts, context: FormContext) -> Iterator[tuple[str, str, int]]:
    """Yield name, page and number of missing statements of each document and text."""
    for form in documents(facts.known, duties(facts.duties, context.policies), context):
        yield form.name, page(form), len(form.missing)
    for text in announcements(facts.duties, facts.known, context):
        yield text.name, text.body.html, 0
