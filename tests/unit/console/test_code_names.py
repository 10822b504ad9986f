"""Every code that cases show has a name, in German too."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from services.console import labels
from services.console.http.queries import FigureView
from services.console.pages.figures import name_of
from services.console.pages.lists import law_choices
from services.console.pages.site import CATALOGUES
from services.console.read_model.figures import FigureField, FigureLine, FigurePeriod
from services.fulfillment.package.handlers import BLACKED_OUT
from services.fulfillment.recipients.handlers import NO_WAY_AGREED
from services.intake.channels.email.sender_checks import MailExclusion
from services.verifier import documents, domain
from services.verifier.documents.cards.comparison import MachineSource
from services.verifier.documents.results import FileFlaw
from shared.contract.codes import CodeVerdict
from shared.law import ReasonCode
from shared.law.library import policies
from shared.vocabulary import (
    ReferralReason,
    RefusalGround,
    RefusalReason,
    Remedy,
    StopReason,
    WithholdingGround,
)

GERMAN = CATALOGUES.words("de")
EMITTED = {
    *ReasonCode,
    *ReferralReason,
    *RefusalGround,
    *RefusalReason,
    *WithholdingGround,
    *StopReason,
    *Remedy,
    *FileFlaw,
    *MailExclusion,
    *(verdict for verdict in CodeVerdict if verdict is not CodeVerdict.MATCHED),
    *domain.UNDECIDED,
    *domain.ANOTHER_PERSON,
    *(f"{source}_print_mismatch" for source in MachineSource),
    *(domain.TOO_MANY_CODES, domain.CODE_BY_MAIL, BLACKED_OUT, NO_WAY_AGREED),
}


def unnamed(codes: Iterable[str]) -> list[str]:
    """Return those of *codes* that pages show as words, or in English to readers of German."""
    names = {str(code): labels.named(code) for code in codes}
    return sorted(
        code for code, name in names.items() if name == labels.plain(code) or name not in GERMAN.sentences
    )


def reasons_of_checks() -> Iterator[str]:
    """Yield the reasons that checks of documents state literally."""
    for module in Path(str(documents.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if getattr(getattr(node, "func", None), "attr", "") in {"failed", "unsure"}:
                assert isinstance(node, ast.Call)
                yield from (str(one.value) for one in node.args[1:] if isinstance(one, ast.Constant))


def test_codes_of_events_have_a_name_in_german() -> None:
    assert unnamed(EMITTED) == []


@pytest.mark.slow
def test_reasons_of_document_checks_have_a_name_in_german() -> None:
    found = set(reasons_of_checks())
    assert "bill_recipient_missing" in found
    assert unnamed(found) == []


def test_laws_have_their_names_with_and_without_an_edition() -> None:
    assert labels.law("gdpr@2018-05-25") == labels.law("gdpr") != "gdpr"
    assert [one.id for one in policies() if labels.law(one.id) == one.id] == []
    assert labels.law("no-law") == "no-law"


def test_laws_of_the_filter_have_names_in_their_order() -> None:
    assert law_choices(["us-ca-ccpa", "gdpr"], GERMAN) == [
        ("gdpr", "Datenschutz-Grundverordnung (DSGVO)"),
        ("us-ca-ccpa", "Kalifornisches Verbraucherdatenschutzgesetz (CCPA)"),
    ]


def test_figures_by_law_show_its_name_and_by_ground_the_ground() -> None:
    def shown(divided: FigureField, name: str) -> str:
        return GERMAN.say(name_of(FigureView(2026, FigurePeriod.YEAR, divided), FigureLine(name)))

    assert shown(FigureField.LAW, "gdpr") == "Datenschutz-Grundverordnung (DSGVO)"
    assert shown(FigureField.GROUND, BLACKED_OUT) == "Daten über andere Personen sind geschwärzt"


def test_identities_have_names() -> None:
    assert GERMAN.say(labels.field("phone_number")) == "Telefon"
