"""Verbs about the law: when something is due, and why."""

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from habeas.cli.options import STATE, AsJson, State, out, prefix_of, run, setting, settings
from shared.errors import ConfigurationError
from shared.law import DueDate, Duty, Right, internal_due
from shared.law import due as counted

if TYPE_CHECKING:
    from shared.law import Policy

app = typer.Typer()
NOON = time(12)


@app.command()
def due(
    received: Annotated[str, typer.Option(help="Day or instant: 2027-01-31, 2027-01-31T23:59+01:00.")],
    law: Annotated[str, typer.Option(help="A law of the folder policies: uk-gdpr, us-ca-ccpa.")] = "gdpr",
    right: Annotated[Right, typer.Option(help="What is asked for.")] = Right.ACCESS,
    calendar: Annotated[
        str | None, typer.Option(help="Public holidays that count: DE-BE. By the law, where it says so.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of the place that answers.")] = "Europe/Berlin",
    explain: Annotated[bool, typer.Option("--explain", help="Print each step.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say when a request is due under a law: the answer, and whatever else the law wants in time."""
    from shared.calendars import calendar_named  # noqa: PLC0415
    from shared.policies import policies  # noqa: PLC0415

    at = _instant(received, zone)
    policy = policies().in_force(law, at.date())
    holidays = calendar_named(_calendar_of(policy, calendar))
    rules = {duty: rule for duty in Duty if (rule := policy.rule(duty, right)) is not None}
    found = {duty: counted(rule, at, ZoneInfo(zone), holidays) for duty, rule in rules.items()}
    if as_json:
        print(
            json.dumps(
                {"policy": policy.id, **{duty: _plain(last) for duty, last in found.items()}},
                ensure_ascii=False,
            )
        )
    else:
        _show(policy, found, explain=explain)


@app.command()
def deadlines(
    days: Annotated[int, typer.Option(min=0, help="How far ahead to look.")] = 7,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """List the requests that are not answered and due soon, or late; end 1 when one is late."""
    from habeas.deadlines import due_within, line_of  # noqa: PLC0415

    today = datetime.now(_place(settings(state).get("HABEAS_ZONE", "UTC"))).date()
    found = run(due_within(setting("MONGO_URL", state), prefix_of(state), timedelta(days=days), today))
    if as_json:
        print(json.dumps([one.plain() for one in found]))
    else:
        out.print("\n".join(map(line_of, found)) or f"nothing is due within {days} days", markup=False)
    raise typer.Exit(any(one.late for one in found))


def _instant(received: str, zone: str) -> datetime:
    place = _place(zone)
    try:
        at = datetime.combine(date.fromisoformat(received), NOON)
    except ValueError:
        at = _written_out(received)
    return at.replace(tzinfo=place) if at.tzinfo is None else at.astimezone(place)


def _place(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ConfigurationError(f"{zone}: no such time zone; write one like Europe/Berlin") from None


def _written_out(received: str) -> datetime:
    try:
        return datetime.fromisoformat(received)
    except ValueError:
        raise ConfigurationError(
            f"--received {received}: no day and no instant; write 2027-01-31, or 2027-01-31T23:59+01:00"
        ) from None


def _calendar_of(policy: "Policy", given: str | None) -> str:
    name = given or policy.calendar
    if name is None:
        raise ConfigurationError(
            f"--calendar: {policy.id} goes by the public holidays of the place that answers; say which: DE-BE"
        )
    return name


def _plain(last: DueDate) -> dict[str, Any]:
    return {
        "due_on": last.due_on.isoformat(),
        "internal_due_on": internal_due(last).isoformat(),
        "period": last.rule.period,
        "provision": last.rule.provision,
        "read": last.rule.read.value,
        "calendar": last.calendar,
        "steps": [str(step) for step in last.steps],
    }


def _show(policy: "Policy", found: Mapping[Duty, DueDate], *, explain: bool) -> None:
    out.print(f"{policy.id}: {policy.name}", markup=False)
    for duty, last in found.items():
        out.print(f"{last.due_on}  {duty}, {last.rule}; meant for {internal_due(last)}", markup=False)
        if explain:
            for step in last.steps:
                out.print(f"            {step}", markup=False)
            out.print(f"            calendar {last.calendar}, read: {last.rule.read}", markup=False)
