"""A bill proves an address where its kind, its date, its recipient and that person's block all say so."""

import io
from collections.abc import Sequence
from datetime import date

import numpy as np
import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

from services.verifier.documents.bills.checks import bill_checks, persons_of
from services.verifier.documents.bills.reader import evidence_in, kind_of, read_bill
from services.verifier.documents.results import Bill, BillKind, CheckResult, TextLine, reasons_of
from services.verifier.documents.text import read_lines

TODAY = date(2026, 2, 20)
ISSUED = date(2026, 1, 15)
LEFT, RIGHT, HIGH = 0.1, 0.6, 0.015


def page(left: Sequence[str], right: Sequence[str] = (), table: Sequence[str] = ()) -> list[TextLine]:
    """Return lines as a reader finds them: two columns, and a table below. Empty lines are gaps."""
    found = [
        TextLine(text=text, box=(x, 0.05 + 0.02 * row, 0.012 * len(text), HIGH))
        for x, column in ((LEFT, left), (RIGHT, right))
        for row, text in enumerate(column)
        if text
    ]
    below = 0.05 + 0.02 * (max(len(left), len(right)) + 1)
    for row, line in enumerate(table):
        cells = line.split("|")
        found += [
            TextLine(text=cell.strip(), box=(LEFT + 0.27 * column, below + 0.02 * row, 0.2, HIGH))
            for column, cell in enumerate(cells)
        ]
    return sorted(found, key=lambda line: (round(line.box[1], 3), line.box[0]))


GERMAN = page(
    ["Stadtwerke Beispielstadt GmbH · Energieweg 1 · 12345 Beispielstadt", "", "Frau", "Erika Beispiel",
     "Musterstraße 12", "12345 Beispielstadt"],
    ["Kundennummer 4711", "Rechnungsdatum", "15.01.2026", "", "Fällig am 03.02.2026"],
    ["Ihre Stromrechnung", "Abrechnungszeitraum 01.01.2025 - 31.12.2025", "Zählernummer 99 123 | 2.431 kWh",
     "Arbeitspreis|0,31 EUR", "Der Betrag wird am 10.02.2026 abgebucht."],
)  # fmt: skip
FRENCH = page(
    ["Énergie Fictive SA", "1 boulevard Imaginaire", "69001 LYON"],
    ["", "", "", "", "M. Jean-Luc Exemple", "12, rue de la Fiction", "75001 PARIS", "",
     "Lyon, le 15 janvier 2026"],
    ["Votre facture d'électricité", "Échéance : 5 février 2026", "Point de livraison 123",
     "Consommation du 1er novembre 2025 au 31 décembre 2025 | 812 kWh", "Compteur n° 77"],
)  # fmt: skip
SPANISH = page(
    ["Luz Inventada S.L.U.", "Gran Vía 1", "28013 Madrid", "", "Titular: Carmen Ejemplo Modelo",
     "Calle Ficticia, 5, 2º A", "28013 Madrid"],
    ["Fecha de emisión: 15/01/2026", "Vencimiento: 01/02/2026"],
    ["Factura de electricidad", "CUPS ES0000", "Potencia contratada | 3,45 kW",
     "Energía consumida | 212 kWh"],
)  # fmt: skip
ENGLISH = page(
    ["Example Water Ltd", "1 Fictional Row", "Leeds LS1 1AA", "", "Mr John & Mrs Jane Sample", "Flat 3",
     "10 Example Road", "London SW1A 1AA"],
    ["Bill date: 15 January 2026", "Payment due: 1 February 2026"],
    ["Your water bill", "Meter number 551", "Meter reading 12 October 2025 | 134",
     "Standing charge | £12.00"],
)  # fmt: skip
AMERICAN = page(
    ["Example Power LLC", "500 Utility Ave", "Salem, OR 97301", "", "JOHN Q SAMPLE", "123 N MAIN ST APT 4B",
     "SPRINGFIELD, IL 62704"],
    ["Statement Date", "02/03/2026", "Due Date", "02/24/2026"],
    ["Meter number 1 | 640 kWh", "Billing period 12/28/2025 - 01/28/2026"],
)  # fmt: skip
CARD = page(
    ["Banque Exemple", "2 quai Inventé", "75002 PARIS", "", "Mme Anne Fictive", "8 allée des Tests",
     "33000 BORDEAUX"],
    ["Relevé de carte", "Date d'émission : 15/01/2026", "Date de naissance : 02/02/1990"],
    ["Encours carte | 250,00 EUR", "Nouveau solde | 250,00", "Carte bancaire n° **** 1234"],
)  # fmt: skip
INVOICE = page(
    ["Beispiel Handel GmbH", "Ladenweg 1", "12345 Beispielstadt", "", "Erika Beispiel", "Musterstraße 12",
     "12345 Beispielstadt"],
    ["Rechnungsdatum 15.01.2026"],
    ["Rechnung", "Artikelnummer | Menge | Einzelpreis", "Stromzähler | 2 | 30,00 EUR",
     "Zwischensumme | 60,00 EUR"],
)  # fmt: skip


