"""A wrong call of the command gives one line with place and remedy, and code 2."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from rich.table import Table
from typer.testing import CliRunner

from habeas.cli import COMMANDS, RENAMED, Panel, app
from habeas.cli.maps import _show
from habeas.cli.options import InstallationState, completed, console, resolved, show_plan, urgency
from habeas.cli.retention import outcome_of_approval
from habeas.client.console_api import ConsoleClient, ConsoleLogin, LoginFile
from habeas.client.dead_letters import replay
from habeas.client.engine import identities
from habeas.client.erasures import bare
from habeas.client.requests import _checked, fact
from habeas.client.staff import AccountHolder, add
from habeas.embedded.installation import ENVIRONMENT
from services.console.state import CaseKind, CaseRow
from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.datamap.yaml_loader import MapError
from services.fulfillment.erasure.steps import Disposition, Mask, RecordPlan, RecordStep
from services.fulfillment.search.ownership import OwnershipMatch
from shared.contract.events import AliasConfirmed, NarrowingDecided
from shared.contract.references import short_reference
from shared.contract.refusals import REFUSALS
from shared.errors import ConfigurationError
from tests.unit.console_cases import case_of, received, serving
from tests.unit.pages import ROOT


def printed_error(*words: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        CliRunner().invoke(app, words, catch_exceptions=False)
    return str(raised.value)


@pytest.fixture
def example_map(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HABEAS_DATAMAP", str(ROOT / "datamaps" / "example"))
    monkeypatch.setenv("HABEAS_STATE", str(tmp_path))


@pytest.mark.slow
@pytest.mark.usefixtures("example_map")
@pytest.mark.parametrize(
    "words",
    [
        "ask-again ada@example.org",
        "may-sell ada@example.org",
        "opt-in-withdrawn ada@example.org",
        "opt-in ada@example.org --born 2012-03-04 --by self --proof two_step",
        "filter",
    ],
)
def test_identity_that_no_entry_can_have_is_refused(words: str) -> None:
    message = printed_error("suppressions", *words.split(), "--identity", "emial")
    assert message.startswith("no data has the identity emial; known are")
    assert {"email", "phone_number"} <= set(message.rpartition("known are ")[2].split(", "))


@pytest.mark.slow
@pytest.mark.usefixtures("example_map")
def test_address_that_no_entry_can_have_is_refused() -> None:
    assert printed_error("suppressions", "may-sell", "ada") == (
        "identity email: no e-mail address such as ada@example.org"
    )


def test_due_names_the_option_that_a_law_without_calendar_needs() -> None:
    message = printed_error("due", "--law", "gdpr", "--received", "2027-01-31")
    assert message.endswith("add --calendar DE-BE")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"request_id": "HB-6NXP-JREK-MB4"},
            "request_id: write the id, 32 characters; `habeas request find`",
        ),
        ({"because": "Too Much"}, "because: write a-z, 0-9, _ and dots"),
        ({"aliases": "First One"}, "aliases: write the reference that `habeas request aliases` prints"),
    ],
)
def test_wrong_word_of_a_decision_gets_its_form(fields: dict[str, str], message: str) -> None:
    valid = {"request_id": "0" * 32, "by": "anna"}
    kind = AliasConfirmed if "aliases" in fields else NarrowingDecided
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        fact(kind, **(valid | fields))


def test_refusal_of_the_api_is_one_sentence_without_its_code() -> None:
    answer = httpx.Response(404, json={"detail": "No request has this id."})
    with pytest.raises(ConfigurationError, match=r"^no request has this id$"):
        _checked(answer)
    flaw = {"path": "body.right", "message": "is unknown"}
    with pytest.raises(ConfigurationError, match=r"^it does not fit: body\.right: is unknown$"):
        _checked(httpx.Response(422, json={"detail": "It does not fit.", "errors": [flaw]}))
    with pytest.raises(ConfigurationError, match="code 502"):
        _checked(httpx.Response(502))


@pytest.mark.parametrize(
    "words", ["submit", "request register --manner post --received 2026-03-09T10:00+01:00"]
)
def test_request_without_a_person_names_the_options(words: str) -> None:
    assert printed_error(*words.split()).startswith("name the person with --email or --name")


@pytest.mark.slow
def test_way_of_submission_is_a_known_one() -> None:
    assert CliRunner().invoke(app, ["submit", "--email", "ada@example.org", "--by", "ftp"]).exit_code == 2


def test_missing_setting_of_a_running_installation_names_the_account(tmp_path: Path) -> None:
    state = InstallationState(tmp_path)
    with pytest.raises(ConfigurationError, match="no `habeas up` has run"):
        state.setting("AMQP_URL", "topology")
    (tmp_path / ENVIRONMENT).write_text("HABEAS_COMPANY=company.yaml\n")
    with pytest.raises(ConfigurationError, match="keeps none for the account topology"):
        state.setting("AMQP_URL", "topology")


async def test_replay_of_an_unknown_service_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"no service is called mailer; there are .*intake"):
        await replay("amqp://127.0.0.1:1", None, "habeas", "mailer")  # type: ignore[arg-type]  # not used


async def test_mailbox_of_an_account_is_a_mail_address() -> None:
    with pytest.raises(ConfigurationError, match="--mailbox: write a mail address"):
        await add(None, AccountHolder("anna", "", (), ("anna",)))  # type: ignore[arg-type]  # not used


@pytest.mark.slow
def test_each_refusal_of_a_decision_is_explained() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "services").rglob("*.py"))
    raised = set(re.findall(r'RefusedDecision\(\s*"(\w+)"', sources))
    assert raised
    assert raised <= REFUSALS.keys()


def test_purge_names_the_verb_of_its_next_step() -> None:
    assert outcome_of_approval("b4", 13, proposed=True).endswith("approves: `habeas retention approve b4`")
    assert outcome_of_approval("b4", 13, proposed=False).endswith("with `habeas retention purges b4`")


WITHOUT_RESOLVER = {"burst declare incident"}
"""Parameters that name no case."""


def parameters() -> Iterator[tuple[str, Any]]:
    """Yield the parameters of all verbs, with the names of their verbs."""
    groups: list[tuple[str, Any]] = [("", typer.main.get_command(app))]
    for path, command in groups:
        groups += [(f"{path} {name}", one) for name, one in getattr(command, "commands", {}).items()]
        yield from ((f"{path} {one.name}".strip(), one) for one in command.params)


@pytest.mark.slow
def test_every_id_may_be_shortened() -> None:
    ids = {"request_id", "request", "incident", "registered"}
    found = {path: one.callback for path, one in parameters() if one.name in ids}
    assert len(found) > len(ids)
    assert {path for path, callback in found.items() if callback is None} == WITHOUT_RESOLVER


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that begins a session at a console with cases, and returns the calls of it."""

    def serve(*rows: CaseRow) -> list[str]:
        calls: list[str] = []

        @asynccontextmanager
        async def opened(console: str, token: str) -> AsyncIterator[ConsoleClient]:
            assert token == "4f0c"
            calls.append(console)
            yield serving(*rows)

        monkeypatch.setattr("habeas.client.console_api.ConsoleClient.opened", opened)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        made = ConsoleLogin("https://console.example.com", "anna", "2026-03-09T18:00:00Z", "4f0c")
        LoginFile().keep(made)
        return calls

    return serve


