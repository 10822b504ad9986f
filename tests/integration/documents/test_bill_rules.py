"""General rules that tell the issuer, the recipient and the day of a letter of any country."""

from collections.abc import Sequence
from datetime import date

import pytest

from services.verifier.documents.bills.reader import kind_of, read_bill
from services.verifier.documents.results import Bill, BillKind, TextLine

HIGH = 0.015
ISSUED = (date(2026, 1, 15),)
HOME = ("Uferweg 1", "10115 Berlin")


def page(*columns: Sequence[str]) -> list[TextLine]:
    """Return lines with their places, in columns; a line that begins with a dot is in small print."""
    found = []
    for number, column in enumerate(columns):
        for row, text in enumerate(column):
            small = text.startswith(".")
            shown, share = text.removeprefix("."), 0.006 if small else 0.01
            if shown:
                box = (0.1 + 0.5 * number, 0.05 + 0.02 * row, share * len(shown), HIGH)
                found.append(TextLine(text=shown, box=box))
    return sorted(found, key=lambda line: (line.box[1], line.box[0]))


def foot(text: str) -> TextLine:
    return TextLine(text=text, box=(0.1, 0.95, 0.008 * len(text), 0.01))


def read(lines: Sequence[TextLine]) -> Bill:
    bill = read_bill(lines)
    assert bill is not None
    return bill


def test_a_sender_s_line_above_the_window_is_no_second_address() -> None:
    sender = ".Nordau, Ring 2, 20095 Hamburg"
    bill = read([*page([sender, "", "Frau", "Erika Beispiel", *HOME]), foot("Nordau")])
    assert (bill.recipient, bill.address, bill.addresses) == ("Erika Beispiel", HOME, 1)
    large = read([*page([sender[1:], "", "Frau", "Erika Beispiel", *HOME]), foot("Nordau")])
    assert large.addresses == 2
    person = read([*page([".Ada Example, Ring 2, 20095 Hamburg", "", "Frau", "Erika Beispiel", *HOME])])
    assert person.addresses == 2


def test_a_firm_in_the_window_is_the_recipient() -> None:
    sender = ".Netz Nord GmbH · Ring 2 · 20095 Hamburg"
    firm = ["Tischlerei Muster GmbH", "z. Hd. Frau Muster", *HOME]
    lines = [*page([sender, "", *firm]), foot("Netz Nord GmbH")]
    assert (read(lines).recipient, read(lines).address) == ("Tischlerei Muster GmbH", HOME)
    assert read([*page(["", "", *firm]), foot("Netz Nord GmbH")]).recipient == ""
    own = [".Netz Nord GmbH · Ring 2 · 20095 Hamburg", "", "Netz Nord GmbH", "Ring 2", "20095 Hamburg"]
    assert read(page(own)).recipient == ""


def test_no_firm_in_the_window_is_the_recipient_beside_a_person() -> None:
    sender, firm = ".Netz Nord GmbH · Ring 2 · 20095 Hamburg", ["Tischlerei Muster GmbH", *HOME]
    person = ["", "Ada Example", "Nebenweg 3", "10115 Berlin"]
    assert read([*page([sender, "", *firm], person), foot("Netz Nord GmbH")]).recipient == ""


def test_several_titles_in_a_line_are_no_name() -> None:
    lines = page(["Herr und Frau", "Beat und Ursina Muster", *HOME])
    assert read([*lines, foot("Strom Beispiel AG")]).recipient == "Beat und Ursina Muster"


def test_a_payment_slip_names_payer_and_payee_once_more() -> None:
    payee = ["Konto / Zahlbar an", "Gwerk Bachtal", "Ring 2", "6460 Altdorf"]
    payer = ["Zahlbar durch", "Ada Muster", "Dorfstrasse 7", "6460 Altdorf"]
    bill = read([*page(["", "", *payee], ["", "", *payer]), foot("Gwerk Bachtal AG")])
    assert (bill.recipient, bill.addresses) == ("Ada Muster", 1)


