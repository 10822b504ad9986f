"""Stand-in for what the laws say of breaches: replaced by the real one at the merge."""

from dataclasses import dataclass
from enum import StrEnum

from shared.law.policies import Reading


class NoticeElement(StrEnum):
    """Something that a notice says."""

    NATURE = "nature"
    OCCURRED = "occurred"
    NOTICE_DATE = "notice-date"
    POLICE = "police"
    CATEGORIES = "categories"
    CONSEQUENCES = "consequences"
    MEASURES = "measures"
    PROTECTION = "protection"
    ADVICE = "advice"
    CREDENTIALS = "credentials"
    BUREAUS = "bureaus"
    TRADE_COMMISSION = "trade-commission"
    ATTORNEY_GENERAL = "attorney-general"
    BIOMETRIC = "biometric"
    CONTACT = "contact"
    OFFICER = "officer"
    RIGHTS = "rights"
    COMPLAINT = "complaint"


class LetterStyle(StrEnum):
    """Where headings are prescribed."""

    GDPR = "gdpr"
    CALIFORNIA = "california"
    STATE = "state"


@dataclass(frozen=True)
class Said:
    """What a notice says, and where that is demanded."""

    element: NoticeElement
    provision: str
    read: Reading = Reading.TO_CHECK


@dataclass(frozen=True)
class Authority:
    """Who is told."""

    name: str
    url: str


@dataclass(frozen=True)
class BreachPolicy:
    """An edition of a law."""

    id: str
    name: str
    letter: tuple[Said, ...]
    form: LetterStyle = LetterStyle.GDPR
    authority: Authority | None = None

    @property
    def law(self) -> str:
        """Name without the edition."""
        return self.id.partition("@")[0]


def _said(provision: str, elements: str) -> tuple[Said, ...]:
    return tuple(Said(NoticeElement(one), provision) for one in elements.split())


_GDPR = "nature occurred categories consequences measures advice contact officer rights complaint"
_CA = (
    "notice-date nature occurred police categories measures protection advice bureaus biometric credentials "
    "contact"
)
_STATE = "notice-date nature occurred police categories measures protection advice credentials bureaus trade-commission attorney-general contact"


class BreachPolicies:
    """All of them."""

    def __init__(self) -> None:
        """Make a few up."""
        known = (
            BreachPolicy("gdpr@2018-05-25", "GDPR", _said("GDPR Art. 34(2)", _GDPR)),
            BreachPolicy("uk-gdpr@2021-01-01", "UK GDPR", _said("UK GDPR Art. 34(2)", _GDPR)),
            BreachPolicy(
                "us-ca@2026-01-01",
                "California",
                _said("Cal. Civ. Code § 1798.82(d)", _CA),
                LetterStyle.CALIFORNIA,
            ),
            BreachPolicy(
                "us-tx@2023-09-01",
                "Texas",
                _said("Tex. Bus. & Com. Code § 521.053", _STATE),
                LetterStyle.STATE,
                Authority("Attorney General of Texas", "https://www.texasattorneygeneral.gov"),
            ),
        )
        self._known = {policy.id: policy for policy in known}

    def named(self, id_: str) -> BreachPolicy:
        """Return one."""
        return self._known[id_]

    def __iter__(self):  # type: ignore[no-untyped-def] # noqa: ANN204
        """Yield all."""
        return iter(self._known.values())
