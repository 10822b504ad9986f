"""Verbs about data maps."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from habeas.cli.options import (
    STATE,
    AsJson,
    MapFolder,
    State,
    Stores,
    existing,
    fields,
    map_folder_of,
    out,
    prefix_of,
    run,
    stores_of,
)
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from services.fulfillment.datamap.yaml_loader import MapError

app = typer.Typer(
    help="Data maps: draft, import, draw, and check them against the data.", no_args_is_help=True
)
notes = Console(stderr=True, highlight=False, soft_wrap=True)
"""Remarks, apart from a verb's output."""


@app.command()
def check(
    map_folder: MapFolder = None, stores: Stores = None, state: State = STATE, as_json: AsJson = False
) -> None:
    """Compare a data map with the live databases; exit 1 when an answer would be wrong."""
    from habeas.client import engine  # noqa: PLC0415
    from services.fulfillment.map_check import check as checked  # noqa: PLC0415

    async def work() -> Any:
        async with engine.opened(map_folder_of(map_folder, state), stores_of(stores, state)) as opened:
            return await checked(opened.data_map, opened.stores)

    flaws = run(work())
    if as_json:
        print(json.dumps([_plain(flaw) for flaw in flaws], ensure_ascii=False))
    wrong = [flaw for flaw in flaws if not flaw.remark]
    if not as_json:
        _show(flaws)
        summary = f"{len(wrong)} wrong, {len(flaws) - len(wrong)} to know"
        out.print(summary if wrong else "the map fits the data")
    raise typer.Exit(1 if wrong else 0)


def _show(flaws: "Sequence[MapError]") -> None:
    """Print *flaws*, equal ones of several places together."""
    alike: dict[tuple[bool, str, str], list[str]] = {}
    for flaw in flaws:
        alike.setdefault((flaw.remark, flaw.what, flaw.remedy), []).append(flaw.where)
    for (remark, what, remedy), places in alike.items():
        severity = "remark" if remark else "wrong "
        if len(places) == 1:
            out.print(f"{severity}  {places[0]}: {what}; {remedy}", markup=False)
            continue
        out.print(f"{severity}  {len(places)} places: {what}; {remedy}", markup=False)
        fields({"at": places})


def _plain(flaw: Any) -> dict[str, str | int]:
    file, line = flaw.place
    severity = "remark" if flaw.remark else "wrong"
    return {"severity": severity, "file": file, "line": line, "what": flaw.what, "remedy": flaw.remedy}


@app.command()
def graph(
    map_folder: MapFolder = None,
    file: Annotated[
        Path | None, typer.Option("--out", help="Write to this file, .svg or .mmd; else print Mermaid text.")
    ] = None,
    state: State = STATE,
) -> None:
    """Draw the search: its identities, the collections reached, and the effect of an erasure."""
    from services.fulfillment.datamap.diagram.mermaid import mermaid  # noqa: PLC0415
    from services.fulfillment.datamap.diagram.picture import picture_of  # noqa: PLC0415
    from services.fulfillment.datamap.diagram.svg import svg  # noqa: PLC0415
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415

    forms = {".svg": svg, ".mmd": mermaid}
    if file is not None and file.suffix not in forms:
        raise ConfigurationError(f"{file}: the name of a drawing ends with .svg or .mmd")
    picture = picture_of(load(map_folder_of(map_folder, state)))
    if file is None:
        print(mermaid(picture), end="")
    else:
        _save(file, forms[file.suffix](picture))
        out.print(f"{file}: {len(picture.boxes)} collections, {picture.waves} waves", markup=False)


@app.command("import")
def import_(
    fides_file: Annotated[Path, typer.Argument(help="A dataset file of Fides.")],
    file: Annotated[Path | None, typer.Option("--out", help="Write to this file; else print.")] = None,
) -> None:
    """Convert a dataset file of Fides to a data map; report ignored keys by line."""
    from services.fulfillment.datamap.fides_import import imported  # noqa: PLC0415

    if file is not None and file.exists():
        raise ConfigurationError(f"{file}: is there already; name another file or remove it")
    made = imported(fides_file.name, _text(existing(fides_file)))
    for remark in made.remarks:
        notes.print(f"remark  {remark}", markup=False)
    if file is None:
        print(made.text, end="")
    else:
        _save(file, made.text)
        out.print(f"{file}: complete it as its comments say, then check it", markup=False)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read as text ({type(error).__name__})") from None


def _save(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror})") from None


@app.command()
def draft(
    folder: Annotated[
        Path | None, typer.Option("--out", help="Write a file per database into this folder; else print.")
    ] = None,
    database: Annotated[list[str] | None, typer.Option(help="This database; may be repeated [all].")] = None,
    sample: Annotated[int, typer.Option(help="Documents sampled in each collection.", min=1)] = 1_000,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Sample live databases and propose a data map: fields, identities, categories, references."""
    from habeas.client import map_draft  # noqa: PLC0415

    with Console(stderr=True).status("reading …") as status:
        found = run(
            map_draft.survey_stores(
                stores_of(stores, state), database or (), status.update, sample=sample, own=prefix_of(state)
            )
        )
    drafted = map_draft.files(found)
    if folder is not None:
        map_draft.save(drafted, folder)
    if as_json:
        print(json.dumps(map_draft.summary(found)))
    elif folder is None:
        print("".join(drafted.values()), end="")
    else:
        out.print(f"{len(drafted)} files in {folder}: review them before use", markup=False)
        identities = sum(len(some) for some in found.identities.values())
        out.print(f"{identities} identity fields: state how the value of each is verified", markup=False)
