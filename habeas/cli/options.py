"""The installation as the command knows it, and shared options and output of verbs."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from textwrap import wrap
from typing import IO, TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TimeElapsedColumn
from rich.segment import Segment
from typer import Argument, Context, Option

from habeas.cli import client
from habeas.cli.store_urls import stores_of
from shared.contract.topology import COMMAND
from shared.errors import ConfigurationError, HabeasError, InvalidDataMap
from shared.runtime.variables import COMMAND as VERB_VARIABLES
from shared.runtime.variables import FILE, PREFIX, SETTINGS

if TYPE_CHECKING:
    from habeas.client.console_api import ConsoleClient, ConsoleLogin
    from services.fulfillment.breach.obligations import PolicyEditions
    from services.fulfillment.certificate.signatures import CertificateSigner
    from services.fulfillment.erasure.steps import RecordPlan
    from services.notifier.context import SenderSettings
    from shared.law import CompanyProfile
    from shared.runtime.key_rings import RootKey

T = TypeVar("T")
R = TypeVar("R")

COLUMNS = 79
WIDE = 10_000
"""Columns where no terminal sets them: tables in pipes keep whole lines."""
SOON = 3
"""Days before a last day that is shown as near."""
UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\r(?!\n)"
)
"""Characters that command a terminal, or that reverse what it shows."""


def printable(text: str) -> str:
    """Return *text* with U+FFFD for what would command a terminal: strangers may have written it."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


class PrintableConsole(Console):
    """Shows text of anyone on a terminal; a file or pipe gets it unchanged."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the pieces of *renderable*."""
        for piece in super().render(renderable, options):
            ours = piece.control or not self.is_terminal
            yield piece if ours else piece._replace(text=printable(piece.text))


def console(file: IO[str] | None = None) -> Console:
    """Return a console for *file*, by default standard output; it has colors on a terminal only."""
    narrow = (file or sys.stdout).isatty() or "COLUMNS" in os.environ
    return PrintableConsole(
        file=file, markup=False, highlight=False, soft_wrap=True, width=None if narrow else WIDE
    )


out = console()
FEW = 10
"""Ids of a collection shown by default."""


