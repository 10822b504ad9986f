"""Files are validated before anything is published; errors name file, line and field."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from habeas.cli import app
from habeas.client import event_files
from habeas.client.event_files import EventFile, FileEvent, Sheet, found_in
from shared.client.publisher import Publisher
from shared.contract.envelope import STRUCTURED, decode
from shared.contract.topology import REQUESTS
from shared.errors import BrokerUnavailable, ConfigurationError, Unroutable
from shared.runtime.broker import Message
from tests.unit.incident_register_fakes import declaration

SECRET = "ottilie.quastenflosser"
SHEET = "reference,right,email\nt-1,erasure,ada@example.org\nt-2,access,bruno@example.com\n"
READING = Sheet("shop.example", ZoneInfo("Europe/Berlin"))


def event(number: int = 1, **data: Any) -> dict[str, Any]:
    request = {"reference": f"t-{number}", "right": "access", "subject": {"email": "ada@example.org"}} | data
    return {
        "specversion": "1.0",
        "type": "habeas.request.submitted.v1",
        "source": "shop.example",
        "id": f"e-{number}",
        "time": "2026-03-02T09:30:00Z",
        "data": request,
    }


WRONG = event(2, right=SECRET)


def found(content: str | bytes, folder: Path, *, sheet: Sheet | None = None) -> list[FileEvent]:
    path = folder / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [one for _, one in found_in([EventFile(path, sheet=sheet)])]


def faults(content: str | bytes, folder: Path) -> list[tuple[int, str]]:
    return [(fault.line, fault.path) for one in found(content, folder) for fault in one.faults]


def command(verb: str, *words: str) -> Result:
    return CliRunner().invoke(app, [verb, *words], catch_exceptions=False)


def test_a_breach_with_a_slip_of_the_pen_is_named_by_its_place(tmp_path: Path) -> None:
    told = declaration(aware_at="9999-03-05T08:00Z", categories=["user.finacial"])
    breach = event() | {"type": "habeas.breach.declared.v1", "data": told}
    assert faults(json.dumps(breach), tmp_path) == [(1, "data.aware_at"), (1, "data.categories.0")]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(json.dumps(event()), id="one"),
        pytest.param(json.dumps(event(), indent=2), id="one over many lines"),
        pytest.param("\ufeff\n" + json.dumps([event()]), id="an array"),
        pytest.param("\n\n" + json.dumps([event()], indent=2) + "\n", id="an array over many lines"),
        pytest.param("\ufeff" + json.dumps(event()) + "\n\n", id="a line"),
    ],
)
def test_an_event_is_found_in_each_form_of_file(content: str, tmp_path: Path) -> None:
    [one] = found(content, tmp_path)
    assert one.message is not None
    read = decode(one.message.body, exchange=REQUESTS, content_type=STRUCTURED, headers={})
    assert (read.id, one.message.routing_key) == ("e-1", read.event.TYPE)


def test_lines_are_events_of_their_own(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(event(number)) for number in range(3))
    assert [one.line for one in found(lines, tmp_path)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        pytest.param("", (1, ""), id="empty"),
        pytest.param("[1", (1, ""), id="an open array"),
        pytest.param("[\n1 2]", (2, ""), id="no comma"),
        pytest.param("{\n", (2, ""), id="an open object"),
        pytest.param('{"a": 1\n' + json.dumps(event()), (1, ""), id="a first line that is no JSON"),
        pytest.param('{"a": 1,\n"b": x\n}', (2, ""), id="no JSON in the middle of an object"),
        pytest.param('\n{"a" 1}\n' + json.dumps(event()), (2, ""), id="a first line without a colon"),
        pytest.param(json.dumps(event()) + "\nno event", (2, ""), id="a line that is no JSON"),
        pytest.param(json.dumps(event()) + "\n" + json.dumps(WRONG), (2, "data.right"), id="a wrong line"),
        pytest.param(json.dumps(event(subject={})), (1, "data.subject"), id="an empty subject"),
        pytest.param(json.dumps([event()]) + "\n{}", (2, ""), id="more behind an array"),
        pytest.param(b'["\xff"]', (1, ""), id="no UTF-8"),
        pytest.param("[NaN]", (1, ""), id="no number"),
        pytest.param('[{"a": "\\ud800"}]', (1, ""), id="half a character"),
        pytest.param("[" * 100_000, (1, ""), id="deep"),
        pytest.param(json.dumps(event() | {"specversion": "0.3"}), (1, "specversion"), id="another version"),
        pytest.param(json.dumps(event() | {"type": "frob"}), (1, "type"), id="another type"),
        pytest.param(json.dumps(event()["data"]), (1, "specversion"), id="no envelope"),
    ],
)
def test_error_names_line_and_field(content: str | bytes, where: tuple[int, str], tmp_path: Path) -> None:
    assert faults(content, tmp_path)[-1] == where


def test_the_line_of_an_element_is_where_it_begins(tmp_path: Path) -> None:
    content = json.dumps([event(), WRONG], indent=1)
    assert faults(content, tmp_path) == [(content[: content.index('"e-2"')].count("\n") - 3, "data.right")]


def test_an_event_with_the_id_of_another_would_be_lost_and_is_refused(tmp_path: Path) -> None:
    again = event() | {"data": event(7)["data"]}
    elsewhere = again | {"source": "portal.example"}
    lines = [event(), event(), elsewhere, again]
    content = "\n".join(map(json.dumps, lines))
    assert faults(content, tmp_path) == [(4, "id")]


def test_two_requests_with_one_reference_are_distinguished_or_refused(tmp_path: Path) -> None:
    again, other = event() | {"id": "e-8"}, event(right="erasure") | {"id": "e-9"}
    elsewhere = other | {"source": "portal.example"}
    withdrawn = event(9) | {"type": "habeas.request.withdrawn.v1", "data": {"reference": "t-1"}}
    content = "\n".join(map(json.dumps, [event(), again, elsewhere, withdrawn, other]))
    assert faults(content, tmp_path) == [(5, "data.reference")]


def test_a_row_is_the_same_event_whenever_the_sheet_is_sent(tmp_path: Path) -> None:
    def ids() -> list[str]:
        return [one.message.message_id for one in found(SHEET, tmp_path, sheet=READING) if one.message]

    assert ids() == ids()
    assert len(set(ids())) == 2
    other = Sheet("portal.example", READING.zone)
    assert not {one.message.message_id for one in found(SHEET, tmp_path, sheet=other) if one.message} & set(
        ids()
    )


def test_the_id_of_a_row_is_in_its_event(tmp_path: Path) -> None:
    for one in found(SHEET, tmp_path, sheet=READING):
        assert one.message is not None
        plain = orjson.loads(one.message.body)
        assert (plain["id"], plain["source"]) == (one.message.message_id, "shop.example")


@pytest.mark.slow
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_whatever_a_file_holds_it_is_read_or_refused(content: bytes, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    for start in (b"", json.dumps(event()).encode() + b"\n", b"[" + json.dumps(event()).encode() + b","):
        for one in found(start + content, folder):
            assert (one.message is None) == bool(one.faults)
        list(found(start + content, folder, sheet=READING))


# --- the verbs --------------------------------------------------------------------------------------------


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events were published each time."""
    published: list[int] = []

    async def publish(_url: str, sources: list[EventFile], told: Any) -> int:
        count = len(list(event_files.messages(sources)))
        told(count)
        published.append(count)
        return count

    monkeypatch.setattr(event_files, "publish", publish)
    monkeypatch.setenv("HABEAS_AMQP_URL", "amqp://broker.example.com")
    return published