STATE = InstallationState(Path("none"))
SHELL = typer.Context(typer.main.get_command(app))
SHELL.params["state"] = STATE  # not the folder in which `make demo` of this checkout has run
REQUEST, INCIDENT = f"a1b2{'0' * 28}", f"a1b2{'1' * 28}"


def known(*ids: str) -> list[CaseRow]:
    return [case_of(received(id_)) for id_ in ids]


@pytest.mark.parametrize(
    "text", ["a1b2", "A1B2C", short_reference(REQUEST), short_reference(REQUEST).replace("-", "").lower()]
)
def test_short_id_is_looked_up_at_the_console(text: str, looked_up: Callable[..., list[str]]) -> None:
    case = REQUEST.replace("0", "c", 1)
    beside = replace(case_of(received("c" * 32)), reference="a1b2")
    incident = replace(case_of(received(INCIDENT)), kind=CaseKind.INCIDENT)
    found = case if text == "A1B2C" else REQUEST
    calls = looked_up(*known(found), incident, beside)
    assert resolved(STATE, text) == found
    assert calls == ["https://console.example.com"]


def test_short_id_of_an_incident_is_no_request(looked_up: Callable[..., list[str]]) -> None:
    looked_up(*known(REQUEST), replace(case_of(received(INCIDENT)), kind=CaseKind.INCIDENT))
    assert resolved(STATE, "a1b2", incident=True) == INCIDENT
    with pytest.raises(ConfigurationError, match="no incident has this id"):
        resolved(STATE, "a1b20", incident=True)


