"""
Outcomes of requests in plain words, for people without an address: on the request's page. Pure.

Law:
    GDPR Art. 12(3)-(4): the requester is informed of the outcome, or of the reasons against it.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from services.intake.domain import CaseStatus, IntakeCase, outcome_of
from services.intake.pages import proof_form
from shared.contract.events import Code, Outcome
from shared.pages.translation import mark as _

DECIDED = frozenset({CaseStatus.ANSWERED, CaseStatus.REFUSED, CaseStatus.CLOSED})
STANDINGS: Mapping[Outcome, str] = MappingProxyType(
    {
        Outcome.GRANTED: _("Done"),
        Outcome.PARTLY_GRANTED: _("Done in part"),
        Outcome.REFUSED: _("Refused"),
        Outcome.NOTHING_HELD: _("Answered: we hold no data about you"),
    }
)
GROUNDS: Mapping[Code, str] = MappingProxyType(
    {
        "retention_duty": _("A law obliges us to keep some of the data."),
        "legal_claims": _("We need some of the data for legal claims."),
        "legal_hold": _("Some of the data must be kept for legal proceedings."),
        "contract": _("We need some of the data for a contract with you."),
        "security": _("We need some of the data to keep our systems secure."),
        "free_expression": _("Some of the data is kept for freedom of expression and information."),
        "public_interest": _("Some of the data is kept in the public interest."),
        "research": _("Some of the data is kept for research, archives or statistics."),
        "third_party_rights": _("Some of the data is about other people as well."),
        "mentioned_elsewhere": _("You may still be named in texts of others."),
        "shared_identity": _("Some records may be somebody else's."),
        "unconfirmed_identity": _("Some records may be somebody else's."),
        "identity_not_established": _("We could not establish that it is you who asks."),
        "details_do_not_match": _("The details do not match what we hold."),
        "not_proven_in_time": _("Nobody has shown in time that it is you who asks."),
        "proof_not_convincing": _("What was sent did not convince us that it is you who asks."),
        "too_many_attempts": _("It was tried too often to show that it is you who asks."),
        "unidentifiable": _("We cannot tell which data is yours."),
        "manifestly_unfounded": _("The request is manifestly unfounded."),
        "excessive": _("The request is excessive."),
    }
)
"""Reasons to retain data, or to refuse a request. A reason without text appears by its name."""


def outcome_text(case: IntakeCase) -> str:
    """Return the status of *case* in a few words; the answer itself if no letter can be sent."""
    outcome = outcome_of(case)
    if case.addressless and case.status in DECIDED and outcome is not None:
        return STANDINGS[outcome]
    return proof_form.status_text(case)


def grounds_of(case: IntakeCase) -> Iterator[str]:
    """Yield the reasons for a partial outcome; empty if a letter has them."""
    if not (case.addressless and case.status in DECIDED):
        return
    kept = case.fulfilled.reasons if case.fulfilled else ()
    for reason in dict.fromkeys((*case.refused_for, *kept)):
        yield GROUNDS.get(reason, reason.replace("_", " "))
