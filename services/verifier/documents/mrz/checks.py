"""What speaks for and against a machine-readable zone. Pure."""

from services.verifier.documents.mrz.countries import SPECIMENS, known
from services.verifier.documents.mrz.voting import ENOUGH
from services.verifier.documents.reading import Check, Reason, Result, Zone

SPECIMEN_NAMES = frozenset(
    """
    AMOSTRA EKSEMPEL ESPECIMEN MINTA MUSTERFRAU MUSTERMANN NAIDIS NAYTE ORNEK PARAUGS PAVYZDYS SPECIMEN
    SPECIMENE UZORAK VZOR VZORCOVA VZOREC WZOR
    """.split()  # noqa: SIM905 - a table of words
)
"""Words for "sample" that issuers print in place of a name."""


def accepted(zone: Zone) -> bool:
    """
    Return whether *zone* was surely read as it is printed, and its digits are right.

    Fitting digits alone are not enough: they protect no name, nationality or issuer, and let every tenth
    error pass. Whether the document is one that may be accepted, or has expired, is decided elsewhere.
    """
    return all(
        (
            not zone.wrong_digits,
            zone.agreement >= ENOUGH,
            known(zone.issuer),
            known(zone.nationality),
        )
    )


def zone_checks(zone: Zone | None) -> tuple[Check, ...]:
    """
    Return what is to be said of *zone*; None stands for one that was not found.

    Digits that do not fit in one read alone say that it was read badly; in two equal reads, that they are
    printed so. Official specimens have such digits, too: what follows from it is decided elsewhere.
    """
    if zone is None:
        return (Check(name="zone", result=Result.INCONCLUSIVE, reasons=("mrz_not_found",)),)
    if zone.agreement < ENOUGH:
        doubt: Reason = "mrz_unreadable" if zone.wrong_digits else "mrz_low_agreement"
        return (Check(name="zone", result=Result.INCONCLUSIVE, reasons=(doubt,)), _specimen(zone))
    return (Check(name="zone", result=Result.PASS), _digits(zone), _issuer(zone), _specimen(zone))


def is_specimen(zone: Zone) -> bool:
    """Return whether *zone* says that it is a sample."""
    words = {*zone.surname.split(), *zone.given_names.split()}
    return bool(words & SPECIMEN_NAMES or {zone.issuer, zone.nationality} & SPECIMENS)


def _digits(zone: Zone) -> Check:
    reasons = tuple(f"mrz_check_digit_invalid.{name}" for name in zone.wrong_digits)
    return Check(name="zone_digits", result=Result.FAIL if reasons else Result.PASS, reasons=reasons)


def _issuer(zone: Zone) -> Check:
    if known(zone.issuer) and known(zone.nationality):
        return Check(name="zone_issuer", result=Result.PASS)
    return Check(name="zone_issuer", result=Result.FAIL, reasons=("issuer_unknown",))


def _specimen(zone: Zone) -> Check:
    if is_specimen(zone):
        return Check(name="zone_specimen", result=Result.FAIL, reasons=("specimen_document",))
    return Check(name="zone_specimen", result=Result.PASS)