def test_departments_of_a_firm_are_no_persons_beside_it() -> None:
    lines = page(
        ["Contoso Ltd", "Contoso Office", "5 Main St", "New York, NY 10001", "", "", "Fabrikam Corp",
         "12 Other St", "Redmond, WA 98052", "", "", "Bill to", "Fabrikam Finance", "7 Bill St",
         "Redmond, WA 98052"],
        ["", "", "", "", "Customer name: Fabrikam Corporation"],
    )  # fmt: skip
    bill = read(lines)
    assert (bill.recipient, bill.address) == ("Fabrikam Corp", ("12 Other St", "Redmond, WA 98052"))
    assert bill.addresses > 1


def test_an_office_below_the_issuer_s_name_is_its_own() -> None:
    office = ["Bank Muster", "Agence du Port", "2 quai Neuf", "33000 Bordeaux"]
    person = ["", "", "", "", "Mme Ada Exemple", "8 rue Neuve", "33000 Bordeaux"]
    named = read([*page(office, person), foot("Bank Muster SA")])
    assert (named.recipient, named.addresses) == ("Mme Ada Exemple", 1)
    unnamed = read([*page(["", *office[1:]], person), foot("Bank Muster SA")])
    assert unnamed.addresses == 2


@pytest.mark.parametrize(
    ("lines", "issuer"),
    [
        pytest.param(
            [*page([".Musterpost AG Entgelt bezahlt", "Frau", "Erika Beispiel", *HOME]),
             foot("Nordlicht Vertrieb GmbH, Ring 2, 20095 Hamburg")],
            "Nordlicht Vertrieb GmbH", id="the post is no issuer"),
        pytest.param(
            [*page(["Messdienst Zwei GmbH", "", "Frau", "Erika Beispiel", *HOME]),
             foot("Nordlicht Vertrieb GmbH, www.nordlicht.example")],
            "Nordlicht Vertrieb GmbH", id="the firm with the site"),
        pytest.param([*page(["", "Frau", "Erika Beispiel", *HOME]),
                      foot("Compagnie des eaux et des forets de la Lesse SC - rue Neuve 4")],
                     "Compagnie des eaux et des forets de la Lesse SC", id="a long name with its form"),
        pytest.param([*page(["Lumina", "", "Frau", "Erika Beispiel", *HOME]), foot("Lumina, Ring 2")],
                     "Lumina", id="a name at the head and the foot"),
        pytest.param(page(["Lumina", "", "Frau", "Erika Beispiel", *HOME]), "", id="a name without a sign"),
    ],
)  # fmt: skip
def test_issuer_is_told_by_more_than_its_place(lines: Sequence[TextLine], issuer: str) -> None:
    assert read(lines).issuer == issuer


@pytest.mark.parametrize(
    "text",
    [
        "Lausanne, le 15 janvier 2026", "Bielsko-Biała, 15.01.2026 r.", "Relevé arrêté au 15/01/2026",
        "Fakturadatum 2026-01-15", "Fakturadatum: 15 januari 2026", "Regningsdato 15. januar 2026",
        "Opgørelsesdato: 15. januar 2026", "Date of this bill 15 Jan 2026",
        "Datum vyhotovení: 15. ledna 2026", "Kiállítás dátuma 2026. január 15.",
        "Laskun päiväys 15. tammikuuta 2026", "Data emiterii 15 ianuarie 2026",
    ],
)  # fmt: skip
def test_day_of_issue_is_read_behind_towns_and_in_many_languages(text: str) -> None:
    lines = [TextLine(text=text) for text in ("Strom Beispiel AG", text, "Weg 1, 12345 Berlin")]
    assert read(lines).issued == ISSUED


@pytest.mark.parametrize(
    "text", ["Née le 15 janvier 2026", "Förfallodatum 2026-01-15", "Betalingsdato 15. januar 2026",
             "Prochaine facture autour du 15/01/2026", "Datum splatnosti 15. ledna 2026",
             "Fizetési határidő 2026. január 15."]
)  # fmt: skip
def test_other_days_of_such_letters_are_no_day_of_issue(text: str) -> None:
    lines = [TextLine(text=text) for text in ("Strom Beispiel AG", text, "Weg 1, 12345 Berlin")]
    assert read(lines).issued == ()


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["Elförbrukning oktober", "Mätarställning", "Energiskatt"], BillKind.UTILITY),
        (["Aconto for vand og spildevand", "Målerleje"], BillKind.UTILITY),
        (["Rechnung", "Wasserzins", "Abwassergebühr"], BillKind.UTILITY),
        (["Extrait de compte", "Solde reporté"], BillKind.BANK),
        (["Uw factuur", "Digitale televisie", "Internet onbeperkt"], BillKind.TELECOM),
        (["Bescheid", "Hebesatz", "Grundsteuer B"], BillKind.TAX),
        (["Vorschreibung 4. Quartal", "Abgabenart", "Abgabepflichtige/r laut Grundbuch"], BillKind.TAX),
        (["Výpis z běžného účtu", "Počáteční zůstatek"], BillKind.BANK),
        (["Sähkölasku", "Perusmaksu", "Käyttöpaikka"], BillKind.UTILITY),
        (["Rechnung", "Telefonisch erreichbar", "Einzelhandel", "Anschlüsse im Bad"], BillKind.INVOICE),
    ],
)
def test_kind_is_recognised_in_more_countries(texts: Sequence[str], kind: BillKind) -> None:
    assert kind_of(texts) is kind


