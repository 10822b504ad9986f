"""Letters cite the reader's laws alone; of other laws only the company's duty to keep records, named so."""

import re
from collections.abc import Iterator

import pytest

from habeas.client import specimens
from services.notifier.letters.composer import render
from services.notifier.letters.letter_models import form_of
from shared.law import LetterForm, Policy
from shared.law.library import policies
from tests.unit.notifier.sample_letters import SENDER

NEWEST = {policy.law: policy for policy in policies()}
PLACE = r"(?:Art\.|art\.|Sch\.|Rules?|Principle|recital|regs?\.|s{1,2}\.|§{1,2}|\d)"
OURS = frozenset({"Our policy", "Common model of the laws of the States"})


def cited(law: Policy) -> Iterator[str]:
    """Yield the provisions of *law* without those of models that are no law of their own."""
    for _, value in law.located_values():
        yield from value.provision.split("; ")


def prefix(provision: str) -> str:
    return re.split(rf" {PLACE}", provision)[0].rstrip(",")


PREFIXES = {
    name: {prefix(one) for one in cited(law) if one not in OURS and not one.startswith("11 CCR §")}
    for name, law in NEWEST.items()
}
"""Law → names that its provisions begin with; rights against a sale are granted to all, under 11 CCR."""


@pytest.mark.slow
@pytest.mark.parametrize("law", NEWEST)
def test_letter_cites_no_law_of_another_reader(law: str) -> None:
    foreign = {name for own in PREFIXES.values() for name in own} - PREFIXES[law]
    assert len(foreign) > 10
    pattern = re.compile(rf"(?<!UK )\b(?:{'|'.join(map(re.escape, foreign))}),? {PLACE}\S*")
    for name, facts in specimens.LETTERS.items():
        letter = render(specimens.letter(facts, (NEWEST[law],), "en"), SENDER)
        assert pattern.findall(letter.html) == [], name
        assert pattern.findall(letter.text) == [], name


def test_every_letter_is_among_them() -> None:
    assert {form_of(facts) for facts in specimens.LETTERS.values()} == set(LetterForm)