HOME = "Musterstraße 12, 12345 Beispielstadt"


def read(lines: Sequence[TextLine]) -> Bill:
    bill = read_bill(lines)
    assert bill is not None
    return bill


@pytest.mark.parametrize(
    ("lines", "kind", "recipient", "name", "address"),
    [
        pytest.param(GERMAN, BillKind.UTILITY, "Erika Beispiel", "Erika Beispiel",
                     "Musterstr. 12, 12345 Beispielstadt", id="German"),
        pytest.param(FRENCH, BillKind.UTILITY, "M. Jean-Luc Exemple", "Jean-Luc Exemple",
                     "12 rue de la Fiction, 75001 Paris", id="French"),
        pytest.param(SPANISH, BillKind.UTILITY, "Carmen Ejemplo Modelo", "Carmen Ejemplo Modelo",
                     "C/ Ficticia 5, 2º A, 28013 Madrid", id="Spanish"),
        pytest.param(ENGLISH, BillKind.UTILITY, "Mr John & Mrs Jane Sample", "Jane Sample",
                     "10 Example Rd, Flat 3, London, SW1A 1AA", id="English, for two"),
        pytest.param(CARD, BillKind.CARD, "Mme Anne Fictive", "Anne Fictive",
                     "8 allée des Tests, 33000 Bordeaux", id="a card's statement"),
    ],
)  # fmt: skip
def test_a_recent_bill_at_the_address_passes(
    lines: Sequence[TextLine], kind: BillKind, recipient: str, name: str, address: str
) -> None:
    bill = read(lines)
    assert (bill.kind, bill.recipient, bill.addresses, bill.issued) == (kind, recipient, 1, (ISSUED,))
    checks = bill_checks(bill, name, address, TODAY)
    assert {check.result for check in checks} == {CheckResult.PASS}, checks
    assert reasons_of(checks) == ("name_match",)


@pytest.mark.parametrize(
    ("texts", "name", "address"),
    [
        pytest.param(
            ("Energia Przykładowa S.A.", "ul. Zmyślona 1", "00-001 Warszawa", "Jan Przykład",
             "ul. Długa 5 m. 7", "00-123 Warszawa", "Faktura za energię elektryczną",
             "Data wystawienia: 15.01.2026",
             "Termin płatności: 29.01.2026", "Licznik nr 4455"),
            "Jan Przykład",
            "Długa 5/7, 00-123 Warszawa",
            id="Polish"),
        pytest.param(
            ("Voorbeeld Energie B.V.", "Fictieweg 1", "1234 AB Amsterdam", "Mevr. Anna de Voorbeeld",
             "Kerkstraat 5-2", "1234 CD Amsterdam", "Energienota", "Factuurdatum 15 januari 2026",
             "Vervaldatum 29 januari 2026", "Meterstand 4455"),
            "Anna de Voorbeeld", "Kerkstraat 5-2, 1234CD Amsterdam", id="Dutch"),
        pytest.param(
            ("Luce Inventata S.p.A.", "Via Esempio 1", "00100 Roma RM", "Gent.le Sig.ra", "Elena Esempio",
             "Via Finta, 12", "20121 Milano MI", "Bolletta luce", "Data di emissione 15/01/2026",
             "Scadenza 29/01/2026", "Energia elettrica 120 kWh"),
            "Elena Esempio", "Via Finta 12, 20121 Milano", id="Italian"),
        pytest.param(
            ("Energia Fictícia, S.A.", "Rua Inventada 1", "1100-048 Lisboa", "Exmo. Sr.",
             "João Exemplo Silva", "Av. do Exemplo, 12, 3.º Dto", "1050-191 Lisboa", "Fatura de eletricidade",
             "Data de emissão: 15 de janeiro de 2026", "Data limite de pagamento: 29 de janeiro de 2026",
             "Leitura do contador 33"),
            "João Silva", "Avenida do Exemplo 12 3º dto, 1050-191 Lisboa", id="Portuguese"),
    ],
)  # fmt: skip
def test_lines_without_places_are_read_by_their_order(texts: Sequence[str], name: str, address: str) -> None:
    bill = read([TextLine(text=text) for text in texts])
    checks = bill_checks(bill, name, address, TODAY)
    assert {check.result for check in checks} == {CheckResult.PASS}, (bill, checks)


