"""
The topology: exchanges, queues and bindings, as data.

::

    habeas.requests ──#──► intake                    (submissions of upstream systems)
    habeas.events ──type──► intake, verifier, fulfillment, notifier; console: all types
    habeas.retry ──<delay>.<service>──► habeas.retry.<delay> ──expired──► habeas.redelivery ──► <service>
    habeas.parking ──<service>──► <service>.parking ──rejected by a person──► habeas.redelivery ──► <service>

`habeas topology` declares the whole of it, with an account of its own; services declare nothing. Quorum
queues only: they alone are flushed to disk before a publication is confirmed. A message waits its turn in a
queue per delay, because messages expire only at the head of a queue (docs/adr/0004). No account may publish
to ``habeas.redelivery``, nor to queues directly: messages from there were in the service's own hands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

REQUESTS = "habeas.requests"
EVENTS = "habeas.events"
RETRY = "habeas.retry"
PROBE = "readiness"
"""Routing key at that exchange that no queue is bound to: a message that only asks for a confirmation."""
REDELIVERY = "habeas.redelivery"
PARKING = "habeas.parking"
COMMAND = "command"
"""Account of the ``habeas`` command, for operators."""
CONSOLE = "console"
"""Service that reads every fact, acts on none and publishes nothing."""

STRUCTURED = "application/cloudevents+json"
MAX_BODY = 1024 * 1024
"""Bytes. A larger message is refused: large content belongs in the vault."""
MAX_MESSAGE = 4 * MAX_BODY
"""Bytes. The broker refuses a larger message; intake answers one between the two with the reason."""
MAX_ID = 200
"""Characters of an event's id or source. A longer one is refused, not cut: two that were cut could be one."""
REPLAYED = "replay"
"""First part of the routing key of messages back from a parking queue."""

DELAYS: Mapping[str, timedelta] = {
    "1s": timedelta(seconds=1),
    "5s": timedelta(seconds=5),
    "30s": timedelta(seconds=30),
    "2m": timedelta(minutes=2),
    "10m": timedelta(minutes=10),
}

