"""Samples of notices, as mail, as pages with provisions and as text; facts that notices lack."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from habeas.client.breach_notices.samples import distinct_samples
from habeas.client.letters import TEMPLATES, citations, with_citations
from habeas.client.opened_incidents import IncidentOpening
from habeas.client.private_files import write_files
from services.notifier.breach.notices.missing_facts import Omission, is_written
from services.notifier.breach.notices.samples import NoticeAudience, Sample
from shared.contract.events.breaches import BreachDeclared
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


async def samples_of(opening: IncidentOpening) -> tuple[BreachDeclared, list[Sample]]:
    """Open an incident; return its newest declaration that stands, and the samples of waiting letters."""
    known = await opening.written()
    phases = known["incident"]["phases"]
    standing = [one["number"] for one in phases if one["stated"]["status"] != "withdrawn"]
    newest = await opening.declaration(standing[-1] if standing else phases[-1]["number"])
    numbers = {one["declaration"]: one["number"] for one in phases}
    said = {
        name: await opening.declaration(numbers[name])
        for name in {one["declaration"] for one in known["opened"]["waiting_letters"]}
    }
    return newest, [
        _sample(one, await opening.item(one["item"]), said[one["declaration"]])
        for one in known["opened"]["waiting_letters"]
    ]


def _sample(letter: Mapping[str, Any], message: bytes, declared: BreachDeclared) -> Sample:
    wanted = NoticeAudience(
        letter["to"],
        tuple(letter["laws"]),
        letter["language"],
        tuple(letter["categories"]),
        letter["phase"],
    )
    lacks = tuple(Omission(one["says"], one["provision"]) for one in letter["lacks"])
    return Sample(wanted, letter["people"], message, lacks, declared)


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
    files = {name: content for letter in letters for name, content in letter.files}
    write_files({**files, index.name: page.encode()}, folder)
    return index