@pytest.mark.parametrize(
    ("title", "issuer"),
    [
        ("Ihr Angebot für Ökostrom", "Strom Beispiel AG"), ("DEVIS n° 12", "Eau Exemple SA"),
        ("Letzte Mahnung", "Beispiel Inkasso GmbH"), ("Windykacja należności", "Prąd Przykład S.A."),
        ("Presupuesto", "Luz Inventada S.L."), ("Tilbud", "Energi Eksempel A/S"),
        ("Your quote", "Example Energy Ltd"), ("Your energy offer", "Example Energy Ltd"),
        ("Your personal quotation for electricity and gas supply at home", "Example Energy Ltd"),
        ("Votre offre d'électricité", "Lumière Exemple SA"),
        ("La nostra offerta per la luce", "Luce Esempio S.p.A."),
    ],
)  # fmt: skip
def test_offers_and_letters_of_collectors_are_no_bills(title: str, issuer: str) -> None:
    lines = [*page([issuer, "", "Frau", "Erika Beispiel", *HOME, "", "Zählernummer 12 kWh", "Arbeitspreis"])]
    assert read(lines).kind is BillKind.UTILITY or "Inkasso" in issuer
    titled = TextLine(text=title, box=(0.1, 0.4, 0.3, HIGH))
    assert read([*lines, titled]).kind is BillKind.UNKNOWN


@pytest.mark.parametrize(
    "title", ["Votre offre : Zen", "See our latest offers", "Your tariff: Fixed Offer 12"]
)
def test_name_of_a_tariff_is_no_offer(title: str) -> None:
    issuer = "Strom Beispiel AG"
    lines = page([issuer, "", "Frau", "Erika Beispiel", *HOME, "", title, "Zählernummer 12", "Arbeitspreis"])
    assert read(lines).kind is BillKind.UTILITY


PAYEE = ("", "", "", "Name: Eve Beispiel", "Lindenweg 5", "50733 Köln")


@pytest.mark.parametrize(
    "customer",
    [
        pytest.param(["Northern Bank plc", "Michelle Branch", *HOME], id="a surname that companies bear"),
        pytest.param(
            [".Northern Bank plc · Ring 2 · 50667 Köln", "Meyer GmbH", *HOME], id="a firm in the window"
        ),
    ],
)
def test_payee_is_not_the_recipient_beside_a_customer_like_a_company(customer: Sequence[str]) -> None:
    bill = read([*page([*customer, *PAYEE]), foot("Northern Bank plc")])
    assert bill.addresses == 2 or not bill.recipient


def test_office_of_the_issuer_is_no_second_address() -> None:
    office = ["Northern Bank plc", "Customer Service", *HOME]
    bill = read([*page([*office, *PAYEE]), foot("Northern Bank plc")])
    assert (bill.recipient, bill.addresses) == ("Eve Beispiel", 1)


def test_a_town_below_a_house_that_is_not_parsed_ends_an_address() -> None:
    lines = page(["D. AGUSTÍN EJEMPLO OROZCO", "PZA MAYOR 3 2 IZDA", "34001 PALENCIA"])
    bill = read([*lines, foot("Caja Ejemplo S.A.")])
    assert bill.address == ("PZA MAYOR 3 2 IZDA", "34001 PALENCIA")


def test_titles_with_dots_are_no_name() -> None:
    bill = read([*page(["Lumina", "", "Gent.ma Sig.ra", "Erika Beispiel", *HOME]), foot("Lumina, Ring 2")])
    assert (bill.recipient, bill.address) == ("Erika Beispiel", HOME)


