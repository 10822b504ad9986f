"""The print of a card confirms its machine-readable part, contradicts it, or was not read: three answers."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from services.verifier.documents.cards.comparison import (
    ExpectedPrint,
    MachineSource,
    print_checks,
    specimen_check,
)
from services.verifier.documents.cards.fields import PrintedField, printed_fields
from services.verifier.documents.results import Check, CheckResult, Format, Licence, MachineZone, TextLine

BORN, EXPIRES = date(1990, 2, 3), date(2031, 5, 6)
ZONE = MachineZone(
    format=Format.TD3,
    lines=("P<XYZBEISPIEL<<ERIKA<ANNA<<<<<<<<<<<<<<<<<<<", "C1FX2Y7K14XYZ9002033F3105067<<<<<<<<<<<<<<02"),
    surname="BEISPIEL",
    given_names="ERIKA ANNA",
    number="C1FX2Y7K1",
    born=BORN,
    expires=EXPIRES,
)
MACHINE = ("P<XYZBEISPIEL<<ERIKA<ANNA<<<<<<<<<<<<<<<<<<<", "C1FX2Y7K14XYZ9002033F3105067<<<<<<<<<<<<<<02")


def card(texts: Sequence[str], confidence: float = 0.95) -> list[TextLine]:
    return [
        TextLine(text=text, box=(0.3, 0.1 + 0.05 * row, 0.4, 0.04), confidence=confidence)
        for row, text in enumerate(texts)
    ]


def passport(
    surname: str = "Beispiel",
    given: str = "Erika Anna",
    born: str = "03 FEB/FÉV 1990",
    number: str = "C1FX2Y7K1",
    expires: str = "06.05.2031",
) -> list[TextLine]:
    return card(
        ["Surname / Nom", surname, "Given names / Prénoms", given, "Date of birth", born, "Passport No",
         number, "Date of expiry", expires, *MACHINE]
    )  # fmt: skip


def results(checks: Sequence[Check]) -> dict[str, CheckResult]:
    return {
        check.name.removeprefix("mrz_print_").removeprefix("barcode_print_"): check.result for check in checks
    }


def only(checks: Sequence[Check], name: str) -> Check:
    [found] = [check for check in checks if check.name.endswith(name)]
    return found


def test_print_that_matches_the_zone_passes() -> None:
    assert set(results(print_checks(passport(), ZONE)).values()) == {CheckResult.PASS}


@pytest.mark.parametrize(
    ("printed", "field"),
    [
        pytest.param(passport(surname="Fremd"), "surname", id="another surname"),
        pytest.param(passport(given="Mallory"), "given_names", id="other given names"),
        pytest.param(passport(born="03.02.1980"), "born", id="another birth"),
        pytest.param(passport(number="ZZ99ZZ99Z"), "number", id="another number"),
    ],
)
def test_a_print_that_says_something_else_fails(printed: list[TextLine], field: str) -> None:
    check = only(print_checks(printed, ZONE), field)
    assert (check.result, check.reasons) == (CheckResult.FAIL, ("mrz_print_mismatch",))


@pytest.mark.parametrize(
    ("printed", "field"),
    [
        pytest.param(passport(number="C1FX2Y7K2"), "number", id="one digit, changed or misread"),
        pytest.param(card(["BEISPIEL", "ERIKA ANNA", "03.02.1980", "06.05.2031"]), "born", id="no label"),
    ],
)
def test_alike_values_are_for_a_person(printed: list[TextLine], field: str) -> None:
    check = only(print_checks(printed, ZONE), field)
    assert (check.result, check.reasons) == (CheckResult.INCONCLUSIVE, ("mrz_print_mismatch",))


@pytest.mark.parametrize(
    ("issuer", "surname", "text"),
    [
        pytest.param("NLD", "VAN DER WESTHUIZEN", "VAN DER WESTHUIZEN", id="a long name among others"),
        pytest.param("TUR", "IPEK", "İPEK", id="Turkish I"),
        pytest.param("TUR", "KUECUEKOGLU", "KÜÇÜKOČLU", id="a letter that readers lack"),
        pytest.param("HUN", "SZOELLOESI", "SZÖLLÕSI", id="Hungarian letters"),
        pytest.param("ISL", "THORVALDSSON", "PORVALDSSON", id="Icelandic letters"),
        pytest.param("AUT", "WEISSENBOECK", "WEIBENBÖCK", id="German letters"),
    ],
)
def test_print_confirms_names_with_letters_of_their_language(issuer: str, surname: str, text: str) -> None:
    lines = (f"P<{issuer}{surname.replace(' ', '<')}<<ADA".ljust(44, "<"), MACHINE[1])
    changes = {"issuer": issuer, "surname": surname, "given_names": "ADA", "lines": lines}
    zone = ZONE.model_copy(update=changes)
    assert only(print_checks(card([text, "Ada", "03.02.1990"]), zone), "surname").result is CheckResult.PASS


def test_a_name_that_lost_the_blank_behind_its_number_is_confirmed() -> None:
    printed = card(["1BEISPIEL", "2 ERIKA ANNA", "3 03.02.1990", "4b 06.05.2031", "5 C1FX2Y7K1"])
    assert only(print_checks(printed, ZONE), "surname").result is CheckResult.PASS


def test_letters_of_another_language_confirm_no_name() -> None:
    zone = ZONE.model_copy(update={"issuer": "GBR", "surname": "THAN", "lines": MACHINE})
    found = print_checks(card(["Surname", "PAN", "Given names", "Erika Anna", "03.02.1990"]), zone)
    assert only(found, "surname").result is CheckResult.FAIL


def test_a_line_of_the_zone_confirms_no_name_where_its_fillers_were_lost() -> None:
    lines = ("P<XYZWESTHUIZENBERG<<ADA".ljust(44, "<"), MACHINE[1])
    zone = ZONE.model_copy(update={"surname": "WESTHUIZENBERG", "given_names": "ADA", "lines": lines})
    found = print_checks(card(["P XYZWESTHUIZENBERG ADA", "03.02.1990"]), zone)
    assert only(found, "surname").result is CheckResult.INCONCLUSIVE


def test_a_row_of_a_cards_zone_confirms_no_name() -> None:
    rows = (
        "IDXYZC1FX2Y7K14<<<<<<<<<<<<<<<",
        "9002033F3105067XYZ<<<<<<<<<<<2",
        "PAPADOPOULOS<<CHRISTINA<<<<<<<",
    )
    zone = ZONE.model_copy(
        update={"format": Format.TD1, "lines": rows, "surname": "PAPADOPOULOS", "given_names": "CHRISTINA"}
    )
    found = print_checks(card(["Surname", "MUELLER", "PAPADOPOULOS CHRISTINA", "03.02.1990"]), zone)
    assert only(found, "surname").result is CheckResult.FAIL


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        pytest.param("expires", date(2031, 10, 5), "05 5EP/OCT 31", id="the month in another alphabet"),
        pytest.param("expires", date(2031, 10, 5), "05 0CT 2031", id="a digit for a letter of the month"),
        pytest.param("expires", date(2031, 10, 5), "05 0CT2031", id="the same without a blank"),
        pytest.param("expires", date(2031, 5, 6), "06.05.2021-06.05.2031", id="from one day to another"),
        pytest.param("number", "HD198025", "SERIA HD NR 198025", id="series and number"),
    ],
)
def test_print_confirms_what_is_written_otherwise(field: str, value: Any, text: str) -> None:
    zone = ZONE.model_copy(update={field: value})
    assert only(print_checks(card(["Beispiel", "Erika Anna", text]), zone), field).result is CheckResult.PASS


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="nothing was read"),
        pytest.param(card(MACHINE), id="the zone alone"),
        pytest.param(
            card([MACHINE[0].replace("<", "K"), MACHINE[1].replace("<", "K")]), id="misread fillers"
        ),
        pytest.param(card(["Lorem", "ipsum"]), id="something else was read"),
        pytest.param(
            passport("Xq", "Zz", "99", "00")[:8], id="where nothing agrees, hardly anything was read"
        ),
    ],
)
def test_unread_field_never_passes(lines: Sequence[TextLine]) -> None:
    found = results(print_checks(lines, ZONE))
    for field in ("surname", "given_names", "number", "born", "expires"):
        assert found[field] is CheckResult.INCONCLUSIVE


HEAD = ["Surname / Nom", "Beispiel", "Given names", "Erika Anna", "Date of birth", "03.02.1990",
        "Passport No", "C1FX2Y7K1"]  # fmt: skip
OLD, ISSUED = "01.05.2021", "02.05.2011"
"""Expiry and issue of a document with a recomputed zone."""
UNSURE = 0.75


@pytest.mark.parametrize(
    ("printed", "result", "reason"),
    [
        pytest.param(card([*HEAD, "Date of expiry", OLD]), CheckResult.FAIL, "mrz_print_mismatch", id="read"),
        pytest.param(
            [*card(HEAD), *card([*HEAD, "Date of expiry", OLD], UNSURE)[8:]],
            CheckResult.INCONCLUSIVE, "mrz_print_mismatch", id="read with doubt",
        ),
        pytest.param(
            card([*HEAD, "Date of issue", ISSUED, "Date of expny", OLD]),
            CheckResult.INCONCLUSIVE, "mrz_print_mismatch", id="its label misread",
        ),
        pytest.param(
            card([*HEAD, ISSUED, OLD]), CheckResult.INCONCLUSIVE, "mrz_print_mismatch", id="no labels at all"
        ),
        pytest.param(
            card([*HEAD, OLD]), CheckResult.INCONCLUSIVE, "print_unreadable", id="it may be the day of issue"
        ),
        pytest.param(
            card([*HEAD, "Date of issue", ISSUED]),
            CheckResult.INCONCLUSIVE,
            "print_unreadable",
            id="not read",
        ),
        pytest.param(card(HEAD), CheckResult.INCONCLUSIVE, "print_unreadable", id="neither day was read"),
    ],
)  # fmt: skip
def test_an_expiry_that_only_the_zone_states_never_passes(
    printed: list[TextLine], result: CheckResult, reason: str
) -> None:
    check = only(print_checks(printed, ZONE), "expires")
    assert (check.result, check.reasons) == (result, (reason,))


def test_an_expiry_that_only_the_barcode_states_never_passes() -> None:
    licence = Licence(version=9, surname="SAMPLETON", number="D12345678901", born=BORN, expires=EXPIRES)
    front = card(["1 SAMPLETON", "4d D12345678901", "3 02/03/1990", "4a 05/06/2019"])
    check = only(print_checks(front, licence), "expires")
    assert (check.result, check.reasons) == (CheckResult.INCONCLUSIVE, ("print_unreadable",))


def test_where_no_expiry_is_stated_none_is_looked_for() -> None:
    assert only(print_checks(passport(), ZONE.model_copy(update={"expires": None})), "expires").result is (
        CheckResult.NOT_RUN
    )


def test_a_piece_of_the_zone_in_its_row_confirms_nothing() -> None:
    row = [
        TextLine(text="C1FX2Y7K1", box=(0.1, 0.8, 0.2, 0.04)),
        TextLine(text="XYZ9002033F3105067<<<<<02", box=(0.3, 0.805, 0.5, 0.04)),
    ]
    assert only(print_checks([*passport(number="")[:6], *row], ZONE), "number").result is not CheckResult.PASS


def test_a_zone_that_is_full_may_have_cut_the_names() -> None:
    cut = "P<XYZBEISPIEL<<ERIKA<ANNA<MARGARETHE<WILHELM"
    zone = ZONE.model_copy(
        update={"lines": (cut, MACHINE[1]), "given_names": "ERIKA ANNA MARGARETHE WILHELM"}
    )
    assert ExpectedPrint.of(zone).name().truncated
    assert not ExpectedPrint.of(ZONE).name().truncated
    printed = passport(given="Erika Anna Margarethe Wilhelmine")
    assert only(print_checks(printed, zone), "given_names").result is CheckResult.PASS


CUT = ZONE.model_copy(
    update={"lines": ("P<XYZBEISPIEL<<ERIKA<ANNA<MARGARETHE<WILHELM", MACHINE[1]),
            "given_names": "ERIKA ANNA MARGARETHE WILHELM"}
)  # fmt: skip


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        pytest.param("Erika Anna Margarethe Wilhelmine", "Erika Anna Margarethe Wilhelmine", id="the rest"),
        pytest.param(
            "Erika Anna Margarethe Wilhelmine Ada", "Erika Anna Margarethe Wilhelmine Ada", id="more"
        ),
        pytest.param("Erika Anna Margarethe", "ERIKA ANNA MARGARETHE WILHELM", id="fewer"),
        pytest.param("Erika Anna Ada Wilhelmine", "ERIKA ANNA MARGARETHE WILHELM", id="another"),
    ],
)
def test_a_cut_name_is_completed_by_print_that_begins_with_it(printed: str, name: str) -> None:
    assert ExpectedPrint.of(CUT).name(passport(given=printed)).given_names == name


def test_a_slip_with_other_given_names_completes_no_cut_name() -> None:
    slip = card(["Given names: Erika Anna Margarethe Wilhelma"])
    printed = [*slip, *passport(given="Erika Anna Margarethe Wilhelmine")]
    assert ExpectedPrint.of(CUT).name(printed).truncated
    assert only(print_checks(printed, CUT), "given_names").result is CheckResult.INCONCLUSIVE


def test_two_letters_of_a_cut_name_are_not_completed() -> None:
    zone = CUT.model_copy(update={"given_names": "ERIKA WI"})
    assert ExpectedPrint.of(zone).name(passport(given="Erika Wilhelmine")).truncated


def test_a_zone_line_with_misread_fillers_confirms_no_name() -> None:
    printed = card(["BEISPIEL ERIKA ANNA KKKKKKKKK", "03.02.1990", "C1FX2Y7K1", "06.05.2031"])
    assert only(print_checks(printed, ZONE), "surname").result is CheckResult.INCONCLUSIVE


def test_a_short_row_of_a_zone_with_misread_fillers_confirms_no_name() -> None:
    rows = (
        "IDXYZC1FX2Y7K14".ljust(30, "<"),
        "9002033F3105067XYZ<<<<<<<<<<<2",
        "BEISPIEL<<ERIKA<ANNA".ljust(30, "<"),
    )
    zone = ZONE.model_copy(update={"format": Format.TD1, "lines": rows})
    printed = card(["BEISPIEL ERIKA ANNA KKKK", "03.02.1990", "C1FX2Y7K1", "06.05.2031"])
    assert only(print_checks(printed, zone), "surname").result is CheckResult.INCONCLUSIVE


@pytest.mark.parametrize(("zone", "text"), [("KOEHLER", "KOHLER"), ("SAARI", "SARI")])
def test_letters_without_their_mark_are_another_name(zone: str, text: str) -> None:
    read = ZONE.model_copy(update={"issuer": "FIN", "nationality": "D", "surname": zone})
    assert only(print_checks(passport(surname=text), read), "surname").result is CheckResult.FAIL


def test_a_whole_name_is_not_completed_by_print() -> None:
    assert ExpectedPrint.of(ZONE).name(passport(given="Erika Anna Ada")).given_names == "ERIKA ANNA"


def test_long_names_with_blanks_are_no_line_of_a_zone() -> None:
    given = "MAXIMILIAN LEOPOLD EMANUEL"
    zone = ZONE.model_copy(update={"given_names": given})
    assert only(print_checks(passport(given=given), zone), "given_names").result is CheckResult.PASS


def test_nationality_says_which_letters_readers_lack() -> None:
    zone = ZONE.model_copy(update={"issuer": "D", "nationality": "TUR", "surname": "CAGLAYAN"})
    assert only(print_checks(passport(surname="ÇAČLAYAN"), zone), "surname").result is CheckResult.PASS


@pytest.mark.parametrize(("top", "result"), [(0.1, CheckResult.PASS), (0.2, CheckResult.INCONCLUSIVE)])
def test_a_series_and_its_number_are_one_number_in_one_row(top: float, result: CheckResult) -> None:
    series = TextLine(text="SERIA RK", box=(0.3, 0.1, 0.1, 0.03))
    number = TextLine(text="482910", box=(0.6, top, 0.1, 0.03))
    zone = ZONE.model_copy(update={"number": "RK482910"})
    assert only(print_checks([series, number], zone), "number").result is result


@pytest.mark.parametrize(
    ("code", "result"),
    [
        pytest.param("1900203226157", CheckResult.PASS, id="date and the rest as in the zone"),
        pytest.param("1900203226158", CheckResult.INCONCLUSIVE, id="another rest"),
        pytest.param("1900204226157", CheckResult.INCONCLUSIVE, id="another date"),
    ],
)
def test_personal_code_of_a_romanian_card_confirms_the_birth(code: str, result: CheckResult) -> None:
    lines = ("IDROUBEISPIEL<<ERIKA<ANNA<<<<<<<<<<<", "RK482910<1ROU9002033F310506712261576")
    zone = ZONE.model_copy(update={"format": Format.TD2, "lines": lines, "issuer": "ROU"})
    assert only(print_checks(card([f"CNP {code}"]), zone), "born").result is result


def test_a_greek_month_whose_delta_was_misread_is_a_date() -> None:
    printed = passport(born="03 \u2206εκ/Dec 90")
    zone = ZONE.model_copy(update={"born": date(1990, 12, 3)})
    assert only(print_checks(printed, zone), "born").result is CheckResult.PASS


def test_part_of_a_mark_across_a_card_is_for_a_person() -> None:
    across = TextLine(text="PECIME", across=True)
    assert only(print_checks([*passport(), across], ZONE), "specimen").result is CheckResult.INCONCLUSIVE
    print_ = TextLine(text="Pecime")
    assert only(print_checks([*passport(), print_], ZONE), "specimen").result is CheckResult.PASS


SLIP = ("BEISPIEL ERIKA ANNA", ZONE.number, "06.05.2031")
"""What the zone says, on a slip of paper beside the card."""


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"surname": "Lindqvist"}, "surname", id="surname"),
        pytest.param({"given": "Britta"}, "given_names", id="given names"),
        pytest.param({"number": "ZZ99ZZ99Z"}, "number", id="number"),
        pytest.param({"expires": "06.05.2021"}, "expires", id="expiry"),
    ],
)
def test_a_slip_beside_a_card_does_not_outweigh_its_print(changes: dict[str, str], field: str) -> None:
    printed = passport(**changes)
    slip = [TextLine(text=text, box=(0.7, 0.9, 0.2, 0.02), confidence=0.99) for text in SLIP]
    assert only(print_checks(printed, ZONE), field).result is not CheckResult.PASS
    found = only(print_checks([*printed, *slip], ZONE), field)
    assert (found.result, found.reasons) == (CheckResult.INCONCLUSIVE, ("mrz_print_mismatch",))
    assert only(print_checks([*passport(), *slip], ZONE), field).result is CheckResult.PASS


def test_a_name_within_another_is_another_name() -> None:
    zone = ZONE.model_copy(update={"given_names": "MARIA"})
    assert only(print_checks(passport(given="Mariana"), zone), "given_names").result is not CheckResult.PASS
    assert only(print_checks(passport(given="PrénomsMaria"), zone), "given_names").result is CheckResult.PASS


def test_accents_and_transliteration_agree() -> None:
    zone = ZONE.model_copy(update={"surname": "MUELLER OBRIEN"})
    assert only(print_checks(passport(surname="Müller O'Brien"), zone), "surname").result is CheckResult.PASS


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"surname": "BEI5PIEL"}, "surname", id="digit for a letter"),
        pytest.param({"born": "03 021990"}, "born", id="lost mark in a date"),
        pytest.param({"born": "1990.0203"}, "born", id="lost mark, year first"),
    ],
)
def test_print_with_errors_of_readers_confirms(changes: dict[str, str], field: str) -> None:
    assert only(print_checks(passport(**changes), ZONE), field).result is CheckResult.PASS


@pytest.mark.parametrize("born", ["03 021991", "0302199", "103021990"])
def test_other_digits_confirm_no_birth(born: str) -> None:
    assert only(print_checks(passport(born=born), ZONE), "born").result is not CheckResult.PASS


def test_number_may_stay_unread_if_two_engines_read_the_zone_and_all_else_is_printed() -> None:
    unread = [line for line in passport() if line.text not in {"Passport No", ZONE.number}]
    sure = ZONE.model_copy(update={"engines": 2})
    assert only(print_checks(unread, sure), "number").result is CheckResult.NOT_RUN
    assert only(print_checks(unread, ZONE), "number").result is CheckResult.INCONCLUSIVE
    less = [line for line in unread if line.text != "06.05.2031"]
    assert only(print_checks(less, sure), "number").result is CheckResult.INCONCLUSIVE
    other = only(print_checks(passport(number="ZZ99ZZ99Z"), sure), "number")
    assert other.result is CheckResult.FAIL


def test_the_front_of_a_licence_confirms_its_barcode() -> None:
    licence = Licence(
        version=9, surname="SAMPLETON", given_names="JOHN QUIN", truncated=True, number="D123-4567-8901",
        born=BORN, expires=EXPIRES,
    )  # fmt: skip
    front = card(
        ["DRIVER LICENSE", "1 SAMPLETON", "2 JOHN QUINCY", "4d LIC# D12345678901", "3 DOB 02/03/1990",
         "4b EXP 05/06/2031", "8 123 MAIN ST"]
    )  # fmt: skip
    assert set(results(print_checks(front, licence)).values()) == {CheckResult.PASS}
    other = licence.model_copy(update={"born": date(1980, 2, 3)})
    check = only(print_checks(front, other), "born")
    assert (check.result, check.reasons) == (CheckResult.FAIL, ("barcode_print_mismatch",))


def test_numbers_of_a_european_licence_label_its_fields() -> None:
    fields = printed_fields(
        card(
            ["FÜHRERSCHEIN", "1. Beispiel", "2. Erika Anna", "3. 03.02.1990 Musterstadt", "4a. 07.05.2016",
             "4b. 06.05.2031", "4c. Stadt Beispielstadt", "5. B072RRE2I55", "8. Musterweg 1"]
        )
    )  # fmt: skip
    assert fields.text(PrintedField.SURNAME) == "Beispiel"
    assert fields.text(PrintedField.GIVEN_NAMES) == "Erika Anna"
    assert fields.of(PrintedField.BORN)[0].dates == (BORN,)
    assert fields.of(PrintedField.EXPIRES)[0].dates == (EXPIRES,)
    assert fields.text(PrintedField.NUMBER) == "B072RRE2I55"
    assert fields.text(PrintedField.RESIDENCE) == "Musterweg 1"


def test_values_beside_and_below_their_labels_are_found() -> None:
    lines = [
        TextLine(text="Name", box=(0.3, 0.1, 0.1, 0.04)),
        TextLine(text="BEISPIEL", box=(0.3, 0.15, 0.2, 0.04)),
        TextLine(text="Card Expires:", box=(0.3, 0.3, 0.2, 0.04)),
        TextLine(text="05/06/31", box=(0.6, 0.3, 0.2, 0.04)),
        TextLine(text="Sex", box=(0.3, 0.4, 0.1, 0.04)),
    ]
    fields = printed_fields(lines)
    assert fields.text(PrintedField.SURNAME) == "BEISPIEL"
    assert EXPIRES in fields.of(PrintedField.EXPIRES)[0].dates


@pytest.mark.parametrize(
    "text",
    ["SPECIMEN", "Specimen/Muster", "SPEClMEN", "MUSTERMANN", "VZOR", "UZORAK", "WZÓR", "UTOPIA", "ОБРАЗЕЦ",
     "NICHTGÜLTIGSPECIMEN", "SPEGIMEN", "SÝNISHORN"],
)  # fmt: skip
def test_sample_is_recognised_by_the_text_across_it(text: str) -> None:
    check = specimen_check(card(["PASSPORT", text]))
    assert (check.result, check.reasons) == (CheckResult.FAIL, ("specimen_document",))


@pytest.mark.parametrize(
    ("surname", "given_names", "number"),
    [("ERIKSSON", "ANNA MARIA", "X1"), ("MARTIN", "SARAH", "X1"), ("BEISPIEL", "ERIKA", "L898902C3"),
     ("MUSTER", "HANS", "X1"), ("BEISPIEL", "ADA", "K0000000E"), ("BEISPIEL", "ADA", "XS1234567"),
     ("BEISPIEL", "ADA", "A2222222")],
)  # fmt: skip
def test_a_well_known_holder_is_for_a_person_to_look_at(surname: str, given_names: str, number: str) -> None:
    expected = ExpectedPrint(MachineSource.ZONE, surname=surname, given_names=given_names, number=number)
    assert specimen_check(card(["PASSPORT"]), expected).result is CheckResult.INCONCLUSIVE


def test_an_ordinary_number_is_no_samples() -> None:
    expected = ExpectedPrint(MachineSource.ZONE, surname="BEISPIEL", given_names="ADA", number="K10200031E")
    assert specimen_check(card(["PASSPORT"]), expected).result is CheckResult.PASS


def test_numbers_before_a_month_are_not_dropped_as_a_month() -> None:
    zone = ZONE.model_copy(update={"expires": date(2030, 1, 1)})
    found = print_checks(card(["Beispiel", "Erika Anna", "03.02.1990", "01 15/JAN 2030"]), zone)
    assert only(found, "expires").result is CheckResult.INCONCLUSIVE


def test_an_ordinary_card_is_no_sample() -> None:
    assert specimen_check(passport()).result is CheckResult.PASS
    assert specimen_check([]).result is CheckResult.INCONCLUSIVE
