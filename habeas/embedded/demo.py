"""
The demonstration: two people ask a fictional company for their data, one to have it, one to have it erased.

Everything is real: the broker, the database, the letters and the codes in them. At the end the whole store
is read and compared with a copy of its digests from before.
"""

import asyncio
import re
import shutil
import time
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape

from habeas.client import engine, map_draft, requests
from habeas.client.collections import Snapshot, difference, digest, mentions, snapshot
from habeas.client.exports import require_readable
from habeas.client.stores import DEFAULT, mapped_databases
from habeas.embedded.company import ADA, BRUNO
from habeas.embedded.fill_record import fill_again
from habeas.embedded.installation import Installation, api_key, claimed, run_until_stopped, stop_signal
from habeas.embedded.mailcatcher import CaughtMessage, letters
from habeas.embedded.uptime import EXAMPLE_COMPANY, STOPPED, Announce, describe, fill_company, load, started
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.datamap.graph import EMAIL, graph_of
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.package.verification import verify_package
from services.fulfillment.search.findings import Findings
from shared.contract.codes import ALONE
from shared.contract.topology import COMMAND
from shared.errors import ConfigurationError
from shared.runtime.mongo import Client, connect, id_bytes

T = TypeVar("T")
WITHIN_S = 60.0
POLL_S = 0.05
CANDIDATES = 20
"""People of whom the two with the most records are chosen."""
ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(frozen=True, slots=True)
class DemoRequester:
    """A requester."""

    email: str
    name: str | None = None
    country: str | None = None
    words: tuple[str, ...] = ()
    """Values that must be gone after the erasure."""


@dataclass(frozen=True, slots=True)
class DemoStage:
    """The installation of the demonstration, and its steps so far."""

    installation: Installation
    out: Console
    client: Client
    steps: list[dict[str, str]] = field(default_factory=list)
    """Each with its part of the demonstration, what was done, and a detail."""

    def begin(self, part: str) -> None:
        """Print the title of the next part."""
        self.steps.append({"part": part})
        self.out.print(f"\n[bold]{escape(part)}[/bold]", markup=True)

    def did(self, what: str, detail: str) -> None:
        """Print a step that was done."""
        part = self.steps[-1]["part"] if self.steps else ""
        self.steps.append({"part": part, "step": what, "detail": detail})
        self.out.print(f"  [green]✓[/green] {escape(what)}  [dim]{escape(detail)}[/dim]", markup=True)

    def result(self, began: float) -> dict[str, Any]:
        """Return all steps, for programs; *began* is the moment of the monotonic clock when it began."""
        seconds = round(time.monotonic() - began, 1)
        return {"state": "done", "seconds": seconds, "steps": [one for one in self.steps if "step" in one]}


@dataclass(frozen=True, slots=True)
class DemoSetting:
    """The data of the demonstration: the fictional company's, or the operator's own."""

    data: str | None = None
    """Exports in a file or folder, or a MongoDB to copy."""
    datamap: Path | None = None
    """Drafted from the operator's own data if None."""
    people: Sequence[str] = ()
    """Addresses of the two requesters in the operator's own data; chosen if empty."""


async def run_demonstration(
    state: Path, out: Console, announce: Announce, setting: DemoSetting, *, keep: bool
) -> None:
    """
    Run the demonstration, and stop it unless *keep* is set; *announce* gets all steps at the end.

    Raises ConfigurationError if a step failed.
    """
    with claimed(state):
        await _demonstrate(state, out, announce, setting, keep=keep)


async def _demonstrate(
    state: Path, out: Console, announce: Announce, setting: DemoSetting, *, keep: bool
) -> None:
    began = time.monotonic()
    if setting.people and len(setting.people) != 2:  # noqa: PLR2004
        raise ConfigurationError("with --data, name two people in it: --email A --email B")
    if setting.data is not None:
        await require_readable(setting.data)
    if setting.datamap is not None:
        mapped_databases(setting.datamap)
    installation = Installation(state, datamap=setting.datamap)
    stored = await started(installation, out, partial(_fill, installation, out, setting))
    client = connect(installation.stack.mongo_url, app_name="habeas-demo")
    try:
        stage = DemoStage(installation, out, client)
        stage.did("A broker, a database, a mail catcher and four services are up", installation.url)
        await _play(stage, setting, stored)
        out.print(f"\n  Done in {time.monotonic() - began:.0f} s.")
        announce(stage.result(began))
        if keep:
            describe(installation, out, announce)
            await run_until_stopped(installation, stop_signal())
    finally:
        client.close()
        with out.status("stopping"):
            await installation.__aexit__(None, None, None)
    if keep:
        announce(STOPPED)


