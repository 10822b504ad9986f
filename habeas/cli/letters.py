"""Verbs that show letters, without sending any, and incoming mail."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from habeas.cli.options import (
    STATE,
    AsJson,
    State,
    existing,
    out,
    prefix_of,
    root_key,
    run,
    setting,
    settings,
)
from shared.errors import ConfigurationError
from shared.law import LetterForm

inbox_app = typer.Typer(no_args_is_help=True, help="Incoming mail: classification, and mails for staff.")

if TYPE_CHECKING:
    from habeas.client.letters import LetterPreview

app = typer.Typer(no_args_is_help=True, help="Show letters, without sending any.")
KIND = typer.Option(help="Kind of letter; without it, all kinds are listed.")
FOLDER = typer.Option(help="Write HTML files into this folder.")


@app.command()
def preview(
    kind: Annotated[LetterForm | None, KIND] = None,
    law: Annotated[list[str] | None, typer.Option(help="Law; several protect the person together.")] = None,
    language: Annotated[str, typer.Option(help="Language: de.")] = "en",
    outcome: Annotated[str | None, typer.Option(help="Only letters with this outcome: granted.")] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Write HTML files into this folder.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the first letter, as HTML, to this file.")] = None,
    text: Annotated[
        bool, typer.Option("--text", help="Print the text form; the default without --out.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Make the gallery, in the folder --out.")] = False,
) -> None:
    """
    Show letters to a fictional person, each block with the provision that demands it.

    English ones are measured: Flesch reading ease (60 and more is plain) and Flesch-Kincaid grade (years of
    school).
    """
    if everything:
        _make_gallery(folder)
    elif kind is None:
        _list()
    else:
        _show(kind, law or ["gdpr"], language, outcome, folder=folder, html=html, text=text)


def _show(
    kind: LetterForm,
    laws: list[str],
    language: str,
    outcome: str | None,
    *,
    folder: Path | None,
    html: Path | None,
    text: bool,
) -> None:
    from habeas.client.letters import preview as written  # noqa: PLC0415

    letters = written(kind, laws, language, outcome)
    if html:
        _write(html, letters[0].cited)
    if folder:
        for letter in letters:
            _write(folder / f"{letter.slug}.{'+'.join(laws)}.{language}.html", letter.cited)
    if text or not (html or folder):
        for letter in letters:
            _print(letter, english=language == "en")


def _print(letter: "LetterPreview", *, english: bool) -> None:
    out.rule(letter.name)
    out.print(letter.body.text, markup=False)
    for block, provisions in letter.citations:
        out.print(f"§ {block}: {provisions}", markup=False)
    if english:
        out.print(f"{letter.name}: {letter.readability}", markup=False)


def _list() -> None:
    from habeas.client.letters import SHOWN, explained, forms, outcomes_of  # noqa: PLC0415
    from services.notifier.letters.languages import LANGUAGES  # noqa: PLC0415

    for form in forms():
        outcomes = f" [{', '.join(outcomes_of(form))}]" if outcomes_of(form) else ""
        out.print(f"{form.value:<24}{explained(form)}{outcomes}", markup=False)
    out.print(f"\nlaws:      {', '.join(SHOWN)}, and those of the other States", markup=False)
    out.print(f"languages: {', '.join(LANGUAGES)}", markup=False)


def _make_gallery(folder: Path | None) -> None:
    from habeas.client.letters import gallery  # noqa: PLC0415

    if folder is None:
        raise ConfigurationError("--all: needs --out FOLDER")
    for name, page in gallery():
        _write(folder / name, page)
    out.print(f"open {folder / 'index.html'}", markup=False)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@inbox_app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="A mail, as mail programs save it (.eml).")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Print the classification of a mail and its rules, without effect."""
    from habeas.client.inbox import explained  # noqa: PLC0415

    known = settings(state)
    found = explained(
        existing(file).read_bytes(),
        address=known.get("HABEAS_INBOX_ADDRESS", ""),
        trusted=known.get("HABEAS_INBOX_TRUST", ""),
    )
    if as_json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        lines = value if isinstance(value, list) else str(value or "-").splitlines()
        out.print(f"{name:<12}{lines[0] if lines else '-'}", markup=False)
        for line in lines[1:]:
            out.print(f"{'':<12}{line}", markup=False)


@inbox_app.command("list")
def list_(state: State = STATE, as_json: AsJson = False) -> None:
    """List the mails for staff: references and reasons."""
    from habeas.client.inbox import waiting  # noqa: PLC0415

    found = run(waiting(setting("MONGO_URL", state), prefix_of(state)))
    if as_json:
        print(json.dumps(found))
        return
    table = Table("request", "at", "mail", "reason", "own")
    for mail in found:
        own = {None: "", True: "yes", False: "no"}[mail["own"]]
        table.add_row(mail["request"], mail["at"], mail["mail"], mail["reason"], own)
    out.print(table if found else "no mail waits for you")


@inbox_app.command()
def read(
    request: Annotated[str, typer.Argument(help="Its request.")],
    mail: Annotated[str, typer.Argument(help="Its name from `inbox list`.")] = "mail",
    state: State = STATE,
) -> None:
    """Print a mail as received."""
    from habeas.client.inbox import opened  # noqa: PLC0415

    master_key = root_key(state)
    content = run(opened(setting("MONGO_URL", state), prefix_of(state), master_key, request, mail))
    sys.stdout.buffer.write(content)
