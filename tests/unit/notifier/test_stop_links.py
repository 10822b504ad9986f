"""Every letter of a request has the link that stops it."""

import quopri
from dataclasses import replace

import pytest

from services.notifier.context import Addressee, write_to
from services.notifier.letters.letter_models import LetterFacts
from shared.contract.events import LetterKind
from shared.contract.stop_links import stop_url
from shared.law import Right
from tests.unit.notifier.sample_letters import LETTERS, asked
from tests.unit.notifier.test_proofs import CASE, Outbox, notifier

KEY = b"s" * 32
LINK = stop_url("https://privacy.example.com", KEY, CASE)
WITHOUT = {
    LetterKind.FORWARDED_TO_CONTROLLER: "the controller, who did not ask, answers by a link of its own",
}
"""Letters without the link. Breach notices belong to no request, so there is nothing to stop."""
ANSWERS = frozenset({"access", "by_hand", "erasure", "done", "refusal"})


class Forms(Outbox):
    """Keeps sent letters, with both forms apart."""

    async def send(self, letter: str, recipient: str, message: bytes, *_: str) -> object:  # type: ignore[override]
        self.raw = message
        return await super().send(letter, recipient, message)

    def contain(self, text: str) -> list[bool]:
        plain, html = self.raw.split(b"text/html", 1)
        return [text in quopri.decodestring(form).decode() for form in (plain, html)]


def kinds_of(facts: LetterFacts) -> list[LetterKind]:
    """Return the kinds of letters with *facts*; a refusal is an answer, or a letter of its own."""
    if facts.kind == "refusal":
        return [LetterKind.REFUSAL, LetterKind.OUTCOME]
    return [LetterKind.OUTCOME if facts.kind in ANSWERS else LetterKind(facts.kind)]


SPECIMENS = [(kind, name) for name, facts in LETTERS.items() for kind in kinds_of(facts)]


async def written(kind: LetterKind, name: str) -> Forms:
    forms = Forms()
    ctx = await notifier(forms, asked(Right.ACCESS))
    ctx = replace(ctx, house=replace(ctx.house, stop_key=KEY))
    addressee = Addressee("kim@example.org", "Kim Beispiel", "en", referenced=False)
    await write_to(addressee, kind, LETTERS[name], ("gdpr@2018-05-25",), ctx)
    return forms


def test_every_kind_of_letter_has_a_specimen() -> None:
    assert {kind for kind, _ in SPECIMENS} == set(LetterKind)


@pytest.mark.parametrize(("kind", "name"), SPECIMENS)
async def test_letter_has_the_link_that_stops_its_request(kind: LetterKind, name: str) -> None:
    forms = await written(kind, name)
    assert forms.contain(LINK) == [kind not in WITHOUT] * 2
