"""Why something is not shown or not erased, in plain words, by the codes that events and letters use."""

from collections.abc import Mapping
from types import MappingProxyType

from services.fulfillment.package.withholding import NEVER, THIRD_PARTY
from services.fulfillment.package.wording import mark as _

REASONS: Mapping[str, str] = MappingProxyType(
    {
        NEVER: _("To protect you, this is never sent."),
        THIRD_PARTY: _("It would show data about other people."),
        "professional_secrecy": _("We are bound to professional secrecy."),
        "retention_duty": _("A law obliges us to keep these records."),
        "legal_claims": _("We need these records to make or defend legal claims."),
        "legal_hold": _("These records are evidence in legal proceedings, and we must not erase them."),
        "contract": _("We still need these records for a contract with you."),
        "security": _("We need these records to keep our services secure."),
        "free_expression": _("Freedom of expression and information protects these records."),
        "public_interest": _("A task in the public interest needs these records."),
        "research": _("Archiving, research or statistics need these records."),
        "not_collected_from_you": _("We did not collect these records from you."),
    }
)
OTHER = _("The law allows or demands it; our letter says more.")
