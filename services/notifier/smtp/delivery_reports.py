"""
Reads a mail server's report on a letter: RFC 3464, as far as it is needed, and tolerantly. Pure.

Anyone may send a report, so nothing is decoded that need not be: parts are cut at the outer boundary alone,
however deep they nest, and the letter that is sent back is not looked at. Prose counts in no language.
Unused parts of a report are not read at all, because the library takes time with them that grows with the
square of their length.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import TypeAlias

from services.notifier.smtp.reply_codes import LetterOutcome, outcome_of
from shared.contract.events import DeliveryAction
from shared.mail import mime_parts

LARGEST = 1024 * 1024
"""Bytes that are taken. A report returns the letter, or its headers; no letter of ours is as large."""
MOST_PARTS = 20
MOST_GROUPS = 100
"""Of fields: one of the message, and one of each recipient. A letter of ours has one."""
LARGEST_HEAD = 16 * 1024
"""Bytes of the fields of a message, a part or a recipient."""
FAILED = 550
"""A reply code that says nothing by itself: the status decides."""
STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
"""RFC 3464 section 2.1; RFC 6533 section 4."""
STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
BLANK = re.compile(rb"(?:\r?\n)[ \t]*(?:\r?\n)")

ReportFields: TypeAlias = Mapping[str, str]

ACTIONS: Mapping[str, DeliveryAction] = {
    "failed": DeliveryAction.FAILED,
    "delayed": DeliveryAction.DELAYED,
    "delivered": DeliveryAction.DELIVERED,
    "relayed": DeliveryAction.DELIVERED,
    "expanded": DeliveryAction.DELIVERED,
}
"""RFC 3464 section 2.3.3."""
BY_CLASS: Mapping[str, DeliveryAction] = {
    "2": DeliveryAction.DELIVERED,
    "4": DeliveryAction.DELAYED,
    "5": DeliveryAction.FAILED,
}
"""The action of a report without one, by the class of its status (RFC 3463 section 3.1)."""
WITHOUT_STATUS = {action: f"{digit}.0.0" for digit, action in BY_CLASS.items()}
GRAVITY = (DeliveryAction.FAILED, DeliveryAction.DELAYED, DeliveryAction.DELIVERED)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """The outcome of a letter."""

    action: DeliveryAction
    status: str
    """Enhanced status code; ``<class>.0.0`` where the report has none."""

    @property
    def may_be_sent_again(self) -> bool:
        """Whether it came back for a cause that may pass: a mailbox was full, a host away, a try too long."""
        may_pass = self.status.startswith("4.") or outcome_of(FAILED, self.status) in {
            LetterOutcome.FULL,
            LetterOutcome.LATER,
        }
        return self.action is DeliveryAction.FAILED and may_pass


def report_in(content: bytes) -> DeliveryReport | None:
    """Return the report in the message *content*, the worst of several; None if it is no report."""
    if len(content) > LARGEST:
        return None
    reports = [report for fields in _groups(content) if (report := _report(fields))]
    return min(reports, key=lambda report: GRAVITY.index(report.action), default=None)


def _groups(content: bytes) -> Iterator[ReportFields]:
    """Yield the groups of fields of the delivery status: first of the message, then of each recipient."""
    for headers, body in _parts(content):
        if headers.get_content_type() in STATUS_PARTS:
            for group in BLANK.split(body.strip(), maxsplit=MOST_GROUPS)[:MOST_GROUPS]:
                fields = mime_parts.fields(group.strip(), largest_head=LARGEST_HEAD)
                yield {name.lower(): str(value) for name, value in fields.items()}


def _parts(content: bytes) -> Iterator[tuple[Message, bytes]]:
    headers, body = mime_parts.split(content, largest_head=LARGEST_HEAD)
    if headers.get_content_type() == "multipart/report":
        for piece in mime_parts.pieces(headers, body, most=MOST_PARTS):
            yield mime_parts.split(piece, largest_head=LARGEST_HEAD)


def _report(fields: ReportFields) -> DeliveryReport | None:
    found = STATUS.search(fields.get("status", ""))
    status = found[0] if found else None
    action = ACTIONS.get(fields.get("action", "").partition("(")[0].strip().lower())
    if action is None and status is not None:
        action = BY_CLASS[status[0]]
    return DeliveryReport(action, status or WITHOUT_STATUS[action]) if action else None
