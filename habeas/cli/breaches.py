"""Verbs about breaches: declaration, holds, approval, reports, and the register."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from habeas.cli.options import (
    STATE,
    AsJson,
    State,
    existing,
    fields,
    house,
    map_folder_of,
    mapped_categories,
    out,
    prefix_of,
    root_key,
    run,
    setting,
    settings,
    stores_of,
)
from habeas.cli.staff import As, OneTimeCode, decide, signer_of
from shared.contract.events.breaches import (
    BreachApproved,
    BreachHeld,
    BreachHoldEnded,
    BreachReported,
    BreachWithdrawn,
)
from shared.errors import ConfigurationError, PermanentError, StoreUnavailable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from habeas.client.incident_register import IncidentCase, IncidentRegister
    from shared.contract.events.breaches import BreachDeclared

app = typer.Typer(help="Breaches of personal data: declare, review, approve notices.")

Incident = Annotated[str, typer.Argument(help="Id of the incident.")]


@app.command()
def declare(
    file: Annotated[Path, typer.Argument(help="YAML or JSON as in `breach.declared`; - is standard input.")],
    account: As = None,
    code: OneTimeCode = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Declare nothing: print the same as `scope`.")
    ] = False,
    state: State = STATE,
) -> None:
    """
    Declare a breach, or the next phase of its incident by the same reference.

    The same content again has no effect. Phases of a withdrawn incident are refused. Another account
    than the declaring one has to approve the notices.
    """
    from habeas.cli.breach_scope import scope  # noqa: PLC0415
    from habeas.client import breach_files, incident_register  # noqa: PLC0415

    if dry_run:
        scope(file, state=state)
        return
    known = mapped_categories(None, state)
    declared = breach_files.read(file if str(file) == "-" else existing(file), account, known)
    incident_register.check_size(declared)
    if known is not None:
        run(_check(declared, file, state))
    refused = run(_objection(declared, state))
    if refused is not None:
        raise ConfigurationError(f"{declared.reference}: {refused}")
    _, incident = decide(signer_of(declared.by, code, state), declared)
    out.print(f"declared; `habeas breach show {incident}` lists recipients and deadlines")


@app.command("list")
def list_(state: State = STATE, as_json: AsJson = False) -> None:
    """List the incidents, the earliest deadline first."""

    async def work() -> "list[IncidentCase]":
        async with _opened(state) as register:
            return [case async for case in register.all()]

    now, zone = datetime.now(UTC), _zone(state)
    found = sorted(run(work()), key=_urgency)
    if as_json:
        print(json.dumps([case.plain(now) for case in found]))
        return
    for case in found:
        out.print(f"{case.id}  {case.last.reference}", markup=False)
        due, newest = case.next_due(), case.incident.newest
        said = [f"phase {newest.number}: {newest.status}"]
        if newest.number in case.stuck:
            said.append("no scope; `show` has the reason")
        if due is not None and due.due_at is not None:
            late = ", LATE" if due.due_at < now else ""
            said.append(f"{due.clock} by {due.due_at.astimezone(zone):%Y-%m-%d %H:%M %Z}{late}")
        out.print(f"    {'; '.join(said)}", markup=False)
    if not found:
        out.print("no incident is registered")


@app.command()
def show(incident: Incident, state: State = STATE, as_json: AsJson = False) -> None:
    """Show an incident: phases, counts by law and language, clocks with calculation, approvals."""
    from habeas.client.breach_notices.preview import missing_facts  # noqa: PLC0415

    case, now = run(_the(incident, state)), datetime.now(UTC)
    if as_json:
        print(json.dumps(case.plain(now)))
        return
    _show(case.plain(now), _zone(state))
    for lack in missing_facts(case, house(state).sender):
        out.print(f"lacks: {lack}", markup=False)


@app.command()
def hold(
    incident: Incident,
    agency: Annotated[str, typer.Option(help="The investigator: a-z, 0-9, _ and dots.")],
    until: Annotated[str, typer.Option(help="No notice before: 2026-03-09T00:00+01:00.")],
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Hold unsent notices for an investigation; the latest hold counts."""
    from habeas.client import requests  # noqa: PLC0415

    end = moment("--until", until)
    if end <= datetime.now(UTC):
        raise ConfigurationError("--until: lies in the past; `habeas breach end-hold` releases notices")
    case = run(_seen(incident, state))
    signer = signer_of(account, code, state)
    decide(
        signer, requests.fact(BreachHeld, request_id=incident, by=signer.account, agency=agency, until=end)
    )
    out.print("held; approved notices go out at the end, and mention the delay")
    for phase in case.incident.phases if case else ():
        if phase.status.value in {"released", "notified"}:
            out.print(f"phase {phase.number} is released already; `habeas breach pause` stops unsent notices")


@app.command("end-hold")
def end_hold(incident: Incident, account: As = None, code: OneTimeCode = None, state: State = STATE) -> None:
    """End a hold before its declared end, and release the notices."""
    from habeas.client import requests  # noqa: PLC0415

    case = run(_seen(incident, state))
    if case is not None and not case.incident.held(datetime.now(UTC)):
        raise ConfigurationError(f"{case.id}: its notices are not held")
    signer = signer_of(account, code, state)
    decide(signer, requests.fact(BreachHoldEnded, request_id=incident, by=signer.account))
    out.print(f"ended; `habeas breach show {incident}` lists the released notices")


