"""
The ``habeas`` command: verbs and their output. ``habeas.client`` has their functions.

Verbs use the settings of the environment (``HABEAS_…``), and for missing ones
those that ``habeas up`` keeps in the state folder. A module of verbs is imported when one of them is used.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer import Option
from typer.core import TyperCommand, TyperGroup

from shared.errors import HabeasError, Unanswered


class Panel(StrEnum):
    """Groups of commands in `habeas --help`, in their order."""

    RUN = "Run"
    REQUESTS = "Requests"
    DECIDE = "Decide"
    BREACH = "Breach"
    MAP = "Map"
    DEVELOP = "Develop"


class CommandEntry(NamedTuple):
    """A command of `habeas`: the module and the Typer app that have it, its panel and its help."""

    panel: Panel
    module: str
    app: str
    help: str


def _entries(panel: Panel, **commands: str) -> Iterator[tuple[str, CommandEntry]]:
    """Yield the entries of *panel*: a name, and ``module[.app]: help``."""
    for name, line in commands.items():
        place, _, help_ = line.partition(": ")
        module, _, app_name = place.partition(".")
        yield name.replace("_", "-"), CommandEntry(panel, module, app_name or "app", help_)


COMMANDS: Mapping[str, CommandEntry] = dict(
    (
        *_entries(
            Panel.RUN,
            demo="start: Run an access request and an erasure through all services.",
            up="start: Start broker, database, mail catcher and all services here.",
            init="setup: Ask five questions; write data map, company file and settings.",
            serve="start: Run services in this process.",
            topology="operations: Declare exchanges, queues, users and permissions.",
            migrate="operations: Finish an upgrade: old bindings, queues, lists of the console.",
            backup="backups: Back up Habeas' own databases, and their keys apart.",
            restore="backups: Restore a backup into empty databases.",
            upkeep="start: Destroy overdue keys and copy journal heads, once a day.",
            keys="keys: Keys of the installation: show, issue, rotate, retire.",
            login="login: Sign in at the console: verbs of the staff read and decide in the session.",
            logout="login: End the session at the console.",
            whoami="login: Show the account that is signed in at the console.",
            staff="staff: Staff accounts: the people who may decide, and their roles.",
            dead_letters="operations.dead_letters_app: Messages that could not be handled: list and replay.",
            republish="operations: Publish again the facts that a service has not handled.",
            console="console: The console of the privacy staff: rebuild its lists.",
            audit="verification: Verify the journals: tampering is detected.",
            drop="operations.drop_app: California's deletion lists (DROP).",
            mail="requests: Letters that the embedded stack has caught: list, print.",
        ),
        *_entries(
            Panel.REQUESTS,
            submit="requests: Submit a request, over the API or as an event.",
            status="requests: Show the status of a request.",
            request="cases: Requests: list and read them, and decide on them.",
            deadlines="laws: List open requests and mails that are due soon or late.",
            inbox="letters.inbox_app: Incoming mail: classification, and mails for staff.",
            report="reports: Report on requests by right, law and year.",
            gather="erasures.records_app: Find every record of a person.",
            erase="erasures.records_app: Erase every record of a person, and certify it.",
            erasures="erasures: Erasures: list, and repeat after a backup was restored.",
            certificate="verification.certificates: Certificates of erasure: fetch and verify.",
            package="verification.packages: Packages that people download: verify.",
            suppressions="erasures.suppressions: People on the suppression list.",
            recipients="data_use: Notices to recipients of data: list and resend them.",
        ),
        *_entries(
            Panel.DECIDE,
            verify="identity: Identity: requested proofs, and decisions of staff.",
            appeals="referrals.appeals_app: Open appeals and complaints: list, read and decide them.",
            permission="referrals.permission_app: Permissions to read the content of a customer's end user.",
            retention="retention: Records past their retention period: list and purge them.",
            hold="holds: Legal holds: place, lift and list them.",
            decision="staff.decision_app: Show the result of a decision by its id.",
            burst="operations.burst_app: Storms of requests, as after a breach: mark and limit them.",
        ),
        *_entries(
            Panel.BREACH,
            breach="breaches: Breaches of personal data: declare, review, approve notices.",
            hours="laws: Print the end of a period in hours.",
        ),
        *_entries(
            Panel.MAP,
            map="maps: Data maps: draft, import, draw, check against the data.",
        ),
        *_entries(
            Panel.DEVELOP,
            validate="files: Validate submissions in files, without a broker.",
            publish="files: Publish submissions in files.",
            letters="letters: Show letters, without sending any.",
            unsubscribe="data_use.unsubscribe_app: One-click unsubscribe: links for the company's mailers.",
            due="laws: Print the deadlines of a request under a law.",
            laws="laws: List the laws, and how many of their values were read.",
        ),
    )
)
"""Name → command, in the order of `habeas --help`."""

LISTED = frozenset({"appeals", "dead-letters", "recipients"})
"""Groups whose name alone stands for their verb `list`."""

RENAMED: Mapping[str, str] = {
    "approve": "request approve-erasure",
    "case decide": "appeals decide",
    "case": "request",
    "disagreements": "request disagreements",
    "find": "request find",
    "restriction lift": "request lift-restriction",
}
"""Names of version 0.1.0 → their names now; the first that fits counts."""


class LoadedCommands(Mapping[str, Any]):
    """All commands by name; the module of one is imported at its first use."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = _command(name, COMMANDS[name])
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS


