"""Verbs about breaches: declaration, holds, approval, reports, and the register."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from habeas.cli import breach_notices, client, contract
from habeas.cli.breach_notices import DeclarationFile, scope
from habeas.cli.options import (
    STATE,
    AsJson,
    IncidentId,
    State,
    existing,
    fields,
    from_console,
    has_terminal,
    moment,
    optional,
    out,
    output,
    prompted,
    run,
    save,
    urgency,
)
from habeas.cli.staff import DECIDE, OneTimeCode, asked_code, decide, decide_in_room, report, send, signer_of
from shared.errors import ConfigurationError, PermanentError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from habeas.client.breach_files import DeclarationQuestion
    from shared.contract.events.breaches import BreachDeclared

app = typer.Typer()
app.add_typer(breach_notices.app)


@app.command(rich_help_panel=DECIDE)
def declare(
    file: DeclarationFile,
    code: OneTimeCode = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Declare nothing: print the same as `scope`.")] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Declare a breach, or the next phase of its incident by the same reference.

    The same content again has no effect. Phases of a withdrawn incident are refused. Another account
    than the declaring one has to approve the notices.
    """
    if dry_run:
        scope(file, state=state, as_json=as_json)
        return
    known = state.mapped_categories(None)
    unsigned = client.breach_files.unsigned(existing(file, standard_input=True), known)
    signer = signer_of(code, state)
    if unsigned.by not in {None, signer.account}:
        raise ConfigurationError(f"{file}: by: names another account than the session at the console")
    declared = unsigned.model_copy(update={"by": signer.account})
    client.breach_files.check_size(declared)
    if known is not None:
        run(_check(declared, file, state))
    effect = send(signer, declared)
    report(
        effect,
        f"declared; `habeas breach show {effect.case}` lists recipients and deadlines",
        as_json=as_json,
    )


