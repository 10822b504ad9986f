"""The verb that previews the scope of a breach."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from habeas.cli.notices import DRAFT
from habeas.cli.options import (
    STATE,
    AsJson,
    MapFolder,
    State,
    Stores,
    existing,
    fields,
    house,
    map_folder_of,
    mapped_categories,
    out,
    run,
    settings,
    stores_of,
)

if TYPE_CHECKING:
    from habeas.client.breach_notices.samples import LetterCounter
    from habeas.client.breach_scope import ScopeResult
    from services.fulfillment.breach.dry_run import Progress

CROWDED = "are shared by many people, possibly more than counted: check that they are no placeholders"
ALL = "all declared ones must be notified"
QUIET_S = 2.0
"""Seconds before progress is shown."""


def scope(
    file: Annotated[Path, typer.Argument(help="YAML or JSON as in `breach.declared`; - is standard input.")],
    map_folder: MapFolder = None,
    stores: Stores = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Write a sample of each letter into this folder.")
    ] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Count the people a breach would affect, by law, and the letters; nothing is kept.

    It reads the databases like the service; a person in several records counts once.
    """
    from habeas.client import breach_files, breach_scope, engine  # noqa: PLC0415
    from services.notifier.breach.notices.missing_facts import NO_CUSTOMER  # noqa: PLC0415
    from shared.contract.events.breaches import BreachRole  # noqa: PLC0415
    from shared.law.library import EXAMPLE, company  # noqa: PLC0415

    known = mapped_categories(map_folder, state)
    declared = breach_files.unsigned(file if str(file) == "-" else existing(file), known)
    who = company(settings(state).get("HABEAS_COMPANY", EXAMPLE))

    async def work() -> "ScopeResult":
        async with engine.opened(map_folder_of(map_folder, state), stores_of(stores, state)) as opened:
            with _progress() as report:
                return await breach_scope.scoped(opened, declared, who, report)

    tried = run(work())
    found = breach_scope.plain(tried)
    index = None if folder is None else _write(tried.letters, folder, state)
    if as_json:
        print(json.dumps(found))
        return
    _show(found)
    if declared.role is BreachRole.PROCESSOR and not declared.affected.controllers:
        out.print(f"lacks: {NO_CUSTOMER}", markup=False)
    if index is not None:
        out.print(f"samples of the letters and missing facts: open {index}", markup=False)


def register(app: typer.Typer) -> None:
    """Add the verb to the breach verbs."""
    app.command()(scope)


def _write(letters: "LetterCounter", folder: Path, state: Path) -> Path:
    """Write a sample of each of *letters* into *folder*; return their index page."""
    from habeas.client.breach_notices.preview import shown, write  # noqa: PLC0415
    from habeas.client.breach_notices.samples import SampleNotice, sample  # noqa: PLC0415
    from shared.law.library import breach_policies  # noqa: PLC0415

    telling = SampleNotice(letters.declared, DRAFT, house(state), datetime.now(UTC))
    samples = [sample(wanted, number, telling) for wanted, number in letters.counted.items()]
    return write(shown(samples, breach_policies()), letters.declared, DRAFT, folder)


def _show(found: Mapping[str, Any]) -> None:
    out.print(
        f"{found['people']:,} people, {found['told']:,} of them to be notified; "
        f"of these {found['unreachable']:,} have no mail address; {found['records']:,} records",
        markup=False,
    )
    if found["unsafe"]:
        out.print(f"{found['unsafe']:,} more have no permitted address", markup=False)
    out.print(f"{found['letters']:,} letters would be sent", markup=False)
    if found["crowded"]:
        out.print(f"{found['crowded']:,} mailboxes {CROWDED}", markup=False)
    if found["customers"]:
        out.print(f"{found['customers']:,} customers must be notified; they notify the people", markup=False)
    if found["unnamed"]:
        out.print(f"{found['unnamed']:,} records name no declared customer: {ALL}", markup=False)
    for key, records in found["collections"].items():
        if not records:
            out.print(f"{key}: no record is found there; check the filter", markup=False)
    for name in ("collections", "laws", "places", "languages"):
        fields({name: [f"{key} {number:,}" for key, number in found[name].items()]})
    fields({"categories": found["categories"]})


@contextmanager
def _progress() -> "Iterator[Progress]":
    """Show progress on standard error after a delay."""
    began = time.monotonic()
    with Console(stderr=True).status("") as status:
        status.stop()

        def report(collection: str, records: int) -> None:
            if collection and time.monotonic() - began > QUIET_S:
                status.update(f"{collection}: {records:,} records")
                status.start()

        yield report
