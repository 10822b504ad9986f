"""Prometheus metrics of incoming mail. Labels come from a closed vocabulary; never an address."""

from prometheus_client import Counter

from shared.runtime.metrics import REGISTRY

_MAILS = Counter(
    "habeas_inbox_mails",
    "Incoming mails by result; see docs/reference/mail.md.",
    ["outcome"],
    registry=REGISTRY,
)


def mail(outcome: str) -> None:
    """Count an incoming mail."""
    _MAILS.labels(outcome).inc()
