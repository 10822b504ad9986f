"""Verbs that show what is told of a breach before anybody is told: letters, and documents for authorities."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from habeas.cli.options import STATE, State, out, prefix_of, run, setting, settings
from shared.policies import EXAMPLE, breach_policies, company

if TYPE_CHECKING:
    from habeas.notices.samples import Sample, Telling
    from services.notifier.notices.forms.filling import Document
    from services.notifier.writing import House
    from shared.law import Company

DRAFT = "draft"
"""What an incident is called that nobody has declared yet."""


def register(app: typer.Typer) -> None:
    """Put the verbs beside those of incidents."""
    app.command()(preview)
    app.command()(forms)


def preview(
    incident: Annotated[str, typer.Argument(help="Id of an incident, or a file as `declare` takes it.")],
    folder: Annotated[Path, typer.Option("--out", help="Write the samples into this folder.")],
    place: Annotated[
        list[str] | None, typer.Option(help="Of a file: where people live, DE or US-CA; may be repeated.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Of a file: what they read; may be repeated.")
    ] = None,
    state: State = STATE,
) -> None:
    """
    Write a sample of each letter: as mail, as a page with provisions, as text; say what they lack.

    Nobody is written to. Samples go to people who do not exist.
    """
    from habeas.notices.showing import lacks, shown, write  # noqa: PLC0415

    file = Path(incident)
    if file.is_file():
        telling, samples = _of_file(file, place or [], language or [], state)
    else:
        telling, samples = run(_of_incident(incident, state))
    letters = shown(samples, telling.declared, breach_policies())
    index = write(letters, telling.declared, telling.incident, folder)
    for lack, names in lacks(letters).items():
        out.print(f"{lack}:", markup=False)
        out.print(f"    {', '.join(names)}", markup=False)
    out.print(
        f"{len(letters)} letters; open {index}" if letters else "no law wants anybody told", markup=False
    )


def forms(
    incident: Annotated[str, typer.Argument(help="Id of the incident.")],
    folder: Annotated[Path, typer.Option("--out", help="Write the documents into this folder.")],
    state: State = STATE,
) -> None:
    """
    Fill in what each authority is told: a page to send or to copy from, and the same as JSON.

    What is not known is said to be missing. `habeas breach reported` records that it was sent.
    """
    written = run(_documents(incident, folder, state))
    for document in written:
        lacking = ", ".join(field.label for field in document.missing)
        out.print(f"{document.name}{f': missing: {lacking}' if lacking else ''}", markup=False)
    out.print(f"{len(written)} documents are in {folder}", markup=False)


def _of_file(
    file: Path, places: list[str], languages: list[str], state: Path
) -> "tuple[Telling, list[Sample]]":
    from habeas.breachfiles import unsigned  # noqa: PLC0415
    from habeas.notices.samples import Telling, sample, wanted_by  # noqa: PLC0415

    declared = unsigned(file)
    telling = Telling(declared, DRAFT, _house(state), datetime.now(UTC))
    wanted = wanted_by(declared, places, languages, _company(state))
    return telling, [sample(one, None, telling) for one in wanted]


async def _of_incident(incident: str, state: Path) -> "tuple[Telling, list[Sample]]":
    from habeas.incidents import opened  # noqa: PLC0415
    from habeas.notices.reading import chunks  # noqa: PLC0415
    from habeas.notices.samples import Telling, sample, wanted_of  # noqa: PLC0415

    key = base64.b64decode(setting("MASTER_KEY", state))
    async with opened(setting("MONGO_URL", state), prefix_of(state), key) as register:
        case = await register.the(incident)
        counted = await wanted_of(chunks(case, register.vault))
    delayed = any(phase.delayed for phase in case.incident.phases)
    telling = Telling(case.last, case.id, _house(state), datetime.now(UTC), held_by_police=delayed)
    return telling, [sample(one, people, telling) for one, people in counted.items()]


async def _documents(incident: str, folder: Path, state: Path) -> "list[Document]":
    from habeas.incidents import opened  # noqa: PLC0415
    from habeas.notices.documents import Desk, documents, duties, sample_of, write  # noqa: PLC0415
    from habeas.notices.reading import known  # noqa: PLC0415

    key = base64.b64decode(setting("MASTER_KEY", state))
    async with opened(setting("MONGO_URL", state), prefix_of(state), key) as register:
        case = await register.the(incident)
    desk = Desk(_company(state), _house(state), breach_policies(), datetime.now(UTC))
    owed = duties(case.incident.clocks, desk.policies)
    filled = list(documents(known(case), owed, desk))
    for document in filled:
        write(document, sample_of(document, desk), folder)
    return filled


def _company(state: Path) -> "Company":
    return company(settings(state).get("HABEAS_COMPANY", EXAMPLE))


def _house(state: Path) -> "House":
    from services.notifier.writing import house_of  # noqa: PLC0415

    own = _company(state)
    mail_from = settings(state).get("HABEAS_MAIL_FROM") or f"{own.name} <privacy@example.com>"
    return house_of(own, mail_from, reply_to=settings(state).get("HABEAS_MAIL_REPLY_TO", ""))