@pytest.mark.parametrize("town", ["10115Berlin", "961 37Boden"])
def test_a_postal_code_that_lost_its_blank_ends_an_address(town: str) -> None:
    bill = read(page(["Strom Beispiel AG", "", "Erika Beispiel", "Uferweg 1", town]))
    assert (bill.recipient, len(bill.address)) == ("Erika Beispiel", 2)


def test_a_payer_in_one_line_with_the_address_is_the_recipient() -> None:
    slip = ["OCR-nummer", "4410733907", "Från (avsändare)", "Erika Beispiel, Uferweg 1, 10115 Berlin"]
    bill = read([*page(["Strom Beispiel AG"], []), *page([*[""] * 30, *slip])])
    assert (bill.recipient, bill.address, bill.addresses) == (
        "Erika Beispiel",
        ("Uferweg 1, 10115 Berlin",),
        1,
    )


def test_address_where_letters_go_goes_before_the_customer_s() -> None:
    buyer = ["Strom Beispiel AG", "", "NABYWCA", "Erika Beispiel", "Uferweg 2", "10117 Berlin"]
    letters = ["", "", "ADRES KORESPONDENCYJNY", "Erika Beispiel", *HOME]
    assert read(page(buyer, letters)).address == HOME


def test_place_of_an_installation_is_no_name() -> None:
    site = [*[""] * 8, "Adresse d'installation", "Uferweg 1, 10115 Berlin"]
    bill = read([*page(["Lumina", "", "Mme Erika Beispiel", *HOME], site), foot("Lumina SAS, Ring 2")])
    assert bill.recipient == "Mme Erika Beispiel"


def test_a_cooperative_and_a_label_of_the_payee_are_no_persons() -> None:
    letters = ["Elektra Genossenschaft Tal", "Ring 2, 8999 Tal", "", "", "Frau", "Erika Beispiel", *HOME]
    slip = [*[""] * 12, "Kreditors navn", "Ring 2, 8999 Tal"]
    assert read(page(letters, slip)).recipient == "Erika Beispiel"


def test_the_place_of_supply_is_no_sender() -> None:
    supply = ["Bluestem LLC", "", "Service address", *HOME]
    slip = [*[""] * 30, "ERIKA BEISPIEL", *HOME]
    assert read(page([*supply, *slip])).recipient == "ERIKA BEISPIEL"


def test_a_day_in_a_row_of_dates_has_the_label_over_it() -> None:
    def issued(rows: int) -> tuple[date, ...]:
        days = ["2025-12-31", "2026-01-15", "2026-02-15"]
        labels = ["Period", "Fakturadatum", "Förfallodatum"]
        lines = [
            TextLine(text=text, box=(0.1 + 0.25 * column, 0.4 + 0.02 * row, 0.12, HIGH))
            for row, texts in enumerate([labels, *[days] * rows])
            for column, text in enumerate(texts)
        ]
        return read([*page(["Strom Beispiel AG", "", "Erika Beispiel", *HOME]), *lines]).issued

    assert issued(1) == ISSUED
    assert issued(3) == (), "a table of invoices"


@pytest.mark.parametrize("label", ["Lieferstelle", "Zahlungsempfänger", "Verwendungszweck", "Auftraggeber"])
def test_a_person_in_one_line_without_a_payer_s_label_is_not_the_recipient(label: str) -> None:
    line = [*[""] * 20, label, "Erika Beispiel, Uferweg 1, 10115 Berlin"]
    assert read(page(["Strom Beispiel AG", "", "Rechnung", *line])).recipient == ""


@pytest.mark.parametrize(
    "texts",
    [
        ["Nabídka dodávky elektřiny", "Odběrné místo", "Stočné a elektřina"],
        ["Árajánlat villamosenergia", "Felhasználási hely"],
        ["Tarjous: sähkönmyynti", "Energiamaksu", "Käyttöpaikka"],
        ["Mietvorschreibung", "Müllgebühr"],
        ["Prämienvorschreibung", "Lastschriftanzeige"],
        ["Faktura 12", "Elektroměr 1 ks", "Odběrné místo"],
    ],
)
def test_offers_rents_and_goods_of_more_countries_are_no_accepted_letters(texts: Sequence[str]) -> None:
    bill = read(page(["Novak s.r.o.", "", *texts, "", "Frau", "Erika Beispiel", *HOME]))
    assert bill.kind in {BillKind.UNKNOWN, BillKind.INVOICE}


