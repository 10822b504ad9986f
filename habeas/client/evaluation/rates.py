"""Rates of accepted documents by type, with confidence intervals."""

from collections.abc import Sequence
from math import sqrt

from rich.table import Table

from habeas.client.evaluation.judged import NEVER, EvaluationVerdicts
from habeas.client.evaluation.known_files import Entry, FileOutcome
from habeas.client.evaluation.papers import bill_type
from shared.contract.events import Verdict

Z = 1.96
"""Quantile of the normal distribution for an interval of 95 %."""
TYPES = {
    "aamva_barcode_image": "AAMVA barcode",
    "card_front_no_mrz": "card front",
    "no_mrz": "no zone",
}


def wilson(right: int, of: int) -> tuple[float, float]:
    """
    Return the ends of the 95 % interval of a share of which *right* of *of* were seen; the whole without any.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927).
    """
    if not of:
        return 0.0, 1.0
    share, extra = right / of, Z * Z / of
    middle = (share + extra / 2) / (1 + extra)
    reach = Z * sqrt(share * (1 - share) / of + extra / of / 4) / (1 + extra)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def type_of(entry: Entry) -> str:
    """Return the type of a document, such as TD3."""
    if entry["kind"] == "proof_of_address":
        return f"bill: {bill_type(entry)}"
    return TYPES.get(entry["kind"]) or str(entry.get("doc_format") or "unknown zone")


def accepted_rates(judged: EvaluationVerdicts) -> Table:
    """Return the rates by type: of good documents while valid, and of those that must not convince."""
    columns = ("good", "accepted", "95 %", "others", "accepted", "95 %")
    table = Table("accepted without a person", *columns, box=None, padding=(0, 1, 0, 0))
    # An expired one is good by the day before its expiry.
    good = [one for one in (*judged.today, *judged.while_valid) if one.row == "good"]
    bad = [one for one in (*judged.today, *judged.while_valid) if one.row in NEVER]
    for name in sorted({type_of(one.entry) for one in (*good, *bad)}):
        cells = (_cells([one for one in those if type_of(one.entry) == name]) for those in (good, bad))
        table.add_row(name, *(cell for those in cells for cell in those))
    table.add_row("all", *_cells(good), *_cells(bad))
    return table


def _cells(outcomes: Sequence[FileOutcome]) -> tuple[str, str, str]:
    accepted = sum(one.found.marks[Verdict.CONVINCING.value] for one in outcomes)
    if not outcomes:
        return "", "", ""
    low, high = wilson(accepted, len(outcomes))
    return str(len(outcomes)), str(accepted), f"{100 * low:.0f} to {100 * high:.0f}"
