"""Checks of a machine-readable zone. Pure."""

from services.verifier.documents.mrz.consensus import ENOUGH
from services.verifier.documents.mrz.countries import SPECIMENS, known
from services.verifier.documents.results import Check, CheckResult, MachineZone, Reason

SPECIMEN_NAMES = frozenset(
    """
    AMOSTRA EKSEMPEL ESPECIMEN MINTA MUSTERFRAU MUSTERMANN NAIDIS NAYTE ORNEK PARAUGS PAVYZDYS SPECIMEN
    SPECIMENE UZORAK VZOR VZORCOVA VZOREC WZOR
    """.split()  # noqa: SIM905 - a table of words
)
"""Words for "sample" that issuers print in place of a name."""


def accepted(zone: MachineZone) -> bool:
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


def zone_checks(zone: MachineZone | None) -> tuple[Check, ...]:
    """
    Return the checks of *zone*; None stands for one that was not found.

    Digits that do not fit in one read alone say that it was read badly; in two equal reads, that they are
    printed so. Official specimens have such digits, too: the verdict is decided elsewhere.
    """
    if zone is None:
        return (Check(name="zone", result=CheckResult.INCONCLUSIVE, reasons=("mrz_not_found",)),)
    if zone.agreement < ENOUGH:
        doubt: Reason = "mrz_unreadable" if zone.wrong_digits else "mrz_low_agreement"
        return (Check(name="zone", result=CheckResult.INCONCLUSIVE, reasons=(doubt,)), _specimen(zone))
    return (Check(name="zone", result=CheckResult.PASS), _digits(zone), _issuer(zone), _specimen(zone))


def is_specimen(zone: MachineZone) -> bool:
    """Return whether *zone* says that it is a sample."""
    words = {*zone.surname.split(), *zone.given_names.split()}
    return bool(words & SPECIMEN_NAMES or {zone.issuer, zone.nationality} & SPECIMENS)


def _digits(zone: MachineZone) -> Check:
    reasons = tuple(f"mrz_check_digit_invalid.{name}" for name in zone.wrong_digits)
    return Check(
        name="zone_digits", result=CheckResult.FAIL if reasons else CheckResult.PASS, reasons=reasons
    )


def _issuer(zone: MachineZone) -> Check:
    if known(zone.issuer) and known(zone.nationality):
        return Check(name="zone_issuer", result=CheckResult.PASS)
    return Check(name="zone_issuer", result=CheckResult.FAIL, reasons=("issuer_unknown",))


def _specimen(zone: MachineZone) -> Check:
    if is_specimen(zone):
        return Check(name="zone_specimen", result=CheckResult.FAIL, reasons=("specimen_document",))
    return Check(name="zone_specimen", result=CheckResult.PASS)