def test_the_day_stands_last_where_the_issuer_is_american() -> None:
    bill = read(AMERICAN)
    assert bill.issued == (date(2026, 2, 3),)
    address = ("123 North Main Street, Apt 4B", "Springfield, IL 62704")
    assert {c.result for c in bill_checks(bill, "John Sample", address, TODAY)} == {CheckResult.PASS}


def test_day_and_month_are_both_kept_where_the_issuer_is_nowhere() -> None:
    lines = [
        TextLine(text=text)
        for text in ("Example Power", "Bill date 02/03/2026", "Meter number 1", "12 kWh used")
    ]
    bill = read(lines)
    assert bill.issued == (date(2026, 2, 3), date(2026, 3, 2))
    [_, dated, *_] = bill_checks(bill, "Ada Example", "Weg 1, 12345 Berlin", date(2026, 2, 20))
    assert (dated.result, dated.reasons) == (CheckResult.INCONCLUSIVE, ("bill_date_unreadable",))
    [_, dated, *_] = bill_checks(bill, "Ada Example", "Weg 1, 12345 Berlin", date(2026, 3, 20))
    assert dated.result is CheckResult.PASS


def test_an_invoice_for_goods_is_no_bill_of_a_supplier() -> None:
    bill = read(INVOICE)
    [kind, *_] = bill_checks(bill, "Erika Beispiel", HOME, TODAY)
    assert (bill.kind, kind.result, kind.reasons) == (
        BillKind.INVOICE,
        CheckResult.FAIL,
        ("bill_type_not_accepted",),
    )


@pytest.mark.parametrize(
    ("today", "result"),
    [
        pytest.param(date(2026, 4, 15), CheckResult.PASS, id="90 days old"),
        pytest.param(date(2026, 4, 16), CheckResult.FAIL, id="91 days old"),
        pytest.param(date(2026, 1, 14), CheckResult.PASS, id="of tomorrow, where it is tomorrow"),
        pytest.param(date(2026, 1, 13), CheckResult.FAIL, id="of the future"),
    ],
)
def test_a_bill_counts_for_a_while(today: date, result: CheckResult) -> None:
    [_, dated, *_] = bill_checks(read(GERMAN), "Erika Beispiel", "Musterstr. 12, 12345 Beispielstadt", today)
    assert dated.result is result


@pytest.mark.parametrize(
    ("name", "address", "reasons"),
    [
        pytest.param("Max Fremd", HOME, ("name_mismatch",), id="somebody else"),
        pytest.param("Erika Beispiehl", HOME, ("name_partial",), id="a letter"),
        pytest.param("Erika Beispiel", "Musterstraße 14, 12345 Beispielstadt",
                     ("name_match", "address_mismatch"), id="next door"),
        pytest.param("Erika Beispiel", "Musterstraße 12, Whg 3, 12345 Beispielstadt",
                     ("name_match", "address_partial"), id="a flat that the bill lacks"),
        pytest.param("Erika Beispiel", "Energieweg 1, 12345 Beispielstadt",
                     ("name_match", "address_mismatch"), id="the issuer's address"),
        pytest.param(None, None, ("name_not_claimed", "address_not_claimed"), id="nobody said anything"),
    ],
)  # fmt: skip
def test_name_and_address_are_the_recipients(
    name: str | None, address: str | None, reasons: tuple[str, ...]
) -> None:
    assert reasons_of(bill_checks(read(GERMAN), name, address, TODAY)) == reasons


