"""Names of codes in the breach room. Marked here; the catalogue of the console translates them."""

from collections.abc import Mapping

from services.console import labels
from services.console.incidents import NO_LAW, CampaignMode
from services.console.pages.breach_register import law_name
from shared.law.breaches import NoticeRecipientKind
from shared.law.breaches.terms import NoticeStage
from shared.law.library import breach_policies
from shared.pages.translation import Words
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
STAGES: Mapping[str, str] = {
    NoticeStage.EARLY_WARNING: _("Early warning"),
    NoticeStage.NOTIFICATION: _("Notification"),
    NoticeStage.DETAILED_REPORT: _("Detailed report"),
    NoticeStage.SUPPLEMENT: _("Supplement"),
    NoticeStage.PROGRESS_REPORT: _("Progress report"),
    NoticeStage.FINAL_REPORT: _("Final report"),
    "update": RECIPIENTS["staff"],
    "sample": _("copy of a letter"),
}
"""Stage of a notice, or kind of a duty or file without a recipient → its name."""
FORMATS: Mapping[str, str] = {"json": "JSON", "txt": _("text"), "html": "HTML"}


def law(policy: str | None, words: Words) -> str:
    """Return the name of the law of an edition, in the language of *words*."""
    if not policy:
        return ""
    return words.say(_("No law") if policy == NO_LAW else law_name(policy))


def duty(clock: str, words: Words) -> str:
    """Return the name of the duty of a *clock*: recipient, stage, place or number, and law."""
    head, *rest = clock.split(".")
    if head in STAGES:  # update.1, supplement.2.customers
        return ", ".join(_part(one, words) for one in (head, *rest))
    named = next((one.name for one in breach_policies() if one.law == head), head)
    return ", ".join((*(_part(one, words) for one in rest), words.say(named)))


def document(name: str, words: Words) -> str:
    """Return the name of a document or of a file beside it, after its duty."""
    clock, _dot, kind = name.rpartition(".")
    if kind not in FORMATS:
        return duty(name, words)
    return f"{duty(clock, words)} ({words.say(FORMATS[kind])})"


def _part(part: str, words: Words) -> str:
    """Return the name of a *part* of a clock: recipient, stage, place, number or language."""
    known = RECIPIENTS.get(part) or STAGES.get(part)
    if known:
        return words.say(known)
    return labels.language(part, words) if part.islower() else labels.place(part, words)
