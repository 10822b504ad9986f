"""Rules for dates in tables, for names that run into numbers, and for offices beside a recipient."""

from collections.abc import Sequence
from datetime import date

import pytest

from services.verifier.documents.bills.reader import evidence_in, kind_of, read_bill
from services.verifier.documents.results import Bill, BillKind, TextLine

DAY = date(2026, 1, 15)
HOME = ("Uferweg 1", "10115 Berlin")
RECIPIENT = ["Frau", "Erika Beispiel", *HOME]


def at(text: str, left: float, row: int) -> TextLine:
    return TextLine(text=text, box=(left, 0.05 + 0.02 * row, 0.01 * len(text), 0.015))


def column(texts: Sequence[str], left: float = 0.1, first: int = 0) -> list[TextLine]:
    return [at(text, left, first + row) for row, text in enumerate(texts) if text]


def read(*columns: Sequence[TextLine]) -> Bill:
    lines = sorted((line for lines in columns for line in lines), key=lambda line: (line.box[1], line.box[0]))
    bill = read_bill(lines)
    assert bill is not None
    return bill


def foot(text: str) -> list[TextLine]:
    return [TextLine(text=text, box=(0.1, 0.95, 0.008 * len(text), 0.01))]


@pytest.mark.parametrize("heading", ["Datum", "Belegdatum", "Valuta"])
def test_date_in_a_table_is_no_day_of_issue(heading: str) -> None:
    dates = column([heading, "12.01.2026", "13.01.2026", "14.01.2026"], 0.1, 12)
    assert read(column(RECIPIENT), dates, foot("Bank Muster AG")).issued == ()


def test_second_date_in_a_row_is_no_day_of_issue() -> None:
    first, second = column(["Datum", "12.01.2026", "13.01.2026"], 0.1, 12), [at("11.01.2026", 0.4, 13)]
    assert read(column(RECIPIENT), first, second, foot("Bank Muster AG")).issued == ()


def test_date_of_something_unknown_is_no_day_of_issue() -> None:
    odd = [at("Date d'inscription", 0.1, 12), at("12/01/2026", 0.4, 12)]
    sent = [at("Date d'envoi", 0.1, 13), at("15/01/2026", 0.4, 13)]
    assert read(column(RECIPIENT), odd, foot("Ville Exemple SA")).issued == ()
    assert read(column(RECIPIENT), odd, sent, foot("Ville Exemple SA")).issued == (DAY,)
    assert odd[0] in evidence_in(odd)


@pytest.mark.parametrize("text", ["ESTRATTO CONTO AL 15/01/2026", "Relevé de compte au 15/01/2026"])
def test_statement_bears_the_day_that_it_reaches_to(text: str) -> None:
    assert read(column([*RECIPIENT, "", text]), foot("Banca Esempio S.p.A.")).issued == (DAY,)


@pytest.mark.parametrize(
    ("text", "issuer"),
    [
        ("Norrsken Exempel AB Box 100 971 00 Luleå Org.nr 556000-0000", "Norrsken Exempel AB"),
        ("El importe se cargará el 12", ""),
        ("EL IMPORTE SE CARGA EL 12", ""),
    ],
)
def test_issuer_ends_with_its_legal_form_before_numbers(text: str, issuer: str) -> None:
    assert read(column(RECIPIENT), foot(text)).issuer == issuer


def test_name_at_the_head_that_is_the_name_of_the_site_is_the_issuer() -> None:
    head = column(["ticinofibra", "", *RECIPIENT])
    assert read(head, foot("clienti@ticinofibra.example")).issuer == "ticinofibra"
    assert read(head, foot("clienti@other.example")).issuer == ""


def test_branch_is_no_person_beside_the_recipient() -> None:
    branch = column(["Eyre Square Branch", "2 Eyre Square", "10117 Berlin"], 0.6)
    assert read(column(RECIPIENT), branch, foot("Muster Savings Bank plc")).recipient == "Erika Beispiel"


def test_address_for_returned_letters_is_the_sender_s() -> None:
    back = column(["Retouradres: Postbus 99, 8900 XX Leeuwarden", "", *RECIPIENT])
    assert read(back, foot("Stroom Proef B.V.")).addresses == 1


def test_two_titles_above_a_name_are_no_name() -> None:
    bill = read(column(["Sra. D.", "Graciete Exemplo", *HOME]), foot("Luz Exemplo, S.A."))
    assert (bill.recipient, bill.address) == ("Graciete Exemplo", HOME)


def test_house_with_a_dwelling_behind_a_hyphen_is_an_address() -> None:
    bill = read(
        column(["Dhr. J. Voorbeeld", "Havenkade 6-II", "8861 XX Harlingen"]), foot("Stroom Proef B.V.")
    )
    assert bill.address == ("Havenkade 6-II", "8861 XX Harlingen")


def test_title_that_offers_a_contract_is_of_no_bill() -> None:
    lines = column([*RECIPIENT, "", "Oferta de suministro de electricidad y gas natural", "Consumo 12 kWh"])
    assert (
        read(lines, column(["Potencia contratada"], 0.1, 12), foot("Luz Ejemplo, S.L.")).kind
        is BillKind.UNKNOWN
    )
    named = column([*RECIPIENT, "", "Oferta Estable", "Consumo 12 kWh"])
    assert (
        read(named, column(["Potencia contratada"], 0.1, 12), foot("Luz Ejemplo, S.L.")).kind
        is BillKind.UTILITY
    )


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["Termijnfactuur", "Termijnbedrag stroom"], BillKind.UTILITY),
        (["Facture", "Forfait sans fil", "Appels et textos illimités"], BillKind.TELECOM),
        (["Faktura", "Bredband", "Fast telefoni"], BillKind.TELECOM),
        (["Avertissement-extrait de rôle", "Déchets ménagers"], BillKind.TAX),
    ],
)
def test_kind_is_known_by_words_of_four_countries(texts: Sequence[str], kind: BillKind) -> None:
    assert kind_of(texts) is kind