def test_a_second_address_is_for_a_person_to_look_at() -> None:
    other = [TextLine(text="Verbrauchsstelle: Nebenweg 3, 12345 Beispielstadt", box=(LEFT, 0.8, 0.6, HIGH))]
    bill = read([*GERMAN, *other])
    assert (bill.recipient, bill.address[0], bill.addresses) == ("Erika Beispiel", "Musterstraße 12", 2)
    [*_, address] = bill_checks(bill, "Erika Beispiel", HOME, TODAY)
    assert (address.result, address.reasons) == (CheckResult.INCONCLUSIVE, ("bill_address_ambiguous",))


def test_a_name_from_one_place_and_an_address_from_another_prove_nothing() -> None:
    other = ["Max Fremd", "Nebenweg 3", "12345 Beispielstadt"]
    lines = [TextLine(text=text, box=(LEFT, 0.7 + 0.02 * row, 0.3, HIGH)) for row, text in enumerate(other)]
    checks = bill_checks(read([*GERMAN, *lines]), "Erika Beispiel", "Nebenweg 3, 12345 Beispielstadt", TODAY)
    assert "bill_recipient_missing" in reasons_of(checks)


def test_a_name_beside_an_address_is_not_its_recipient() -> None:
    lines = page(
        ["Strom Beispiel AG", "", "Musterstraße 12", "12345 Beispielstadt"],
        ["", "Erika Beispiel"],
        ["812 kWh | Zählerstand"],
    )
    bill = read(lines)
    assert bill.recipient == ""
    assert "bill_recipient_missing" in reasons_of(bill_checks(bill, "Erika Beispiel", "Musterstr. 12", TODAY))


@pytest.mark.parametrize(
    "text",
    [
        "Zahlbar bis 15.01.2026", "Fällig am: 15.01.2026", "Geburtsdatum 15.01.2026", "Due 15 January 2026",
        "Échéance 15/01/2026", "Vencimiento: 15/01/2026", "Scadenza 15/01/2026", "Vervaldatum 15-01-2026",
        "Termin płatności 15.01.2026", "Zeitraum 01.01.2026 bis 15.01.2026", "Contract start 15 January 2026",
        "Der Betrag wird am 15.01.2026 abgebucht",
        "Next reading 15 January 2026", "Please pay 15 January 2026",
    ],
)  # fmt: skip
def test_another_day_is_not_the_day_of_issue(text: str) -> None:
    assert (
        read(
            [
                TextLine(text="Stromrechnung 12 kWh Zählerstand"),
                TextLine(text="Rechnung"),
                TextLine(text=text),
            ]
        ).issued
        == ()
    )


@pytest.mark.parametrize(
    "text",
    [
        "Rechnungsdatum: 15.01.2026", "Rechnung Nr. 12 vom 3. Quartal, Rechnungsdatum 15.01.2026",
        "Berlin, den 15. Januar 2026", "Datum 15.01.2026", "Invoice date 15 January 2026",
        "Issued on 15 January 2026",
        "Facture du 15 janvier 2026", "Date de facture : 15/01/2026", "Fecha de factura 15 de enero de 2026",
        "Data di emissione 15 gennaio 2026", "Factuurdatum: 15 januari 2026",
        "Data wystawienia: 15 stycznia 2026",
        "Data de emissão 15 de janeiro de 2026", "15.01.2026",
    ],
)  # fmt: skip
def test_day_of_issue_is_read_in_eight_languages(text: str) -> None:
    assert (
        ISSUED
        in read([TextLine(text="Rechnung"), TextLine(text=text), TextLine(text="Weg 1, 12345 Berlin")]).issued
    )


def test_headings_of_a_table_tell_its_dates_without_places() -> None:
    lines = [TextLine(text="Rechnungsdatum     Fällig am"), TextLine(text="15.01.2026     03.02.2026")]
    assert read([TextLine(text="Rechnung"), *lines]).issued == (ISSUED,)


def test_two_days_of_issue_are_none() -> None:
    lines = ["Rechnung", "Rechnungsdatum 15.01.2026", "Rechnungsdatum 01.02.2026"]
    assert read([TextLine(text=text) for text in lines]).issued == ()


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["Kontoauszug", "Alter Kontostand", "Neuer Kontostand"], BillKind.BANK),
        (["Credit card statement", "Minimum payment", "Opening balance", "Closing balance"], BillKind.CARD),
        (["Mobilfunk", "Rufnummer 0171", "Datenvolumen"], BillKind.TELECOM),
        (["Council tax", "Council Tax bill", "Tax bill"], BillKind.TAX),
        (["Bolletta luce", "Contatore", "Energia elettrica"], BillKind.UTILITY),
        (["Faktura za prąd", "Licznik", "Odczyt licznika"], BillKind.UTILITY),
        (["Energienota", "Meterstand", "Vastrecht"], BillKind.UTILITY),
        (["Fatura de eletricidade", "Leitura do contador", "Potência contratada"], BillKind.UTILITY),
        (["Rechnung", "Bohrmaschine, elektrisch"], BillKind.INVOICE),
    ],
)
def test_kind_of_a_bill_is_recognised_by_its_words(texts: Sequence[str], kind: BillKind) -> None:
    assert read([TextLine(text=text) for text in texts]).kind is kind