class VerbGroup(TyperGroup):
    """Verbs, and flags that are false by default: for a flag without a default Typer imports pydantic."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse *args*; where no verb is among them, some groups list."""
        verbless = not args or (args[0].startswith("-") and args[0] != "--help")
        if self.name in LISTED and verbless and not ctx.resilient_parsing:
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options, with a default for each flag."""
        found: list[Any] = super().get_params(ctx)
        for option in found:
            if getattr(option, "is_flag", False):
                option.default = option.default or False
        return found


def _command(name: str, entry: CommandEntry) -> Any:
    """Return the command *name*: a verb of its app, or the whole app as a group."""
    verbs = getattr(import_module(f"habeas.cli.{entry.module}"), entry.app)
    verbs.info.cls = VerbGroup
    found: Any = typer.main.get_group(verbs)
    if name in found.commands:
        return found.commands[name]
    found.name, found.help = name, entry.help
    found.no_args_is_help = name not in LISTED
    return found


class CommandIndex(VerbGroup):
    """The commands of `habeas`, which its help lists without importing them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = LoadedCommands()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  of the base class
        """Return the names of the commands in their order."""
        return list(COMMANDS)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse *args*; a name of version 0.1.0 is replaced, with a note on the error stream."""
        return super().parse_args(ctx, renamed(args))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help from the table of commands."""
        self._index().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return completions of *incomplete* from the table of commands."""
        ctx.command = self._index()
        return ctx.command.shell_complete(ctx, incomplete)

    def _index(self) -> TyperGroup:
        """Return a group with the names and helps of the commands alone."""
        stand_ins: Any = {
            name: TyperCommand(name, help=entry.help, rich_help_panel=entry.panel.value)
            for name, entry in COMMANDS.items()
        }
        return TyperGroup(
            name=self.name,
            commands=stand_ins,
            params=self.params,
            help=self.help,
            rich_markup_mode=self.rich_markup_mode,
        )


def renamed(words: list[str]) -> list[str]:
    """Return *words* with the present name of their command; a replaced name is printed as a note."""
    for old, new in RENAMED.items():
        length = len(old.split())
        if words[:length] == old.split():
            print(f"habeas: `{old}` is deprecated: use `{new}`", file=sys.stderr)
            return [*new.split(), *words[length:]]
    return words


app = typer.Typer(
    name="habeas",
    cls=CommandIndex,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # noqa: PLC0415  slow to import

        print(f"habeas {metadata.version('habeas')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Handle data subject requests; start with the verb `demo`."""
    del version
    if file := os.environ.get("HABEAS_TRUSTED_CA"):
        from shared.runtime.tls import trust  # noqa: PLC0415  slow to import

        trust(Path(file))


def main() -> None:
    """
    Run the command; an expected error ends it with one line and code 2, a missing answer with 3.

    Errors of files are expected: a full disk, a folder that others own.
    """
    try:
        app()
    except HabeasError as error:
        _fail(str(error), 3 if isinstance(error, Unanswered) else 2)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        _fail(f"{error.filename}: {reason}" if error.filename else reason, 2)


def _fail(reason: str, code: int) -> None:
    from habeas.cli.options import printable  # noqa: PLC0415  slow to import

    print(f"habeas: {printable(reason)}", file=sys.stderr)
    sys.exit(code)