@pytest.mark.parametrize("label", ["Nächstes Rechnungsdatum", "Next invoice date", "Föregående fakturadatum"])
def test_the_day_of_another_letter_is_no_day_of_issue(label: str) -> None:
    rows = [["Zahlbar bis", label], ["2025-02-03", "2026-01-20"]]
    lines = [
        TextLine(text=text, box=(0.1 + 0.3 * column, 0.4 + 0.02 * row, 0.15, HIGH))
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    ]
    head = page(["Strom Beispiel AG", "Date: 2026-01-15", "Erika Beispiel", *HOME])
    assert read([*head, *lines]).issued == ISSUED


@pytest.mark.parametrize("name", ["Elektra Lindberg", "Asa Lindberg", "Anna Nett", "A.S. Lindberg"])
def test_people_with_names_like_words_of_companies_are_people(name: str) -> None:
    first = ["Strom Beispiel AG", "", "Frau", name, *HOME]
    second = [*[""] * 20, "Frau", "Erika Beispiel", *HOME]
    assert read(page(first, second)).recipient == ""


@pytest.mark.parametrize(("name", "recipient"), [("Fjellbygd Nett AS", "Erika Beispiel"), ("Anna As", "")])
def test_a_legal_form_in_capitals_at_the_end_makes_a_company(name: str, recipient: str) -> None:
    letters = [name, "Ring 2", "8999 Tal", "", "", "Frau", "Erika Beispiel", *HOME]
    assert read(page(letters)).recipient == recipient


HOME_US = ("318 SE HILL RD APT 4B", "YONKERS NY 10701-2265")
PAYER_US = ("ADA M EXAMPLE", *HOME_US)


def test_a_direction_in_a_street_is_no_legal_form() -> None:
    bill = read([*page(["", "", *PAYER_US]), foot("Harbor Edison Company, Inc.")])
    assert (bill.recipient, bill.address) == ("ADA M EXAMPLE", HOME_US)
    for firm in (["Nordwerk SE", *HOME], ["Nordwerk SE, Ring 2", HOME[1]]):
        bill = read([*page(["", "", "ADA M EXAMPLE", *firm]), foot("Harbor Edison AG")])
        assert bill.recipient == "", "a form of a name is one"


@pytest.mark.parametrize("payee", ["HARBOR EDISON", "PAYMENT PROCESSING", "REMITTANCE DESK"])
def test_the_box_where_payments_go_is_no_person_s(payee: str) -> None:
    box = ["", "", "", payee, "PO BOX 1702", "NEW YORK NY 10116-1702"]
    lines = [*page(["Harbor Edison", "", *PAYER_US], box)]
    bill = read([*lines, foot("Harbor Edison")])
    assert (bill.recipient, bill.addresses) == ("ADA M EXAMPLE", 2)


def test_another_person_with_a_box_makes_the_recipient_unclear() -> None:
    box = ["", "", "", "GRACE SAMPLE", "PO BOX 1702", "NEW YORK NY 10116-1702"]
    assert read([*page(["Harbor Edison", "", *PAYER_US], box), foot("Harbor Edison")]).recipient == ""


def test_text_that_begins_with_a_person_s_name_makes_no_company_of_them() -> None:
    other = ["", "", "Bernd Muster", "Ring 2", "20095 Hamburg"]
    lines = page(["", "", "Frau", "Erika Beispiel", *HOME, "", "Erika Beispiel, ab 01.02.2026"], other)
    bill = read([*lines, foot("Netz Nord GmbH")])
    assert (bill.recipient, bill.addresses) == ("", 2)


@pytest.mark.parametrize("heading", ["Last payment received", "Your payment plan at", "Remittance of May"])
def test_a_heading_about_payments_hides_no_second_address(heading: str) -> None:
    other = ["", "", "GRACE SAMPLE", heading, "77 OAK ST", "DENVER CO 80202"]
    assert read([*page(["", "", *PAYER_US], other), foot("Harbor Edison Inc.")]).recipient == ""