@app.command()
def approve(
    incident: Incident,
    phase: Annotated[
        int | None, typer.Option(min=1, help="The reviewed phase; the newest by default.")
    ] = None,
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Approve the notices of an incident as its second account; they wait for the end of a hold."""
    from habeas.client import incident_register, requests  # noqa: PLC0415

    case, signer = run(_seen(incident, state)), signer_of(account, code, state)
    if case is None and phase is None:
        raise ConfigurationError("--phase: name the reviewed one")
    words = incident_register.approvable(case, phase, signer.account) if case else {"phase": phase}
    fact = requests.fact(BreachApproved, request_id=incident, by=signer.account, **words)
    decide(signer, fact)
    if case is None:
        out.print("approved; notices go out after all approvals and holds")
    else:
        _show_approved(case, fact)


def _show_approved(case: "IncidentCase", fact: BreachApproved) -> None:
    """Print the effect of an approval."""
    from habeas.client import incident_register  # noqa: PLC0415

    for one in case.incident.waiting(fact.phase):
        out.print(f"phase {one.number}: {incident_register.recipients_text(one)}", markup=False)
        if nowhere := incident_register.without_address(one):
            out.print(f"    {nowhere:,} of them have no mail address and get no letter", markup=False)
    if incident_register.needs_second_approval(case.incident, fact):
        out.print("approved by one; no staff account declared it: a second one has to approve")
        return
    held = case.incident.hold if case.incident.held(datetime.now(UTC)) else None
    until = f"; they go out when the hold of {held.agency} is over" if held is not None else ""
    out.print(f"approved{until}; `habeas breach show {case.id}` shows the progress")


@app.command()
def withdraw(
    incident: Incident,
    phase: Annotated[int, typer.Option(min=1, help="The wrong phase; the newest by default.")],
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Withdraw a phase before its notices: none is sent for it, and its clocks end."""
    from habeas.client import requests  # noqa: PLC0415
    from services.intake.breach.approvals import withdrawal_refusal  # noqa: PLC0415

    case = run(_seen(incident, state))
    against = withdrawal_refusal(case.incident, phase) if case else None
    if against is not None:
        raise ConfigurationError(against)
    signer = signer_of(account, code, state)
    decide(signer, requests.fact(BreachWithdrawn, request_id=incident, by=signer.account, phase=phase))
    out.print(f"withdrawn; phase {phase} stays in the register; a later phase may name its people")


@app.command()
def reported(
    incident: Incident,
    clock: Annotated[str, typer.Option(help="The fulfilled duty: gdpr.authority.DE; `show` lists them.")],
    at: Annotated[str | None, typer.Option(help="When; now by default.")] = None,
    receipt: Annotated[str | None, typer.Option(help="Receipt number of the authority.")] = None,
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Record a report to an authority, or another recipient without a letter: its clock stops."""
    from habeas.client import requests  # noqa: PLC0415

    case, now = run(_seen(incident, state)), datetime.now(UTC)
    done_at = moment("--at", at) if at else now
    if done_at > now or (case is not None and done_at < case.incident.aware_at):
        raise ConfigurationError("--at: must lie between awareness and now")
    due_at = case.clock(clock).due_at if case else None
    signer = signer_of(account, code, state)
    fact = requests.fact(
        BreachReported, request_id=incident, by=signer.account, clock=clock, at=done_at, receipt=receipt
    )
    decide(signer, fact)
    late = due_at is not None and done_at > due_at
    out.print("recorded, as late" if late else "recorded")


@app.command()
def register(
    file: Annotated[Path, typer.Option("--out", help="Write it here: .csv, .json or .html.")],
    state: State = STATE,
) -> None:
    """Write the register of breaches: facts, effects and remedies, also without notices."""
    from habeas.client.report import breaches  # noqa: PLC0415

    form = breaches.form_of(file)

    async def work() -> "list[IncidentCase]":
        async with _opened(state) as incidents:
            return [case async for case in incidents.all()]

    cases = sorted(run(work()), key=lambda case: case.incident.aware_at)
    text = breaches.written(cases, form, _company(state), datetime.now(UTC))
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror})") from None
    out.print(f"{len(cases)} incidents are in {file}", markup=False)


def _urgency(case: "IncidentCase") -> datetime:
    due = case.next_due()
    return due.due_at if due is not None and due.due_at is not None else datetime.max.replace(tzinfo=UTC)


def _show(plain: dict[str, Any], zone: "ZoneInfo") -> None:
    about = f"{plain['reference']}: {plain['role']}, {plain['risk']}"
    out.print(f"{about}; known since {_local(plain['aware_at'], zone)}", markup=False)
    if plain["held_until"]:
        out.print(f"held up by {plain['held_by']} until {_local(plain['held_until'], zone)}", markup=False)
    for phase in plain["phases"]:
        _show_phase(phase)
    for clock in plain["clocks"]:
        customer = f" (customer {clock['customer']})" if clock["customer"] else ""
        out.print(f"{clock['clock']}{customer}: {standing(clock, zone)}", markup=False)
        for number, why in enumerate(clock["why"]):
            fields({"because" if number == 0 else "": [why]})
        fields({"others before": [standing(clock | stop, zone) for stop in clock["before"]]})
    for event in plain["history"]:
        out.print(f"{_local(event['at'], zone)}  {event['what']}", markup=False)


def _show_phase(phase: dict[str, Any]) -> None:
    out.print(f"phase {phase['phase']}: {phase['status']}", markup=False)
    reached = {name: phase[name] for name in ("sent", "doubtful", "failed") if phase[name] is not None}
    fields(
        {
            "declared by": [phase["declared_by"] or "no account"],
            "declared anew": [phase["anew"]] if phase["anew"] else [],
            "approved by": phase["approved_by"],
            "withdrawn by": [phase["withdrawn_by"]] if phase["withdrawn_by"] else [],
            "customers": [str(phase["customers"])] if phase["customers"] else [],
            "people by law": [f"{law} {people}" for law, people in phase["by_law"].items()],
            "by language": [f"{language} {people}" for language, people in phase["by_language"].items()],
            "no address": [str(phase["unreachable"])] if phase["unreachable"] else [],
            "not scoped": [phase["stuck"]] if phase["stuck"] else [],
            "no customer": [f"{phase['unnamed']} records"] if phase["unnamed"] else [],
            "shared": [f"{phase['crowded']} mailboxes by many people"] if phase["crowded"] else [],
            "supplements": [str(phase["again"])] if phase["again"] else [],
            "letters": [f"{number} {name}" for name, number in reached.items()],
        }
    )


def standing(clock: dict[str, Any], zone: "ZoneInfo") -> str:
    """Return the state of a clock as text."""
    if clock["withdrawn"]:
        return f"withdrawn with phase {clock['withdrawn']}: no notice is due"
    if not clock["owed"] and not clock["done_at"]:
        return "no notice is due"
    due = f"by {_local(clock['due_at'], zone)}" if clock["due_at"] else "without undue delay"
    if clock["done_at"]:
        who = f" by {clock['done_by']}" if clock["done_by"] else ""
        receipt = f" ({clock['receipt']})" if clock["receipt"] else ""
        late = ", LATE" if clock["late"] else ""
        done = f"notified {_local(clock['done_at'], zone)}{who}{receipt}{late}"
        return f"{done}; due {due}" if clock["owed"] else f"{done}; no longer due"
    return f"due {due}{', LATE' if clock['late'] else ''}"


def _local(text: str, zone: "ZoneInfo") -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M %Z}"


def moment(option: str, text: str) -> datetime:
    """Return the moment typed in. Raises ConfigurationError if it is no moment, or lacks its offset."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - as wrong as one without an offset
    if at.tzinfo is None:
        raise ConfigurationError(f"{option}: must be a moment with its offset, like 2026-03-09T00:00+01:00")
    return at


async def _check(declared: "BreachDeclared", file: Path, state: Path) -> None:
    """Check that the scope can be determined, if the stores are known here."""
    from habeas.client import breach_scope, engine  # noqa: PLC0415

    if not {"HABEAS_STORES", "HABEAS_MONGO_URL"} & settings(state).keys():
        return
    async with engine.opened(map_folder_of(None, state), stores_of(None, state)) as opened:
        try:
            await breach_scope.check(opened, declared)
        except PermanentError as error:
            raise ConfigurationError(f"{file}: {error}") from None


async def _objection(declared: "BreachDeclared", state: Path) -> str | None:
    """Return the register's objection to a declaration; None if it cannot be read."""
    from habeas.client import incident_register  # noqa: PLC0415

    if not _is_operator(state):
        return None
    incident = incident_register.id_of(declared, root_key(state))
    with suppress(StoreUnavailable):
        async with _opened(state) as register:
            return await register.objection(incident, declared)
    return None


def _is_operator(state: Path) -> bool:
    """Return whether the register can be read here; a staff account decides without it."""
    return {"HABEAS_MONGO_URL", "HABEAS_MASTER_KEY"} <= settings(state).keys()


async def _seen(incident: str, state: Path) -> "IncidentCase | None":
    """Return an incident; None where the register cannot be read here."""
    return await _the(incident, state) if _is_operator(state) else None


async def _the(incident: str, state: Path) -> "IncidentCase":
    async with _opened(state) as register:
        return await register.incident(incident)


@asynccontextmanager
async def _opened(state: Path) -> "AsyncIterator[IncidentRegister]":
    from habeas.client import incident_register  # noqa: PLC0415

    master_key = root_key(state)
    async with incident_register.opened(
        setting("MONGO_URL", state), prefix_of(state), master_key
    ) as register:
        yield register


def _company(state: Path) -> Any:
    from shared.law.library import EXAMPLE, company  # noqa: PLC0415

    return company(settings(state).get("HABEAS_COMPANY", EXAMPLE))


def _zone(state: Path) -> "ZoneInfo":
    zone: ZoneInfo = _company(state).zone
    return zone
