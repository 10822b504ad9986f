"""Verbs about the letters of a breach: scope, samples, documents for authorities, progress and results."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer import Argument, Option

from habeas.cli import client, contract
from habeas.cli.options import (
    STATE,
    AsJson,
    IncidentId,
    MapFolder,
    State,
    Stores,
    existing,
    fields,
    from_console,
    incident_of,
    out,
    output,
    prompted,
    run,
)
from habeas.cli.staff import (
    DECIDE,
    OneTimeCode,
    complete,
    decide_in_room,
    in_opened_incident,
    report,
    signer_of,
    with_salt,
)
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from habeas.client.breach_notices.samples import LetterCounter
    from habeas.client.breach_scope import ScopeResult
    from services.fulfillment.breach.dry_run import Progress
    from services.notifier.breach.notices.samples import Sample
    from shared.contract.events.breaches import BreachDeclared

app = typer.Typer()
DeclarationFile = Annotated[Path, Argument(help="YAML or JSON as in `breach.declared`; - is standard input.")]
DRAFT = "draft"
"""Id of an undeclared incident."""
CROWDED = "are shared by many people, possibly more than counted: check that they are no placeholders"
ALL = "all declared ones must be notified"
QUIET_S = 2.0
"""Seconds before progress is shown."""
WATCH_S = 2.0
"""Seconds between two reports of the progress."""
RELEASED = "released"
OUT = frozenset({RELEASED, "notified"})
"""States of phases with notices that are out, or go out."""


@app.command()
def scope(
    file: DeclarationFile,
    map_folder: MapFolder = None,
    stores: Stores = None,
    folder: Annotated[
        Path | None, Option("--out", help="Write a sample of each letter into this folder.")
    ] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Count the people a breach would affect, by law, and the letters; nothing is kept.

    It reads the databases like the service; a person in several records counts once.
    """
    from services.notifier.breach.notices.missing_facts import NO_CUSTOMER  # noqa: PLC0415

    known = state.mapped_categories(map_folder)
    declared = client.breach_files.unsigned(existing(file, standard_input=True), known)
    law = state.breach_law()

    async def work() -> "ScopeResult":
        async with client.engine.opened(state.data_map(map_folder), state.stores(stores)) as opened:
            with _progress() as report:
                return await client.breach_scope.scoped(opened, declared, law, report)

    tried = run(work())
    found = client.breach_scope.plain(tried)
    index = None if folder is None else _write(tried.letters, folder, state)
    if as_json:
        print(json.dumps(found))
        return
    _show(found)
    if declared.role is contract.BreachRole.PROCESSOR and not declared.affected.controllers:
        out.print(f"lacks: {NO_CUSTOMER}")
    if index is not None:
        out.print(f"samples of the letters and missing facts: open {index}")


