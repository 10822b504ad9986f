"""Verbs about legal deadlines."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from typer import Option

from habeas.cli import client
from habeas.cli.options import STATE, AsJson, State, from_console, out, urgency
from shared.errors import ConfigurationError
from shared.vocabulary import Right

if TYPE_CHECKING:
    from shared.law import DeadlineRule, DueDate, Policy, Strictest, TimedDuty

app = typer.Typer()
NOON = time(12)
LEGEND = """
text       values whose provision was read
secondary  values of which a published account was read
unread     values that are not read yet: check them before you rely on them; a law with an unread last day
           applies only if HABEAS_LAWS_ACCEPTED names it
ours       values that no provision sets; the product or your company chose them
"""
"""Meaning of the columns of `habeas laws`."""
Zone = Annotated[str, Option(help="Time zone of the place that answers.")]


@app.command()
def due(
    received: Annotated[str, Option(help="Day or instant: 2027-01-31, 2027-01-31T23:59+01:00.")],
    law: Annotated[
        list[str], Option(help="A law of the folder policies: uk-gdpr, us-ca-ccpa; may be repeated.")
    ] = ["gdpr"],  # noqa: B006 - typer takes no other
    right: Annotated[Right, Option(help="The requested right.")] = Right.ACCESS,
    calendar: Annotated[
        str | None, Option(help="Public holidays: DE-BE. For laws without a calendar of their own.")
    ] = None,
    zone: Zone = "Europe/Berlin",
    explain: Annotated[bool, Option("--explain", help="Print each step.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Print the deadlines of a request under a law: the answer, and other duties.

    Of several laws the strictest counts; its name is printed with each day.
    """
    from shared.law import TimedDuty, strictest  # noqa: PLC0415
    from shared.law import due as counted_by  # noqa: PLC0415
    from shared.law.calendars import calendar_named  # noqa: PLC0415
    from shared.law.library import policies  # noqa: PLC0415

    at = _instant(received, zone)
    laws = [policies().in_force(name, at.date()) for name in law]

    def counted(policy: "Policy", rule: "DeadlineRule") -> "DueDate":
        place = calendar if len(laws) == 1 and calendar else policy.calendar or calendar
        if place is None:
            message = f"{policy.id} needs the public holidays of the place that answers: add --calendar DE-BE"
            raise ConfigurationError(message)
        return counted_by(rule, at, ZoneInfo(zone), calendar_named(place))

    days = {duty: strictest(laws, duty, right, counted) for duty in TimedDuty}
    found = {duty: day for duty, day in days.items() if day is not None}
    if as_json:
        print(json.dumps(_plain(laws, found), ensure_ascii=False))
    else:
        _show(laws, found, explain=explain)