@pytest.mark.parametrize("text", ["A" * 32, "abc", "case-1", "mail.eml"])
def test_whole_id_or_other_text_is_not_looked_up(text: str, looked_up: Callable[..., list[str]]) -> None:
    calls = looked_up(*known("b" * 32))
    assert resolved(STATE, text) == ("a" * 32 if len(text) == 32 else text)
    assert calls == []


@pytest.mark.parametrize(
    ("ids", "message"),
    [((), "no request has this id"), ((REQUEST, INCIDENT), f"2 ids begin so: {REQUEST}, {INCIDENT}")],
)
def test_unknown_or_ambiguous_short_id_is_an_error(
    ids: tuple[str, ...], message: str, looked_up: Callable[..., list[str]]
) -> None:
    looked_up(*known(*ids))
    with pytest.raises(ConfigurationError, match=message):
        resolved(STATE, "a1b2")


def test_short_id_needs_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HABEAS_MONGO_URL", "mongodb://localhost:1")
    monkeypatch.setenv("HABEAS_MASTER_KEY", "x")
    with pytest.raises(ConfigurationError, match="`habeas login`, or write the whole id"):
        resolved(STATE, "a1b2")
    assert completed(SHELL, "a1b2") == []


def test_short_ids_are_completed_at_the_console(looked_up: Callable[..., list[str]]) -> None:
    calls = looked_up(*known(REQUEST, "c" * 32))
    assert completed(SHELL, "a1b2") == [REQUEST]
    assert completed(SHELL, "a1") == []
    assert len(calls) == 1


@pytest.mark.parametrize("text", ["HB-6NXP-JREK-MB5", "kim@example.org"])
def test_find_refuses_what_is_no_id_and_no_reference(text: str, looked_up: Callable[..., list[str]]) -> None:
    looked_up(*known(REQUEST))
    assert "is no id and no reference" in printed_error("request", "find", text)


@pytest.mark.slow
def test_every_verb_prints_json_on_demand() -> None:
    verbs = {path.rpartition(" ")[0].strip() for path, _ in parameters()}
    with_json = {path.rpartition(" ")[0].strip() for path, one in parameters() if "--json" in one.opts}
    assert verbs - with_json == {""}


@pytest.mark.usefixtures("example_map")
@pytest.mark.parametrize(
    "words",
    [
        "due --received 2027-01-31 --calendar DE-BE",
        "hours --aware 2026-12-24T18:30+01:00 --calendar DE-BE",
        "laws",
        "letters preview",
        "letters preview --kind acknowledgement",
        "map graph",
        "validate README.md",
    ],
)
def test_json_is_one_document(words: str) -> None:
    result = CliRunner().invoke(app, [*words.split(), "--json"], catch_exceptions=False)
    assert json.loads(result.stdout)


def test_table_in_a_pipe_keeps_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    cell = "x" * 300
    piped = StringIO()
    table = Table("a", "b")
    table.add_row(cell, "end")
    console(piped).print(table)
    assert any(cell in line and "end" in line for line in piped.getvalue().splitlines())


@pytest.mark.parametrize(
    ("days_left", "style"), [(-1, "bold red"), (0, "yellow"), (3, "yellow"), (4, ""), (None, "")]
)
def test_late_is_red_and_near_is_yellow(days_left: int | None, style: str) -> None:
    assert urgency(days_left) == style