def test_what_is_no_letter_is_no_bill() -> None:
    assert read_bill([]) is None
    assert read_bill([TextLine(text="A photograph of a cat")]) is None
    assert read_bill([*GERMAN, *[TextLine(text="x")] * 1500]) is None
    [kind] = bill_checks(None, "Ada Example", "Weg 1", TODAY)
    assert kind.result is CheckResult.INCONCLUSIVE


def test_one_of_two_recipients_has_the_surname_that_both_share() -> None:
    assert set(persons_of("John & Jane Sample")) == {"John & Jane Sample", "John Sample", "Jane Sample"}


def drawn(lines: Sequence[TextLine]) -> Image.Image:
    picture = Image.new("RGB", (1240, 1100), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(21)
    for line in lines:
        pen.text((line.box[0] * 1240, line.box[1] * 1754), line.text, fill="black", font=font)
    return picture


def test_a_photograph_of_a_bill_is_read() -> None:
    bill = read(read_lines(np.asarray(drawn(SPANISH))))
    assert (bill.kind, bill.recipient, bill.issued) == (BillKind.UTILITY, "Carmen Ejemplo Modelo", (ISSUED,))
    checks = bill_checks(bill, "Carmen Ejemplo Modelo", "Calle Ficticia 5, 2º A, 28013 Madrid", TODAY)
    assert [check.result for check in checks][:3] == [CheckResult.PASS] * 3
    assert checks[3].result is not CheckResult.FAIL


def test_a_scanned_pdf_of_a_bill_is_read() -> None:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 842))
    canvas.setFont("Helvetica", 11)
    for line in GERMAN:
        canvas.drawString(line.box[0] * 595, 842 * (1 - line.box[1]), line.text)
    canvas.save()
    pdf = pypdfium2.PdfDocument(file.getvalue())
    picture = pdf[0].render(scale=2, crop=(0, 1200 / 2, 0, 0)).to_pil().convert("RGB")
    pdf.close()
    bill = read(read_lines(np.asarray(picture)))
    checks = bill_checks(bill, "Erika Beispiel", HOME, TODAY)
    assert {check.result for check in checks} == {CheckResult.PASS}, (bill, checks)


