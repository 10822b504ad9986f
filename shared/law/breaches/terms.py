"""
Terms of the law of breaches: recipients, elements of notices, kinds of data, and facts of a breach. Pure.

Kinds of data are those that laws list, in the words of the data map. The laws of the States demand notices
only if data of certain kinds is breached, mostly together with a name. Where a map is coarser than the law
(``user.financial``), the listed kind may be in it: it counts. So does a word that the taxonomy does not know:
it is taken to be all of the nearest that it knows above it.

Law:
    Cal. Civ. Code § 1798.82(h), and the definitions in the laws of the other States (``policies/breaches``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.law.taxonomy import nearest


class NoticeRecipientKind(StrEnum):
    """Kinds of recipients."""

    PEOPLE = "people"
    AUTHORITY = "authority"
    ATTORNEY_GENERAL = "attorney_general"
    """Of a State: the Attorney General, and other bodies that its law treats the same."""
    CONSUMER_AGENCIES = "consumer_agencies"
    """Agencies that report on the credit of consumers."""
    CONTROLLER = "controller"
    """A customer of the company as its processor."""
    CSIRT = "csirt"
    """The incident response team of a Member State (NIS2)."""
    SERVICE_RECIPIENTS = "service_recipients"
    """Customers with a service that may suffer (NIS2)."""
    PUBLIC = "public"


class NoticeStage(StrEnum):
    """The stage of a notice among those to one recipient."""

    NOTICE = "notice"
    EARLY_WARNING = "early_warning"
    NOTIFICATION = "notification"
    DETAILED_REPORT = "detailed_report"
    SUPPLEMENT = "supplement"
    PROGRESS_REPORT = "progress_report"
    """In the place of the last one, of an incident that goes on."""
    FINAL_REPORT = "final_report"


class PeriodStart(StrEnum):
    """The start of a period."""

    AWARE = "awareness"
    DISCOVERED = "discovery"
    ASSESSED = "assessment"
    PEOPLE_NOTIFIED = "the notice to people"
    RECIPIENT_NOTIFIED = "the notice before it"
    """To the same recipient: that of the stage ``after``."""
    HANDLED = "the handling of the incident"


class Trigger(StrEnum):
    """The effect on the data that a law requires."""

    ACCESS = "access"
    """That the data could be read is enough."""
    ACQUISITION = "acquisition"


class NoticeElement(StrEnum):
    """An element of a notice."""

    NATURE = "nature"
    OCCURRED = "occurred"
    """When it happened: a day, or from when to when."""
    DISCOVERED = "discovered"
    WRITTEN_ON = "written_on"
    """The day of the notice."""
    HELD_BY_POLICE = "held_by_police"
    """Whether an investigation delayed it."""
    DATA = "data"
    """The kinds of data."""
    CONSEQUENCES = "consequences"
    MEASURES = "measures"
    PROTECTION = "protection"
    """The offer against theft of identity, its length, and how to get it."""
    ADVICE = "advice"
    PASSWORD = "password"  # noqa: S105 - the name of an element
    """To change it, here and in all other places of its use."""
    BIOMETRIC_ADVICE = "biometric_advice"
    """How to inform others that rely on it to know the person."""
    CREDIT_BUREAUS = "credit_bureaus"
    """Telephone numbers and addresses of the agencies that report on credit."""
    FREEZE = "freeze"
    """That a security freeze costs nothing, and how one gets it."""
    AUTHORITIES = "authorities"
    """How the Federal Trade Commission and the Attorney General are reached."""
    POLICE_REPORT = "police_report"
    """The right to one."""
    CONTACT = "contact"
    SENDER = "sender"
    """Name and address of the sender."""
    OFFICER = "officer"
    RIGHTS = "rights"
    COMPLAINT = "complaint"
    """The authority that people complain to."""
    PEOPLE_COUNT = "people_count"
    RECORDS_COUNT = "records_count"
    LATE_BECAUSE = "late_because"
    CROSS_BORDER = "cross_border"
    """Where else people are affected."""
    PEOPLE_NOTIFIED = "people_told"
    """Whether and when people are notified."""
    PHASE = "phase"
    """First notice, supplement or last."""
    SAMPLE = "sample"
    """A copy of the letter to people."""
    INCIDENT = "incident"
    """The company's name of the incident."""
    AWARE = "aware"
    SERVICES = "services"
    """The affected services in use by the customer."""
    CONTENT_UNKNOWN = "content_unknown"
    """That the company does not know the content that customers keep with it."""
    CONTAINMENT = "containment"
    NEXT_UPDATE = "next_update"


class LetterStyle(StrEnum):
    """The layout of a letter to people."""

    GDPR = "gdpr"
    CALIFORNIA = "california"
    """Title, headings and their order are prescribed."""
    STATE = "state"


class BreachedKind(StrEnum):
    """A kind of data that laws list."""

    SOCIAL_SECURITY = "social_security"
    DRIVERS_LICENCE = "drivers_licence"
    """Also a State's identification card."""
    OTHER_ID = "other_id"
    """Passports, numbers of taxpayers and of the military, other unique numbers that a government issues."""
    ACCOUNT = "account"
    """
    Numbers of accounts and cards. The laws want the code beside it that opens the account; a map does not
    say whether one is there, so the number is taken to be enough.
    """
    MEDICAL = "medical"
    HEALTH_INSURANCE = "health_insurance"
    BIOMETRIC = "biometric"
    GENETIC = "genetic"
    PLATE_READER = "plate_reader"
    """Recordings of cameras that read number plates."""
    BIRTH_DATE = "birth_date"
    EMPLOYEE_NUMBER = "employee_number"
    CREDENTIALS = "credentials"
    """A user name or a mail address, with a secret of the account: a password, or an answer to a question."""


