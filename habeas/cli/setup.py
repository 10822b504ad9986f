"""The verb that makes the files of a new installation."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from typer import Option

from habeas.cli import client
from habeas.cli.options import AsJson, Stores, has_terminal, output, prompted, run
from habeas.cli.store_urls import stores_of, with_asked_password
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from habeas.client.setup_files import SetupAnswers
    from services.fulfillment.drafting.survey import StoreSurvey

app = typer.Typer()
MOST_LISTED = 10
"""Fields that a question lists."""


@app.command()
def init(
    stores: Stores = None,
    verified: Annotated[
        str | None, Option(help="Fields whose mail addresses you verify before storing: all, none, or some.")
    ] = None,
    name: Annotated[str | None, Option(help="Name of your company.")] = None,
    place: Annotated[str | None, Option(help="Its country, or country and part: FR, DE-BE, US-CA.")] = None,
    contact: Annotated[str | None, Option(help="Its mail address for privacy questions.")] = None,
    folder: Annotated[Path, Option("--out", help="Write into this folder.")] = Path(),
    force: Annotated[bool, Option("--force", help="Replace files that exist.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Ask five questions, and write a data map, a company file and `.env`; only read the database.

    Each question has an option; without a terminal all are needed. Files are replaced only on demand.
    """
    _require_free(folder, force=force)
    urls = _urls(stores)
    found = run(_surveyed(urls))
    fields = client.setup_files.identity_fields(found)
    trusted = client.setup_files.verified_fields(_verified(verified, fields), fields)
    answers = _answers(name, place, contact)
    profile = answers.profile()
    drafted = client.map_draft.files(found, trusted)
    company, settings = client.setup_files.company(answers), client.setup_files.env(urls, profile.sender)
    client.setup_files.write(folder, drafted, company, settings)
    written, command = _written(folder, drafted), f"habeas up --env-file {folder / client.setup_files.ENV}"
    text = "\n".join(f"{one['file']}: {one['note']}" for one in written)
    output({"files": written, "next": command}, f"{text}\nnext: {command}", as_json=as_json)


def _require_free(folder: Path, *, force: bool) -> None:
    """Raise ConfigurationError if *folder* has files that may not be replaced."""
    there = ", ".join(client.setup_files.existing(folder))
    if not there or force:
        return
    if not has_terminal() or not typer.confirm(f"{folder.absolute()} has {there}: replace?", err=True):
        remedy = "name another folder with --out, or replace with --force"
        raise ConfigurationError(f"{folder.absolute()} has {there} already: {remedy}")


def _urls(stores: str | None) -> dict[str, str]:
    if stores:
        return stores_of(stores)
    if given := os.environ.get("HABEAS_STORES"):
        urls: dict[str, str] = client.stores.store_urls(given)
        return urls
    answer = prompted(
        "--stores",
        "URL of your MongoDB (mongodb://user@host:27017/database); the password is asked for next",
        read=lambda text: client.stores.store_urls(text, "--stores"),
    )
    urls = client.stores.store_urls(answer, "--stores")
    return {name: with_asked_password(url, "--stores") for name, url in urls.items()}


async def _surveyed(urls: Mapping[str, str]) -> "StoreSurvey":
    named = client.setup_files.databases_in(urls)
    databases = client.setup_files.surveyed_databases(urls)
    with Console(stderr=True).status("reading …") as status:
        await client.stores.require_usable(urls, named)
        survey: StoreSurvey = await client.map_draft.survey_stores(
            urls, databases, status.update, own="habeas"
        )
    return survey


def _verified(verified: str | None, fields: list[str]) -> str:
    if verified is not None or not fields:
        return verified or "none"
    listed = ", ".join(fields[:MOST_LISTED])
    return prompted(
        "--verified",
        "Where do you verify a mail address before you store it, for example by a link? "
        f"(all, none, or some of {listed})",
        "none",
        read=lambda answer: client.setup_files.verified_fields(answer, fields),
    )


def _answers(name: str | None, place: str | None, contact: str | None) -> "SetupAnswers":
    def check(name: str = "Example", place: str = "DE", contact: str = "privacy@example.com") -> None:
        client.setup_files.SetupAnswers(name, place, contact).profile()

    return client.setup_files.SetupAnswers(
        name or prompted("--name", "Name of your company", read=lambda text: check(name=text)),
        place
        or prompted(
            "--place",
            "Where it is established: country, or country and part (FR, DE-BE, US-CA)",
            read=lambda text: check(place=text),
        ),
        contact
        or prompted(
            "--contact", "Its mail address for privacy questions", read=lambda text: check(contact=text)
        ),
    )


def _written(folder: Path, drafted: Mapping[str, str]) -> list[dict[str, object]]:
    """Return the written files, each with a note and the number of marks to decide on."""
    names = client.setup_files
    marks = {name: text.count(names.TO_DECIDE) for name, text in drafted.items()}
    notes = {
        folder / names.MAP / name: f"a draft with {number} marks `{names.TO_DECIDE}`; review it"
        for name, number in marks.items()
    }
    notes[folder / names.COMPANY] = "your company; complete its authority and addresses"
    notes[folder / names.ENV] = "the settings, with the password of your database"
    return [
        {"file": str(file), "note": note, "to_decide": marks.get(file.name, 0)}
        for file, note in notes.items()
    ]