FIRM = page(
    ["Beispiel Handel GmbH", "Ladenweg 1", "12345 Beispielstadt", "", "", "Invoice to", "Muster Bau GmbH",
     "Hafenstraße 4", "20457 Hamburg"],
    ["Rechnungsdatum 15.01.2026"],
    ["Artikelnummer | Menge | Einzelpreis"],
)  # fmt: skip
WINDOW = page(
    ["", "Strom Beispiel AG · Energieweg 1 · 12345 Beispielstadt", "Erika Beispiel", "Musterstraße 12",
     "12345 Beispielstadt"],
    ["Strom Beispiel AG", "Energieweg 1", "12345 Beispielstadt", "www.strom.example"],
)  # fmt: skip
FORM = page(
    ["Contoso Example Ltd", "", "", "Nombre: Carmen Ejemplo", "",
     "Dirección: Santa Marta 45, 3º, Madrid, España 28012"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "recipient", "address"),
    [
        pytest.param(FIRM, "Muster Bau GmbH", ("Hafenstraße 4", "20457 Hamburg"), id="firm with a label"),
        pytest.param(WINDOW, "Erika Beispiel", ("Musterstraße 12", "12345 Beispielstadt"), id="window"),
        pytest.param(page(["Erika Beispiel", "Uferweg 1", "234 Berlin"]), "Erika Beispiel",
                     ("Uferweg 1", "234 Berlin"), id="a code that no country has"),
        pytest.param(page(["DJ EXAMPLE", "123 ORCHARD ROAD", "#03-15", "SINGAPORE 238800"]), "DJ EXAMPLE",
                     ("123 ORCHARD ROAD", "#03-15", "SINGAPORE 238800"), id="a code of another country"),
        pytest.param(page(["Ada Example", "2 Kingdom Street", "London", "United Kingdom"]), "Ada Example",
                     ("2 Kingdom Street", "London", "United Kingdom"), id="no code"),
        pytest.param(page(["Mrs Ada Example", "Rose Cottage", "Mill Lane", "Wexcombe", "SN8 9XX"]),
                     "Mrs Ada Example", ("Rose Cottage", "Mill Lane", "Wexcombe", "SN8 9XX"),
                     id="a house with a name"),
        pytest.param(page(["M. Paul Exemple", "Résidence Les Pins", "12 rue Neuve", "69001 LYON"]),
                     "M. Paul Exemple", ("Résidence Les Pins", "12 rue Neuve", "69001 LYON"), id="building"),
        pytest.param(page(["Herrn Karl Muster", "und Frau Berta Muster", "Uferweg 1", "10115 Berlin"]),
                     "Herrn Karl Muster und Frau Berta Muster", ("Uferweg 1", "10115 Berlin"), id="a couple"),
        pytest.param(page(["Ada Example", "Mill Lane", "3 Station Road", "Leeds LS1 1AA"]), "Ada Example",
                     ("Mill Lane", "3 Station Road", "Leeds LS1 1AA"), id="a street without a number"),
        pytest.param(page(["1 April Street", "Mrs Ada Example", "Rose Cottage", "Wexcombe", "SN8 9XX"]),
                     "Mrs Ada Example", ("Rose Cottage", "Wexcombe", "SN8 9XX"), id="text above"),
        pytest.param([TextLine(text=text, box=(LEFT, 0.1 + 0.031 * row, 0.2, HIGH)) for row, text in
                      enumerate(("Ada Example", "Uferweg 1", "10115 Berlin"))], "Ada Example",
                     ("Uferweg 1", "10115 Berlin"), id="wide spacing"),
        pytest.param(page(["Mme ADA EXAMPLE", "7 ALLEE NEUVE", "CS 40011", "13090 AIX EN PROVENCE"]),
                     "Mme ADA EXAMPLE", ("7 ALLEE NEUVE", "CS 40011", "13090 AIX EN PROVENCE"), id="sorting"),
        pytest.param(page(["Punkt poboru", "Dolna dz. 221/4", "62-310 Pyzdry"],
                          ["Nabywca / adres korespondencyjny", "Jan Przykład", "Dolna 14A", "62-310 Pyzdry"]),
                     "Jan Przykład", ("Dolna 14A", "62-310 Pyzdry"), id="two boxes"),
        pytest.param(page(["ADA 0 EXAMPLE", "7 OAK LN", "CEDAR HOLLOW 0R 97.099"]),
                     "ADA O EXAMPLE", ("7 OAK LN", "CEDAR HOLLOW OR 97099"), id="misread letters"),
    ],
)  # fmt: skip
def test_recipient_is_found_in_many_layouts(
    lines: Sequence[TextLine], recipient: str, address: tuple[str, ...]
) -> None:
    issuer = TextLine(text="Strom Beispiel AG", box=(LEFT, 0.9, 0.2, HIGH))
    bill = read([*lines, issuer])
    assert (bill.recipient, bill.address) == (recipient, address)


def test_name_and_address_stand_behind_labels_of_a_form() -> None:
    bill = read(FORM)
    assert bill.recipient == "Carmen Ejemplo"
    assert bill.address == ("Santa Marta 45, 3º, Madrid, España 28012",)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(page(["Strom Beispiel AG", "Energieweg 1", "12345 Beispielstadt"]), id="sender"),
        pytest.param(page(["Lieferstelle", "Nebenweg 3", "12345 Beispielstadt"]), id="place of supply"),
        pytest.param(page(["Par courrier", "Service Clients", "TSA 12345"]), id="post box"),
        pytest.param(
            page(["Haus Nord", "Weg 1, 10115 Berlin, Tel. 0000 00"]), id="beside a telephone number"
        ),
        pytest.param(page(["Account name: Contoso Ltd", "1 Linking Road", "Leeds LS1 1AA"]), id="payee"),
        pytest.param(
            page(["Résidence Les Pins", "12 rue Neuve", "69001 LYON"]), id="building without a name"
        ),
    ],
)
def test_no_recipient_is_claimed_without_a_sign_of_one(lines: Sequence[TextLine]) -> None:
    rest = [
        TextLine(text=text, box=(LEFT, top, 0.2, HIGH))
        for text, top in (("Stromrechnung", 0.5), ("Strom Beispiel AG", 0.9))
    ]
    assert read([*lines, *rest]).recipient == ""


