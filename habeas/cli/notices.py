"""Verbs that preview letters of a breach and write documents for authorities."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from habeas.cli.options import (
    STATE,
    State,
    company_of,
    house,
    mapped_categories,
    out,
    prefix_of,
    root_key,
    run,
    setting,
)
from shared.law.library import breach_policies

if TYPE_CHECKING:
    from habeas.client.breach_notices.announcements import Announcement
    from habeas.client.breach_notices.samples import Sample, SampleNotice
    from services.notifier.breach.notices.forms import AuthorityForm

DRAFT = "draft"
"""Id of an undeclared incident."""


def register(app: typer.Typer) -> None:
    """Add the verbs to the breach verbs."""
    app.command()(preview)
    app.command()(forms)


def preview(
    incident: Annotated[str, typer.Argument(help="Id of an incident, or a file as for `declare`.")],
    folder: Annotated[Path, typer.Option("--out", help="Write the samples into this folder.")],
    place: Annotated[
        list[str] | None, typer.Option(help="Of a file: residence, DE or US-CA; may be repeated.")
    ] = None,
    language: Annotated[list[str] | None, typer.Option(help="Of a file: language; may be repeated.")] = None,
    state: State = STATE,
) -> None:
    """
    Write a sample of each letter: as mail, as a page with provisions, as text; list missing facts.

    No letter is sent. Samples are addressed to fictional people.
    """
    from habeas.client.breach_notices.preview import lacks, shown, write  # noqa: PLC0415

    file, nothing = Path(incident), "no law demands a notice"
    if file.is_file():
        telling, samples = _of_file(file, place or [], language or [], state)
    else:
        telling, samples = run(_of_incident(incident, state))
        nothing = "no letter waits to be sent"
    letters = shown(samples, breach_policies())
    index = write(letters, telling.declared, telling.incident, folder)
    for lack, names in lacks(letters).items():
        out.print(f"{lack}:", markup=False)
        out.print(f"    {', '.join(names)}", markup=False)
    out.print(f"{len(letters)} letters; open {index}" if letters else nothing, markup=False)


def forms(
    incident: Annotated[str, typer.Argument(help="Id of the incident.")],
    folder: Annotated[Path, typer.Option("--out", help="Write the documents into this folder.")],
    state: State = STATE,
) -> None:
    """
    Write the document for each authority: a page to send or to copy from, and the same as JSON.

    Texts for the public and for users of a service are written there, too.
    Missing facts are listed. The verb `breach reported` records a sent document.
    """
    written, announced = run(_documents(incident, folder, state))
    for document in written:
        lacking = ", ".join(field.label for field in document.missing)
        out.print(f"{document.name}{f': missing: {lacking}' if lacking else ''}", markup=False)
    for announcement in announced:
        out.print(f"{announcement.name}: to be published, or sent, by you", markup=False)
    out.print(f"{len(written) + len(announced)} documents are in {folder}", markup=False)


def _of_file(
    file: Path, places: list[str], languages: list[str], state: Path
) -> "tuple[SampleNotice, list[Sample]]":
    from habeas.client.breach_files import unsigned  # noqa: PLC0415
    from habeas.client.breach_notices.samples import SampleNotice, audiences_of, sample  # noqa: PLC0415

    declared = unsigned(file, mapped_categories(None, state))
    telling = SampleNotice(declared, DRAFT, house(state), datetime.now(UTC))
    wanted = audiences_of(declared, places, languages, company_of(state))
    return telling, [sample(one, None, telling) for one in wanted]


async def _of_incident(incident: str, state: Path) -> "tuple[SampleNotice, list[Sample]]":
    from habeas.client.breach_notices.reader import chunks, waiting, words_of  # noqa: PLC0415
    from habeas.client.breach_notices.samples import SampleNotice, audiences_in, sample  # noqa: PLC0415
    from habeas.client.incident_register import opened  # noqa: PLC0415
    from services.notifier.breach.notices.mailboxes import reached  # noqa: PLC0415

    key = root_key(state)
    samples: list[Sample] = []
    async with opened(setting("MONGO_URL", state), prefix_of(state), key) as register:
        case = await register.incident(incident)
        telling = SampleNotice(case.last, case.id, house(state), datetime.now(UTC))
        for phase in waiting(case):
            words = words_of(case, phase)
            further = case.incident.has_earlier_notices(phase)
            telling = replace(telling, declared=words, held_by_police=phase.delayed, further=further)
            people = chunks(case, register.vault, [phase])
            counted = await audiences_in(people, partial(reached, declared=words))
            samples += [sample(one, number, telling) for one, number in counted.items()]
    return telling, samples


async def _documents(
    incident: str, folder: Path, state: Path
) -> "tuple[list[AuthorityForm], list[Announcement]]":
    from habeas.client.breach_notices import announcements  # noqa: PLC0415
    from habeas.client.breach_notices.documents import (  # noqa: PLC0415  # noqa: PLC0415
        FormContext,
        copy_for,
        documents,
        duties,
        people_letters,
        wants_copy,
        write,
    )
    from habeas.client.breach_notices.reader import chunks, known  # noqa: PLC0415
    from habeas.client.breach_notices.samples import audiences_in  # noqa: PLC0415
    from habeas.client.incident_register import opened  # noqa: PLC0415

    key = root_key(state)
    desk = FormContext(company_of(state), house(state), breach_policies(), datetime.now(UTC))
    async with opened(setting("MONGO_URL", state), prefix_of(state), key) as register:
        case = await register.incident(incident)
        owed = duties(case.incident.clocks, desk.policies)
        filled = list(documents(known(case), owed, desk))
        copied = any(map(wants_copy, filled))
        sealed = chunks(case, register.vault)
        letters = list(people_letters(case, await audiences_in(sealed), desk)) if copied else []
    for document in filled:
        write(document, copy_for(document, letters, desk) if wants_copy(document) else None, folder)
    announced = list(announcements.announcements(case.incident.clocks, known(case), desk))
    for announcement in announced:
        announcements.write(announcement, folder)
    return filled, announced
