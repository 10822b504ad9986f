"""What verbs print of texts that strangers have written."""

import io
import json
from pathlib import Path

import pytest
from rich.table import Table

from habeas import cli
from habeas.cli import cases, client, letters, referrals
from habeas.cli.options import InstallationState, out, output, printable
from habeas.client import dead_letters
from shared.errors import ConfigurationError

ATTACK = "a\x1b]0;title\x1bb\x9b31mc\u202ed\x7f"
SHOWN = "a\ufffd]0;title\ufffdb\ufffd31mc\ufffdd\ufffd"


class Terminal(io.TextIOWrapper):
    """A terminal that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="")

    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        self.flush()
        sent = self.buffer
        assert isinstance(sent, io.BytesIO)
        return sent.getvalue().decode()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal in place of standard output."""
    made = Terminal()
    monkeypatch.setattr(out, "_file", made)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "200")
    return made


@pytest.mark.parametrize("kept", ["line\n\tnext\r\n", "Größe 你好 😀", SHOWN])
def test_text_without_commands_is_printed_as_it_is(kept: str) -> None:
    assert printable(kept) == kept


@pytest.mark.parametrize(
    "character", ["\x00", "\x07", "\x08", "\r", "\x1b", "\x7f", "\x80", "\x9b", "\u202e", "\u2066", "\u200f"]
)
def test_character_that_commands_a_terminal_is_replaced(character: str) -> None:
    assert printable(f"a{character}b") == "a\ufffdb"


def test_terminal_is_sent_no_command_of_a_table(terminal: Terminal) -> None:
    table = Table("a")
    table.add_row(ATTACK)
    out.print(table)
    assert "\ufffd" in terminal.text
    assert not set(terminal.text) & {"\x1b", "\x9b", "\u202e", "\x7f"}


def test_pipe_gets_texts_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    out.print("a\x1b\x9b\u202e")
    assert capsys.readouterr().out == "a\x1b\x9b\u202e\n"


def test_json_escapes_commands(capsys: pytest.CaptureFixture[str]) -> None:
    output({"text": ATTACK + "ö"}, "", as_json=True)
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"text": ATTACK + "ö"}
    assert printable(printed) == printed
    assert "ö" in printed


def test_statement_of_an_appeal_commands_no_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = {"waits": [{"kind": "appeal"}]}
    monkeypatch.setattr(referrals, "_case", lambda _state, _id: {"case": case})
    monkeypatch.setattr(referrals, "in_opened", lambda *_: {"statements": [{"text": ATTACK}]})
    monkeypatch.setattr(client.waiting_work, "appeal_row", lambda *_: {})
    monkeypatch.setattr(referrals, "_line", lambda _row: "line")
    referrals.show_appeal("a" * 32)
    assert terminal.text == f"line\n{SHOWN}\n"


def test_records_under_review_command_no_terminal(terminal: Terminal) -> None:
    listed = {"collection": "crm.notes", "record": "1\x9b", "values": [{"path": "text", "texts": [ATTACK]}]}
    referrals._print_review({"listed": [listed]}, as_json=False)
    assert printable(terminal.text) == terminal.text
    assert "crm.notes:1\ufffd" in terminal.text


def test_mail_commands_no_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "in_opened", lambda *_: f"Subject: {ATTACK}\r\n\r\nText\r\n".encode())
    letters.read("a" * 32)
    assert terminal.text == f"Subject: {SHOWN}\n\nText\n\n"


def test_statement_of_a_disagreement_commands_no_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InstallationState, "sealed_databases", lambda _self: ("", "", None))
    monkeypatch.setattr(client.cases, "statements", lambda *_: None)
    monkeypatch.setattr(cases, "run", lambda _work: [{"request": "a", "statement": ATTACK}])
    cases.disagreements(["email=ada@example.org"])
    assert terminal.text.endswith(f"{SHOWN}\n")


def test_value_of_an_alias_commands_no_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    alias = {"alias": "aliases_1:1", "identity": "email", "value": ATTACK, "proven": False}
    monkeypatch.setattr(cases, "in_opened", lambda *_: {"aliases": [alias]})
    cases.aliases("a" * 32)
    assert terminal.text.endswith(f"{SHOWN}\n")


def test_source_and_id_of_a_publisher_command_no_terminal(terminal: Terminal) -> None:
    row = {"source": ATTACK, "id": ATTACK, "at": "2026-03-09", "flaws": ("id",)}
    out.print(dead_letters.table({"parked": [], "set_aside": [row]}))
    assert "\ufffd" in terminal.text
    assert not set(terminal.text) & {"\x1b", "\x9b", "\u202e", "\x7f"}


def test_error_commands_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ConfigurationError(ATTACK)

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == f"habeas: {SHOWN}\n"


def test_error_of_a_file_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cli, "app", (tmp_path / "missing").read_bytes)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"habeas: {tmp_path}/missing: No such file or directory\n"


def test_error_without_words_names_its_class(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise TimeoutError

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == "habeas: TimeoutError\n"
