"""Traces of real services, in a collector."""

from datetime import timedelta

from tests.integration.console_fixture import Console
from tests.integration.pipeline import KEYS, PORTAL, Somebody
from tests.waiting import eventually

WITHIN = timedelta(seconds=120)
CUSTOMER = Somebody("ada.kessler@example.net", "Ada Kessler")


async def test_request_is_one_trace_over_all_services_without_personal_data(console: Console) -> None:
    received = console.collector
    bearer = {"Authorization": f"Bearer {KEYS[PORTAL]}"}
    answer = await console.pipeline.http.post("/v1/requests", json=CUSTOMER.asks("access"), headers=bearer)
    case = answer.json()["id"]

    expected = {
        "POST /v1/requests",
        "intake operation",
        "verifier RequestReceived",
        "fulfillment IdentityVerified",
        "notifier RequestFulfilled",
        "journal",
        "smtp",
        "mongodb find",
    }

    def is_one_trace() -> bool:
        spans = {span.id: span for span in received.of(case)}
        assert expected <= {span.name for span in spans.values()}
        roots = [span for span in spans.values() if not span.parent]
        assert [span.name for span in roots] == ["POST /v1/requests"]
        return all(span.parent in spans for span in spans.values() if span.parent)

    await eventually(is_one_trace, WITHIN)
    told = str([(span.name, span.attributes) for span in received.spans])
    assert CUSTOMER.name not in told
    assert CUSTOMER.email not in told
    known = {"service", "event", "store", "status", "error.type"}
    assert {name for span in received.spans for name in span.attributes} <= known
