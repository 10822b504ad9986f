"""Prometheus metrics of mail. Labels come from closed vocabularies; never an address or a domain."""

from prometheus_client import Counter

from shared.runtime.metrics import REGISTRY

_LETTERS = Counter(
    "habeas_letters",
    "Outcomes of letters, each time that they were tried.",
    ["outcome"],
    registry=REGISTRY,
)
_REPORTS = Counter(
    "habeas_mail_reports",
    "Messages to the port for returned mail: `no_report` and `unknown_letter` were dropped.",
    ["outcome"],
    registry=REGISTRY,
)


def letter(outcome: str, count: int = 1) -> None:
    """Count letters that were tried."""
    _LETTERS.labels(outcome).inc(count)


def report(outcome: str) -> None:
    """Count a message that came back."""
    _REPORTS.labels(outcome).inc()