@pytest.mark.parametrize(("terminal", "no_color", "colored"), [(1, 0, 1), (1, 1, 0), (0, 0, 0)])
def test_color_is_for_terminals_and_can_be_switched_off(
    terminal: int, no_color: int, colored: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    file = Terminal() if terminal else StringIO()
    console(file).print("late", style=urgency(-1))
    assert ("31" in file.getvalue()) is bool(colored)


class Terminal(StringIO):
    """A file that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("ret", {"retention"}),
        ("request approve-", {"approve-answer", "approve-correction", "approve-erasure"}),
        ("dead-letters ", {"list", "replay"}),
    ],
)
def test_shell_completes_verbs(
    words: str, completions: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMP_WORDS", f"habeas {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" "))))
    monkeypatch.setenv("_HABEAS_COMPLETE", "complete_bash")
    with pytest.raises(SystemExit):
        app([], prog_name="habeas")
    assert set(capsys.readouterr().out.split()) == completions


HEAVY = {
    "aio_pika", "babel", "cryptography", "cv2", "fastapi", "httpx", "motor", "mimesis", "orjson", "pydantic",
    "pymongo", "structlog", "uvicorn", "yaml",
}  # fmt: skip
"""Libraries that take 5 ms and more to import."""
HELP_OF_ALL = """
import sys
import typer
from habeas.cli import app
from typer.testing import CliRunner

def walk(path, command):
    yield path
    for name in getattr(command, "commands", {}):
        yield from walk([*path, name], command.commands[name])

for path in walk([], typer.main.get_command(app)):
    assert CliRunner().invoke(app, [*path, "--help"]).exit_code == 0, path
    print(" ".join(path) + ":", *{one.partition(".")[0] for one in sys.modules})
"""


@pytest.mark.slow
def test_help_imports_no_heavy_library() -> None:
    found = subprocess.run([sys.executable, "-c", HELP_OF_ALL], capture_output=True, text=True, check=True)  # noqa: S603
    lines = dict(line.split(":", 1) for line in found.stdout.splitlines())
    assert len(lines) > len(COMMANDS)
    heavy = {path: HEAVY & set(modules.split()) for path, modules in lines.items()}
    assert {path: names for path, names in heavy.items() if names} == {}


@pytest.mark.slow
def test_help_lists_each_command_in_its_panel() -> None:
    printed = CliRunner().invoke(app, ["--help"]).output
    places = [printed.index(f" {panel.value} ") for panel in Panel]
    assert places == sorted(places)
    assert all(f"│ {name} " in printed for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_of_the_index_is_in_its_module(name: str) -> None:
    command: Any = typer.main.get_command(app)
    loaded = command.commands[name]
    assert loaded.name == name
    assert loaded.help


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_name_of_version_0_1_0_is_a_deprecated_alias(old: str, new: str) -> None:
    runner = CliRunner()
    called = runner.invoke(app, [*old.split(), "--help"])
    assert called.exit_code == 0
    assert called.stdout == runner.invoke(app, [*new.split(), "--help"]).stdout
    assert called.stderr == f"habeas: `{old}` is deprecated: use `{new}`\n"
    assert old not in COMMANDS


def test_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"habeas {project['version']}\n")


@pytest.mark.parametrize("words", ["submit", "package verify", "certificate verify"])
def test_missing_file_is_named(words: str) -> None:
    with pytest.raises(ConfigurationError, match=r"/nowhere\.json: there is no such file"):
        CliRunner().invoke(app, [*words.split(), "/nowhere.json"], catch_exceptions=False)


@pytest.mark.parametrize("words", ["package verify", "certificate verify"])
def test_folder_is_refused_as_a_folder(words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a folder; name the file"):
        CliRunner().invoke(app, [*words.split(), str(tmp_path)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        pytest.param('{"email": "ada@example.org"}', "email", id="json"),
        pytest.param("1,ada@example.org,Ada", "email", id="csv"),
        pytest.param("Ada Example\tada@example.org", "email", id="tsv"),
        pytest.param("Ada <ada@example.org>", "email", id="a name beside it"),
        pytest.param("email", "email", id="the head of a table"),
        pytest.param('"+49 30 5550147";"Ada"', "phone_number", id="a number in a table"),
        pytest.param("17,ada", "customer_no", id="an own identifier in a table"),
    ],
)
def test_filter_of_suppression_list_refuses_lines_of_tables(line: str, identity: str) -> None:
    with pytest.raises(ConfigurationError, match="line 3 is not just"):
        bare(3, line, identity)


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        (" Ada.E+x@example.org \n", "email"),
        ("+49 (30) 555 01-47\n", "phone_number"),
        ("K-7 1\n", "number"),
        ("\n", "email"),
    ],
)
def test_filter_of_suppression_list_reads_one_identity_a_line(line: str, identity: str) -> None:
    assert bare(1, line, identity) == line.rstrip("\n")


@pytest.mark.parametrize(
    ("pairs", "wanted"),
    [
        (["email=a@example.org", "email=b@example.org"], {"email": ("a@example.org", "b@example.org")}),
        (["no=1", "no=2", "no=1"], {"no": ("1", "2")}),
    ],
)
def test_identity_may_have_several_values(pairs: list[str], wanted: dict[str, tuple[str, ...]]) -> None:
    assert identities(pairs) == wanted


def test_each_telephone_number_is_searched_in_every_notation() -> None:
    one, other = (identities([f"phone_number=+49 30 {n}"])["phone_number"] for n in ("5550147", "5550199"))
    both = identities(["phone_number=+49 30 5550147", "phone_number=+49 30 5550199"])["phone_number"]
    assert set(both) == {*one, *other}


def test_equal_remarks_are_printed_once_with_their_places(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flaws = [MapError(f"map.yml:{n}", "the look-up has no index", "make one", remark=True) for n in (3, 5)]
    _show([*flaws, MapError("map.yml:9", "no such field", "remove it")])
    output = capsys.readouterr().out
    assert output.count("the look-up has no index") == 1
    assert "map.yml:3, map.yml:5" in output
    assert "wrong   map.yml:9: no such field; remove it" in output


def test_plan_fits_eighty_columns_with_whole_names(capsys: pytest.CaptureFixture[str]) -> None:
    key = "a_very_long_name_of_a_database.and_a_very_long_name_of_a_collection"
    masks = tuple(Mask(f"a_field_with_a_long_name.{n}", (), None) for n in range(9))
    match = OwnershipMatch("email", None, ("a",))
    steps = [
        RecordStep(
            key, CollectionPlace("default", "a", "b"), {"_id": n}, Disposition.MASKED, (match,), masks=masks
        )
        for n in range(11)
    ]
    plan = RecordPlan("v", date(2026, 11, 25), ("user",), tuple(steps), ((key,),))
    show_plan(plan, as_json=False)
    output = capsys.readouterr().out
    assert key in output
    assert all(mask.path in output for mask in masks)
    assert all(len(line) < 80 for line in output.splitlines() if key not in line)
    assert "ids" not in output
    show_plan(plan, as_json=False, ids=True)
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10" in capsys.readouterr().out
    show_plan(replace(plan, steps=tuple(steps[:2])), as_json=False)
    assert "0, 1" in capsys.readouterr().out


def test_unreadable_secret_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_AMQP_URL_FILE", "/nowhere")
    with pytest.raises(ConfigurationError, match="HABEAS_AMQP_URL_FILE: cannot read"):
        CliRunner().invoke(app, ["dead-letters"], catch_exceptions=False)


@pytest.mark.parametrize("words", [["--dry-run"], []])
def test_replay_in_an_unknown_store_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str]
) -> None:
    monkeypatch.setenv("HABEAS_DATAMAP", str(ROOT / "datamaps" / "example"))
    monkeypatch.setenv("HABEAS_STORES", '{"archive": "mongodb://127.0.0.1:1"}')
    where = ["erasures", "replay", "--state", str(tmp_path), "--store"]
    with pytest.raises(ConfigurationError, match=r"^--store defualt: .* known are archive, default$"):
        CliRunner().invoke(app, [*where, "defualt", *words], catch_exceptions=False)
    for known in ("archive", "default"):  # accepted, then the databases are missed
        with pytest.raises(ConfigurationError, match="HABEAS_MASTER_KEY is not set"):
            CliRunner().invoke(app, [*where, known, *words], catch_exceptions=False)


def test_request_of_an_empty_subject_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABEAS_AMQP_URL", "amqp://127.0.0.1:1")
    (tmp_path / "request.json").write_text('{"right": "access", "subject": {}}')
    with pytest.raises(ConfigurationError, match="the subject identifies no person"):
        CliRunner().invoke(
            app, ["submit", str(tmp_path / "request.json"), "--by", "amqp"], catch_exceptions=False
        )


def test_status_needs_an_id_or_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_PUBLIC_URL", "http://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="name the request"):
        CliRunner().invoke(app, ["status"], catch_exceptions=False)


def test_status_of_a_text_that_is_no_id_names_the_forms_of_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_PUBLIC_URL", "http://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="12: write an id, its first 4 characters"):
        CliRunner().invoke(app, ["status", "12"], catch_exceptions=False)


def test_key_in_credentials_of_the_environment_beats_a_remembered_master_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An old state folder must not have the suppression list looked up with another key."""
    state, credentials = tmp_path / "state", tmp_path / "credentials"
    state.mkdir()
    (state / "environment").write_text("HABEAS_MASTER_KEY=old\n", encoding="utf-8")
    (credentials / "command").mkdir(parents=True)
    (credentials / "command" / "keys").write_text("ring", encoding="utf-8")
    monkeypatch.setenv("HABEAS_CREDENTIALS", str(credentials))
    assert InstallationState(state).settings()["HABEAS_MASTER_KEY"] == "ring"
    monkeypatch.setenv("HABEAS_MASTER_KEY", "given")
    assert InstallationState(state).settings()["HABEAS_MASTER_KEY"] == "given"


def test_password_of_a_staff_account_is_read_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("secret words\n", encoding="utf-8")
    monkeypatch.setenv("HABEAS_STAFF_PASSWORD_FILE", str(tmp_path / "password"))
    assert InstallationState(tmp_path).settings()["HABEAS_STAFF_PASSWORD"] == "secret words"
