"""Traces: off by default and then without OpenTelemetry; on, a case is one trace."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import extras
from shared.errors import ConfigurationError
from shared.runtime import spans, traces

CASE, OTHER = "0b4ab47a5b6911c6137e279c1a17648d", "ab" * 16
UNREACHED = "http://127.0.0.1:1/v1/traces"


@contextmanager
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    monkeypatch.setattr(spans, "BatchSpanProcessor", lambda _: SimpleSpanProcessor(exporter))
    with traces.exported(UNREACHED, "test"):
        yield exporter


def ids(exporter: InMemorySpanExporter) -> dict[str, tuple[str, str | None]]:
    """Return the trace of each span, and the name of its parent."""
    done = exporter.get_finished_spans()
    names = {one.context.span_id: one.name for one in done if one.context}
    return {
        one.name: (f"{one.context.trace_id:032x}", names.get(one.parent.span_id) if one.parent else None)
        for one in done
        if one.context
    }


def test_span_follows_from_the_message_of_its_case_and_from_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with written(monkeypatch) as exporter:
        with traces.span("intake", case=CASE):
            header = traces.traceparent()
        with traces.span("verifier", case=CASE, parent=header), traces.span("smtp"):
            traces.past_span("mongodb find", 0.1, store="own")
        with traces.span("forged", case=OTHER, parent=header):
            pass
        with traces.span("without a case"), traces.shared_span("journal", [header, ""]):
            traces.past_span("without a span", 0.1)
    assert ids(exporter) == {
        "intake": (CASE, None),
        "verifier": (CASE, "intake"),
        "smtp": (CASE, "verifier"),
        "mongodb find": (CASE, "smtp"),
        "forged": (OTHER, None),
        "journal": (CASE, "intake"),
    }


def test_request_is_the_root_of_the_case_that_it_names_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with written(monkeypatch) as exporter:
        with traces.request() as ended:
            for case in (CASE, OTHER):
                with traces.span(f"operation {case[:2]}", case=case):
                    pass
            ended.update(name="POST /v1/requests", status=202)
        with traces.request():
            pass
    assert ids(exporter) == {
        "operation 0b": (CASE, "POST /v1/requests"),
        "operation ab": (OTHER, None),
        "POST /v1/requests": (CASE, None),
    }


def test_failed_span_names_the_class_of_the_error_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        written(monkeypatch) as exporter,
        pytest.raises(ValueError, match="ada"),
        traces.span("verifier", case=CASE),
    ):
        raise ValueError("ada@example.org")
    [span] = exporter.get_finished_spans()
    assert dict(span.attributes or {}) == {"error.type": "ValueError"}
    assert "ada" not in span.to_json()


def test_case_of_another_form_has_a_trace_of_its_own() -> None:
    assert f"{spans.trace_of(CASE):032x}" == CASE
    assert len({spans.trace_of(name) for name in ("", "incident 1", "incident 2", "0" * 32)}) == 4


def test_traces_without_their_extra_name_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "EXTRAS", {"traces": ("habeas_has_no_such",)})
    remedy = r"HABEAS_TRACES_URL: .*habeas\[traces\]"
    with pytest.raises(ConfigurationError, match=remedy), traces.exported(UNREACHED, "test"):
        pass


@pytest.mark.slow
def test_nothing_of_the_sdk_is_imported_while_traces_are_off() -> None:
    code = "import sys, shared.runtime.bootstrap; print('opentelemetry.sdk' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)  # noqa: S603 - ours
    assert ran.stdout == b"False\n", ran.stderr