def test_a_house_with_a_number_like_a_code_is_no_address_of_its_own() -> None:
    bill = read([*page(["", "", "ADA EXAMPLE", "RR 3, 2270 CONCESSION RD 7", "PORT HOPE ON L1A 3V7"])])
    assert bill.addresses == 1
    mixed = page(["", "", "Ada Example", "Uferweg 1, 10115 Berlin", "Ring 2", "20095 Hamburg"])
    assert read([*mixed, foot("Netz Nord GmbH")]).addresses == 2


def test_zeros_in_the_name_of_a_town_are_letters() -> None:
    lines = page(["", "", "ADA M EXAMPLE", "302 N WILLOW ST", "CR00KSTON MN 56716-1125"])
    assert read([*lines, foot("Harbor Edison Inc.")]).address[-1] == "CROOKSTON MN 56716-1125"
    lines = page(["", "", "ADA M EXAMPLE", "2000 MAIN ST, YONKERS NY 10701"])
    assert read([*lines, foot("Harbor Edison Inc.")]).address == ("2000 MAIN ST, YONKERS NY 10701",)


@pytest.mark.parametrize(
    "name", ["Przykład Spółka Akcyjna", "Exemple Société Anonyme", "Esempio Società per Azioni"]
)
def test_a_firm_with_its_legal_form_in_full_goes_before_a_large_heading(name: str) -> None:
    heading = TextLine(text="Dobry Dom", box=(0.1, 0.02, 0.3, 2 * HIGH))
    lines = page(["", "", "Ada Example", "ul. Kwiatowa 48 m. 19", "50-203 Wrocław"])
    assert read([heading, *lines, foot(f"{name}, pl. Solny 17")]).issuer == name


def test_a_branch_with_a_polish_letter_is_no_person() -> None:
    letter = ["", "", "Ada Example", "ul. Kwiatowa 48 m. 19", "50-203 Wrocław"]
    branch = ["", "", "", "I Oddział we Wrocławiu", "pl. Solny 17, 50-061 Wrocław"]
    assert read([*page(letter, branch), foot("Bank Przykład S.A.")]).recipient == "Ada Example"


def test_speed_of_a_line_tells_a_telephone_bill() -> None:
    assert kind_of(["Ihre Rechnung", "Heim Internet M (1 Gbit/s) mit Festnetz"]) is BillKind.TELECOM


@pytest.mark.parametrize("street", ["Kálvária utca 3.", "Gesztenyés u. 28. II. em. 6.", "Hegyalja dűlő 14"])
def test_a_hungarian_street_stands_below_its_town(street: str) -> None:
    bill = read([*page(["Példa Katalin", "7720 PÉCSVÁRAD", street]), foot("Példavíz Kft.")])
    assert (bill.recipient, bill.address) == ("Példa Katalin", (street, "7720 PÉCSVÁRAD"))


def test_other_text_below_a_town_is_no_street() -> None:
    for text in ("Konto 12", "Kötet 4711", "Fő utca"):
        lines = [*page(["Példa Katalin", "7720 PÉCSVÁRAD", text]), foot("Példavíz Kft.")]
        assert read_bill(lines) is None, text


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Finanzamt Beispielstadt", id="German"),
        pytest.param("Gemeentebelastingen Voorbeeldstreek", id="Dutch"),
        pytest.param("Urząd Skarbowy w Przykładowie", id="Polish"),
    ],
)
def test_a_tax_office_is_the_issuer_of_its_letter(name: str) -> None:
    assert read(page([name, "", "", "", "Frau", "Erika Beispiel", *HOME])).issuer == name


def test_a_letter_to_a_tax_office_is_not_its_own() -> None:
    office = ["Finanzamt Beispielstadt", "Ring 2", "20095 Hamburg"]
    bill = read(page(["Ada Example", *HOME, "", *office, "", "Einspruch gegen den Steuerbescheid"]))
    assert (bill.kind, bill.issuer) == (BillKind.TAX, "")


def test_an_irish_county_is_no_company() -> None:
    address = ("14 Cois Abhann", "Castlebar", "Co. Mayo", "F23 X4P7")
    bill = read([*page(["Ada Example", *address]), foot("Example Energy Limited")])
    assert (bill.issuer, bill.recipient, bill.address) == ("Example Energy Limited", "Ada Example", address)


