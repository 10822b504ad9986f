"""Verbs that show letters, without sending any, and incoming mail."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.rule import Rule
from rich.table import Table
from typer import Argument, Option

from habeas.cli import client, contract
from habeas.cli.options import (
    COLUMNS,
    STATE,
    AsJson,
    RequestId,
    State,
    existing,
    from_console,
    out,
    request_of,
)
from habeas.cli.staff import DECIDE, OneTimeCode, decide, in_opened, report, signer_of
from shared.errors import ConfigurationError, UnknownRequest
from shared.vocabulary import LetterForm, MessageOutcome

if TYPE_CHECKING:
    from habeas.client.letters import LetterPreview
    from habeas.client.opened_cases import ContentOpening

inbox_app = typer.Typer()
app = typer.Typer()


@app.command()
def preview(
    kind: Annotated[
        LetterForm | None, Option(help="Kind of letter; without it, all kinds are listed.")
    ] = None,
    law: Annotated[list[str] | None, Option(help="Law; several protect the person together.")] = None,
    language: Annotated[str, Option(help="Language: de, fr-CA, pt-BR.")] = "en",
    outcome: Annotated[str | None, Option(help="Only letters with this outcome: granted.")] = None,
    folder: Annotated[Path | None, Option("--out", help="Write HTML files into this folder.")] = None,
    html: Annotated[Path | None, Option(help="Write the first letter, as HTML, to this file.")] = None,
    text: Annotated[bool, Option("--text", help="Print the text form; the default without --out.")] = False,
    everything: Annotated[bool, Option("--all", help="Make the gallery, in the folder --out.")] = False,
    own: Annotated[bool, Option("--own", help="With the name, address and brand of your company.")] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Show letters to a fictional person, each block with the provision that demands it.

    English ones are measured: Flesch reading ease (60 and more is plain) and Flesch-Kincaid grade (years of
    school).
    """
    if everything:
        _make_gallery(folder)
        return
    if kind is None:
        _list(as_json=as_json)
        return
    laws = law or ["gdpr"]
    sender = {"sender": state.sender().sender} if own else {}
    letters = client.letters.preview(kind, laws, language, outcome, **sender)
    if as_json:
        print(json.dumps([_plain(letter) for letter in letters], ensure_ascii=False))
        return
    if html:
        _write(html, letters[0].cited)
    for letter in letters:
        if folder:
            _write(folder / f"{letter.slug}.{'+'.join(laws)}.{language}.html", letter.cited)
        if text or not (html or folder):
            out.print(Rule(letter.name), width=COLUMNS)
            out.print(letter.body.text)
            for block, provisions in letter.citations:
                out.print(f"§ {block}: {provisions}")
            if language == "en":
                out.print(f"{letter.name}: {letter.readability}")


def _plain(letter: "LetterPreview") -> dict[str, Any]:
    """Return a letter as plain values."""
    citations = [{"block": block, "provisions": found} for block, found in letter.citations]
    return {"name": letter.name, "text": letter.body.text, "citations": citations}


def _list(*, as_json: bool) -> None:
    from services.notifier.letters.languages import LANGUAGES, REGIONAL  # noqa: PLC0415

    if as_json:
        forms = {form.value: list(client.letters.outcomes_of(form)) for form in LetterForm}
        print(json.dumps({"letters": forms, "languages": [*LANGUAGES, *REGIONAL]}))
        return
    for form in LetterForm:
        known = ", ".join(client.letters.outcomes_of(form))
        out.print(f"{form.value:<24}{client.letters.explained(form)}{known and f' [{known}]'}")
    out.print(f"\nlaws:      {', '.join(client.letters.shown_laws())}, and those of the other States")
    out.print(f"languages: {', '.join((*LANGUAGES, *REGIONAL))}")


def _make_gallery(folder: Path | None) -> None:
    if folder is None:
        raise ConfigurationError("--all: needs --out FOLDER")
    for name, page in client.letters.gallery():
        _write(folder / name, page)
    out.print(f"open {folder / 'index.html'}")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@inbox_app.command()
def explain(
    file: Annotated[Path, Argument(help="A mail, as mail programs save it (.eml).")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Print the classification of a mail and its rules, without effect."""
    known, content = state.settings(), existing(file).read_bytes()
    address, trusted = known.get("HABEAS_INBOX_ADDRESS", ""), known.get("HABEAS_INBOX_TRUST", "")
    found = client.inbox.explained(content, address=address, trusted=trusted)
    if as_json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        lines: Sequence[str] = value if isinstance(value, list) else str(value or "-").splitlines()
        for number, line in enumerate(lines or ["-"]):
            out.print(f"{name if number == 0 else '':<12}{line}")


@inbox_app.command("list")
def list_(state: State = STATE, as_json: AsJson = False) -> None:
    """List the mails for staff: references and reasons."""
    found = from_console(state, client.inbox.waiting)
    if as_json:
        print(json.dumps(found))
        return
    table = Table("request", "at", "mail", "reason", "own", "last day")
    for mail in found:
        own = {None: "", True: "yes", False: "no"}[mail["own"]]
        table.add_row(mail["request"], mail["at"], mail["mail"], mail["reason"], own, mail["due_on"] or "")
    out.print(table if found else "no mail waits for you")


@inbox_app.command()
def read(
    request: RequestId,
    mail: Annotated[str, Argument(help="Its name from `inbox list`.")] = "mail",
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Print a mail as received; its case is opened on record first."""
    content = in_opened(state, request, "review", code, lambda opened: mail_in(opened, mail))
    if as_json:
        print(json.dumps({"request": request, "mail": mail, "content": content.decode(errors="replace")}))
    elif out.is_terminal:
        out.print(content.decode(errors="replace"))
    else:
        sys.stdout.buffer.write(content)


async def mail_in(opened: "ContentOpening", name: str) -> bytes:
    """Return a mail; raises UnknownRequest if there is none of that name."""
    content = await opened.content()
    if all(name != mail["item"] for mail in content["mails"]):
        raise UnknownRequest("no such mail is kept")
    return await opened.item(name)


@inbox_app.command(rich_help_panel=DECIDE)
def done(
    request: RequestId,
    mail: Annotated[str, Argument(help="Its name from `inbox list`.")],
    because: Annotated[MessageOutcome, Option(help="Why it no longer waits for you.")],
    registered: Annotated[
        str | None,
        Option("--request", help="The request that was registered for it.", callback=request_of),
    ] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Record that a mail was handled, once: it leaves the list, and its last day `habeas deadlines`."""
    words: dict[str, Any] = {"message": mail, "outcome": because, "registered_as": registered}
    effect = decide(signer_of(code, state), contract.MessageHandled, request, **words)
    report(effect, "recorded: the mail no longer waits for you", as_json=as_json)