async def _fill(installation: Installation, out: Console, setting: DemoSetting) -> int:
    if setting.data is None:
        fill = partial(fill_company, installation.stack.mongo_url, out)
        return await fill_again(installation.stack.database.folder, EXAMPLE_COMPANY, fill)
    stored = await load(installation.stack.mongo_url, setting.data, out, setting.datamap)
    if setting.datamap is None:
        await _draft(installation, out, sorted(stored))
    return stored.total()


async def _draft(installation: Installation, out: Console, databases: Sequence[str]) -> None:
    """Draft a data map of *databases* in the state folder, and use it."""
    with out.status("drafting a data map") as status:
        stores = {DEFAULT: installation.stack.mongo_url}
        drafted = map_draft.files(await map_draft.survey_stores(stores, databases, status.update))
    folder = installation.folder / "datamap"
    if folder.exists():
        shutil.rmtree(folder)
    map_draft.save(drafted, folder)
    installation.environment["HABEAS_DATAMAP"] = str(folder)
    out.print(f"  The data map is drafted from the data: {folder}")


async def _cast(
    stage: DemoStage, opened: engine.OperatorEngine, setting: DemoSetting
) -> tuple[DemoRequester, DemoRequester]:
    if setting.data is None:
        leaving = DemoRequester(BRUNO.email, BRUNO.name, BRUNO.country, (BRUNO.email, BRUNO.name))
        return DemoRequester(ADA.email, ADA.name, ADA.country), leaving
    first, second = setting.people or await _chosen(stage, opened)
    return DemoRequester(first), DemoRequester(second, words=(second,))


async def _chosen(stage: DemoStage, opened: engine.OperatorEngine) -> list[str]:
    """Return the addresses of two people with many records in the operator's own data."""
    found: dict[str, int] = {}
    for lookup in graph_of(opened.data_map).entries.get(EMAIL, ()):
        place = opened.data_map.by_key[lookup.key]
        documents = stage.client[place.dataset][place.name].find({lookup.path: {"$type": "string"}})
        async for document in documents.limit(CANDIDATES):
            found |= {value: 0 for value in values_at(document, lookup.path) if _is_address(value)}
    for address in list(found)[:CANDIDATES]:
        held = await opened.gather(engine.identities([f"email={address}"]))
        found[address] = held.total
    most = sorted(found, key=lambda address: -found[address])[:2]
    if len(most) < 2:  # noqa: PLR2004
        raise ConfigurationError(
            "the data map finds no two mail addresses in the data: mark them with `identity: email` in it, "
            "or name two people: --email A --email B"
        )
    return most


def _is_address(value: object) -> bool:
    return isinstance(value, str) and ADDRESS.fullmatch(value) is not None


async def _play(stage: DemoStage, setting: DemoSetting, stored: int) -> None:
    async with _opened(stage) as opened:
        places = [(c.dataset, c.name) for c in opened.data_map.collections]
        stage.did("The store holds", f"{stored:,} documents in {len(places)} collections")
        asking, leaving = await _cast(stage, opened, setting)
        before = await snapshot(stage.client, places)
        held = await opened.gather(engine.identities([f"email={leaving.email}"]))
        stage.begin(f"{asking.name or asking.email} asks for a copy of their data, over HTTP")
        await _access(stage, asking)
        stage.begin(f"{leaving.name or leaving.email} asks for erasure, by an event over AMQP")
        await _erasure(stage, leaving)
        stage.begin("After the erasure")
        await _prove(stage, leaving, held, before)
        after = await opened.gather(engine.identities([f"email={leaving.email}"]))
    stage.did("A second search finds", f"records: {after.total}; before: {held.total}")
    stage.did("All letters are in", str(stage.installation.stack.mail_folder))


def _opened(stage: DemoStage) -> AbstractAsyncContextManager[engine.OperatorEngine]:
    data_map = Path(stage.installation.environment["HABEAS_DATAMAP"])
    return engine.opened(data_map, {DEFAULT: stage.installation.stack.mongo_url})


async def _access(stage: DemoStage, person: DemoRequester) -> None:
    data = requests.made_of("access", email=person.email, name=person.name, country=person.country)
    seen = _newest(stage)
    request_id = await requests.submit_by_http(stage.installation.url, data)
    await _go_through(stage, request_id, person, seen)
    seen = _newest(stage)
    await requests.ask_for_package_code(stage.installation.url, request_id)
    code = await _code(stage, person, seen)
    package = await requests.package(stage.installation.url, request_id, code)
    signer = CertificateSigner(stage.installation.master_keys().ring("fulfillment"))
    report = verify_package(BytesIO(package), issuer=signer.public_key.fingerprint)
    if not report.trusted:
        raise ConfigurationError(f"the package is damaged: {report.problems[0]}")
    folder = stage.installation.folder / "package"
    with zipfile.ZipFile(BytesIO(package)) as archive:
        archive.extractall(folder)
    stage.did("The package holds", f"records: {report.records}, files: {report.files}, signed")
    stage.did("Open", f"{folder}/index.html")


async def _erasure(stage: DemoStage, person: DemoRequester) -> None:
    data = requests.made_of("erasure", email=person.email, name=person.name, country=person.country)
    seen = _newest(stage)
    await requests.submit_by_amqp(stage.installation.amqp_url_of(COMMAND), data)
    key = api_key(stage.installation.environment) or ""

    async def registered() -> str | None:
        try:
            standing = await requests.status_by_reference(stage.installation.url, data["reference"], key=key)
        except ConfigurationError:
            return None
        return str(standing["id"])

    request_id = await _until("the request is registered", registered)
    await _go_through(stage, request_id, person, seen)


async def _go_through(stage: DemoStage, request_id: str, person: DemoRequester, seen: str) -> None:
    """Follow a request to its end and answer the challenge on the way."""
    stage.did("Request", request_id)
    code = await _code(stage, person, seen)
    stage.did("The letter with the code came", f"code {code}")
    await requests.prove_by_code(stage.installation.url, request_id, code)
    standing: dict[str, Any] = {}
    with stage.out.status("") as progress:

        async def closed() -> bool:
            standing.update(await requests.status(stage.installation.url, request_id))
            progress.update(f"the request is {standing['status']}")
            return bool(standing["status"] == "closed")

        await _until("the request is answered", closed)
    stage.did("Answered", f"{standing['outcome']}; it was due by {standing['due_on']}")
    last = await _letter(stage, person, seen, lambda letter: not ALONE.search(letter.body()))
    stage.did("The letter says", last.subject)


async def _prove(stage: DemoStage, person: DemoRequester, held: Findings, before: Snapshot) -> None:
    places = list(before)
    change = difference(before, await snapshot(stage.client, places))
    theirs = {
        (item.collection.dataset, item.collection.name, digest(id_bytes(item.document["_id"])))
        for item in held.found
    }
    changes = (*change.gone.items(), *change.changed.items())
    strangers = {(*place, document) for place, touched in changes for document in touched} - theirs
    if strangers:
        raise ConfigurationError(f"{len(strangers)} documents of other people were changed")
    gone = sum(map(len, change.gone.values()))
    changed = sum(map(len, change.changed.values()))
    stage.did("Erased", f"documents deleted: {gone}; without their personal fields: {changed}")
    stage.did("Unchanged", f"{change.untouched:,} documents, byte for byte")
    mentioned = await mentions(stage.client, places, person.words)
    total = sum(map(len, mentioned.values()))
    where = ", ".join(f"{database}.{name}" for database, name in mentioned) or "nowhere"
    why = f" ({total} records that the law says to keep)" if total else ""
    stage.did("Name and address are still found", f"{where}{why}")


async def _code(stage: DemoStage, person: DemoRequester, seen: str) -> str:
    letter = await _letter(stage, person, seen, lambda letter: bool(ALONE.search(letter.body())))
    return "".join(ALONE.findall(letter.body())[:1])


async def _letter(
    stage: DemoStage, person: DemoRequester, seen: str, wanted: Callable[[CaughtMessage], bool]
) -> CaughtMessage:
    async def arrived() -> CaughtMessage | None:
        new = letters(stage.installation.stack.mail_folder, after=seen)
        return next((one for one in new if person.email in one.recipients and wanted(one)), None)

    return await _until("a letter arrives", arrived)


def _newest(stage: DemoStage) -> str:
    names = (path.name for path in stage.installation.stack.mail_folder.glob("*.eml"))
    return max(names, default="")


async def _until(what: str, probe: Callable[[], Awaitable[T | None]]) -> T:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        if answer := await probe():
            return answer
        await asyncio.sleep(POLL_S)
    raise ConfigurationError(f"waited {WITHIN_S:.0f} s until {what}; look at the log of the services")