LISTENS: Mapping[str, tuple[str, ...]] = {
    "intake": (
        "habeas.identity.challenged.v1",
        "habeas.identity.verified.v1",
        "habeas.identity.refused.v1",
        "habeas.evidence.shown.v1",
        "habeas.proof.refused.v1",
        "habeas.request.fulfilled.v1",
        "habeas.request.referred.v1",
        "habeas.notice.sent.v1",
        "habeas.notice.failed.v1",
        "habeas.notice.reported.v1",
        "habeas.recipient.acknowledged.v1",
        "habeas.recipient.failed.v1",
        "habeas.identity.review_needed.v1",
        "habeas.request.paused.v1",
        "habeas.request.resumed.v1",
        "habeas.deadline.came.v1",
        "habeas.pause.decided.v1",
        "habeas.duplicate.decided.v1",
        "habeas.extension.decided.v1",
        "habeas.narrowing.decided.v1",
        "habeas.answer.expected.v1",
        "habeas.appeal.decided.v1",
        "habeas.reopening.decided.v1",
        "habeas.content.opened.v1",
        "habeas.permission.granted.v1",
        "habeas.permission.revoked.v1",
        "habeas.request.taken.v1",
        "habeas.request.renewed.v1",
        "habeas.forwarding.decided.v1",
        "habeas.proposal.decided.v1",
        "habeas.message.handled.v1",
        "habeas.submission.handled.v1",
        "habeas.message.repaired.v1",
        "habeas.recipient.informed.v1",
        "habeas.answer.delivered.v1",
        "habeas.fee.quoted.v1",
        "habeas.subject.unrestricted.v1",
        "habeas.drop.matched.v1",
        "habeas.burst.declared.v1",
        "habeas.erasure.planned.v1",
        "habeas.erasure.approved.v1",
        "habeas.stop.decided.v1",
        "habeas.withdrawal.decided.v1",
        "habeas.erasure.scheduled.v1",
        "habeas.disclosure.scheduled.v1",
        "habeas.staff.signed_in.v1",
        "habeas.package.review_needed.v1",
        "habeas.package.reviewed.v1",
        "habeas.evidence.destroyed.v1",
        "habeas.identity.reminded.v1",
        "habeas.proof.examined.v1",
        "habeas.request.lapsed.v1",
        "habeas.decision.refused.v1",
    ),
    "verifier": (
        "habeas.request.received.v1",
        "habeas.request.duplicated.v1",
        "habeas.request.withdrawn.v1",
        "habeas.request.stopped.v1",
        "habeas.request.released.v1",
        "habeas.proof.received.v1",
        "habeas.proof.examined.v1",
        "habeas.identity.compared.v1",
        "habeas.identity.decided.v1",
        "habeas.proof.asked_again.v1",
        "habeas.referral.decided.v1",
        "habeas.evidence.asked.v1",
        "habeas.content.opened.v1",
        "habeas.preview.asked.v1",
        "habeas.time.came.v1",
        "habeas.request.purged.v1",
    ),
    "examiner": ("habeas.proof.presented.v1", "habeas.evidence.shown.v1", "habeas.request.purged.v1"),
    "login": ("habeas.token.presented.v1", "habeas.request.purged.v1"),
    "fulfillment": (
        "habeas.identity.claimed.v1",
        "habeas.identity.verified.v1",
        "habeas.fee.decided.v1",
        "habeas.fee.agreed.v1",
        "habeas.scope.asked.v1",
        "habeas.scope.answered.v1",
        "habeas.request.withdrawn.v1",
        "habeas.request.stopped.v1",
        "habeas.request.released.v1",
        "habeas.erasure.planned.v1",
        "habeas.erasure.approved.v1",
        "habeas.erasure.scheduled.v1",
        "habeas.erasure.due.v1",
        "habeas.disclosure.scheduled.v1",
        "habeas.disclosure.due.v1",
        "habeas.erasure.retried.v1",
        "habeas.change.planned.v1",
        "habeas.alias.confirmed.v1",
        "habeas.alias.proven.v1",
        "habeas.correction.approved.v1",
        "habeas.erasure.ground_decided.v1",
        "habeas.referral.decided.v1",
        "habeas.values.released.v1",
        "habeas.package.reviewed.v1",
        "habeas.preview.asked.v1",
        "habeas.restriction.announced.v1",
        "habeas.recipient.concerned.v1",
        "habeas.recipient.retried.v1",
        "habeas.transfer.ordered.v1",
        "habeas.drop.listed.v1",
        "habeas.purge.approved.v1",
        "habeas.hold.placed.v1",
        "habeas.hold.lifted.v1",
        "habeas.request.purged.v1",
    ),
    "notifier": (
        "habeas.request.received.v1",
        "habeas.request.extended.v1",
        "habeas.request.forwarded.v1",
        "habeas.controller.told.v1",
        "habeas.request.duplicated.v1",
        "habeas.fee.quoted.v1",
        "habeas.scope.asked.v1",
        "habeas.package.expiring.v1",
        "habeas.deadline.missed.v1",
        "habeas.appeal.received.v1",
        "habeas.appeal.answered.v1",
        "habeas.request.withdrawn.v1",
        "habeas.mailbox.named.v1",
        "habeas.request.fulfilled.v1",
        "habeas.request.referred.v1",
        "habeas.identity.challenged.v1",
        "habeas.identity.refused.v1",
        "habeas.identity.assessed.v1",
        "habeas.identity.reminded.v1",
        "habeas.identity.review_needed.v1",
        "habeas.erasure.scheduled.v1",
        "habeas.disclosure.scheduled.v1",
        "habeas.subject.restricted.v1",
        "habeas.restriction.lifting.v1",
        "habeas.message.written.v1",
        "habeas.notice.reported.v1",
        "habeas.inquiry.lodged.v1",
        "habeas.inquiry.reminded.v1",
        "habeas.preview.drafted.v1",
        "habeas.request.purged.v1",
    ),
    "codes": (
        "habeas.request.received.v1",
        "habeas.identity.challenged.v1",
        "habeas.alias.code_issued.v1",
        "habeas.package.code_issued.v1",
        "habeas.request.purged.v1",
    ),
    "incidents": (
        "habeas.breach.lodged.v1",
        "habeas.breach.scoped.v1",
        "habeas.breach.approved.v1",
        "habeas.breach.withdrawn.v1",
        "habeas.campaign.aborted.v1",
        "habeas.breach.held.v1",
        "habeas.breach.hold_ended.v1",
        "habeas.breach.reported.v1",
        "habeas.breach.opened.v1",
        "habeas.breach.register_opened.v1",
        "habeas.breach.proof_asked.v1",
        "habeas.breach.notices_proven.v1",
        "habeas.breach.notified.v1",
        "habeas.breach.recounted.v1",
        "habeas.breach.time_came.v1",
    ),
    "scoping": (
        "habeas.breach.registered.v1",
        "habeas.breach.unscoped.v1",
        "habeas.breach.forgotten.v1",
        "habeas.request.purged.v1",
    ),
    "campaigns": (
        "habeas.breach.scoped.v1",
        "habeas.breach.released.v1",
        "habeas.breach.notice_returned.v1",
        "habeas.breach.opened.v1",
        "habeas.breach.proof_asked.v1",
        "habeas.breach.filings_asked.v1",
        "habeas.breach.samples_asked.v1",
        "habeas.campaign.paused.v1",
        "habeas.campaign.resumed.v1",
        "habeas.campaign.aborted.v1",
        "habeas.request.purged.v1",
    ),
    "chunks": ("habeas.breach.chunk_due.v1", "habeas.request.purged.v1"),
}
"""Types each service consumes. A test keeps it equal to the services' own SUBSCRIPTIONS."""

