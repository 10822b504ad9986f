"""Terms of policies on breaches: recipients, stages, starts of periods, and elements of notices."""

from enum import StrEnum


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
