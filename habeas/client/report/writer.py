"""Figures as text: a table for the terminal, a page, CSV and JSON for programs."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.table import Table

from shared.law.library import policies
from shared.law.policies import RegisterRule
from shared.pages.spreadsheets import safe_cell

Figures: TypeAlias = Mapping[str, Any]
"""The figures of a right under a law, of requests received in a year, as the console states them."""
HEADINGS: Mapping[str, str] = {
    "received": "received",
    "complied_in_whole": "in whole",
    "complied_in_part": "in part",
    "denied": "denied",
    "nothing_held": "nothing held",
    "forwarded": "forwarded",
    "duplicate": "duplicate",
    "withdrawn": "withdrawn",
    "open": "open",
    "late": "late",
    "median_days": "median days",
    "mean_days": "mean days",
}
"""Figures of a table → their headings."""
RARE = frozenset({"forwarded", "duplicate"})
"""Figures shown only if not zero."""
ABOVE = {
    "received": "re-\nceived",
    "forwarded": "for-\nwarded",
    "duplicate": "dupli-\ncate",
    "withdrawn": "with-\ndrawn",
} | {heading: heading.replace(" ", "\n") for heading in HEADINGS.values() if " " in heading}
"""Headings in two lines, where a terminal has little room."""
FIGURES = (
    *("year", "law", "right", "received", "complied_in_whole", "complied_in_part", "denied"),
    *("of_which_lapsed", "nothing_held", "forwarded", "duplicate", "withdrawn", "open", "late"),
    *("median_days", "mean_days", "denied_for", "limited_for"),
)
"""Columns of the figures."""


def table(found: Sequence[Figures], law: str) -> Table:
    """Return the figures of one *law*, for a terminal of 80 columns."""
    shown = Table("", title=law, title_justify="left", box=None, padding=(0, 1, 0, 0))
    rows = {one["right"]: one for one in found}
    names = [name for name in HEADINGS if name not in RARE or any(plain[name] for plain in rows.values())]
    for name in names:
        heading = ABOVE.get(HEADINGS[name], HEADINGS[name])
        shown.add_column(heading, justify="right", vertical="bottom", no_wrap=True)
    for right, plain in rows.items():
        shown.add_row(right.replace("_", " "), *(number(plain[name]) for name in names))
    return shown


def number(value: float | None) -> str:
    """Return a figure as text: no needless decimal place, a dash for none."""
    return "–" if value is None else f"{value:g}"  # noqa: RUF001 - a dash, not a minus


def figures_as_json(found: Sequence[Figures]) -> str:
    """Return the figures as JSON."""
    return json.dumps([*found], indent=2) + "\n"


def figures_as_csv(found: Sequence[Figures]) -> str:
    """Return the figures as CSV, a line for each right and law."""
    return as_csv(found, FIGURES)


def as_csv(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> str:
    """Return *rows* as CSV (RFC 4180), under a header."""
    text = io.StringIO()
    written = csv.DictWriter(text, fields, lineterminator="\r\n")
    written.writeheader()
    written.writerows({name: _cell(row[name]) for name in fields} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Return a value for one cell, which must not start a formula."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}={count}" for name, count in value.items())
    if isinstance(value, list):
        return "; ".join(value)
    return safe_cell(value) if isinstance(value, str) else value


PAGES = Environment(
    loader=PackageLoader("habeas.client.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _records_rule(law: str, year: int) -> RegisterRule | None:
    return policies().in_force(law, date(year, 12, 31)).records if law in policies().laws else None


def page(found: Sequence[Figures], year: int, names: Mapping[str, str], *, on: date, controller: str) -> str:
    """
    Return the page of the figures *found* on the day *on*, of the requests received in *year*.

    *names* has the name of each law; the name of the *controller* may be empty.
    """
    laws = {one["law"]: [other for other in found if other["law"] == one["law"]] for one in found}
    return PAGES.get_template("report.html.jinja").render(
        laws=laws,
        year=year,
        names=names,
        provisions={law: rule.provision for law in laws if (rule := _records_rule(law, year))},
        on=on,
        controller=controller,
        headings=HEADINGS,
        number=number,
    )