DECISIONS = (
    "habeas.stop.decided.v1",
    "habeas.withdrawal.decided.v1",
    "habeas.appeal.decided.v1",
    "habeas.content.opened.v1",
    "habeas.permission.granted.v1",
    "habeas.permission.revoked.v1",
    "habeas.request.taken.v1",
    "habeas.forwarding.decided.v1",
    "habeas.proposal.decided.v1",
    "habeas.message.handled.v1",
    "habeas.submission.handled.v1",
    "habeas.message.repaired.v1",
    "habeas.recipient.retried.v1",
    "habeas.recipient.informed.v1",
    "habeas.identity.decided.v1",
    "habeas.proof.asked_again.v1",
    "habeas.reopening.decided.v1",
    "habeas.evidence.asked.v1",
    "habeas.pause.decided.v1",
    "habeas.duplicate.decided.v1",
    "habeas.extension.decided.v1",
    "habeas.narrowing.decided.v1",
    "habeas.answer.expected.v1",
    "habeas.burst.declared.v1",
    "habeas.answer.delivered.v1",
    "habeas.fee.decided.v1",
    "habeas.erasure.approved.v1",
    "habeas.purge.approved.v1",
    "habeas.hold.placed.v1",
    "habeas.hold.lifted.v1",
    "habeas.alias.confirmed.v1",
    "habeas.correction.approved.v1",
    "habeas.erasure.ground_decided.v1",
    "habeas.referral.decided.v1",
    "habeas.values.released.v1",
    "habeas.package.reviewed.v1",
    "habeas.restriction.lifting.v1",
    "habeas.message.written.v1",
    "habeas.breach.approved.v1",
    "habeas.breach.withdrawn.v1",
    "habeas.breach.held.v1",
    "habeas.breach.hold_ended.v1",
    "habeas.breach.reported.v1",
    "habeas.breach.opened.v1",
    "habeas.breach.register_opened.v1",
    "habeas.breach.proof_asked.v1",
    "habeas.campaign.paused.v1",
    "habeas.campaign.resumed.v1",
    "habeas.campaign.aborted.v1",
    "habeas.staff.signed_in.v1",
)
"""Types that staff accounts sign; intake publishes them, and each consumer verifies the account."""
REFUSED = "habeas.decision.refused.v1"
"""Type that each service publishes which acts on decisions."""