@dataclass(frozen=True, slots=True)
class InstallationState:
    """The settings of an installation; those of the environment precede those remembered in *folder*."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    def settings(self, account: str = COMMAND) -> Mapping[str, str]:
        """Return all settings; secrets may be in files of *account*."""
        from habeas.embedded import installation  # noqa: PLC0415

        return {**_given(installation.remembered(self.folder), account), **_given(os.environ, account)}

    def setting(self, name: str, account: str = COMMAND) -> str:
        """Return the setting *name* for *account*. Raises ConfigurationError if it is not set."""
        variable = f"HABEAS_{name}"
        value = self.settings(account).get(variable)
        if not value:
            raise ConfigurationError(f"{variable} is not set, and {self._lack(account)}")
        return value

    def _lack(self, account: str) -> str:
        """Return why the state folder does not have a setting for *account*."""
        from habeas.embedded import installation  # noqa: PLC0415

        if installation.remembered(self.folder):
            return f"the installation in {self} keeps none for the account {account}"
        return f"no `habeas up` has run in {self}"

    def root_key(self, account: str = COMMAND) -> "RootKey":
        """Return the command's source of keys: its key ring, or the master key."""
        from shared.runtime.settings import root_key as root_key_of  # noqa: PLC0415

        try:
            return root_key_of(self.setting("MASTER_KEY", account))
        except ValueError as error:
            raise ConfigurationError(f"HABEAS_MASTER_KEY: {error}") from None

    def laws_accepted(self) -> frozenset[str]:
        """Return the laws accepted despite an unread deadline; raise ConfigurationError for unknown ones."""
        from shared.law.library import require_known  # noqa: PLC0415
        from shared.law.policies import law_names  # noqa: PLC0415

        accepted = law_names(self.settings().get("HABEAS_LAWS_ACCEPTED", ""))
        require_known(accepted)
        return accepted

    def breach_law(self) -> "PolicyEditions":
        """Return the laws on breaches that apply to the company."""
        from services.fulfillment.breach.obligations import PolicyEditions  # noqa: PLC0415
        from shared.law.library import breach_policies  # noqa: PLC0415

        return PolicyEditions(breach_policies().accepting(self.laws_accepted()), self.company())

    @property
    def prefix(self) -> str:
        """The prefix of our databases."""
        return self.settings().get("HABEAS_DATABASE_PREFIX", "habeas")

    def databases(self) -> tuple[str, str]:
        """Return the URL and the prefix of our databases."""
        return self.setting("MONGO_URL"), self.prefix

    def sealed_databases(self) -> "tuple[str, str, RootKey]":
        """Return URL and prefix of our databases, and the key of their sealed content."""
        key = self.root_key()
        return *self.databases(), key

    @property
    def has_databases(self) -> bool:
        """Whether the databases can be read here; a staff account decides without them."""
        return {"HABEAS_MONGO_URL", "HABEAS_MASTER_KEY"} <= self.settings().keys()

    @property
    def names_console(self) -> bool:
        """Whether the folder names the console, and the environment does not."""
        return not _given(os.environ, COMMAND).get("HABEAS_CONSOLE_URL")

    @property
    def console_url(self) -> str:
        """The address of the console; empty if it is not set."""
        return self.settings().get("HABEAS_CONSOLE_URL", "").rstrip("/")

    def login(self) -> "ConsoleLogin":
        """Return the session at the console. Raises ConfigurationError if there is none."""
        return client.console_api.LoginFile().of(self.console_url)

    def data_map(self, folder: Path | None) -> Path:
        """Return the folder of the data map: *folder* if it was given."""
        return folder or Path(self.setting("DATAMAP"))

    def mapped_categories(self, folder: Path | None) -> frozenset[str] | None:
        """Return the categories that the data map uses; None if no map can be read."""
        from services.fulfillment.datamap.reader import load  # noqa: PLC0415

        named = folder or self.settings().get("HABEAS_DATAMAP")
        if not named:
            return None
        try:
            return load(Path(named)).categories
        except InvalidDataMap:
            return None

    def stores(self, text: str | None) -> dict[str, str]:
        """Return the URLs of the stores by name: those of *text* if it was given."""
        if text is None and "HABEAS_STORES" not in self.settings():
            return {"default": self.setting("MONGO_URL")}
        if text is None:
            return client.stores.store_urls(self.setting("STORES"))
        return stores_of(text)

    def company(self) -> "CompanyProfile":
        """Return the company."""
        from shared.law.library import EXAMPLE, company  # noqa: PLC0415

        return company(self.settings().get("HABEAS_COMPANY", EXAMPLE))

    def sender(self) -> "SenderSettings":
        """Return the sender of letters."""
        from services.notifier.context import sender_settings_of  # noqa: PLC0415

        known, company = self.settings(), self.company()
        mail_from = known.get("HABEAS_MAIL_FROM") or company.sender
        return sender_settings_of(company, mail_from, reply_to=known.get("HABEAS_MAIL_REPLY_TO", ""))

    def controller(self) -> str:
        """Return the controller's name."""
        return self.settings().get("HABEAS_MAIL_FROM", "").partition(" <")[0]

    def signer(self) -> "CertificateSigner":
        """Return the installation's signer."""
        from services.fulfillment.certificate.signatures import CertificateSigner  # noqa: PLC0415

        return CertificateSigner(self.root_key())


EARLIEST = 1970
"""First year of which journals could have facts."""
STATE = InstallationState(Path(".state"))
State = Annotated[
    InstallationState,
    Option(
        help="Folder of the embedded stack's data.",
        envvar="HABEAS_STATE",
        parser=lambda given: InstallationState(Path(str(given))),
        metavar="<path>",
        is_eager=True,  # ids are looked up in it
    ),
]
ID = re.compile("[0-9a-f]{32}")
SHORT = re.compile(r"[0-9a-f]{4,31}|hb[- ]?\w{4}[- ]?\w{4}[- ]?\w{3}")
"""The beginning of an id, or a short reference."""
FEW_IDS = 5
"""Ids named in the message for an ambiguous one."""


def resolved(state: InstallationState, text: str, *, incident: bool = False) -> str:
    """
    Return the id that *text* is: an id, or the beginning or short reference of one at the console.

    Other texts are returned unchanged. Raises ConfigurationError if it names none, or several.
    """
    written = text.strip().lower()
    if ID.fullmatch(written) or not SHORT.fullmatch(written):
        return written if ID.fullmatch(written) else text
    if not client.console_api.LoginFile().consoles:
        remedy = "begin a session with `habeas login`, or write the whole id"
        raise ConfigurationError(f"{text}: a short id is looked up at the console: {remedy}")
    found = matching(state, written, incident=incident)
    if not found:
        raise ConfigurationError(
            f"{text}: no {'incident' if incident else 'request'} has this id or reference"
        )
    if len(found) > 1:
        more = " …" if len(found) > FEW_IDS else ""
        raise ConfigurationError(f"{text}: {len(found)} ids begin so: {', '.join(found[:FEW_IDS])}{more}")
    return found[0]


