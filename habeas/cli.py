"""
The ``habeas`` command: verbs and what they print. What they do stands in the modules they name.

Verbs speak to the installation whose settings are in the environment (``HABEAS_…``), and where a setting is
not there to the one that ``habeas up`` keeps in the state folder.
"""

import asyncio
import base64
import dataclasses
import json
import os
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from habeas import installation
from shared.errors import ConfigurationError, HabeasError

T = TypeVar("T")

app = typer.Typer(
    name="habeas",
    help="Answers people about their data. Start with `habeas demo`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
dead_letters_app = typer.Typer(help="What could not be handled: look at it, and try it again.")
map_app = typer.Typer(help="Data maps: check them against the data.", no_args_is_help=True)
package_app = typer.Typer(help="Packages that people download.", no_args_is_help=True)
certificate_app = typer.Typer(help="Certificates of erasure.", no_args_is_help=True)
app.add_typer(dead_letters_app, name="dead-letters")
app.add_typer(map_app, name="map")
app.add_typer(package_app, name="package")
app.add_typer(certificate_app, name="certificate")

out = Console(highlight=False, soft_wrap=True)

State = Annotated[Path, typer.Option(help="Folder of the embedded stack's data.", envvar="HABEAS_STATE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
MapFolder = Annotated[Path | None, typer.Option("--map", help="Folder of the data map [HABEAS_DATAMAP].")]
Stores = Annotated[
    str | None, typer.Option(help="JSON: store name → MongoDB URL [HABEAS_STORES].", show_default=False)
]
Identities = Annotated[
    list[str], typer.Option("--identity", help="email=ada@example.org; may be given several times.")
]
STATE = Path(".state")


def main() -> None:
    """Run the command; what goes wrong on purpose ends it with one line and code 2."""
    try:
        app()
    except HabeasError as error:
        print(f"habeas: {error}", file=sys.stderr)
        sys.exit(2)


def settings(state: Path) -> Mapping[str, str]:
    """Return the settings of the installation that is spoken to; secrets may stand in files."""
    files = {
        name.removesuffix("_FILE"): _content(name, Path(path))
        for name, path in os.environ.items()
        if name.startswith("HABEAS_") and name.endswith("_FILE")
    }
    return {**installation.remembered(state), **files, **os.environ}


def _there(file: Path) -> Path:
    if not file.is_file():
        raise ConfigurationError(f"{file}: there is no such file")
    return file


def _content(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{variable}: cannot read the file it names ({error.strerror})") from None


def setting(name: str, state: Path) -> str:
    """
    Return the setting *name* of the installation that is spoken to.

    Raises:
        ConfigurationError: Nobody has set it.
    """
    variable = f"HABEAS_{name}"
    value = settings(state).get(variable)
    if not value:
        raise ConfigurationError(f"{variable} is not set, and no `habeas up` has run in {state}")
    return value


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* to its end."""
    return asyncio.run(work)


@app.command()
def serve(
    services: Annotated[list[str], typer.Argument(help="intake, verifier, fulfillment, notifier")],
) -> None:
    """Run services in this process, with the settings in the environment."""
    from habeas import serving  # noqa: PLC0415  each verb loads only what it needs

    serving.serve(services)


@app.command()
def up(
    state: State = STATE,
    port_base: Annotated[
        int | None, typer.Option(help="First of five ports to use; free ones if not given.")
    ] = None,
    map_folder: MapFolder = None,
    company: Annotated[
        bool, typer.Option(help="Fill the store with a fictional company's customers.")
    ] = True,
) -> None:
    """Start a broker, a database, a mail catcher and all services on this machine."""
    from habeas import uptime  # noqa: PLC0415

    run(uptime.up(state, out, port_base=port_base, datamap=map_folder, company=company))


@app.command()
def demo(
    state: State = STATE,
    keep: Annotated[bool, typer.Option(help="Leave everything running afterwards.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="Your own data: a folder of <database>/<collection>.jsonl[.gz].")
    ] = None,
    map_folder: MapFolder = None,
    identity: Annotated[
        list[str] | None, typer.Option("--email", help="With --data: two people to ask for.")
    ] = None,
) -> None:
    """Show the whole of it: two people ask for their data, one to have it, one to have it erased."""
    from habeas import demo as story  # noqa: PLC0415

    run(story.tell(state, out, story.Setting(data, map_folder, identity or []), keep=keep))


@app.command()
def submit(
    file: Annotated[
        Path | None,
        typer.Argument(help="JSON as in `request.submitted`; - reads standard input."),
    ] = None,
    right: Annotated[str, typer.Option(help="access, erasure, …")] = "access",
    email: Annotated[str | None, typer.Option(help="The person's e-mail address.")] = None,
    name: Annotated[str | None, typer.Option(help="The person's name.")] = None,
    country: Annotated[str | None, typer.Option(help="Where the person lives: DE, GB, US …")] = None,
    by: Annotated[str, typer.Option(help="http or amqp")] = "http",
    state: State = STATE,
) -> None:
    """Submit a request, over the API or as an event."""
    from habeas import requests  # noqa: PLC0415

    data = (
        requests.read(file if str(file) == "-" else _there(file))
        if file
        else requests.made_of(right, email=email, name=name, country=country)
    )
    if by == "amqp":
        run(requests.submit_by_amqp(setting("AMQP_URL", state), data))
        out.print(f"published; ask with `habeas status --reference {data['reference']}`")
    else:
        key = installation.api_key(settings(state))
        out.print(run(requests.submit_by_http(setting("PUBLIC_URL", state), data, key=key)))


@app.command()
def status(
    request_id: Annotated[str | None, typer.Argument(help="Id of the request.")] = None,
    reference: Annotated[str | None, typer.Option(help="What the submitting system calls it.")] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Say how a request stands."""
    from habeas import requests  # noqa: PLC0415

    url = setting("PUBLIC_URL", state)
    if request_id is not None:
        standing = run(requests.status(url, request_id))
    elif reference is not None:
        key = installation.api_key(settings(state)) or ""
        standing = run(requests.status_by_reference(url, reference, key=key))
    else:
        raise ConfigurationError("say which request: its id, or --reference")
    if as_json:
        print(json.dumps(standing))
        return
    for key, value in standing.items():
        if value not in (None, []):
            out.print(f"{key:12} {value}")


@app.command()
def mail(
    number: Annotated[int | None, typer.Argument(help="Print this letter; 1 is the first.")] = None,
    state: State = STATE,
) -> None:
    """List the letters that the embedded stack has caught, or print one."""
    from habeas.mailcatcher import letters  # noqa: PLC0415

    caught = list(letters(state / "mail" / "letters"))
    if number is not None:
        if not 1 <= number <= len(caught):
            raise ConfigurationError(f"there is no letter {number}; there are {len(caught)}")
        print(caught[number - 1].body())
        return
    table = Table("", "to", "subject")
    for index, letter in enumerate(caught, 1):
        table.add_row(str(index), ", ".join(letter.recipients), letter.subject)
    out.print(table if caught else "no letter yet")


@dead_letters_app.callback(invoke_without_command=True)
def dead_letters(context: typer.Context, state: State = STATE, as_json: AsJson = False) -> None:
    """List parked messages and submissions that could not be read."""
    if context.invoked_subcommand is None:
        from habeas import dead_letters as letters  # noqa: PLC0415

        found = run(letters.found(setting("AMQP_URL", state), setting("MONGO_URL", state), _prefix(state)))
        print(json.dumps(found, default=str)) if as_json else out.print(letters.table(found))


@dead_letters_app.command()
def replay(service: str, state: State = STATE) -> None:
    """Hand all parked messages of a service to it once more."""
    from habeas import dead_letters as letters  # noqa: PLC0415

    out.print(
        f"{run(letters.replay(setting('AMQP_URL', state), service))} messages handed to {service} again"
    )


@app.command()
def gather(
    identity: Identities,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Write what was found into this folder.")
    ] = None,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Find every record of a person."""
    from habeas import engine  # noqa: PLC0415

    async def work() -> Any:
        async with engine.opened(_map(map_folder, state), _stores(stores, state)) as opened:
            return await opened.gather(engine.identities(identity))

    findings = run(work())
    if folder is not None:
        engine.write(findings, folder)
    found = engine.summary_of_findings(findings)
    if as_json:
        print(json.dumps(found))
        return
    table = Table("collection", "", "records", title=found["answer"].replace("_", " "))
    for key, part in found["collections"].items():
        table.add_row(key, part["status"], str(part["found"]))
    out.print(table)


@app.command()
def erase(
    identity: Identities,
    dry_run: Annotated[bool, typer.Option(help="Print the plan and change nothing.")] = False,
    yes: Annotated[bool, typer.Option(help="Erase without asking.")] = False,
    certificate: Annotated[Path | None, typer.Option(help="Write the certificate into this file.")] = None,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Erase every record of a person, as far as the map and the law allow, and certify it."""
    from habeas import engine  # noqa: PLC0415
    from services.fulfillment.signing import Signer  # noqa: PLC0415

    person = engine.identities(identity)

    async def work() -> bytes | None:
        async with engine.opened(_map(map_folder, state), _stores(stores, state)) as opened:
            plan = opened.plan(await opened.gather(person))
            _show_plan(engine.summary_of_plan(plan), as_json=as_json)
            if dry_run or not (yes or typer.confirm("Erase?", err=True)):
                return None
            signer = Signer(base64.b64decode(setting("MASTER_KEY", state)))
            controller = settings(state).get("HABEAS_MAIL_FROM", "").partition(" <")[0]
            return await opened.erase(plan, person, controller=controller, signer=signer)

    issued = run(work())
    if issued is not None:
        if certificate is not None:
            certificate.write_bytes(issued)
        print(issued.decode())


@map_app.command()
def check(
    map_folder: MapFolder = None, stores: Stores = None, state: State = STATE, as_json: AsJson = False
) -> None:
    """Read a data map and hold it against the live databases; end 1 when an answer would be wrong."""
    from habeas import engine  # noqa: PLC0415
    from services.fulfillment.checking import check as checked  # noqa: PLC0415

    async def work() -> Any:
        async with engine.opened(_map(map_folder, state), _stores(stores, state)) as opened:
            return await checked(opened.data_map, opened.stores)

    flaws = run(work())
    if as_json:
        print(json.dumps([dataclasses.asdict(flaw) for flaw in flaws]))
    for flaw in flaws if not as_json else ():
        out.print(f"{'remark' if flaw.remark else 'wrong'}  {flaw}", markup=False)
    wrong = [flaw for flaw in flaws if not flaw.remark]
    if not wrong and not as_json:
        out.print("the map fits the data")
    raise typer.Exit(1 if wrong else 0)


@package_app.command("verify")
def verify_package(file: Path) -> None:
    """Check a package: every hash, every count, the signature."""
    from services.fulfillment.package.verification import verify_package as verify  # noqa: PLC0415

    report = verify(_there(file))
    out.print("\n".join(report.problems) or f"unchanged since it was signed by key {report.fingerprint}")
    raise typer.Exit(0 if report.ok else 1)


@certificate_app.command("verify")
def verify_certificate(file: Path) -> None:
    """Check a certificate of erasure: its form and its signature."""
    from services.fulfillment.certificate import verify_certificate as verify  # noqa: PLC0415

    report = verify(_there(file).read_bytes())
    out.print("\n".join(report.problems) or f"unchanged since it was signed by key {report.fingerprint}")
    raise typer.Exit(0 if report.ok else 1)


def _show_plan(plan: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(plan))
        return
    kinds = ("erased", "masked", "retained", "unchanged")
    table = Table("collection", *kinds)
    for key, counts in plan["collections"].items():
        table.add_row(key, *(str(counts.get(kind, "")) for kind in kinds))
    out.print(table if plan["collections"] else "nothing is held")


def _map(folder: Path | None, state: Path) -> Path:
    return folder or Path(setting("DATAMAP", state))


def _stores(text: str | None, state: Path) -> dict[str, str]:
    from habeas import engine  # noqa: PLC0415

    if text is None and "HABEAS_STORES" not in settings(state):
        return {"default": setting("MONGO_URL", state)}
    return engine.store_urls(text or setting("STORES", state))


def _prefix(state: Path) -> str:
    return settings(state).get("HABEAS_DATABASE_PREFIX", "habeas")
