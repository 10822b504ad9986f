"""Samples of notices, as mail, as pages with provisions and as text; facts that notices lack."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from html import escape
from pathlib import Path

from habeas.client.breach_notices.reader import batches, waiting, words_of
from habeas.client.breach_notices.samples import audiences_in, distinct_samples
from habeas.client.incident_register import IncidentRegister
from habeas.client.letters import TEMPLATES, citations, with_citations
from services.notifier.breach.notices.mailboxes import reached
from services.notifier.breach.notices.missing_facts import is_written
from services.notifier.breach.notices.samples import Sample, SampleNotice, sample
from services.notifier.context import SenderSettings
from shared.contract.events.breaches import BreachDeclared
from shared.errors import ConfigurationError
from shared.law.breaches import BreachPolicies

DECLARED = re.compile(r'<p id="(?:nature|consequences|measures|advice)"')
"""Parts in the declared words."""


@dataclass(frozen=True, slots=True)
class SamplePreview:
    """A sample with its file names."""

    sample: Sample
    name: str
    law: str
    """Name of the first law."""
    translated: bool
    """Whether the declaration has the language of the letter."""

    @property
    def files(self) -> tuple[tuple[str, bytes], ...]:
        """Names and contents of the files."""
        return (
            (f"{self.name}.eml", self.sample.message),
            (f"{self.name}.html", self._page().encode()),
            (f"{self.name}.txt", self._text().encode()),
        )

    def _page(self) -> str:
        html = with_citations(self.sample.words("html"))
        if self.translated:
            return html
        note = f'<cite class="law">{escape(self._note())}</cite>'
        return DECLARED.sub(lambda part: note + part[0], html)

    def _text(self) -> str:
        cited = citations(self.sample.words("html"))
        lines = [f"§ {part}: {provisions}" for part, provisions in cited]
        lines += [] if self.translated else [f"! {self._note()}"]
        lines += [f"! {lack}" for lack in self.sample.lacks]
        return "\n".join((self.sample.words("plain").rstrip(), "", "=" * 8, *lines, ""))

    def _note(self) -> str:
        return f"not declared in {self.sample.wanted.language}: as declared"


async def samples_of(
    incident: str, register: IncidentRegister, sender: SenderSettings
) -> tuple[SampleNotice, list[Sample]]:
    """Return the samples of the waiting letters of *incident*, and the last notice."""
    case = await register.incident(incident)
    notice = SampleNotice(case.last, case.id, sender, datetime.now(UTC))
    samples: list[Sample] = []
    for phase in waiting(case):
        words, further = words_of(case, phase), case.incident.has_earlier_notices(phase)
        notice = replace(notice, declared=words, held_by_police=phase.delayed, further=further)
        people = batches(case, register.vault, [phase])
        counted = await audiences_in(people, partial(reached, declared=words))
        samples += [sample(one, number, notice) for one, number in counted.items()]
    return notice, samples


def shown(samples: Iterable[Sample], policies: BreachPolicies) -> list[SamplePreview]:
    """Return the different *samples* with names: a number distinguishes those of one law and language."""
    found: list[SamplePreview] = []
    for one in distinct_samples(samples):
        same = sum(other.sample.name == one.name for other in found)
        name = f"{one.name}.{same + 1}" if same else one.name
        law = policies.named(one.wanted.laws[0]).name if one.wanted.laws else "no law"
        found.append(SamplePreview(one, name, law, is_written(one.declared, one.wanted.language)))
    return found


def lacks(letters: Iterable[SamplePreview]) -> dict[str, list[str]]:
    """Return the missing facts, and the letters that lack them."""
    found: dict[str, list[str]] = {}
    for one in letters:
        for lack in one.sample.lacks:
            found.setdefault(str(lack), []).append(one.name)
    return found


def write(letters: Sequence[SamplePreview], declared: BreachDeclared, incident: str, folder: Path) -> Path:
    """Write *letters* and an index page; return it. Raises ConfigurationError if they cannot be written."""
    index = folder / "index.html"
    template = TEMPLATES.get_template("notices_index.html.jinja")
    page = template.render(letters=letters, declared=declared, incident=incident)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (file for letter in letters for file in letter.files):
            (folder / name).write_bytes(content)
        index.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written ({error.strerror})") from None
    return index
