"""Verbs about erasures, the records of a person, the erasure journal and the suppression list."""

import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TextColumn
from rich.table import Table
from typer import Argument, Option

from habeas.cli import client
from habeas.cli.options import (
    STATE,
    AsJson,
    IdentityOptions,
    MapFolder,
    RequestId,
    State,
    Stores,
    ask,
    existing,
    fields,
    out,
    output,
    progress_of,
    run,
    show_plan,
)
from habeas.cli.staff import OneTimeCode, Reason, in_opened
from services.fulfillment.changes.opt_ins import (
    MINOR_WITHOUT_OPT_IN,
    OptInGiver,
    OptInProof,
    SaleOptIn,
    last_day_of,
    opt_in_error,
    sale_decision,
)
from shared.errors import ConfigurationError
from shared.vocabulary import Right

if TYPE_CHECKING:
    from habeas.client.engine import OperatorEngine
    from habeas.client.erasures import ErasureRecords
    from services.fulfillment.erasure.completion import Completed
    from services.fulfillment.erasure.journal.returned import ScanProgress as Report
    from services.fulfillment.search.findings import Findings

app = typer.Typer()
suppressions = typer.Typer()

records_app = typer.Typer()
GO_ON = "remove the cause and run the command again; `habeas erasures purge` retries refusals of a store"

Since = Annotated[
    datetime | None,
    Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only erasures since then (UTC)."),
]


@app.command("list")
def list_(since: Since = None, state: State = STATE, as_json: AsJson = False) -> None:
    """List the erasures in the journal, the latest first."""
    found = ask(open_erasure_records(state), lambda memory: client.erasures.listed(memory, _moment(since)))
    if as_json:
        print(json.dumps(found))
        return
    for row in found:
        out.print(f"{row['erasure']}  {row['at']}")
        for key, records in row["collections"].items():
            out.print(f"    {records:>9} {key}")
    if not found:
        out.print("the erasure journal is empty")