PUBLISHES: Mapping[str, tuple[str, ...]] = {
    "intake": (
        *DECISIONS,
        REFUSED,
        "habeas.request.released.v1",
        "habeas.request.stopped.v1",
        "habeas.drop.listed.v1",
        "habeas.inquiry.lodged.v1",
        "habeas.inquiry.reminded.v1",
        "habeas.preview.asked.v1",
        "habeas.preview.drafted.v1",
        "habeas.message.lodged.v1",
        "habeas.appeal.received.v1",
        "habeas.appeal.answered.v1",
        "habeas.request.renewed.v1",
        "habeas.request.received.v1",
        "habeas.request.rejected.v1",
        "habeas.request.forwarded.v1",
        "habeas.request.duplicated.v1",
        "habeas.forwarding.fetched.v1",
        "habeas.request.withdrawn.v1",
        "habeas.request.closed.v1",
        "habeas.request.purged.v1",
        "habeas.proof.received.v1",
        "habeas.request.extended.v1",
        "habeas.intake.due_moved.v1",
        "habeas.deadline.came.v1",
        "habeas.deadline.approaching.v1",
        "habeas.deadline.missed.v1",
        "habeas.fee.agreed.v1",
        "habeas.scope.asked.v1",
        "habeas.scope.answered.v1",
        "habeas.alias.code_issued.v1",
        "habeas.alias.proven.v1",
        "habeas.package.code_issued.v1",
        "habeas.package.fetched.v1",
        "habeas.package.expiring.v1",
        "habeas.package.expired.v1",
        "habeas.breach.lodged.v1",
        "habeas.cases.searched.v1",
        "habeas.staff.signed_out.v1",
        "habeas.case.assigned.v1",
        "habeas.case.noted.v1",
        "habeas.file.attached.v1",
        "habeas.trail.exported.v1",
    ),
    "verifier": (
        REFUSED,
        "habeas.preview.drafted.v1",
        "habeas.proof.refused.v1",
        "habeas.identity.assessed.v1",
        "habeas.identity.challenged.v1",
        "habeas.identity.reminded.v1",
        "habeas.proof.presented.v1",
        "habeas.token.presented.v1",
        "habeas.identity.review_needed.v1",
        "habeas.evidence.shown.v1",
        "habeas.evidence.destroyed.v1",
        "habeas.request.paused.v1",
        "habeas.request.resumed.v1",
        "habeas.request.lapsed.v1",
        "habeas.time.came.v1",
        "habeas.identity.claimed.v1",
        "habeas.identity.verified.v1",
        "habeas.identity.refused.v1",
    ),
    "examiner": ("habeas.proof.examined.v1",),
    "login": ("habeas.proof.examined.v1",),
    "fulfillment": (
        REFUSED,
        "habeas.preview.drafted.v1",
        "habeas.erasure.due.v1",
        "habeas.erasure.scheduled.v1",
        "habeas.disclosure.due.v1",
        "habeas.disclosure.scheduled.v1",
        "habeas.package.review_needed.v1",
        "habeas.drop.matched.v1",
        "habeas.request.fulfilled.v1",
        "habeas.mailbox.named.v1",
        "habeas.request.referred.v1",
        "habeas.fee.quoted.v1",
        "habeas.identity.compared.v1",
        "habeas.erasure.planned.v1",
        "habeas.erasure.retried.v1",
        "habeas.hold.ended.v1",
        "habeas.purge.proposed.v1",
        "habeas.transfer.ordered.v1",
        "habeas.subject.erased.v1",
        "habeas.change.planned.v1",
        "habeas.subject.rectified.v1",
        "habeas.subject.restricted.v1",
        "habeas.subject.unrestricted.v1",
        "habeas.subject.opted_out.v1",
        "habeas.subject.objected.v1",
        "habeas.subject.consent_withdrawn.v1",
        "habeas.recipient.concerned.v1",
        "habeas.recipient.notified.v1",
        "habeas.recipient.acknowledged.v1",
        "habeas.recipient.failed.v1",
    ),
    "notifier": (
        REFUSED,
        "habeas.controller.told.v1",
        "habeas.restriction.announced.v1",
        "habeas.notice.sent.v1",
        "habeas.notice.failed.v1",
        "habeas.notice.reported.v1",
        "habeas.breach.notice_returned.v1",
    ),
    "codes": (),
    "incidents": (
        REFUSED,
        "habeas.request.purged.v1",
        "habeas.breach.registered.v1",
        "habeas.breach.unscoped.v1",
        "habeas.breach.forgotten.v1",
        "habeas.breach.released.v1",
        "habeas.breach.time_came.v1",
        "habeas.breach.alarmed.v1",
        "habeas.breach.stated.v1",
        "habeas.breach.filings_asked.v1",
        "habeas.breach.samples_asked.v1",
    ),
    "scoping": ("habeas.breach.scoped.v1",),
    "campaigns": (
        REFUSED,
        "habeas.breach.chunk_due.v1",
        "habeas.breach.notified.v1",
        "habeas.breach.recounted.v1",
        "habeas.breach.notices_checked.v1",
        "habeas.breach.unreached_listed.v1",
        "habeas.breach.notices_proven.v1",
        "habeas.breach.filings_written.v1",
    ),
    "chunks": ("habeas.breach.notified.v1", "habeas.campaign.progressed.v1"),
    COMMAND: ("habeas.erasure.retried.v1",),
}
"""
Types that each service publishes, and no other may: the broker refuses them, and so does each consumer. A
test keeps it equal to the services' code.
"""

