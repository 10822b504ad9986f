"""The figures as a page: one file that needs no network and runs no script."""

from collections.abc import Mapping, Sequence
from datetime import date

from jinja2 import Environment, PackageLoader, StrictUndefined

from habeas.client.report.figures import Figures
from habeas.client.report.writer import HEADINGS, number

PAGES = Environment(
    loader=PackageLoader("habeas.client.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PROVISIONS: Mapping[str, str] = {
    "us-ca-ccpa": "11 CCR §§ 7101 and 7102(a)(1)",
    "us-co": "4 CCR 904-3, Rule 6.11",
    "gdpr": "GDPR Art. 5(2)",
    "uk-gdpr": "UK GDPR Art. 5(2)",
}
"""Provisions that demand the figures of a law."""


def page(found: Sequence[Figures], year: int, names: Mapping[str, str], *, on: date, controller: str) -> str:
    """
    Return the page of the figures *found* on the day *on*, of the requests received in *year*.

    *names* has the name of each law; the name of the *controller* may be empty.
    """
    laws = {one.law: [other for other in found if other.law == one.law] for one in found}
    return PAGES.get_template("report.html.jinja").render(
        laws=laws,
        year=year,
        names=names,
        provisions=PROVISIONS,
        on=on,
        controller=controller,
        headings=HEADINGS,
        number=number,
    )