@app.command()
def new(
    file: Annotated[Path, Argument(help="The file to write: incident.yaml.")],
    given: Annotated[
        list[str] | None, Option("--set", help="An answer: high_risk=yes; may be repeated.")
    ] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Ask for the facts of a breach, and write the file that `declare` takes."""
    if file.exists():
        raise ConfigurationError(f"{file}: is there already; name another file or remove it")
    zone, answers = state.company().zone, _given(given or ())
    content = {one.field: _answer(one, answers, zone) for one in client.breach_files.QUESTIONS}
    save(file, client.breach_files.drafted(content))
    lacks = _lacks(file, state)
    next_step = f"`habeas breach scope {file}` counts the people and letters"
    text = "\n".join([*lacks, "correct the file" if lacks else f"{file} is written; {next_step}"])
    output({"file": str(file), "errors": lacks}, text, as_json=as_json)
    raise typer.Exit(1 if lacks else 0)


def _given(answers: Sequence[str]) -> dict[str, str]:
    """Return the answers by field. Raises ConfigurationError if there is no such question."""
    known = [one.field for one in client.breach_files.QUESTIONS]
    found = {name: text for name, _, text in (answer.partition("=") for answer in answers)}
    for name in found:
        if name not in known:
            raise ConfigurationError(f"--set {name}: no question has this name; there are {', '.join(known)}")
    return found


def _answer(question: "DeclarationQuestion", answers: Mapping[str, str], zone: "ZoneInfo") -> Any:
    """Return the answer to *question*: as given, or from the terminal, where a wrong one is asked again."""
    name, default = question.field, question.default
    while True:
        asks = name not in answers and (default is None or has_terminal())
        text = (
            prompted(f"--set {name}=", question.text, default) if asks else answers.get(name, default or "")
        )
        if not text and default == "":
            return ""
        try:
            return client.breach_files.answer_of(question, text, zone)
        except ConfigurationError as error:
            if not asks:
                raise ConfigurationError(f"--set {error}") from None
            print(f"habeas: {error}", file=sys.stderr)


def _lacks(file: Path, state: State) -> list[str]:
    """Return the errors in a declaration that was written."""
    try:
        client.breach_files.unsigned(file, state.mapped_categories(None))
    except ConfigurationError as error:
        return str(error).splitlines()
    return []


@app.command("list")
def list_(state: State = STATE, as_json: AsJson = False) -> None:
    """List the incidents, the earliest deadline first."""
    found = from_console(state, lambda console: console.all("/incidents", "incidents"))
    if as_json:
        print(json.dumps(found))
        return
    now, zone = datetime.now(UTC), state.company().zone
    for incident in found:
        drill = "  (drill)" if incident["drill"] else ""
        out.print(f"{incident['id']}  {incident['short_reference']}{drill}")
        said = [f"phase {phase['number']}: {phase['stated']['status']}" for phase in incident["phases"][-1:]]
        running, _ = clocks_by_time_left(incident["duties"])
        due = [clock for clock in running if clock["due_at"]][:1]
        said += [f"{clock['clock']} {standing(clock, zone, now).removeprefix('due ')}" for clock in due]
        style = urgency((_time_to(due[0], now)).days) if due else ""
        out.print(f"    {'; '.join(said)}", style=style)
    if not found:
        out.print("no incident is registered")


@app.command()
def show(
    incident: IncidentId,
    everything: Annotated[bool, Option("--all", help="Also clocks that do not run any more.")] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show an incident: phases, counts by law and language, running clocks by time left, approvals."""
    found = _answer_about(incident, state)
    if as_json:
        print(json.dumps(found))
        return
    zone = state.company().zone
    _show(found["incident"], datetime.now(UTC), zone, everything=everything)
    for event in reversed(found["timeline"]):
        by = f" ({event['actor']})" if event["actor"] else ""
        out.print(f"{_local(event['at'], zone)}  {event['text']}{by}")
    for lack in _lacking(found["incident"]):
        out.print(f"lacks: {lack}")


@app.command(rich_help_panel=DECIDE)
def hold(
    incident: IncidentId,
    agency: Annotated[str, Option(help="The investigator: a-z, 0-9, _ and dots.")],
    until: Annotated[str, Option(help="No notice before: 2026-03-09T00:00+01:00.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Hold unsent notices for an investigation; the latest hold counts."""
    end = moment("--until", until)
    if end <= datetime.now(UTC):
        raise ConfigurationError("--until: is in the past; `habeas breach end-hold` releases notices")
    words = {"agency": agency, "until": end}
    effect = decide_in_room(signer_of(code, state), contract.BreachHeld, incident, "hold", words)
    report(
        effect,
        "held; approved notices go out at the end, and mention the delay; for others `habeas breach pause`",
        as_json=as_json,
    )


@app.command("end-hold", rich_help_panel=DECIDE)
def end_hold(
    incident: IncidentId,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """End a hold before its declared end, and release the notices."""
    effect = decide_in_room(signer_of(code, state), contract.BreachHoldEnded, incident, "end-hold", {})
    report(effect, f"ended; `habeas breach show {incident}` lists the released notices", as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def approve(
    incident: IncidentId,
    phase: Annotated[int | None, Option(min=1, help="The reviewed phase; the newest by default.")] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Approve the notices of an incident as its second account; they wait for the end of a hold."""
    room, signer = _room(incident, state), signer_of(code, state)
    words = _approvable(room["phases"], phase)
    if not as_json:
        for lack in _lacking(room):
            out.print(f"lacks: {lack}")
    effect = decide_in_room(signer, contract.BreachApproved, incident, "approve", words, read="yes")
    if as_json:
        report(effect, "", as_json=True)
    else:
        _show_approved(room, datetime.now(UTC))


def _approvable(phases: Sequence[Mapping[str, Any]], phase: int | None) -> dict[str, Any]:
    """
    Return the phase that an approval releases, with its declaration; an older *phase* is refused.

    Without *phase* it is the newest with known people, unless that releases earlier ones.
    """
    known = [one for one in phases if one["scoped"] and one["stated"]["status"] != "withdrawn"]
    newest = known[-1] if known else phases[-1]
    if phase is not None and phase < newest["number"]:
        covers = f"it covers the notices of phase {phase}"
        raise ConfigurationError(f"phase {newest['number']} is newer: approve it, {covers}")
    others = [one["number"] for one in phases if one["waits"] and one["number"] != newest["number"]]
    if phase is None and others:
        why = f"phase {newest['number']} releases phase {others[0]} too, in its words"
        raise ConfigurationError(f"--phase: name the reviewed one: {why}")
    return {"phase": phase or newest["number"], "declaration": newest["declaration"]}


def _show_approved(room: Mapping[str, Any], now: datetime) -> None:
    """Print the effect of an approval of the notices that wait in *room*."""
    waiting = [one for one in room["phases"] if one["waits"]]
    for one in waiting:
        languages = ", ".join(f"{language} {people:,}" for language, people in one["by_language"].items())
        people = f"{sum(one['by_language'].values()):,} people" + (f" ({languages})" if languages else "")
        out.print(f"phase {one['number']}: {people}, {one['scoped']['customers']:,} customers")
        if one["unreachable"]:
            out.print(f"    {one['unreachable']:,} of them have no mail address and get no letter")
    if waiting and not (waiting[-1]["declared_by"] or waiting[-1]["stated"]["approved_by"]):
        out.print("approved by one; no staff account declared it: a second one has to approve")
        return
    until = f"; they go out when the hold of {room['stated']['agency']} is over" if _held(room, now) else ""
    out.print(f"approved{until}; `habeas breach show {room['id']}` shows the progress")


def _held(room: Mapping[str, Any], now: datetime) -> bool:
    """Return whether the notices of *room* are held at *now*."""
    until = room["stated"] and room["stated"]["held_until"]
    return bool(until) and datetime.fromisoformat(until) > now


@app.command(rich_help_panel=DECIDE)
def withdraw(
    incident: IncidentId,
    phase: Annotated[int, Option(min=1, help="The wrong phase; the newest by default.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Withdraw a phase before its notices: none is sent for it, and its clocks end."""
    phases = _room(incident, state)["phases"]
    newest = max((one["number"] for one in phases if one["stated"]["status"] != "withdrawn"), default=phase)
    if newest > phase:
        raise ConfigurationError(f"phase {newest} is newer, and builds on it: withdraw that one first")
    signer, words = signer_of(code, state), {"phase": phase}
    effect = decide_in_room(signer, contract.BreachWithdrawn, incident, "withdraw", words, sure="yes")
    report(
        effect,
        f"withdrawn; phase {phase} stays in the register; a later phase may name its people",
        as_json=as_json,
    )


@app.command(rich_help_panel=DECIDE)
def reported(
    incident: IncidentId,
    clock: Annotated[str, Option(help="The fulfilled duty: gdpr.authority.DE; `show` lists them.")],
    at: Annotated[str | None, Option(help="When; now by default.")] = None,
    receipt: Annotated[str | None, Option(help="Receipt number of the authority.")] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Record a report to an authority, or another recipient without a letter: its clock stops."""
    room, now = _room(incident, state), datetime.now(UTC)
    done_at = moment("--at", at) if at else now
    aware_at = min(datetime.fromisoformat(phase["aware_at"]) for phase in room["phases"])
    if not aware_at <= done_at <= now:
        raise ConfigurationError("--at: must be between awareness and now")
    ends = [one for one in room["duties"] if one["clock"] == clock and one["due_at"]]
    signer = signer_of(code, state)
    effect = decide(signer, contract.BreachReported, incident, clock=clock, at=done_at, receipt=receipt)
    report(
        effect,
        "recorded, as late" if any(_time_to(one, done_at) < timedelta(0) for one in ends) else "recorded",
        as_json=as_json,
    )


@app.command()
def register(
    file: Annotated[Path, Option("--out", help="Write it here: .csv, .json or .html.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Write the register of breaches: facts, effects and remedies, also without notices.

    All incidents are opened on record; a code opens a hundred.
    """
    from habeas.client.report import breaches  # noqa: PLC0415

    form, entries, codes = breaches.form_of(file), client.incident_register.entries, iter([code])
    rows = from_console(state, lambda console: entries(console, lambda: next(codes, None) or asked_code()))
    save(file, breaches.written(rows, form, state.company(), datetime.now(UTC)), newline="")
    text = f"{len(rows)} incidents are in {file}"
    output({"file": str(file), "incidents": len(rows)}, text, as_json=as_json)


def _show(incident: Mapping[str, Any], now: datetime, zone: "ZoneInfo", *, everything: bool) -> None:
    known = incident["stated"]
    if known is not None:
        out.print(f"{'drill; ' if incident['drill'] else ''}known since {_local(known['aware_at'], zone)}")
        if _held(incident, now):
            out.print(f"held up by {known['agency']} until {_local(known['held_until'], zone)}")
    anew = False
    for phase in incident["phases"]:
        _show_phase(phase, anew=anew)
        anew = bool(phase["stated"]["withdrawn_by"]) and (anew or phase["number"] == 1)
    running, others = clocks_by_time_left(incident["duties"])
    for clock in [*running, *(others if everything else ())]:
        _show_clock(clock, now, zone)
    if others and not everything:
        out.print(f"{len(others)} clocks do not run: `--all` shows them")
    if known is not None and known["more"]:
        out.print(f"{known['more']} more clocks to single customers run: `habeas breach register` has them")


def _lacking(incident: Mapping[str, Any]) -> Iterable[str]:
    """Return the statements that letters lack, which an approval releases; each once for all languages."""
    return [f"{one['says']} ({one['provision']})" for one in incident["missing"]]


def clocks_by_time_left(clocks: Iterable[Mapping[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Return the running clocks, the next end first and those without a day last; and the others."""
    parts: tuple[list[Any], list[Any]] = ([], [])
    for clock in clocks:
        parts[not clock["owed"] or bool(clock["done_at"]) or bool(clock["withdrawn"])].append(clock)
    return sorted(parts[0], key=lambda clock: clock["due_at"] or LAST), parts[1]


LAST = "9999"
"""Sorts after each moment."""
LATENESS = ", LATE"


def _show_clock(clock: Mapping[str, Any], now: datetime, zone: "ZoneInfo") -> None:
    runs = bool(clock["owed"] and not clock["done_at"] and not clock["withdrawn"])
    left = _time_to(clock, now) if runs and clock["due_at"] else None
    shown = f" ({time_left(left)})" if left is not None else ""
    due = standing(clock, zone, now).removesuffix(LATENESS if shown else "")  # `shown` says how late
    out.print(f"{clock['clock']}: {due}{shown}", style=urgency(left.days if left is not None else None))
    for number, why in enumerate(clock["why"]):
        fields({"because" if number == 0 else "": [f"{why['says']} [{why['provision']}]"]})


def _time_to(clock: Mapping[str, Any], at: datetime) -> timedelta:
    """Return the time from *at* to the end of a clock."""
    return datetime.fromisoformat(clock["due_at"]) - at


def time_left(left: timedelta) -> str:
    """Return the time *left* as text, in days and hours."""
    hours = abs(left) // timedelta(hours=1)
    text = f"{hours // 24} d {hours % 24} h" if hours >= DAY_HOURS else f"{hours} h"
    return f"{text} left" if left >= timedelta(0) else f"{text} late"


DAY_HOURS = 24


def _show_phase(phase: Mapping[str, Any], *, anew: bool) -> None:
    """Print a phase; *anew*: every earlier one was withdrawn."""
    stated, scope = phase["stated"], phase["scoped"] or dict.fromkeys(("customers", "unnamed", "crowded"))
    out.print(f"phase {phase['number']}: {stated['status']}")
    reached = {name: phase["counts"][name] for name in ("sent", "doubtful", "failed")}
    unnamed, crowded = scope["unnamed"], scope["crowded"]
    fields(
        {
            "declared by": [phase["declared_by"] or "no account"],
            "declared anew": optional(anew and "every earlier phase was withdrawn"),
            "approved by": stated["approved_by"],
            "withdrawn by": optional(stated["withdrawn_by"]),
            "customers": optional(scope["customers"]),
            "people by law": [f"{law} {people}" for law, people in phase["by_law"].items()],
            "by language": [f"{language} {people}" for language, people in phase["by_language"].items()],
            "no address": optional(phase["unreachable"]),
            "no customer": optional(unnamed and f"{unnamed} records"),
            "shared": optional(crowded and f"{crowded} mailboxes by many people"),
            "warning": optional(phase["is_empty"] and NO_PERSON),
            "letters": [f"{number} {name}" for name, number in reached.items() if any(reached.values())],
        }
    )


NO_PERSON = "no person was found: check collections and categories"


def standing(clock: Mapping[str, Any], zone: "ZoneInfo", now: datetime) -> str:
    """Return the state of a clock at *now* as text."""
    if clock["withdrawn"]:
        return f"withdrawn with phase {clock['withdrawn']}: no notice is due"
    if not clock["owed"] and not clock["done_at"]:
        return "no notice is due"
    due = f"by {_local(clock['due_at'], zone)}" if clock["due_at"] else "without undue delay"
    end = datetime.fromisoformat(clock["done_at"]) if clock["done_at"] else now
    is_late = clock["owed"] and clock["due_at"] and _time_to(clock, end) < timedelta(0)
    late = LATENESS if is_late else ""
    if clock["done_at"]:
        who = f" by {clock['done_by']}" if clock["done_by"] else ""
        receipt = f" ({clock['receipt']})" if clock["receipt"] else ""
        done = f"notified {_local(clock['done_at'], zone)}{who}{receipt}{late}"
        return f"{done}; due {due}" if clock["owed"] else f"{done}; no longer due"
    return f"due {due}{late}"


def _local(text: str, zone: "ZoneInfo") -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M %Z}"


async def _check(declared: "BreachDeclared", file: Path, state: State) -> None:
    """Check that the scope can be determined, if the stores are known here."""
    if not {"HABEAS_STORES", "HABEAS_MONGO_URL"} & state.settings().keys():
        return
    async with client.engine.opened(state.data_map(None), state.stores(None)) as opened:
        try:
            await client.breach_scope.check(opened, declared)
        except PermanentError as error:
            raise ConfigurationError(f"{file}: {error}") from None


def _answer_about(incident: str, state: State) -> dict[str, Any]:
    """Return the answer of the console about an incident."""
    return from_console(state, lambda console: console.get(f"/incidents/{incident}"))


def _room(incident: str, state: State) -> dict[str, Any]:
    """Return the breach room of an incident."""
    return dict(_answer_about(incident, state)["incident"])