@app.command()
def preview(
    incident: Annotated[
        str,
        Argument(
            help="Incident (id, its beginning, HB-…), or a file as for `declare`.", callback=incident_of
        ),
    ],
    folder: Annotated[Path, Option("--out", help="Write the samples into this folder.")],
    place: Annotated[
        list[str] | None, Option(help="Of a file: residence, DE or US-CA; may be repeated.")
    ] = None,
    language: Annotated[list[str] | None, Option(help="Of a file: language; may be repeated.")] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Write a sample of each letter: as mail, as a page with provisions, as text; list missing facts.

    No letter is sent. Samples are addressed to fictional people. An incident is opened on record.
    """
    from habeas.client.breach_notices.preview import lacks, samples_of, shown, write  # noqa: PLC0415
    from shared.law import library  # noqa: PLC0415

    file, nothing = Path(incident), "no law demands a notice"
    if file.is_file():
        declared, samples = _of_file(file, place or [], language or [], state)
        incident = DRAFT
    else:
        declared, samples = in_opened_incident(state, incident, code, samples_of)
        nothing = "no letter waits to be sent"
    letters = shown(samples, library.breach_policies())
    index = write(letters, declared, incident, folder)
    if as_json:
        plain = {"letters": len(letters), "index": str(index), "lacks": lacks(letters)}
        print(json.dumps(plain, default=list))
        return
    for lack, names in lacks(letters).items():
        out.print(f"{lack}:")
        out.print(f"    {', '.join(names)}")
    out.print(f"{len(letters)} letters; open {index}" if letters else nothing)


@app.command()
def forms(
    incident: IncidentId,
    folder: Annotated[Path, Option("--out", help="Write the documents into this folder.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Write the document for each authority: a page to send or to copy from, and the same as JSON.

    Texts for the public and for users of a service are written there, too.
    Missing facts are listed. The verb `breach reported` records a sent document. The incident is opened on
    record.
    """
    from habeas.client.breach_notices.documents import write_all  # noqa: PLC0415

    written = in_opened_incident(state, incident, code, lambda opening: write_all(opening, folder))
    announced = [one.name for one in written if one.to_publish]
    documents = [one for one in written if not one.to_publish]
    if as_json:
        made = [{"name": one.name, "missing": one.missing} for one in documents]
        print(json.dumps({"documents": made, "to_publish": announced}))
        return
    for document in documents:
        lacking = ", ".join(document.missing)
        out.print(f"{document.name}{f': missing: {lacking}' if lacking else ''}")
    for name in announced:
        out.print(f"{name}: to be published, or sent, by you")
    out.print(f"{len(written)} documents are in {folder}")


def _of_file(
    file: Path, places: list[str], languages: list[str], state: State
) -> "tuple[BreachDeclared, list[Sample]]":
    from habeas.client.breach_notices.samples import audiences_of  # noqa: PLC0415
    from services.notifier.breach.notices.samples import SampleNotice, sample  # noqa: PLC0415

    declared = client.breach_files.unsigned(file, state.mapped_categories(None))
    notice = SampleNotice(declared, DRAFT, state.sender(), datetime.now(UTC))
    wanted = audiences_of(declared, places, languages, state.breach_law())
    return declared, [sample(one, None, notice) for one in wanted]


def _write(letters: "LetterCounter", folder: Path, state: State) -> Path:
    """Write a sample of each of *letters* into *folder*; return their index page."""
    from habeas.client.breach_notices.preview import shown, write  # noqa: PLC0415
    from services.notifier.breach.notices.samples import SampleNotice, sample  # noqa: PLC0415
    from shared.law import library  # noqa: PLC0415

    notice = SampleNotice(letters.declared, DRAFT, state.sender(), datetime.now(UTC))
    samples = [sample(wanted, number, notice) for wanted, number in letters.counted.items()]
    return write(shown(samples, library.breach_policies()), letters.declared, DRAFT, folder)


def _show(found: Mapping[str, Any]) -> None:
    out.print(
        f"{found['people']:,} people, {found['told']:,} of them to be notified; "
        f"of these {found['unreachable']:,} have no mail address; {found['records']:,} records"
    )
    if found["unsafe"]:
        out.print(f"{found['unsafe']:,} more have no permitted address")
    out.print(f"{found['letters']:,} letters would be sent")
    if found["crowded"]:
        out.print(f"{found['crowded']:,} mailboxes {CROWDED}")
    if found["customers"]:
        out.print(f"{found['customers']:,} customers must be notified; they notify the people")
    if found["unnamed"]:
        out.print(f"{found['unnamed']:,} records name no declared customer: {ALL}")
    for key, records in found["collections"].items():
        if not records:
            out.print(f"{key}: no record is found there; check the filter")
    for name in ("collections", "laws", "places", "languages"):
        fields({name: [f"{key} {number:,}" for key, number in found[name].items()]})
    fields({"categories": found["categories"]})


@contextmanager
def _progress() -> "Iterator[Progress]":
    """Show progress on standard error after a delay."""
    began = time.monotonic()
    with Console(stderr=True).status("") as status:
        status.stop()

        def report(collection: str, records: int) -> None:
            if collection and time.monotonic() - began > QUIET_S:
                status.update(f"{collection}: {records:,} records")
                status.start()

        yield report


@app.command()
def progress(
    incident: IncidentId,
    watch: Annotated[bool, Option("--watch", help="Repeat until the end.")] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show the progress of an incident's notices by phase: sent, failed, rate and remaining time."""
    found = _progress_of(incident, state)
    while watch and not as_json and any(one["status"] == RELEASED for one in found["phases"]):
        _show_progress(found)
        time.sleep(WATCH_S)
        found = _progress_of(incident, state)
    if as_json:
        print(json.dumps(found))
    else:
        _show_progress(found)


@app.command(rich_help_panel=DECIDE)
def pause(
    incident: IncidentId,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Pause the notices of an incident within a second; `resume` continues."""
    signer = signer_of(code, state)
    effect = decide_in_room(signer, contract.CampaignPaused, incident, "pause", {})
    report(effect, "paused; letters in transmission still go", as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def resume(
    incident: IncidentId,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Resume the notices of an incident."""
    signer = signer_of(code, state)
    effect = decide_in_room(signer, contract.CampaignResumed, incident, "resume", {})
    report(effect, "resumed; no person gets a second letter", as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def abort(
    incident: IncidentId,
    yes: Annotated[bool, Option("--yes", help="There is no way back.")] = False,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Abort the notices of an incident; `unreached` lists the people without one."""
    if not yes:
        raise ConfigurationError("abort: cannot be undone; confirm with --yes, or `pause`")
    signer = signer_of(code, state)
    effect = decide_in_room(signer, contract.CampaignAborted, incident, "abort", {}, sure="yes")
    remedy = f"`habeas breach unreached {incident} --out FILE.csv` lists the people without a letter"
    report(effect, f"aborted; {remedy}", as_json=as_json)


@app.command()
def unreached(
    incident: IncidentId,
    file: Annotated[Path, Option("--out", help="Write the list here, as CSV.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    List the people not reached, for letters by post: names, addresses, reasons.

    The incident is opened on record.
    """
    content, people = in_opened_incident(state, incident, code, lambda opening: opening.unreached())
    client.private_files.write_private(file, content)
    text = f"{people} people are in {file}; it holds personal data"
    output({"file": str(file), "people": people}, text, as_json=as_json)


@app.command()
def proof(
    incident: IncidentId,
    email: Annotated[str | None, Option(help="Address of the notice; asked for without it.")] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Show time and answer of the mail server for the notice to a person.

    The question is on record, without the address.
    """
    address = with_salt((email or prompted("--email ", "address of the notice")).strip().encode())
    signer = complete(signer_of(code, state))
    found = run(client.opened_incidents.notices_to(signer, incident, address))
    if as_json:
        print(json.dumps(found))
        return
    for one in found:
        at = f"accepted {one['accepted_at']}" if one["accepted_at"] else "not accepted"
        out.print(f"phase {one['phase']}: {at}: {one['said']}")
        out.print(f"    Message-ID {one['message_id']}")
        if one["doubtful"]:
            out.print("    it may have gone out before as well, with the same Message-ID")
        for action, status in one["returned"].items():
            out.print(f"    reported afterwards: {action} {status}")
    if not found:
        out.print("no affected person has this address")


def _progress_of(incident: str, state: State) -> dict[str, Any]:
    """Return the progress of the notices. Raises ConfigurationError if none were released."""
    room = from_console(state, lambda console: console.get(f"/incidents/{incident}"))["incident"]
    phases = [
        {name: phase[name] for name in ("number", "percent", "counts", "pace")}
        | {"status": phase["stated"]["status"]}
        for phase in room["phases"]
        if phase["stated"]["status"] in OUT
    ]
    if not phases:
        raise ConfigurationError(
            f"incident {incident}: no notices were released; `habeas breach list` lists all"
        )
    return {"mode": room["mode"], "phases": phases}


def _show_progress(found: Mapping[str, Any]) -> None:
    for phase in found["phases"]:
        counts, pace = phase["counts"], phase["pace"]
        out.print(
            f"phase {phase['number']}: {phase['percent']} % of the batches done, {counts['sent']:,} sent "
            f"({counts['doubtful']:,} doubtful), {counts['failed']:,} failed, "
            f"{counts['elsewhere']:,} covered by another phase"
        )
        if pace and found["mode"] == "on":
            left = timedelta(minutes=pace["minutes"])
            out.print(f"    {pace['per_minute']:,} a minute, done in {left} at this rate")
    out.print("all are out" if all(one["status"] != RELEASED for one in found["phases"]) else found["mode"])
