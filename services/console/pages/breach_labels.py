"""Names of codes in the breach room. Marked here; the catalogue of the console translates them."""

from collections.abc import Mapping

from services.console.incidents import CampaignMode
from shared.law.breaches import NoticeRecipientKind
from shared.pages.translation import mark as _

RECIPIENTS: Mapping[str, str] = {
    NoticeRecipientKind.PEOPLE: _("People affected"),
    NoticeRecipientKind.AUTHORITY: _("Supervisory authority"),
    NoticeRecipientKind.ATTORNEY_GENERAL: _("Attorney General"),
    NoticeRecipientKind.CONSUMER_AGENCIES: _("Consumer reporting agencies"),
    NoticeRecipientKind.CONTROLLER: _("Customer"),
    NoticeRecipientKind.CSIRT: _("CSIRT"),
    NoticeRecipientKind.SERVICE_RECIPIENTS: _("Users of the service"),
    NoticeRecipientKind.PUBLIC: _("The public"),
    "customers": _("All customers"),
    "staff": _("Next update"),
}
"""Recipient of a notice of a breach → its name."""
PHASES: Mapping[str, str] = {
    "registered": _("People are searched"),
    "scoped": _("Waits for approval"),
    "approved": _("Approved"),
    "released": _("Notices go out"),
    "notified": _("Notified"),
    "withdrawn": _("Withdrawn"),
}
CAMPAIGNS: Mapping[str, str] = {
    CampaignMode.ON: _("Notices go out"),
    CampaignMode.PAUSED: _("Paused"),
    CampaignMode.ABORTED: _("Stopped for good"),
}
