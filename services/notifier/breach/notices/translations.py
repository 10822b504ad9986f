"""Titles of notices, and headings of their parts. Marked here, translated when composing."""

from collections.abc import Mapping
from types import MappingProxyType

from shared.law.breaches import LetterStyle
from shared.pages.translation import mark as _

TITLES: Mapping[LetterStyle, str] = MappingProxyType(
    {
        LetterStyle.GDPR: _("Your data was part of a data breach"),
        LetterStyle.CALIFORNIA: _("Notice of Data Breach"),
        LetterStyle.STATE: _("Notice of Data Breach"),
    }
)
TO_CONTROLLERS = _("Data breach that concerns data you keep with us")
TO_THE_PUBLIC = _("Public notice of a data breach")
TO_USERS = _("Incident that concerns a service you use")

HEADINGS: Mapping[str, str] = MappingProxyType(
    {
        "what-happened": _("What happened"),
        "what-data": _("What data it is about"),
        "what-it-means": _("What it can mean for you"),
        "what-we-do": _("What we are doing"),
        "what-you-can-do": _("What you can do"),
        "why-now": _("Why we write only now"),
        "more": _("Where to ask"),
        "rights": _("Your rights, and where to complain"),
        "next": _("When you hear from us again"),
    }
)
HEADINGS_TO_CONTROLLERS: Mapping[str, str] = MappingProxyType(
    {
        **HEADINGS,
        "what-data": _("What of yours is affected"),
        "what-it-means": _("What it can lead to"),
        "what-we-do": _("What we have done, and how things stand"),
    }
)
HEADINGS_OF_STATES: Mapping[str, str] = MappingProxyType(
    {
        **HEADINGS,
        "what-happened": _("What Happened"),
        "what-data": _("What Information Was Involved"),
        "what-we-do": _("What We Are Doing"),
        "what-you-can-do": _("What You Can Do"),
        "more": _("For More Information"),
    }
)
"""
The headings that Cal. Civ. Code § 1798.82(d)(1)(A) prescribes word for word; other States know them as well.

Where they are prescribed, they stay in English in a notice in another language: the law gives the words, and
no others. Their meaning stands beside them. The same goes for the title.
"""
