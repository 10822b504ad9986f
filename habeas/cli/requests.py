"""Verbs about requests and letters."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from typer import Argument, Option

from habeas.cli import client
from habeas.cli.options import (
    STATE,
    AnyRequestId,
    AsJson,
    InstallationState,
    State,
    existing,
    from_console,
    out,
    output,
    run,
)
from shared.errors import ConfigurationError, HabeasError

app = typer.Typer()
NO_KEY = "--reference: begin a session with `habeas login`, or name the key of a system with --key"


class SubmissionWay(StrEnum):
    """The ways to submit a request."""

    HTTP = "http"
    AMQP = "amqp"


@app.command()
def submit(
    file: Annotated[
        Path | None, Argument(help="JSON as in `request.submitted`; - reads standard input.")
    ] = None,
    right: Annotated[str, Option(help="access, erasure, …")] = "access",
    email: Annotated[str | None, Option(help="The person's e-mail address.")] = None,
    name: Annotated[str | None, Option(help="The person's name.")] = None,
    country: Annotated[str | None, Option(help="Residence: DE, GB, US …")] = None,
    by: Annotated[SubmissionWay, Option(help="Over the API, or as an event.")] = SubmissionWay.HTTP,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Submit a request, over the API or as an event."""
    if file:
        data = client.requests.read(existing(file, standard_input=True))
    else:
        data = client.requests.made_of(right, email=email, name=name, country=country)
    if by is SubmissionWay.AMQP:
        run(client.requests.submit_by_amqp(state.setting("AMQP_URL"), data))
        text = f"published; ask with `habeas status --reference {data['reference']}`"
        output({"reference": data["reference"]}, text, as_json=as_json)
    else:
        from habeas.embedded.installation import api_key  # noqa: PLC0415

        key = api_key(state.settings())
        id_ = run(client.requests.submit_by_http(state.setting("PUBLIC_URL"), data, key=key))
        output({"reference": data["reference"], "request": id_}, id_, as_json=as_json)


@app.command()
def status(
    request_id: AnyRequestId = None,
    reference: Annotated[str | None, Option(help="Reference of the submitting system.")] = None,
    source: Annotated[str | None, Option(help="With --reference: of this system alone.")] = None,
    key: Annotated[
        Path | None, Option(help="With --reference: file with the key of a system, for its own requests.")
    ] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Show the status of a request; with --reference, state, reason and age of the requests of all systems.

    That is a search at the console, in the session of `habeas login`. With --key, or without a session, the
    requests of the key's system are found.
    """
    if request_id is not None:
        page = run(client.requests.status(state.setting("PUBLIC_URL"), request_id))
        found = [client.tickets.of_page(page) | page | _obstacles(request_id, state)]
    elif reference is not None:
        found = _by_reference(reference, source, key, state)
    else:
        raise ConfigurationError("name the request: its id, or --reference")
    if not found:
        raise ConfigurationError("no request has this reference")
    if as_json:
        print(json.dumps(found if reference is not None else found[0]))
        return
    for number, ticket in enumerate(found):
        if number:
            out.print()
        for line in client.tickets.lines_of(ticket):
            out.print(line)


def _obstacles(request_id: str, state: InstallationState) -> dict[str, Any]:
    """Return what holds a request up, as the console knows it in the session of `habeas login`."""
    if not client.console_api.LoginFile().consoles:
        return {}
    try:
        found = from_console(state, lambda console: console.get(f"/cases/{request_id}"))
    except HabeasError:
        return {}
    return {name: found[name] for name in ("parked", "unreached_parts")}


def _by_reference(
    reference: str, source: str | None, key: Path | None, state: InstallationState
) -> list[dict[str, Any]]:
    client.tickets.must_be_plain(reference)
    if key is None and client.console_api.LoginFile().consoles:
        return from_console(state, lambda console: client.tickets.of_reference(console, reference, source))
    from habeas.embedded.installation import api_key  # noqa: PLC0415

    own = existing(key).read_text(encoding="utf-8").strip() if key else api_key(state.settings())
    if own is None:
        raise ConfigurationError(NO_KEY)
    page = run(client.requests.status_by_reference(state.setting("PUBLIC_URL"), reference, key=own))
    return [client.tickets.of_page(page)]


@app.command()
def mail(
    number: Annotated[int | None, Argument(help="Print this letter; 1 is the first.")] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """List the letters that the embedded stack has caught, or print one."""
    from habeas.embedded.mailcatcher import letters  # noqa: PLC0415

    caught = list(letters(state.folder / "mail" / "letters"))
    if number is not None:
        if not 1 <= number <= len(caught):
            raise ConfigurationError(f"there is no letter {number}; there are {len(caught)}")
        found = caught[number - 1]
        plain = {"to": list(found.recipients), "subject": found.subject, "text": found.body()}
        print(json.dumps(plain) if as_json else plain["text"])
        return
    if as_json:
        rows = [
            {"number": n, "to": [*one.recipients], "subject": one.subject} for n, one in enumerate(caught, 1)
        ]
        print(json.dumps(rows))
        return
    table = Table("", "to", "subject")
    for index, letter in enumerate(caught, 1):
        table.add_row(str(index), ", ".join(letter.recipients), letter.subject)
    out.print(table if caught else "no letter yet")
