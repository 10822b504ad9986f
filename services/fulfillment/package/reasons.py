"""Why data is not shown or not erased, in plain words, by the codes of events and letters."""

from collections.abc import Mapping
from types import MappingProxyType

from services.fulfillment.package.portability import NOT_PROVIDED, OTHER_BASIS
from services.fulfillment.package.withheld import NEVER, THIRD_PARTY
from shared.pages.translation import mark as _

NEEDS_MORE_PROOF = "needs_more_proof"

REASONS: Mapping[str, str] = MappingProxyType(
    {
        NEVER: _("To protect you, this is never sent."),
        THIRD_PARTY: _("It would show data about other people."),
        NEEDS_MORE_PROOF: _("Your proof is enough for the kinds of data, but not for the data itself."),
        "professional_secrecy": _("We are bound to professional secrecy."),
        "retention_duty": _("A law obliges us to keep these records."),
        "legal_claims": _("We need these records to make or defend legal claims."),
        "legal_hold": _("These records are evidence in legal proceedings, and we must not erase them."),
        "contract": _("We still need these records for a contract with you."),
        "security": _("We need these records to keep our services secure."),
        "free_expression": _("Freedom of expression and information protects these records."),
        "public_interest": _("A task in the public interest needs these records."),
        "research": _("Archiving, research or statistics need these records."),
        NOT_PROVIDED: _("It is neither what you gave us nor what we observed about you."),
        OTHER_BASIS: _("We hold it neither on your consent nor for a contract with you."),
        "not_collected_from_you": _("We did not collect these records from you."),
        "not_personal": _("Nothing in these records is about you."),
        "mentioned_elsewhere": _("Records of other people name you. Our staff looks at each of them."),
        "not_changeable": _("Some details in these records cannot be changed."),
        "store_rules": _("The rules of a database refused the change. We try again every day."),
        "store_duplicate": _("A database allows no two records that look alike. We try again every day."),
        "store_too_large": _("The changed records are too large for the database. We try again every day."),
        "store_not_permitted": _("We lack the right to change these records. We try again every day."),
        "store_refused": _("A database refused the change. We try again every day."),
        "changed_meanwhile": _("They came or changed while we erased. We try again every day."),
    }
)
OTHER = _("The law allows or demands it; our letter says more.")