OBSOLETE: Mapping[str, tuple[str, ...]] = {
    "intake": (
        "habeas.agreement.lodged.v1",
        "habeas.appeal.lodged.v1",
        "habeas.inquiry.lodged.v1",
        "habeas.message.lodged.v1",
        "habeas.request.lodged.v1",
        "habeas.withdrawal.lodged.v1",
    ),
}
"""
Types that the queue of a service was bound to by an earlier release, and is no more. `habeas migrate` removes
these bindings once all services are upgraded: services of the earlier release need them. A test compares them
with the recorded bindings of releases.
"""

DELIVERY_LIMIT = 100
"""Deliveries before the broker parks a message by itself: the last net under one that kills the process.
High, because the broker counts every message a crashed consumer had prefetched, innocent ones too."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A quorum queue and its bindings."""

    name: str
    bindings: tuple[tuple[str, str], ...] = ()
    """Pairs of exchange and routing key."""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def parking_of(service: str) -> str:
    """Return the name of the queue where *service*'s unhandled messages wait for a person."""
    return f"{service}.parking"


def exchanges() -> tuple[str, ...]:
    """Return all exchanges; each is a durable topic exchange."""
    return REQUESTS, EVENTS, RETRY, REDELIVERY, PARKING


def inboxes() -> Mapping[str, tuple[str, ...]]:
    """Return for each service, the console included, the types of facts that its queue gets."""
    return {**LISTENS, CONSOLE: tuple(dict.fromkeys(one for types in PUBLISHES.values() for one in types))}


@cache
def queues() -> tuple[Queue, ...]:
    """Return all queues but the console's; none dead-letters into one that comes after it."""
    return tuple(
        [_parking(service) for service in LISTENS]
        + [_inbox(service, types) for service, types in LISTENS.items()]
        + [_waiting(name, delay) for name, delay in DELAYS.items()]
    )


@cache
def console_queues() -> tuple[Queue, ...]:
    """Return the queues of the console: an installation without a console must not fill them."""
    return _parking(CONSOLE), _inbox(CONSOLE, inboxes()[CONSOLE])


def publishers_of(type_: str) -> tuple[str, ...]:
    """Return the services that publish *type_*."""
    return tuple(service for service, types in PUBLISHES.items() if type_ in types)


def _parking(service: str) -> Queue:
    """Return the parking queue of *service*. A rejected message goes back to it, as its publisher sent it."""
    return Queue(
        parking_of(service),
        ((PARKING, service),),
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": -1,
            "x-dead-letter-exchange": REDELIVERY,
            "x-dead-letter-routing-key": f"{REPLAYED}.{service}",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


def _inbox(service: str, types: tuple[str, ...]) -> Queue:
    bindings = [(EVENTS, type_) for type_ in types] + [(REDELIVERY, f"*.{service}")]
    if service == "intake":
        bindings.append((REQUESTS, "#"))
    return Queue(
        service,
        tuple(bindings),
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": parking_of(service),
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


def _waiting(name: str, delay: timedelta) -> Queue:
    return Queue(
        f"{RETRY}.{name}",
        ((RETRY, f"{name}.*"),),
        {
            "x-queue-type": "quorum",
            "x-message-ttl": int(delay.total_seconds() * 1000),
            "x-dead-letter-exchange": REDELIVERY,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )
