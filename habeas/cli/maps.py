"""Verbs about data maps."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer import Argument, Option

from habeas.cli import client
from habeas.cli.options import (
    STATE,
    AsJson,
    MapFolder,
    State,
    Stores,
    ask,
    existing,
    fields,
    out,
    output,
    run,
    save,
)
from shared.errors import ConfigurationError, InvalidDataMap

if TYPE_CHECKING:
    from services.fulfillment.datamap.model import Collection
    from services.fulfillment.datamap.yaml_loader import MapError
    from services.fulfillment.map_check import MapCoverage

app = typer.Typer()
notes = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
"""Remarks, apart from a verb's output."""


@app.command()
def check(
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
    strict: Annotated[bool, Option("--strict", help="Exit 1 for open points, too; for CI.")] = False,
) -> None:
    """Compare a data map with the live databases; exit 1 when an answer would be wrong."""
    from services.fulfillment import map_check  # noqa: PLC0415

    async def compared(opened: client.engine.OperatorEngine) -> "tuple[Sequence[MapError], MapCoverage]":
        flaws = await map_check.check(opened.data_map, opened.stores)
        return flaws, await map_check.coverage(opened.data_map, flaws, opened.stores)

    engine = client.engine.opened(state.data_map(map_folder), state.stores(stores))
    flaws, documents = ask(engine, compared)
    severities = Counter(flaw.severity for flaw in flaws)
    if as_json:
        print(json.dumps([_plain(flaw) for flaw in flaws], ensure_ascii=False))
    else:
        _show(flaws)
        out.print(verdict(severities, documents))
    raise typer.Exit(1 if severities["wrong"] or (strict and severities["open"]) else 0)


def verdict(severities: Mapping[str, int], documents: "MapCoverage") -> str:
    """Return the last line of a check; the map fits only if all documents with personal data are searched."""
    counts = ", ".join(
        f"{number} {name}{'s' * (name == 'remark' and number > 1)}"
        for name in ("wrong", "open", "remark")
        if (number := severities.get(name))
    )
    found = f" ({counts})" if counts else ""
    whole = documents.searched + documents.skipped
    if severities.get("wrong"):
        return counts
    if not documents.searched:
        return f"nothing was compared: no collection that a search reads has a document{found}"
    if documents.unexamined:
        number, places = sum(documents.unexamined.values()), ", ".join(documents.unexamined)
        lost = f"{number} of {whole} documents are skipped and may hold personal data: {places}"
        return f"nothing wrong, but {lost}{found}"
    skipped = f", {documents.skipped} skipped without personal data in their sample" * bool(documents.skipped)
    return f"the map fits the data: {documents.searched} documents searched{skipped}{found}"


def _show(flaws: "Sequence[MapError]") -> None:
    """Print *flaws*, equal ones of several places together."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for flaw in flaws:
        alike.setdefault((flaw.severity, flaw.what, flaw.remedy), []).append(flaw.where)
    for (severity, what, remedy), places in alike.items():
        where = places[0] if len(places) == 1 else f"{len(places)} places"
        out.print(f"{severity:6}  {where}: {what}; {remedy}")
        fields({"at": places if len(places) > 1 else []})


def _plain(flaw: Any) -> dict[str, str | int]:
    file, line = flaw.place
    return {"severity": flaw.severity, "file": file, "line": line, "what": flaw.what, "remedy": flaw.remedy}


@app.command()
def editable(map_folder: MapFolder = None, state: State = STATE, as_json: AsJson = True) -> None:
    """Print the fields that people may correct, with their labels: a value for HABEAS_EDITABLE_FIELDS."""
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415

    found = {
        f"{collection.name}.{field.path}": _labels(
            field.label or field.path.rpartition(".")[2], collection.description or collection.name
        )
        for collection in load(state.data_map(map_folder)).collections
        for field in collection.leaves
        if collection.corrects(field) and not field.array
    }
    output(found, json.dumps(found, ensure_ascii=False), as_json=as_json)


def _labels(label: str, place: str) -> dict[str, str]:
    """Return *label* by language, with the collection that it is in: several have a city."""
    from shared.labels import Label, localized  # noqa: PLC0415

    by_language = (isinstance(label, Label) and label.by_language) or {"en": str(label)}
    return {tag: f"{text} ({localized(place, tag).rstrip('.')})" for tag, text in by_language.items()}


@app.command()
def graph(
    map_folder: MapFolder = None,
    file: Annotated[
        Path | None, Option("--out", help="Write to this file, .svg or .mmd; else print Mermaid text.")
    ] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Draw the search: its identities, the collections reached, and the effect of an erasure."""
    from services.fulfillment.datamap.diagram.mermaid import mermaid  # noqa: PLC0415
    from services.fulfillment.datamap.diagram.picture import picture_of  # noqa: PLC0415
    from services.fulfillment.datamap.diagram.svg import svg  # noqa: PLC0415
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415

    forms = {".svg": svg, ".mmd": mermaid}
    if file is not None and file.suffix not in forms:
        raise ConfigurationError(f"{file}: the name of a drawing ends with .svg or .mmd")
    picture = picture_of(load(state.data_map(map_folder)))
    size = {"collections": len(picture.boxes), "waves": picture.waves}
    if file is None:
        drawn = mermaid(picture)
        print(json.dumps(size | {"mermaid": drawn}) if as_json else drawn, end="")
    else:
        save(file, forms[file.suffix](picture))
        lost = [box.key for box in picture.unexamined]
        unexamined = f"; not examined, with personal data: {', '.join(lost)}" if lost else ""
        text = f"{file}: {len(picture.boxes)} collections, {picture.waves} waves{unexamined}"
        output(size | {"file": str(file), "unexamined": lost}, text, as_json=as_json)


@app.command("import")
def import_(
    fides_files: Annotated[
        list[Path], Argument(help="Dataset files of Fides; those that refer to one another.")
    ],
    file: Annotated[Path | None, Option("--out", help="Write to this file; else print.")] = None,
    as_json: AsJson = False,
) -> None:
    """Convert dataset files of Fides to a data map; report ignored keys by line."""
    from services.fulfillment.datamap.fides_import import imported  # noqa: PLC0415

    if file is not None and file.exists():
        raise ConfigurationError(f"{file}: is there already; name another file or remove it")
    sources = {one.name: _text(existing(one)) for one in fides_files}
    if len(sources) < len(fides_files):
        raise ConfigurationError("two of the files have the same name; rename one")
    others = () if file is None else _collections_in(file.parent)
    if file is not None and others:
        _require_apart(file, fides_files)
    made = imported(sources, others)
    plain: dict[str, Any] = {"remarks": list(map(str, made.remarks))}
    for remark in () if as_json else made.remarks:
        notes.print(f"remark  {remark}")
    if file is None:
        print(json.dumps(plain | {"map": made.text}) if as_json else made.text, end="")
    else:
        save(file, made.text)
        text = f"{file}: complete it as its comments say, then check it"
        output(plain | {"file": str(file)}, text, as_json=as_json)


def _require_apart(file: Path, fides_files: "Sequence[Path]") -> None:
    """Raise ConfigurationError if a source is in the folder of *file*: the data map would hold both."""
    folder = file.parent.resolve()
    if beside := [one.name for one in fides_files if one.parent.resolve() == folder]:
        remedy = "a data map is all files of its folder: name a file in another folder"
        raise ConfigurationError(f"{file}: its folder holds {', '.join(beside)}, too; {remedy}")


def _collections_in(folder: Path) -> "Sequence[Collection]":
    """Return the collections of the data map in *folder*; none if there is no valid one."""
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415

    try:
        return load(folder).collections
    except InvalidDataMap:
        return ()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read as text ({type(error).__name__})") from None


@app.command()
def draft(
    folder: Annotated[
        Path | None, Option("--out", help="Write a file per database into this folder; else print.")
    ] = None,
    database: Annotated[
        list[str] | None,
        Option(help="This database; may be repeated; by default those of the URLs, else all."),
    ] = None,
    sample: Annotated[int, Option(help="Documents sampled in each collection.", min=1)] = 1_000,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Sample live databases and propose a data map: fields, identities, categories, references."""
    urls, own = state.stores(stores), state.prefix
    databases = database or client.setup_files.surveyed_databases(urls)
    with Console(stderr=True).status("reading …") as status:
        survey = client.map_draft.survey_stores(urls, databases, status.update, sample=sample, own=own)
        found = run(survey)
    drafted = client.map_draft.files(found)
    if folder is not None:
        client.map_draft.save(drafted, folder)
    if as_json:
        print(json.dumps(client.map_draft.summary(found)))
    elif folder is None:
        print("".join(drafted.values()), end="")
    else:
        out.print(f"files in {folder}: {len(drafted)}; review before use")
        identities = sum(len(some) for some in found.identities.values())
        out.print(f"identity fields: {identities}; state how the value of each is verified")
        if lost := client.map_draft.unreached(found):
            out.print(
                f"no request finds the personal data in {', '.join(lost)}: add an identity or a reference"
            )