def test_a_name_on_an_invoice_from_nobody_may_be_the_senders() -> None:
    lines = page(["Rechnung", "", "", "Ada Example", "Uferweg 1", "10115 Berlin"])
    assert read(lines).recipient == ""
    assert read([*lines, TextLine(text="Beispiel AG", box=(LEFT, 0.9, 0.2, HIGH))]).recipient == "Ada Example"


@pytest.mark.parametrize(
    "text",
    [
        "Bitte senden Sie jeden Widerspruch in der Frist an die Stelle in der Hafenstraße 4, 20457 Hamburg.",
        "Beispiel 471100",
    ],
)
def test_running_text_and_numbers_are_no_second_address(text: str) -> None:
    lines = page(["Strom Beispiel AG", "", "Erika Beispiel", "Uferweg 1", "10115 Berlin", text])
    assert read(lines).addresses == 1


@pytest.mark.parametrize(
    ("texts", "issued"),
    [
        (["Bolletta n. 4000981127 del 10/10/2026"], date(2026, 10, 10)),
        (["Facture n°562044387 du 2 octobre 2026", "Échéance 24/10/2026"], date(2026, 10, 2)),
        (["Statement date 01-07-2026", "Payment due date 24-07-2026"], date(2026, 7, 1)),
        (["Statement date 07/01/2026", "Payment due date 07/24/2026"], date(2026, 7, 1)),
        (
            ["Bank statement", "Opening balance", "Period: 1 October 2026 to 31 October 2026"],
            date(2026, 10, 31),
        ),
        (["Relevé de compte", "Solde précédent", "du 1 au 28 février 2026"], date(2026, 2, 28)),
        (["Relevé de compte", "Solde précédent", "du 1er janvier au 31 janvier 2026"], date(2026, 1, 31)),
        (["nr EN/2026/10/44120 z dnia 19.10.2026", "Termin płatności 02.11.2026"], date(2026, 10, 19)),
    ],
)
def test_day_of_issue_is_told_from_other_days(texts: Sequence[str], issued: date) -> None:
    assert read([TextLine(text=text) for text in ("Rechnung", *texts)]).issued == (issued,)


def test_town_beside_a_date_makes_it_the_day_of_issue() -> None:
    lines = page(["Rechnung", "München, den", "", "", "03.01.2026"], ["", "15.01.2026"])
    assert read(lines).issued == (ISSUED,)


def test_dates_in_a_column_are_no_day_of_issue() -> None:
    lines = page(
        ["Bank statement", "Opening balance"],
        [],
        ["Date | Description", "01.10.2026 | Rent", "02.10.2026 | Rent"],
    )
    assert read(lines).issued == ()


def test_end_of_a_period_is_no_day_of_issue_of_a_bill() -> None:
    texts = ["Stromrechnung", "Zählernummer 1", "Zeitraum 01.01.2026 - 31.01.2026"]
    assert read([TextLine(text=text) for text in texts]).issued == ()


TWO = page(
    ["Beispiel GmbH", "", "Ada Example", "Weg 3", "10115 Berlin"],
    ["", "", "Max Fremd", "Ufer 4", "10117 Berlin", ""],
)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([*TWO, TextLine(text="Sehr geehrte Frau Example", box=(LEFT, 0.5, 0.2, HIGH))],
                     id="greeting"),
        pytest.param(page(["Beispiel GmbH", "", "Frau", "Ada Example", "Weg 3", "10115 Berlin"],
                          ["", "", "", "Max Fremd", "Ufer 4", "10117 Berlin"]), id="title"),
    ],
)  # fmt: skip
def test_neither_greeting_nor_title_tells_the_recipient_of_two_persons(lines: Sequence[TextLine]) -> None:
    assert read(lines).recipient == ""


PAYEE = ["To: John Victim", "1 Shop Street", "London E1 6AN"]
"""People choose the names of those whom they pay."""


