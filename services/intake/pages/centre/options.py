"""The requests on offer, in plain words, and the data that each needs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from shared.law import DIRECT_MARKETING, Regulation, Right, needs_proof
from shared.pages.translation import mark as _


class FormPart(StrEnum):
    """A part of a form beyond the mail address."""

    PERSON = "person"
    """Name, residence, and the person it is for."""
    COPY = "copy"
    """Whether a copy is wanted before the erasure."""
    CORRECTIONS = "corrections"
    RECIPIENT = "recipient"
    STATEMENT = "statement"
    """Other remarks."""
    REASON = "reason"
    """The reason: required."""


@dataclass(frozen=True, slots=True)
class RequestOption:
    """A kind of request."""

    right: Right
    title: str
    short: str
    """Its effect, in one sentence."""
    notes: tuple[str, ...] = ()
    """Information before the request, by paragraph."""
    parts: tuple[FormPart, ...] = (FormPart.PERSON, FormPart.STATEMENT)
    path: str = ""
    scope: tuple[str, ...] = ()
    invoked: Regulation | None = None
    """The law invoked by this form."""
    label: str = _("Anything else we should know")
    """The label of the field for a statement."""
    hint: str = _("For example which of your data you mean. You need not say why you ask.")

    @property
    def where(self) -> str:
        """Path of its form."""
        return self.path or f"/ask/{self.right}"

    @property
    def needs_proof(self) -> bool:
        """Whether a proof of identity will be needed."""
        return needs_proof(self.right, direct_marketing=DIRECT_MARKETING in self.scope)

    @property
    def at_once(self) -> bool:
        """Whether it is a form without a summary: one click (11 CCR § 7004(a); GDPR Art. 7(3))."""
        return not self.needs_proof


SEE = (
    RequestOption(
        Right.ACCESS,
        _("Get a copy of your data"),
        _("We collect all that we hold about you and give it to you as a download."),
        (_("You also learn where the data comes from, what we use it for, and who received it."),),
    ),
    RequestOption(
        Right.KNOW_CATEGORIES,
        _("Learn what kinds of data we hold"),
        _("We tell you the kinds of data, their sources, purposes and recipients, without the data itself."),
    ),
    RequestOption(
        Right.PORTABILITY,
        _("Take your data to another service"),
        _("You get the data that you gave us in a form that other services can read."),
        parts=(FormPart.PERSON, FormPart.RECIPIENT, FormPart.STATEMENT),
    ),
)
CHANGE = (
    RequestOption(
        Right.RECTIFICATION,
        _("Correct your data"),
        _("We correct what is wrong or incomplete, and tell those who received it from us."),
        parts=(FormPart.PERSON, FormPart.CORRECTIONS, FormPart.STATEMENT),
        hint=_("For example how we can see that it is wrong."),
    ),
    RequestOption(
        Right.ERASURE,
        _("Delete your data"),
        _("We delete what we hold about you. This cannot be undone."),
        (
            _("If a law makes us keep something, we tell you what it is, why, and until when."),
            _("With your data your account goes, and what you bought or stored with it."),
        ),
        parts=(FormPart.PERSON, FormPart.COPY, FormPart.STATEMENT),
    ),
    RequestOption(
        Right.RESTRICTION,
        _("Pause the use of your data"),
        _("We only store your data, and do nothing else with it, while a question is open."),
        hint=_("For example that the data is wrong, or that you need it for a legal claim."),
    ),
)
STOP = (
    RequestOption(
        Right.OBJECTION,
        _("Object to what we do with your data"),
        _("We stop, unless we can show reasons that weigh more than yours."),
        parts=(FormPart.PERSON, FormPart.REASON),
        label=_("What should we stop, and why?"),
        hint=_("Your particular situation counts. One or two sentences are enough."),
    ),
    RequestOption(
        Right.CONSENT_WITHDRAWAL,
        _("Withdraw your consent"),
        _("We stop what you once agreed to. You need no reason."),
        parts=(FormPart.STATEMENT,),
        label=_("Which consent do you mean?"),
        hint=_("If you leave this empty, we take it that you mean all of them."),
    ),
)
MARKETING = RequestOption(
    Right.OBJECTION,
    _("Stop advertising"),
    _("We send you no more advertising, by any way, and use your data for none."),
    parts=(),
    path="/no-marketing",
    scope=(DIRECT_MARKETING,),
)
OPT_OUT = RequestOption(
    Right.OPT_OUT_OF_SALE,
    _("Do Not Sell or Share My Personal Information"),
    _("We no longer sell your data, nor share it for advertising across other sites."),
    (_("We also tell those who have received your data from us since you asked."),),
    parts=(),
    path="/opt-out",
    invoked=Regulation.CCPA,
)
LIMIT = RequestOption(
    Right.LIMIT_SENSITIVE_USE,
    _("Limit the Use of My Sensitive Personal Information"),
    _("We use sensitive data, such as health, origin or exact location, only for what you asked us to do."),
    parts=(),
    path="/limit",
    invoked=Regulation.CCPA,
)
CHOICES = (OPT_OUT, LIMIT, MARKETING)
"""Forms without log-in and without proof."""
OPTIONS: Mapping[str, RequestOption] = MappingProxyType(
    {option.where: option for option in (*SEE, *CHANGE, *STOP, *CHOICES)}
)
"""Path → request of its form."""