def matching(state: InstallationState, text: str, *, incident: bool = False) -> list[str]:
    """Return the ids of requests, or of incidents, that begin with *text* or have it as short reference."""
    return from_console(state, lambda console: client.cases.known(console, text, incidents=incident))


def from_console(state: InstallationState, question: "Callable[[ConsoleClient], Awaitable[T]]") -> T:
    """Return the answer of the console to *question*, in the session of `habeas login`."""
    login = state.login()
    return ask(client.console_api.ConsoleClient.opened(login.console, login.token), question)


def request_of(context: Context, text: str | None) -> str | None:
    """Return the id of the request that *text* names."""
    return text and _resolved_in(context, text)


def requests_of(context: Context, texts: list[str]) -> list[str]:
    """Return the ids of the requests that *texts* name, each once."""
    return [*dict.fromkeys(_resolved_in(context, text) for text in texts)]


def incident_of(context: Context, text: str) -> str:
    """Return the id of the incident that *text* names; a file stays one."""
    return text if Path(text).is_file() else _resolved_in(context, text, incident=True)


def _resolved_in(context: Context, text: str, *, incident: bool = False) -> str:
    if context.resilient_parsing:
        return text
    return resolved(context.params["state"], text, incident=incident)


AsJson = Annotated[bool, Option("--json", help="Print JSON for programs.")]


def completed(context: Context, incomplete: str) -> list[str]:
    """Return the ids of requests that begin with *incomplete*; none before it has some characters."""
    if not (SHORT.fullmatch(incomplete) and client.console_api.LoginFile().consoles):
        return []
    try:
        return matching(context.params.get("state") or STATE, incomplete)
    except HabeasError:
        return []


REQUEST = Argument(
    help="Id of the request, its beginning, or its reference (HB-…).",
    callback=request_of,
    autocompletion=completed,
)
RequestId = Annotated[str, REQUEST]
RequestIds = Annotated[
    list[str],
    Argument(
        help="Ids of requests, their beginnings, or their references (HB-…).",
        callback=requests_of,
        autocompletion=completed,
    ),
]
AnyRequestId = Annotated[str | None, REQUEST]
IncidentId = Annotated[
    str, Argument(help="Id of the incident, its beginning, or its reference (HB-…).", callback=incident_of)
]
MapFolder = Annotated[Path | None, Option("--map", help="Folder of the data map [HABEAS_DATAMAP].")]
Stores = Annotated[
    str | None,
    Option(
        help="URL of your MongoDB, or JSON: store name → URL; or a file with it [HABEAS_STORES].",
        show_default=False,
    ),
]
IdentityOptions = Annotated[
    list[str], Option("--identity", help="email=ada@example.org; may be given several times.")
]


def _given(variables: Mapping[str, str], account: str) -> dict[str, str]:
    """Return *variables*, and the settings in the files they name."""
    folder = variables.get("HABEAS_CREDENTIALS")
    return {**(_credentials(Path(folder, account)) if folder else {}), **_files(variables), **variables}


def _credentials(folder: Path) -> dict[str, str]:
    """Return the settings that the files of an account's *folder* hold."""
    files = (path for path in folder.glob("*") if path.is_file())
    found = {f"{PREFIX}{path.name.upper()}": _content(f"{PREFIX}CREDENTIALS", path) for path in files}
    keys = found.pop(f"{PREFIX}KEYS", None)
    return {**found, f"{PREFIX}MASTER_KEY": keys} if keys else found