def test_a_payee_at_the_holders_own_address_is_no_recipient() -> None:
    own = ["Example Bank plc", "", "Mr Bob Attacker", "1 Shop Street", "London E1 6AN", "", "Bank statement"]
    bill = read(page([*own, "Closing balance", "", *PAYEE]))
    assert (bill.kind, bill.recipient) == (BillKind.BANK, "")


def test_a_person_named_on_the_bill_of_a_firm_is_for_a_person_to_look_at() -> None:
    own = ["Example Bank plc", "", "Attack Ltd", "12 Acacia Road", "London E2 6AN", "", "Bank statement"]
    bill = read(page([*own, "Closing balance", "", *PAYEE]))
    assert bill.addresses > 1 or not bill.recipient


@pytest.mark.parametrize(
    "texts",
    [
        ["Internet Shop GmbH", "Rechnung", "SSD 512 GB", "Menge"],
        ["Any Shop Ltd", "Invoice", "Wireless earphones with 32 GB", "Quantity 1"],
        ["Power Tools Ltd", "Invoice", "Battery, 1.5 kWh", "Quantity 1"],
        ["Any Shop Ltd", "Your savings today", "Subtotal", "Paid in full"],
    ],
)
def test_goods_and_a_shops_name_make_no_bill_of_a_supplier(texts: Sequence[str]) -> None:
    assert kind_of(texts, texts[0]) in {BillKind.INVOICE, BillKind.UNKNOWN}


def test_an_invoice_of_a_supplier_is_for_a_person_to_look_at() -> None:
    assert kind_of(["Invoice", "Standing charge"], "Example Energy Ltd") is BillKind.UNKNOWN
    assert kind_of(["Invoice", "Quantity", "Unit price"], "Example Energy Ltd") is BillKind.INVOICE


@pytest.mark.parametrize(
    ("lines", "issuer"),
    [
        pytest.param(FIRM, "Beispiel Handel GmbH", id="not the recipient's firm"),
        pytest.param([TextLine(text="Contoso", box=(LEFT, 0.05, 0.3, 0.04)),
                      *page(["", "", "", "", "", "Ada Example", "2 Kingdom Street", "London SW1A 1AA"])],
                     "Contoso", id="the largest text"),
        pytest.param([*page(["Rechnung", "", "Ada Example", "Uferweg 1", "10115 Berlin"]),
                      TextLine(text="Mobil Beispiel GmbH, Weg 9, 10117 Berlin", box=(LEFT, 0.95, 0.5, HIGH))],
                     "Mobil Beispiel GmbH", id="the foot"),
        pytest.param([*page(["Ada Example", "Uferweg 1", "10115 Berlin"]),
                      TextLine(text="Telegaviota, S.A.U. - C/ Velero 1", box=(LEFT, 0.95, 0.5, HIGH))],
                     "Telegaviota, S.A.U.", id="a legal form behind a comma"),
        pytest.param([TextLine(text="A. y kwvn)", box=(0.01, 0.1, 0.02, 0.09)),
                      *page(["Strom Beispiel", "", "Ada Example", "Uferweg 1", "10115 Berlin"])],
                     "Strom Beispiel", id="text that runs up"),
    ],
)  # fmt: skip
def test_issuer_is_a_firm_at_the_head_or_foot(lines: Sequence[TextLine], issuer: str) -> None:
    assert read(lines).issuer == issuer


def test_lines_that_tell_something_hold_all_of_an_address() -> None:
    lines = page(
        [
            "Volksbank eG",
            "",
            "Herrn Max Muster",
            "c/o Beispiel",
            "Weg 4",
            "26954 Nordenham",
            "Guten Tag, es ist so weit.",
        ]
    )
    assert [line.text for line in evidence_in(lines)] == [line.text for line in lines[:5]]


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["Poldergloed Energie B.V.", "Termijnbedrag gas"], BillKind.UTILITY),
        (["Extrato combinado", "IBAN"], BillKind.BANK),
        (["Fibra 600 Mb", "Resumen"], BillKind.TELECOM),
        (["Elektro Energie GmbH", "Menge", "Einzelpreis", "Stromzähler, Zählernummer 4"], BillKind.INVOICE),
    ],
)
def test_name_of_the_issuer_and_a_title_count_for_the_kind(texts: Sequence[str], kind: BillKind) -> None:
    assert read([TextLine(text=text) for text in texts]).kind is kind
