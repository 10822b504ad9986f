"""The consensus of several reads of one zone, with the number that agree; checks of a zone. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from services.verifier.documents.mrz.layouts import SPECIMENS, known
from services.verifier.documents.mrz.parser import parse
from services.verifier.documents.mrz.repair import Lines, Read
from services.verifier.documents.results import Check, MachineZone
from shared.matching.characters import listed

ENOUGH = 2
"""Reads that must agree: a check digit lets every tenth error pass, and protects no name."""
ENOUGH_FOR_WRONG = 3
"""Reads before a zone with wrong digits counts as printed so, or one that was never sure as lost."""
SURE = 85
"""Confidence from which a read counts: in a blurred picture two unsure reads may err alike."""

SPECIMEN_NAMES = listed(
    """
    AMOSTRA EKSEMPEL ESPECIMEN MINTA MUSTERFRAU MUSTERMANN NAIDIS NAYTE ORNEK PARAUGS PAVYZDYS SPECIMEN
    SPECIMENE UZORAK VZOR VZORCOVA VZOREC WZOR
    """
)
"""Words for "sample" that issuers print in place of a name."""


def best_of(reads: Iterable[Read], *, today: date) -> Read | None:
    """Return the likeliest of the zones that one read makes, None when it makes none."""
    parsed = ((parse(read.lines, today=today), read) for read in reads)
    zones = [(zone, read) for zone, read in parsed if zone is not None]
    return min(zones, key=lambda pair: (_unknown(pair[0]), len(pair[0].wrong_digits)))[1] if zones else None


def settled(reads: Sequence[Read], *, today: date) -> bool:
    """Return whether more reads would change nothing, or can be expected to."""
    if len(reads) >= ENOUGH_FOR_WRONG and all(read.confidence < SURE for read in reads):
        return True
    zone = elected(reads, today=today)
    if zone is None or zone.agreement < ENOUGH or _unknown(zone):
        return False
    return not zone.wrong_digits or len(reads) >= ENOUGH_FOR_WRONG


def elected(reads: Sequence[Read], *, today: date) -> MachineZone | None:
    """
    Return the zone elected by *reads* of one place, with the number of sure ones that say exactly this.

    The reads, and the majority of them character by character, stand for election: first one with all digits
    right, then the one that most agree on.
    """
    counts = Counter(read.lines for read in reads)
    candidates = sorted({*counts, *_majorities(counts.elements())})
    zones = [zone for zone in (parse(lines, today=today) for lines in candidates) if zone is not None]
    if not zones:
        return None
    best = min(
        zones,
        key=lambda zone: (
            *(bool(zone.wrong_digits), _unknown(zone)),
            *(-counts[zone.lines], len(zone.wrong_digits)),
        ),
    )
    alike = [read for read in reads if read.lines == best.lines]
    engines = max(1, len({read.other for read in alike}))
    return best.model_copy(update={"agreement": max(engines, _counted(best, alike)), "engines": engines})


def _counted(zone: MachineZone, alike: Sequence[Read]) -> int:
    """
    Return the number of the reads *alike* that count: sure ones.

    Where digits do not fit unsure reads count, too: a possible forgery is looked at by a person.
    """
    return len(alike) if zone.wrong_digits else sum(read.confidence >= SURE for read in alike)


def _unknown(zone: MachineZone) -> bool:
    return not (known(zone.issuer) and known(zone.nationality))


def _majorities(reads: Iterable[Lines]) -> set[Lines]:
    """Return, for each shape, the majority of its reads at each place."""
    shapes: dict[tuple[int, ...], list[Lines]] = {}
    for lines in reads:
        shapes.setdefault(tuple(map(len, lines)), []).append(lines)
    return {tuple(map(_majority, zip(*alike, strict=True))) for alike in shapes.values()}


def _majority(lines: Iterable[str]) -> str:
    return "".join(Counter(signs).most_common(1)[0][0] for signs in zip(*lines, strict=True))


def accepted(zone: MachineZone) -> bool:
    """
    Return whether *zone* was surely read as it is printed, and its digits are right.

    Fitting digits alone are not enough: they protect no name, nationality or issuer, and let every tenth
    error pass. Reads of one engine may err alike, so two engines must agree. Whether the document is one that
    may be accepted, or has expired, is decided elsewhere.
    """
    return not zone.wrong_digits and zone.by_two_engines and not _unknown(zone)


def zone_checks(zone: MachineZone | None) -> tuple[Check, ...]:
    """
    Return the checks of *zone*; None stands for one that was not found.

    Digits that do not fit in one read alone say that it was read badly; in two equal reads, that they are
    printed so. Official specimens have such digits, too: the verdict is decided elsewhere.
    """
    if zone is None:
        return (Check.unsure("zone", "mrz_not_found"),)
    specimen = Check.failed("zone_specimen", "specimen_document", unless=not is_specimen(zone))
    if zone.agreement < ENOUGH:
        doubt = "mrz_unreadable" if zone.wrong_digits else "mrz_low_agreement"
        return (Check.unsure("zone", doubt), specimen)
    wrong = [f"mrz_check_digit_invalid.{name}" for name in zone.wrong_digits]
    return (
        Check.passed("zone"),
        Check.failed("zone_digits", *wrong, unless=not wrong),
        Check.failed("zone_issuer", "issuer_unknown", unless=not _unknown(zone)),
        specimen,
    )


def is_specimen(zone: MachineZone) -> bool:
    """Return whether *zone* says that it is a sample."""
    words = {*zone.surname.split(), *zone.given_names.split()}
    return bool(words & SPECIMEN_NAMES or {zone.issuer, zone.nationality} & SPECIMENS)