def files(folder: Path) -> tuple[str, str]:
    sound, faulty = folder / "sound.json", folder / "faulty.jsonl"
    sound.write_text(json.dumps(event()))
    faulty.write_text(f"{json.dumps(event(3))}\n{json.dumps(WRONG)}\n")
    return str(sound), str(faulty)


def test_nothing_is_published_if_anything_is_wrong_in_any_file(sent: list[int], tmp_path: Path) -> None:
    said = command("publish", *files(tmp_path))
    assert said.exit_code == 1
    assert sent == []
    assert f"{tmp_path}/faulty.jsonl:2: data.right" in said.stdout
    assert SECRET not in said.stdout


def test_what_is_sound_is_published_where_that_is_wanted(sent: list[int], tmp_path: Path) -> None:
    assert command("publish", "--keep-going", *files(tmp_path)).exit_code == 1
    assert sent == [2]


def test_what_is_all_sound_is_published(sent: list[int], tmp_path: Path) -> None:
    said = command("publish", files(tmp_path)[0])
    assert (said.exit_code, sent) == (0, [1])
    assert "Published events: 1" in said.stdout


def test_validating_needs_no_broker_and_publishes_nothing(
    sent: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HABEAS_AMQP_URL")
    assert command("validate", files(tmp_path)[0]).exit_code == 0
    assert command("validate", *files(tmp_path)).exit_code == 1
    assert sent == []


def test_standard_input_is_read_once_and_serves_twice(sent: list[int]) -> None:
    said = CliRunner().invoke(app, ["publish", "-"], input=json.dumps(event()), catch_exceptions=False)
    assert (said.exit_code, sent) == (0, [1])
    with pytest.raises(ConfigurationError, match="once only"):
        CliRunner().invoke(app, ["validate", "-", "-"], input="{}", catch_exceptions=False)


def test_a_sheet_is_known_by_its_name_or_by_being_called_one(sent: list[int], tmp_path: Path) -> None:
    sheet = tmp_path / "requests.CSV"
    sheet.write_text(SHEET)
    assert command("publish", "--source", "shop.example", str(sheet)).exit_code == 0
    words = ["publish", "--csv", "--source", "shop.example", "-"]
    said = CliRunner().invoke(app, words, input=SHEET, catch_exceptions=False)
    assert (said.exit_code, sent) == (0, [2, 2])


def test_a_sheet_is_published_in_the_name_of_a_system_alone(sent: list[int], tmp_path: Path) -> None:
    """Tickets of two systems have the same numbers."""
    sheet = tmp_path / "requests.csv"
    sheet.write_text(SHEET)
    with pytest.raises(ConfigurationError, match="--source"):
        command("publish", str(sheet))
    assert sent == []
    assert command("validate", str(sheet)).exit_code == 0


def test_two_files_must_not_call_two_requests_the_same(sent: list[int], tmp_path: Path) -> None:
    january, february, events = tmp_path / "jan.csv", tmp_path / "feb.csv", tmp_path / "more.jsonl"
    january.write_text(SHEET)
    february.write_text(SHEET.replace("bruno@example.com", f"{SECRET}@example.net"))
    events.write_text(json.dumps(event(1, right="erasure")) + "\n" + json.dumps(event(2, right="objection")))
    said = command("publish", "--source", "shop.example", *map(str, (january, february, events)))
    assert (said.exit_code, sent) == (1, [])
    assert f"{february}:3: reference: that of another request, at {january}:3" in said.stdout
    assert f"{events}:2: data.reference: that of another request, at {january}:3" in said.stdout
    assert "Valid events: 4; invalid: 2" in said.stdout
    assert SECRET not in said.stdout


def test_what_two_files_say_alike_is_published_and_what_is_another_never(tmp_path: Path) -> None:
    one, two = tmp_path / "jan.csv", tmp_path / "feb.csv"
    one.write_text(SHEET)
    two.write_text(SHEET.replace("bruno", "carla"))
    sources = [EventFile(path, sheet=READING) for path in (one, one, two)]
    checked = event_files.check(sources, lambda _source, _found: None)
    assert (checked.sound, checked.faulty) == (5, 1)
    assert len(list(event_files.messages(sources))) == 5


def test_a_report_has_a_line_for_each_event_and_no_formula(sent: list[int], tmp_path: Path) -> None:
    sheet, report = tmp_path / "requests.csv", tmp_path / "report.csv"
    sheet.write_text(SHEET + "=cmd(),frob,carla@example.net\n")
    assert command("validate", "--report", str(report), str(sheet)).exit_code == 1
    assert sent == []
    head, *lines = report.read_text().splitlines()
    assert head == "file,line,reference,column,fault"
    assert [line.split(",")[1:4] for line in lines] == [
        ["2", "t-1", ""],
        ["3", "t-2", ""],
        ["4", "'=cmd()", "right"],
    ]
    assert "carla" not in report.read_text()


def test_a_file_that_changes_meanwhile_is_noticed() -> None:
    event_files.check_unchanged(2, 2)
    with pytest.raises(ConfigurationError, match="changed meanwhile"):
        event_files.check_unchanged(2, 1)


def test_many_errors_are_counted_and_not_all_printed(sent: list[int], tmp_path: Path) -> None:
    many = tmp_path / "many.jsonl"
    many.write_text((json.dumps(WRONG) + "\n") * 150)
    said = command("validate", str(many)).stdout
    assert "… and 50 more with errors" in said
    assert sent == []


@pytest.mark.slow
@pytest.mark.parametrize("error", [BrokerUnavailable, Unroutable])
async def test_a_failure_in_the_middle_says_how_many_are_confirmed(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = iter([None, None, error("the broker is away")])

    async def publish(_self: Publisher, _messages: Sequence[Message]) -> None:
        if (failure := next(tries)) is not None:
            raise failure

    monkeypatch.setattr(Publisher, "publish", publish)
    monkeypatch.setattr(Publisher, "__aenter__", lambda publisher: asyncio.sleep(0, publisher))
    many = tmp_path / "many.jsonl"
    many.write_text("\n".join(json.dumps(event(number)) for number in range(1_200)))
    told: list[int] = []
    with pytest.raises(error, match=r"away.*1000 events are confirmed; .*again does no harm"):
        await event_files.publish("amqp://broker.example.com", [EventFile(many)], told.append)
    assert told == [500, 500]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = EventFile(tmp_path / "gone.json")
    with pytest.raises(ConfigurationError, match=r"gone\.json: cannot be read"):
        list(missing.found())