@app.command()
def plan(
    request_id: RequestId,
    reason: Reason = "review",
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show the erasure plan that waits for an approval; the case is opened at the console, on record."""
    outline = in_opened(state, request_id, reason, code, lambda opened: opened.plan())
    if as_json:
        print(json.dumps(outline))
        return
    for part in ("erased", "masked", "kept", "left"):
        for group in outline.get(part, ()):
            why = ", ".join(str(group[name]) for name in ("reason", "citation", "until") if group.get(name))
            out.print(f"{part:8} {group['records']:>9} {group['label']}{f' ({why})' if why else ''}")
    for ground in outline.get("grounds", ()):
        out.print(f"{'because':8} {ground['reason']:>9} {ground['label']}")


@app.command()
def retry(request_id: RequestId, state: State = STATE, as_json: AsJson = False) -> None:
    """Retry records that a store refused to erase, once the cause is gone."""
    if state.has_databases and not run(client.cases.has_answer(*state.databases(), request_id)):
        raise ConfigurationError("no request has this id")
    run(_retry(request_id, state))
    text = f"tried again; ask with `habeas status {request_id}`"
    output({"request": request_id, "retried": True}, text, as_json=as_json)


async def _retry(erasure: str, state: State) -> None:
    from shared.contract.events import ErasureRetried  # noqa: PLC0415

    fact = client.requests.fact(ErasureRetried, request_id=erasure)
    known = await client.cases.correlation(*state.databases(), erasure) if state.has_databases else None
    await client.requests.announce(state.setting("AMQP_URL"), fact, known)


@app.command()
def purge(
    dry_run: Annotated[bool, Option(help="List due records and change nothing.")] = False,
    folder: Annotated[Path | None, Option("--out", help="Write the certificates here.")] = None,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Erase records at the end of their retention, and retry refused ones; fulfillment does it daily."""
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415

    data_map, urls = load(state.data_map(map_folder)), state.stores(stores)
    zone, purged = state.company().zone, []
    today = datetime.now(zone).date()
    certificates: dict[str, bytes] = {}

    async def work() -> None:
        async with open_erasure_records(state) as memory, client.engine.connected(urls) as opened:
            purging = memory.purging(data_map, opened, state.controller(), state.signer(), zone)
            async for item in purging.due(today):
                purged.append(item.summary())
                if dry_run or item.idle:
                    continue
                if item.retried:
                    await _retry(item.erasure, state)
                else:
                    certificates[item.erasure] = await purging.purge(item)

    run(work())
    for erasure, certificate in certificates.items():
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{erasure}-{today}.json").write_bytes(certificate)
    if as_json:
        print(json.dumps(purged))
        return
    for item in purged:
        counts = ", ".join(f"{count} {name}" for name, count in item["records"].items())
        out.print(f"{item['erasure']}  {'is tried again' if item['retried'] else counts}")
    out.print(f"{len(purged)} erasures had due records")


@app.command()
def replay(
    since: Since = None,
    store: Annotated[str | None, Option(help="Only in this store of HABEAS_STORES or the data map.")] = None,
    dry_run: Annotated[bool, Option(help="List returned records and change nothing.")] = False,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Erase records again that a restored backup has brought back. Exits 1 if any is left."""
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415
    from services.fulfillment.erasure.journal.replay import ReplayScope  # noqa: PLC0415

    data_map, urls = load(state.data_map(map_folder)), state.stores(stores)
    scope, zone = ReplayScope(_moment(since), store, dry_run), state.company().zone
    client.erasures.check_store(store, data_map, urls)  # before the databases are opened

    async def work() -> Any:
        async with open_erasure_records(state) as memory:
            with _progress() as report:
                return await client.erasures.replay(memory, data_map, urls, scope, report, zone=zone)

    report = run(work())
    if as_json:
        print(json.dumps(report.plain()))
    else:
        table = (
            client.erasures.table_of_report(report)
            if report.collections
            else "no erased record is stored again"
        )
        for line in (table, *client.erasures.remarks(report)):
            out.print(line)
    raise typer.Exit(0 if report.done else 1)


@suppressions.command("filter")
def filter_(
    file: Annotated[Path, Argument(help="An identity a line; - reads standard input.")] = Path("-"),
    identity: Annotated[str, Option(help="Identity in the lines, by its name in the data map.")] = "email",
    purpose: Annotated[str, Option(help="erased, marketing, consent, sale or sensitive.")] = "erased",
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Print the lines of people who are not on the suppression list, for an import."""
    wanted, lines = client.erasures.purpose_of(purpose), _lines(file)
    check_identity(identity, state)

    async def work() -> None:
        async with open_erasure_records(state) as memory:
            unlisted = client.erasures.unlisted_lines(memory, lines, identity=identity, purpose=wanted)
            async for line in unlisted:
                print(json.dumps({identity: line}) if as_json else line)

    run(work())


@suppressions.command("ask-again")
def ask_again(
    value: Annotated[str, Argument(help="The identity: an address, a number.")],
    identity: Annotated[str, Option(help="Its name in the data map.")] = "email",
    purpose: Annotated[str, Option(help="sale or sensitive.")] = "sale",
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Print the day from which a person who opted out may be asked to opt in again; exits 1 before it."""
    wanted, people = client.erasures.purpose_of(purpose), person_of(identity, value, state)

    async def look_up() -> tuple[bool, date | None]:
        async with open_erasure_records(state) as memory:
            listed = await memory.suppressions.holds(people, wanted)
            return listed, await memory.suppressions.locked_until(people, wanted)

    listed, last = run(look_up())
    again = None if last is None else last + timedelta(days=1)
    locked = last is not None and datetime.now(state.company().zone).date() <= last
    if as_json:
        print(json.dumps({"listed": listed, "ask_again_from": again and again.isoformat(), "locked": locked}))
    elif again is not None:
        out.print(f"may be asked again from {again}")
    else:
        out.print("opted out; no law sets a time" if listed else "not on the suppression list")
    raise typer.Exit(1 if locked else 0)


@suppressions.command("opt-in")
def opt_in(
    value: Annotated[str, Argument(help="The identity: an address, a number.")],
    born: Annotated[str, Option(help="Date of birth, which is not stored: 2012-03-04.")],
    by: Annotated[OptInGiver, Option(help="Who opted in: below 13 the parent.")],
    proof: Annotated[OptInProof, Option(help="How it was proven.")],
    identity: Annotated[str, Option(help="Its name in the data map.")] = "email",
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Record an opt-in to the sale of data: of a minor below 16, of a parent, or after an opt-out."""
    from shared.law import age_on  # noqa: PLC0415

    now, born_on = datetime.now(UTC), day_of(born)
    rule, today = client.erasures.minor_rule(now), now.astimezone(state.company().zone).date()
    if error := opt_in_error(by, proof, age_on(today, born_on), rule):
        raise ConfigurationError(f"opt-in: {error}")
    people = person_of(identity, value, state)
    given = SaleOptIn(by, proof, now, last_day_of(by, born_on, rule))

    async def record() -> None:
        async with open_erasure_records(state) as memory:
            await memory.suppressions.opt_in(people, given)

    run(record())
    until = given.until and given.until.isoformat()
    text = f"recorded; it ends on {until}" if until else "recorded"
    output({"recorded": True, "until": until}, text, as_json=as_json)


@suppressions.command("opt-in-withdrawn")
def opt_in_withdrawn(
    value: Annotated[str, Argument(help="The identity: an address, a number.")],
    identity: Annotated[str, Option(help="Its name in the data map.")] = "email",
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Record that an opt-in to sale is withdrawn: the person is on the suppression list from now on."""
    from shared.law import opt_in_locked_until  # noqa: PLC0415

    now, people = datetime.now(UTC), person_of(identity, value, state)
    law = client.erasures.californian(now)
    day = now.astimezone(state.company().zone).date()
    last = opt_in_locked_until([law], Right.OPT_OUT_OF_SALE, day)

    async def withdraw() -> None:
        async with open_erasure_records(state) as memory:
            await memory.suppressions.add(people, client.erasures.purpose_of("sale"), now, last)

    run(withdraw())
    output({"recorded": True, "locked_until": last}, "recorded; the data may not be sold", as_json=as_json)


@suppressions.command("may-sell")
def may_sell(
    value: Annotated[str, Argument(help="The identity: an address, a number.")],
    born: Annotated[str | None, Option(help="Date of birth, if it is known: 2012-03-04.")] = None,
    identity: Annotated[str, Option(help="Its name in the data map.")] = "email",
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Print whether the data of a person may be sold or shared; exits 1 if not."""
    from shared.law import age_on  # noqa: PLC0415

    now, people = datetime.now(UTC), person_of(identity, value, state)
    today = now.astimezone(state.company().zone).date()
    age = age_on(today, day_of(born)) if born else None

    async def look_up() -> tuple[bool, SaleOptIn | None]:
        async with open_erasure_records(state) as memory:
            if await memory.listed.stopped(identity, [value]):  # an opt-in does not lift California's DROP
                return True, None
            listed = await memory.suppressions.holds(people, client.erasures.purpose_of("sale"))
            return listed, await memory.suppressions.opt_in_of(people)

    listed, given = run(look_up())
    rule = client.erasures.minor_rule(now)
    decision = sale_decision(given, rule, today, listed=listed, age=age)
    proof = given and {"by": given.giver, "proof": given.proof, "on": given.at.date().isoformat()}
    remedy = "; `habeas suppressions opt-in` records one" if decision.reason == MINOR_WITHOUT_OPT_IN else ""
    if as_json:
        print(json.dumps({"allowed": decision.allowed, "reason": decision.reason or None, "opt_in": proof}))
    else:
        out.print("may be sold" if decision.allowed else f"must not be sold: {decision.reason}{remedy}")
    raise typer.Exit(0 if decision.allowed else 1)


def check_identity(name: str, state: State) -> None:
    """Raise ConfigurationError if the data map does not know the identity *name*: it would match no entry."""
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415

    client.erasures.check_identity(name, load(state.data_map(None)))


def person_of(name: str, value: str, state: State) -> dict[str, tuple[str, ...]]:
    """Return a person by an identity. Raises ConfigurationError if it could match no entry."""
    check_identity(name, state)
    client.engine.identities([f"{name}={value}"])
    return {name: (value,)}


def day_of(text: str) -> date:
    """Return the day in *text*. Raises ConfigurationError if it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"--born {text}: no day; write 2012-03-04") from None


def open_erasure_records(state: State) -> "AbstractAsyncContextManager[ErasureRecords]":
    """Open the erasure records of the installation. Raises ConfigurationError if a setting is missing."""
    master_key = state.root_key()
    keep = client.erasures.kept_for(state.settings().get("HABEAS_BACKUP_RETENTION"))
    return client.erasures.memory(*state.databases(), master_key, keep)


def _lines(file: Path) -> Iterator[str]:
    """Yield the lines of *file*; those of standard input for ``-``."""
    if str(file) == "-":
        yield from sys.stdin
        return
    with existing(file).open(encoding="utf-8") as lines:
        yield from lines


def _moment(day: datetime | None) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) if day is None else day.replace(tzinfo=UTC)


@contextmanager
def _progress() -> "Iterator[Report]":
    """Show the progress of a replay, by its steps."""
    tasks: dict[str, Any] = {}
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:.0f}"))
    with progress_of(*columns) as shown:

        def report(what: str, by: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what, total=None)
            shown.advance(tasks[what], by)

        yield report


@records_app.command()
def gather(
    identity: IdentityOptions,
    folder: Annotated[Path | None, Option("--out", help="Write the records into this folder.")] = None,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Find every record of a person."""

    async def work() -> Any:
        async with client.engine.opened(state.data_map(map_folder), state.stores(stores)) as opened:
            person = client.engine.identities(identity)
            found = await opened.gather(person)
            _warn(opened, person, found)
            return found

    findings = run(work())
    if folder is not None:
        client.engine.write(findings, folder)
    found = client.engine.summary_of_findings(findings)
    if as_json:
        print(json.dumps(found))
        return
    table = Table("collection", "", "records", title=found["answer"].replace("_", " "))
    for key, part in found["collections"].items():
        table.add_row(key, part["status"], str(part["found"]))
    out.print(table)


@records_app.command()
def erase(
    identity: IdentityOptions,
    dry_run: Annotated[bool, Option(help="Print the plan and change nothing.")] = False,
    yes: Annotated[bool, Option(help="Erase without asking.")] = False,
    certificate: Annotated[
        Path | None, Option(help="Write the certificate into this file, and a page beside it.")
    ] = None,
    ids: Annotated[bool, Option(help="Print the ids of all records, not only of a few.")] = False,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Erase every record of a person, as far as map and law allow, and certify it; exits 1 if any is left.

    With --json, the certificate is printed, with --dry-run the plan.
    """
    from services.fulfillment.recipients.directory import recipients_of  # noqa: PLC0415

    person = client.engine.identities(identity)
    if certificate is not None and not dry_run:
        _check_writable(certificate)

    async def work() -> "Completed | None":
        zone = state.company().zone
        async with client.engine.opened(state.data_map(map_folder), state.stores(stores), zone) as opened:
            found = await opened.gather(person)
            _warn(opened, person, found)
            plan = await opened.plan(found)
            if dry_run or not as_json:
                show_plan(plan, as_json=as_json, ids=ids)
            elif not yes:
                print(json.dumps(client.engine.summary_of_plan(plan)), file=sys.stderr)
            if dry_run or not (yes or typer.confirm("Erase?", err=True)):
                return None
            async with _memory(state) as memory:
                completed = await opened.erase(plan, person, state.controller(), state.signer(), memory)
            recipients = recipients_of(completed.plan, opened.data_map)
            _print_result(completed, recipients, certificate, memory is not None, as_json)
            return completed

    completed = run(work())
    left = [] if completed is None else client.engine.left_of(completed)
    if left:
        print(f"habeas: left: {'; '.join(left)}: {GO_ON}", file=sys.stderr)
        raise typer.Exit(1)


def _warn(opened: "OperatorEngine", person: Mapping[str, Sequence[str]], found: "Findings") -> None:
    """Warn about identities that the map does not know, and about doubts in the records *found*."""
    if unknown := opened.unknown(person):
        print(f"habeas: {opened.not_known(unknown)}", file=sys.stderr)
    for doubt in client.engine.doubts_about(found):
        print(f"habeas: {doubt}", file=sys.stderr)


def _check_writable(file: Path) -> None:
    """Make sure that the certificate can be written, before anything is erased."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("ab").close()
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror})") from None


def _print_result(
    completed: "Completed", recipients: Sequence[str], file: Path | None, kept: bool, as_json: bool
) -> None:
    """Print the result, the recipients to notify, and the place of the certificate."""
    issued = completed.certificate
    number = client.certificates.number_of(issued)
    if file is not None:
        client.certificates.write(issued, file, "en")
    if as_json:
        print(issued.decode())
        return
    counts = ", ".join(f"{records} {name}" for name, records in completed.plan.counts().items())
    remaining = "" if client.engine.left_of(completed) else "; searched again: nothing is left"
    out.print(f"done: {counts or 'nothing was held'}{remaining}")
    if recipients:
        out.print("this verb notifies no recipient; these must erase it too (GDPR Art. 19):")
        fields({"": recipients})
    fetched = f"habeas certificate fetch {number}" if kept else "not stored; --certificate FILE writes it"
    out.print(f"certificate {number}: {file or fetched}")


@asynccontextmanager
async def _memory(state: State) -> "AsyncIterator[ErasureRecords | None]":
    """Open the erasure journal; warn if no database is set for it."""
    if "HABEAS_MONGO_URL" not in state.settings():
        note = "HABEAS_MONGO_URL is not set: this erasure will not be repeated after a backup is restored"
        print(f"habeas: {note}", file=sys.stderr)
        yield None
        return
    async with open_erasure_records(state) as memory:
        yield memory
