"""Verbs about requests and letters."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from typer import Argument, Option

from habeas.cli import client
from habeas.cli.options import STATE, AnyRequestId, AsJson, State, existing, out, output, run
from shared.errors import ConfigurationError

app = typer.Typer()


@app.command()
def submit(
    file: Annotated[
        Path | None, Argument(help="JSON as in `request.submitted`; - reads standard input.")
    ] = None,
    right: Annotated[str, Option(help="access, erasure, …")] = "access",
    email: Annotated[str | None, Option(help="The person's e-mail address.")] = None,
    name: Annotated[str | None, Option(help="The person's name.")] = None,
    country: Annotated[str | None, Option(help="Residence: DE, GB, US …")] = None,
    by: Annotated[str, Option(help="http or amqp")] = "http",
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Submit a request, over the API or as an event."""
    if file:
        data = client.requests.read(existing(file, standard_input=True))
    else:
        data = client.requests.made_of(right, email=email, name=name, country=country)
    if by == "amqp":
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
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show the status of a request."""
    url = state.setting("PUBLIC_URL")
    if request_id is not None:
        standing = run(client.requests.status(url, request_id))
    elif reference is not None:
        from habeas.embedded.installation import api_key  # noqa: PLC0415

        key = api_key(state.settings()) or ""
        standing = run(client.requests.status_by_reference(url, reference, key=key))
    else:
        raise ConfigurationError("name the request: its id, or --reference")
    if as_json:
        print(json.dumps(standing))
        return
    for key, value in standing.items():
        if value not in (None, []):
            out.print(f"{key:12} {value}")


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
