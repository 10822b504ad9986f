"""The register of breaches as a file: a row for each incident, also without notices."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from habeas.client.report.writer import PAGES, as_csv
from shared.errors import ConfigurationError
from shared.law import CompanyProfile

RegisterEntry: TypeAlias = Mapping[str, Any]
FIELDS = (
    *(
        "incident",
        "reference",
        "drill",
        "phases",
        "role",
        "risk",
        "rationale",
        "occurred_from",
        "occurred_to",
    ),
    *("detected_at", "aware_at", "nature", "categories", "records", "people", "people_by_law"),
    *("consequences", "measures", "advice", "notified", "late", "not_notified", "late_because", "customers"),
    *("customers_notified", "letters_sent", "letters_doubtful", "letters_failed", "held_by_police", "holds"),
    *("declared_by", "approved_by", "withdrawn", "contact", "final", "declarations"),
)
"""Columns of the register."""

MOMENTS = frozenset({"occurred_from", "occurred_to", "detected_at", "aware_at"})


class RegisterFormat(StrEnum):
    """The format of the register."""

    CSV = "csv"
    JSON = "json"
    HTML = "html"


def form_of(file: Path) -> RegisterFormat:
    """Return the format of *file*, by its name. Raises ConfigurationError if the suffix is unknown."""
    try:
        return RegisterFormat(file.suffix.removeprefix(".").lower())
    except ValueError:
        raise ConfigurationError(f"{file}: name it .csv or .json for programs, .html for a page") from None


def written(
    rows: Sequence[RegisterEntry], form: RegisterFormat, company: CompanyProfile, now: datetime
) -> str:
    """Return the register with *rows* in that *form*, as it is *now*."""
    match form:
        case RegisterFormat.CSV:
            return as_csv([{**row, "declarations": _lines(row["declarations"])} for row in rows], FIELDS)
        case RegisterFormat.JSON:
            return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
        case RegisterFormat.HTML:
            on = now.astimezone(company.zone).date()

            def local(text: str) -> str:
                return f"{datetime.fromisoformat(text).astimezone(company.zone):%Y-%m-%d %H:%M %Z}"

            return PAGES.get_template("breaches.html.jinja").render(
                rows=rows, controller=company.name, on=on, headings=HEADINGS, moments=MOMENTS, local=local
            )


def _lines(declarations: Sequence[RegisterEntry]) -> list[str]:
    """Return *declarations* for one cell."""
    return [
        ", ".join(
            f"{name} {' '.join(value) if isinstance(value, list) else value}"
            for name, value in one.items()
            if value not in (None, [], "")
        )
        for one in declarations
    ]


HEADINGS = {
    "What happened": ("nature", "occurred_from", "occurred_to", "detected_at", "aware_at", "categories"),
    "Affected people": ("role", "records", "people", "people_by_law"),
    "Effects": ("risk", "rationale", "consequences"),
    "What was done": ("drill", "measures", "advice", "contact", "final", "withdrawn"),
    "Notices": (
        *("notified", "not_notified", "late", "late_because", "customers", "customers_notified"),
        *("letters_sent", "letters_doubtful", "letters_failed", "held_by_police", "holds"),
        *("declared_by", "approved_by"),
    ),
}
"""Parts of an entry on the page → its columns."""