def test_the_number_of_an_italian_bill_stands_before_its_day() -> None:
    lines = page(["Conto n. 451877/2026 del 15 gennaio 2026", "Bimestre luglio - agosto 2026"])
    assert read([*lines, *page(["", "", "", "Erika Beispiel", *HOME])]).issued == ISSUED


@pytest.mark.parametrize(
    "text",
    [
        "Addebito in conto del 15/01/2026", "Conto corrente n. 12, del 15/01/2026",
        "Saldo conto del 15/01/2026", "Avviso di scadenza del 15/01/2026",
        "Avis de prélèvement du 15/01/2026", "Fattura con scadenza del 15/01/2026",
    ],
)  # fmt: skip
def test_a_day_of_payment_is_no_day_of_issue_behind_a_word_for_a_letter(text: str) -> None:
    assert read([*page(["Erika Beispiel", *HOME, "", text]), foot("Strom Beispiel AG")]).issued == ()


SLIP = ["", "EXAMPLE LIGHT COMPANY", "PO BOX 8810", "DES MOINES IA 50306-8810"]
MAILED = ("2718 SYCAMORE BEND DR", "CEDAR RAPIDS IA 52402")


def test_a_sentence_with_the_firm_s_address_opens_no_window_above_it() -> None:
    sentence = ".electronic transfer. Example Light Company, 12 Harbor Street, Des Moines, IA 50309."
    lines = page([sentence, *SLIP, *[""] * 18, "ADA EXAMPLE", *MAILED])
    assert (read(lines).recipient, read(lines).address) == ("ADA EXAMPLE", MAILED)


def test_a_firm_that_is_named_twice_on_a_slip_is_the_issuer() -> None:
    down = [""] * 24
    once = page([*down, *SLIP, "", "", "", "ADA EXAMPLE", *MAILED])
    assert read(once).issuer == ""
    payee = page([*down, *[""] * 10, "EXAMPLE LIGHT COMPANY"])
    assert read([*once, *payee]).issuer == "EXAMPLE LIGHT COMPANY"


def test_a_label_before_a_house_makes_it_the_place_of_supply() -> None:
    place = ["", "ADA EXAMPLE", "9406 County Road 86", "Dennison, MN 55018"]
    labels = ["", "Service for", "Service address"]
    letter = [*[""] * 10, "ADA EXAMPLE", *MAILED]
    named = [*page(labels, place), *page(letter), foot("Example Light Company")]
    assert (read(named).address, read(named).addresses) == (MAILED, 2)
    plain = [*page([], place), *page(letter), foot("Example Light Company")]
    assert read(plain).address == tuple(place[2:])


@pytest.mark.parametrize("flat", ["Apt 23, The Example", "Flat 2, Rose House"])
def test_a_flat_is_a_house_where_codes_are_fine(flat: str) -> None:
    address = (flat, "Watergate Street", "Kilkenny", "R95 K8T2")
    bill = read([*page(["Ada Example", *address]), foot("Example Energy Limited")])
    assert (bill.recipient, bill.address) == ("Ada Example", address)


def test_a_sentence_owns_no_address() -> None:
    text = "you do not, we may take the tax from your salary or your bank account or refer it to"
    bill = read_bill(page([text, "a sheriff or solicitor without notice.", "Lahinch, Co. Clare V95 Y7C1"]))
    assert bill is None


def test_an_issuer_s_name_may_have_a_dash_and_stands_before_a_label() -> None:
    text = "LUZEX – Comunicações, S.A. · Sede: Avenida do Exemplo, 118, 1050-123 Lisboa"  # noqa: RUF001
    assert read([*page(["Erika Beispiel", *HOME]), foot(text)]).issuer == "LUZEX – Comunicações, S.A."  # noqa: RUF001


def test_of_two_large_names_the_one_of_an_office_is_the_issuer() -> None:
    names = ["Oifig na gCoimisinéirí Cánach Maoine", "Office of the Property Tax Commissioners"]
    large = [TextLine(text=name, box=(0.3, 0.04 + 0.03 * at, 0.4, 2 * HIGH)) for at, name in enumerate(names)]
    assert read([*large, *page([*[""] * 6, "Erika Beispiel", *HOME])]).issuer == names[1]


def test_contracts_that_bind_for_a_time_are_those_of_telecoms() -> None:
    assert kind_of(["Fim do período de fidelização", "Comunicações fora do pacote"]) is BillKind.TELECOM