@app.command("laws")
def list_laws(
    breaches: Annotated[bool, Option("--breaches", help="The laws on breaches.")] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    List the laws: how many of their values were read as text, in a secondary source, or not at all.

    A law with an unread deadline does not apply unless HABEAS_LAWS_ACCEPTED names it. `ours` counts values
    that no provision sets.
    """
    from shared.law.library import breach_policies, policies  # noqa: PLC0415

    accepted = state.laws_accepted()
    if breaches:
        rows = client.laws.provenance(breach_policies().accepting(accepted))
    else:
        rows = client.laws.provenance(policies().accepting(accepted))
    if as_json:
        print(json.dumps([row.plain() for row in rows]))
    else:
        out.print(f"{'':26}{'text':>7}{'secondary':>11}{'unread':>8}{'ours':>6}")
        out.print("\n".join(map(str, rows)))
        out.print(LEGEND)
        for line, instead in state.company().gaps.items():
            out.print(f"HABEAS_COMPANY: {line} is empty: {instead}; set it in the file of your company")


@app.command("hours")
def hours_of(
    aware: Annotated[str, Option(help="The instant: 2026-12-24T18:30+01:00.")],
    calendar: Annotated[str, Option(help="Public holidays of the place that answers: DE-BE.")],
    length: Annotated[int, Option(min=1, max=1_000, help="Number of hours.")] = 72,
    zone: Zone = "Europe/Berlin",
    as_json: AsJson = False,
) -> None:
    """Print the end of a period in hours, as for a breach: the plain and the latest reading."""
    from shared.law import hours_later  # noqa: PLC0415
    from shared.law.calendars import calendar_named  # noqa: PLC0415

    found = hours_later(length, _instant(aware, zone), _place(zone), calendar_named(calendar))
    if as_json:
        print(json.dumps({"due_at": found.due_at.isoformat(), "latest_at": found.latest_at.isoformat()}))
        return
    out.print(f"{found.due_at:%Y-%m-%d %H:%M %Z}  {length} hours from the exact moment")
    latest = "the hour of the event not counted, two working days at least; not to be relied on"
    out.print(f"{found.latest_at:%Y-%m-%d %H:%M %Z}  {latest}")


@app.command()
def deadlines(
    days: Annotated[int, Option(min=0, help="Days ahead.")] = 7,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """List open requests and unanswered mails that are due soon or late; exit 1 when one is late."""
    today = datetime.now(state.company().zone).date()
    within = timedelta(days=days)
    found = from_console(state, lambda console: client.deadlines.due_within(console, within, today))
    if as_json:
        print(json.dumps(found))
    else:
        for one in found:
            out.print(client.deadlines.line_of(one), style=_style(one, today))
        if not found:
            out.print(f"nothing is due within {days} days")
    raise typer.Exit(1 if any(one["late"] for one in found) else 0)


def _style(one: Mapping[str, Any], today: date) -> str:
    """Return the style of a line about *one*; a paused request is never late."""
    left = (date.fromisoformat(one["due_on"]) - today).days
    return urgency(left if one["late"] else max(left, 0))


def _instant(received: str, zone: str) -> datetime:
    place = _place(zone)
    try:
        with suppress(ValueError):
            received = datetime.combine(date.fromisoformat(received), NOON).isoformat()
        at = datetime.fromisoformat(received)
    except ValueError:
        what = f"--received {received}: no day and no instant"
        raise ConfigurationError(f"{what}; write 2027-01-31, or 2027-01-31T23:59+01:00") from None
    return at.replace(tzinfo=place) if at.tzinfo is None else at.astimezone(place)


def _place(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ConfigurationError(f"{zone}: no such time zone; write one like Europe/Berlin") from None


def _plain(laws: Sequence["Policy"], found: "Mapping[TimedDuty, Strictest]") -> dict[str, Any]:
    from shared.law import internal_due  # noqa: PLC0415

    duties: dict[str, Any] = {
        duty: {
            "policy": day.policy.id,
            "due_on": day.last.due_on.isoformat(),
            "internal_due_on": internal_due(day.last).isoformat(),
            "period": day.last.rule.period,
            "provision": day.last.rule.provision,
            "read": day.last.rule.read.value,
            "calendar": day.last.calendar,
            "steps": [str(step) for step in day.last.steps],
        }
        for duty, day in found.items()
    }
    return {"policies": [policy.id for policy in laws], **duties}


def _show(laws: Sequence["Policy"], found: "Mapping[TimedDuty, Strictest]", *, explain: bool) -> None:
    from shared.law import internal_due  # noqa: PLC0415

    for policy in laws:
        out.print(f"{policy.id}: {policy.name}")
    for duty, day in found.items():
        law = f"; by {day.policy.id}" if len(laws) > 1 else ""
        last = day.last
        out.print(f"{last.due_on}  {duty}, {last.rule}; meant for {internal_due(last)}{law}")
        if explain:
            for step in last.steps:
                out.print(f"            {step}")
            if last.rule.other_reading:
                out.print(f"            {last.rule.other_reading}")
            out.print(f"            calendar {last.calendar}, read: {last.rule.read}")