NAME = ("user.name",)
_NUMBER = ("user.government_id.national_identification_number",)
WORDS: Mapping[BreachedKind, tuple[tuple[str, ...], ...]] = {
    BreachedKind.SOCIAL_SECURITY: (_NUMBER,),
    BreachedKind.DRIVERS_LICENCE: (("user.government_id.drivers_license_number", *_NUMBER),),
    BreachedKind.OTHER_ID: (
        ("user.government_id.passport_number", "user.government_id.immigration", *_NUMBER),
    ),
    BreachedKind.ACCOUNT: (("user.financial.bank_account", "user.financial.credit_card", "user.payment"),),
    BreachedKind.MEDICAL: (("user.health_and_medical", "user.biometric.health"),),
    BreachedKind.HEALTH_INSURANCE: (("user.health_and_medical.insurance_beneficiary_id",),),
    BreachedKind.BIOMETRIC: (("user.biometric", "user.authorization.biometric"),),
    BreachedKind.GENETIC: (("user.health_and_medical.genetic",),),
    BreachedKind.PLATE_READER: (("user.government_id.vehicle_registration",),),
    BreachedKind.BIRTH_DATE: (("user.demographic.date_of_birth",),),
    BreachedKind.EMPLOYEE_NUMBER: (("user.workplace",),),
    BreachedKind.CREDENTIALS: (
        ("user.account.username", "user.contact.email"),
        ("user.authorization.password", "user.authorization.credentials"),
    ),
}
"""Of each kind: categories of which one of every group is there."""


def is_there(kind: BreachedKind, categories: Iterable[str]) -> bool:
    """Return whether data of *categories* has, or may have, the *kind*."""
    there = tuple(map(nearest, categories))
    return all(_meets(group, there) for group in WORDS[kind])


def names_a_person(categories: Iterable[str]) -> bool:
    """Return whether data of *categories* has a name in it."""
    return _meets(NAME, tuple(map(nearest, categories)))


def _meets(group: Iterable[str], categories: tuple[str, ...]) -> bool:
    return any(_overlap(wanted, there) for wanted in group for there in categories)


def _overlap(one: str, other: str) -> bool:
    """Return whether one of the two categories is, or is a part of, the other."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


DEFAULT_HOURS = 24
"""
Hours within which a processor notifies its customer, where no contract says it.

Law:
    GDPR Art. 33(2): without undue delay. The laws of the States: immediately, or within days. Our policy.
"""


class BreachRole(StrEnum):
    """The company's role for the data that was breached."""

    CONTROLLER = "controller"
    PROCESSOR = "processor"


class Risk(StrEnum):
    """The likelihood of harm to people."""

    UNLIKELY = "unlikely"
    RISK = "risk"
    HIGH = "high"

    def reaches(self, least: "Risk") -> bool:
        """Return whether it is as high as *least*."""
        order = tuple(Risk)
        return order.index(self) >= order.index(least)


@dataclass(frozen=True, slots=True)
class ProcessorCustomer:
    """A controller that has the company process its data."""

    id: str
    """The company's name for it."""
    hours: int = DEFAULT_HOURS
    """Hours within which it is notified; its contract says it."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A breach, as far as laws ask for its facts."""

    role: BreachRole
    risk: Risk
    occurred_from: datetime
    detected_at: datetime
    """When the first sign was noticed: the discovery of some laws, at the earliest."""
    aware_at: datetime
    """When it was reasonably certain that personal data was breached (EDPB Guidelines 9/2022)."""
    judged_at: datetime | None = None
    """
    The day of the editions: when it was first declared to be known. None: *aware_at*. No later
    statement changes the laws that an incident is judged by.
    """
    occurred_to: datetime | None = None
    categories: tuple[str, ...] = ()
    """Kinds of data that were breached, in the words of the data map."""
    unintelligible: bool = False
    """Whether the taken data cannot be read: it was encrypted, and the key was not taken."""
    acquired: bool = True
    """Whether the data was got, and not merely could have been."""
    sensitive_to_security: bool = False
    """Whether it is a significant incident of a provider of services (NIS2 Art. 23(3))."""
    ongoing: bool = False
    """Whether the incident goes on, or is not dealt with yet."""
    handled_at: datetime | None = None
    """When it was dealt with, of one that had gone on; None: not stated, or it never went on."""
    controllers: tuple[ProcessorCustomer, ...] = ()
    """Customers with breached data."""
    assessed_at: datetime | None = None
    """When it was found that notices are owed; None: that is taken to be when it became known."""
    unreached: bool = False
    """Whether some people cannot be notified individually."""
    done_clocks: tuple[tuple[str, datetime], ...] = ()
    """Which clocks were done when, by their ids: some periods begin with another notice."""

    def goes_on_at(self, moment: datetime | None) -> bool:
        """Return whether the incident goes on at *moment*, as far as is known; None: it has not come."""
        later = self.handled_at is not None and moment is not None and self.handled_at > moment
        return self.ongoing or later
