"""Settings of the installation, and shared options of verbs."""

import asyncio
import json
import os
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

from habeas.embedded import installation
from shared.contract.topology import COMMAND
from shared.errors import ConfigurationError, InvalidDataMap
from shared.runtime.key_rings import RootKey
from shared.runtime.settings import root_key as root_key_of
from shared.runtime.variables import COMMAND as VERB_VARIABLES
from shared.runtime.variables import FILE, PREFIX, SETTINGS

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from habeas.client.cases import CaseReader
    from services.fulfillment.certificate.signatures import CertificateSigner
    from services.fulfillment.erasure.steps import RecordPlan
    from services.notifier.context import SenderSettings
    from shared.law import CompanyProfile

T = TypeVar("T")

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
COLUMNS = 79
FEW = 10
"""Ids of a collection shown by default."""


def settings(state: Path, account: str = COMMAND) -> Mapping[str, str]:
    """
    Return the settings of the installation; secrets may be in files of *account*.

    The environment, its files included, precedes the settings remembered in *state*.
    """
    return {**_given(installation.remembered(state), account), **_given(os.environ, account)}


def _given(variables: Mapping[str, str], account: str) -> dict[str, str]:
    """Return *variables*, and the settings in the files they name."""
    folder = variables.get("HABEAS_CREDENTIALS")
    return {**(_credentials(Path(folder, account)) if folder else {}), **_files(variables), **variables}


def root_key(state: Path, account: str = COMMAND) -> RootKey:
    """Return the command's source of keys: its key ring, or the master key."""
    try:
        return root_key_of(setting("MASTER_KEY", state, account))
    except ValueError as error:
        raise ConfigurationError(f"HABEAS_MASTER_KEY: {error}") from None


def _credentials(folder: Path) -> dict[str, str]:
    """Return the settings that the files of an account's *folder* hold."""
    found = {
        f"{PREFIX}{path.name.upper()}": _content(f"{PREFIX}CREDENTIALS", path)
        for path in folder.glob("*")
        if path.is_file()
    }
    keys = found.pop(f"{PREFIX}KEYS", None)
    return {**found, f"{PREFIX}MASTER_KEY": keys} if keys else found


def _files(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that *variables* give as files."""
    return {
        name.removesuffix(FILE): _content(name, Path(path))
        for name, path in variables.items()
        if name.endswith(FILE) and name.removesuffix(FILE) in SETTINGS | VERB_VARIABLES
    }


def existing(file: Path) -> Path:
    """Return *file*. Raises ConfigurationError if it is not there."""
    if file.is_dir():
        raise ConfigurationError(f"{file}: is a folder; name the file")
    if not file.is_file():
        raise ConfigurationError(f"{file}: there is no such file")
    return file


def _content(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{variable}: cannot read the file it names ({error.strerror})") from None


def setting(name: str, state: Path, account: str = COMMAND) -> str:
    """
    Return the setting *name* of the installation, for *account*.

    Raises ConfigurationError if it is not set.
    """
    variable = f"HABEAS_{name}"
    value = settings(state, account).get(variable)
    if not value:
        raise ConfigurationError(f"{variable} is not set, and no `habeas up` has run in {state}")
    return value


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* to its end."""
    return asyncio.run(work)


def map_folder_of(folder: Path | None, state: Path) -> Path:
    """Return the folder of the data map: *folder* if it was given."""
    return folder or Path(setting("DATAMAP", state))


def mapped_categories(folder: Path | None, state: Path) -> frozenset[str] | None:
    """Return the categories that the data map uses; None if no map can be read."""
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415

    named = folder or settings(state).get("HABEAS_DATAMAP")
    if not named:
        return None
    try:
        collections = load(Path(named)).collections
    except InvalidDataMap:
        return None
    return frozenset(category for one in collections for leaf in one.leaves for category in leaf.categories)


def stores_of(text: str | None, state: Path) -> dict[str, str]:
    """Return the URLs of the stores by name: those of *text* if it was given."""
    from habeas.client import engine  # noqa: PLC0415

    if text is None and "HABEAS_STORES" not in settings(state):
        return {"default": setting("MONGO_URL", state)}
    return engine.store_urls(text or setting("STORES", state))


def prefix_of(state: Path) -> str:
    """Return the prefix of our databases."""
    return settings(state).get("HABEAS_DATABASE_PREFIX", "habeas")


def company_of(state: Path) -> "CompanyProfile":
    """Return the company."""
    from shared.law.library import EXAMPLE, company  # noqa: PLC0415

    return company(settings(state).get("HABEAS_COMPANY", EXAMPLE))


def house(state: Path) -> "SenderSettings":
    """Return the sender of letters."""
    from services.notifier.context import sender_settings_of  # noqa: PLC0415

    known, company = settings(state), company_of(state)
    mail_from = known.get("HABEAS_MAIL_FROM") or f"{company.name} <privacy@example.com>"
    return sender_settings_of(company, mail_from, reply_to=known.get("HABEAS_MAIL_REPLY_TO", ""))


def controller(state: Path) -> str:
    """Return the controller's name."""
    return settings(state).get("HABEAS_MAIL_FROM", "").partition(" <")[0]


def signer(state: Path) -> "CertificateSigner":
    """Return the installation's signer."""
    from services.fulfillment.certificate.signatures import CertificateSigner  # noqa: PLC0415

    return CertificateSigner(root_key(state))


def case_of(request_id: str, state: Path) -> "AbstractAsyncContextManager[CaseReader]":
    """Open the case of a request in the installation."""
    from habeas.client import cases  # noqa: PLC0415

    master_key = root_key(state)
    return cases.opened(setting("MONGO_URL", state), prefix_of(state), master_key, request_id)


def show_plan(decided: "RecordPlan", *, as_json: bool, ids: bool = False) -> None:
    """Print an erasure plan; all *ids* only on demand, if there are many."""
    from habeas.client import engine  # noqa: PLC0415

    if as_json:
        print(json.dumps(engine.summary_of_plan(decided)))
        return
    plan = engine.counts_of_plan(decided)
    for key, counts in plan["collections"].items():
        changes = plan["changes"][key]
        shown = "; ".join(f"{number} {kind}" for kind, number in counts.items())
        out.print(f"{key}: {changes['found']} found: {shown}", markup=False)
        fields(
            {
                "details removed": changes["masked_fields"],
                "taken out of": changes["left_arrays"],
                "stays in them": changes["unchangeable_fields"],
                "kept because": changes["kept_because"],
                "kept until": [" to ".join(changes["kept_until"])] if changes["kept_until"] else [],
                "ids": list(map(str, engine.ids_in(decided, key))) if ids or changes["found"] <= FEW else [],
            }
        )
    if not plan["collections"]:
        out.print("nothing is held")


def fields(named: Mapping[str, Sequence[str]]) -> None:
    """Print the non-empty values of *named*, indented, for a terminal of 80 columns."""
    for name, values in named.items():
        if values:
            lead = f"    {name:16}"
            lines = wrap(", ".join(values), COLUMNS - len(lead), break_on_hyphens=False)
            for number, line in enumerate(lines):
                out.print((lead if number == 0 else " " * len(lead)) + line, markup=False)