def _files(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that *variables* give as files."""
    return {
        name.removesuffix(FILE): _content(name, Path(path))
        for name, path in variables.items()
        if name.endswith(FILE) and name.removesuffix(FILE) in SETTINGS | VERB_VARIABLES
    }


def _content(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{variable}: cannot read the file it names ({error.strerror})") from None


def existing(file: Path, *, standard_input: bool = False) -> Path:
    """
    Return *file*, which may be ``-`` if *standard_input* is accepted.

    Raises ConfigurationError if it is not there.
    """
    if standard_input and str(file) == "-":
        return file
    if file.is_dir():
        raise ConfigurationError(f"{file}: is a folder; name the file")
    if not file.is_file():
        raise ConfigurationError(f"{file}: there is no such file")
    return file


def save(file: Path, text: str, *, newline: str | None = None) -> None:
    """Write *text* to *file*. Raises ConfigurationError if it cannot be written."""
    try:
        file.write_text(text, encoding="utf-8", newline=newline)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror})") from None


def moment(option: str, text: str) -> datetime:
    """Return the moment typed in. Raises ConfigurationError if it is no moment, or lacks its offset."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - as wrong as one without an offset
    if at.tzinfo is None:
        raise ConfigurationError(f"{option}: must be a moment with its offset, like 2026-03-09T00:00+01:00")
    return at


def moment_or_day(option: str, text: str) -> datetime:
    """
    Return the moment typed in, or the beginning of the day typed in, in UTC.

    Raises ConfigurationError if it is neither, or lies before 1970.
    """
    try:
        at = datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        try:
            at = moment(option, text)
        except ConfigurationError as error:
            raise ConfigurationError(f"{error}, or a day, like 2026-03-09") from None
    if at.year < EARLIEST:
        raise ConfigurationError(f"{option}: must not be before {EARLIEST}")
    return at


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* to its end."""
    return asyncio.run(work)


def prompted(
    option: str, question: str, default: str | None = None, read: Callable[[str], object] = str
) -> str:
    """
    Return the answer from the terminal; ask again while *read* raises ConfigurationError for it.

    Raises ConfigurationError with the *option* if there is no terminal.
    """

    def accepted(answer: str) -> str:
        try:
            read(answer.strip())
        except ConfigurationError as error:
            raise typer.BadParameter(str(error)) from None
        return answer.strip()

    if not has_terminal():
        raise ConfigurationError(f"{option} is missing: without a terminal, each question needs its option")
    return str(typer.prompt(question, default=default, value_proc=accepted, err=True)).strip()


def has_terminal() -> bool:
    """Return whether questions can be asked."""
    return sys.stdin.isatty()


def urgency(days_left: int | None) -> str:
    """Return the style of a last day that is *days_left* away: red if it is over, yellow if near."""
    if days_left is None or days_left > SOON:
        return ""
    return "bold red" if days_left < 0 else "yellow"


def output(result: object, text: str, *, as_json: bool) -> None:
    """Print *result* as JSON for programs, or *text*."""
    if as_json:
        text = json.dumps(result, ensure_ascii=False, default=str)
        print(UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
    else:
        out.print(text)


def ask(opened: AbstractAsyncContextManager[R], question: Callable[[R], Awaitable[T]]) -> T:
    """Return the answer of the *opened* reader to *question*, and close it."""

    async def work() -> T:
        async with opened as reader:
            return await question(reader)

    return run(work())


async def listed(items: AsyncIterator[T]) -> list[T]:
    """Return all of *items*."""
    return [item async for item in items]


def progress_of(*columns: ProgressColumn) -> Progress:
    """Return a display of progress on the error stream, so that the output is the result alone."""
    return Progress(
        SpinnerColumn(), *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    )


def show_plan(decided: "RecordPlan", *, as_json: bool, ids: bool = False) -> None:
    """Print an erasure plan; all *ids* only on demand, if there are many."""
    if as_json:
        print(json.dumps(client.engine.summary_of_plan(decided)))
        return
    plan = client.engine.counts_of_plan(decided)
    for key, counts in plan["collections"].items():
        changes = plan["changes"][key]
        shown = "; ".join(f"{number} {kind}" for kind, number in counts.items())
        out.print(f"{key}: {changes['found']} found: {shown}")
        fields(
            {
                "details removed": changes["masked_fields"],
                "taken out of": changes["left_arrays"],
                "stays in them": changes["unchangeable_fields"],
                "kept because": changes["kept_because"],
                "kept until": [" to ".join(changes["kept_until"])] if changes["kept_until"] else [],
                "ids": client.engine.ids_in(decided, key) if ids or changes["found"] <= FEW else [],
            }
        )
    if not plan["collections"]:
        out.print("nothing is held")


def fields(named: Mapping[str, Iterable[object]]) -> None:
    """Print the non-empty values of *named*, indented, for a terminal of 80 columns."""
    for name, values in named.items():
        lead = f"    {name:16}"
        lines = wrap(", ".join(map(str, values)), COLUMNS - len(lead), break_on_hyphens=False)
        for number, line in enumerate(lines):
            out.print((lead if number == 0 else " " * len(lead)) + line)


def optional(value: object) -> Sequence[object]:
    """Return *value* for :func:`fields`: no values if it is empty."""
    return [value] if value else []
