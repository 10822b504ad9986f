"""
The demonstration: two people ask a fictional company for their data, one to have it, one to have it erased.

Everything is real: the broker, the database, the letters and the codes in them. At the end the whole store
is read and compared with a copy of its digests from before.
"""

import asyncio
import time
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape

from habeas.client import engine, requests
from habeas.client.collections import Place, Snapshot, difference, digest, documents, mentions, snapshot
from habeas.embedded.company import ADA, BRUNO, fill
from habeas.embedded.installation import Installation, api_key, claimed, run_until_stopped
from habeas.embedded.mailcatcher import CaughtMessage, letters
from habeas.embedded.uptime import describe, fill_company
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.package.verification import verify_package
from services.fulfillment.search.findings import Findings
from shared.contract.codes import ALONE
from shared.contract.topology import COMMAND
from shared.errors import ConfigurationError
from shared.runtime.mongo import Client, connect, id_bytes

T = TypeVar("T")
WITHIN_S = 60.0
POLL_S = 0.05


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
    """The installation of the demonstration."""

    installation: Installation
    out: Console
    client: Client


@dataclass(frozen=True, slots=True)
class DemoSetting:
    """The data of the demonstration: the fictional company's, or the operator's own."""

    data: Path | None = None
    datamap: Path | None = None
    people: Sequence[str] = ()
    """Addresses of the two requesters in the operator's own data."""


async def run_demonstration(state: Path, out: Console, setting: DemoSetting, *, keep: bool) -> None:
    """Run the demonstration, and stop it unless *keep* is set. Raises ConfigurationError if a step failed."""
    with claimed(state):
        await _demonstrate(state, out, setting, keep=keep)


async def _demonstrate(state: Path, out: Console, setting: DemoSetting, *, keep: bool) -> None:
    began = time.monotonic()
    asking, leaving = _cast(setting.data, setting.people)
    with out.status("starting a broker, a database, a mail catcher and the services"):
        installation = Installation(state, datamap=setting.datamap)
        await installation.__aenter__()
    client = connect(installation.stack.mongo_url, app_name="habeas-demo")
    try:
        _did(out, "A broker, a database, a mail catcher and four services are up", installation.url)
        await _play(DemoStage(installation, out, client), asking, leaving, setting.data)
        out.print(f"\n  Done in {time.monotonic() - began:.0f} s.")
        if keep:
            describe(installation, out)
            await run_until_stopped(installation)
    finally:
        client.close()
        with out.status("stopping"):
            await installation.__aexit__(None, None, None)


def _cast(data: Path | None, people: Sequence[str]) -> tuple[DemoRequester, DemoRequester]:
    if data is None:
        leaving = DemoRequester(BRUNO.email, BRUNO.name, BRUNO.country, (BRUNO.email, BRUNO.name))
        return DemoRequester(ADA.email, ADA.name, ADA.country), leaving
    if len(people) != 2:  # noqa: PLR2004
        raise ConfigurationError("with --data, name two people in it: --email A --email B")
    return DemoRequester(people[0]), DemoRequester(people[1], words=(people[1],))


async def _play(stage: DemoStage, asking: DemoRequester, leaving: DemoRequester, data: Path | None) -> None:
    places = await _fill(stage, data)
    before = await snapshot(stage.client, places)
    async with _opened(stage) as opened:
        held = await opened.gather(engine.identities([f"email={leaving.email}"]))
        _title(stage.out, f"{asking.name or asking.email} asks for a copy of their data, over HTTP")
        await _access(stage, asking)
        _title(stage.out, f"{leaving.name or leaving.email} asks for erasure, by an event over AMQP")
        await _erasure(stage, leaving)
        _title(stage.out, "What is left")
        await _prove(stage, leaving, held, before)
        after = await opened.gather(engine.identities([f"email={leaving.email}"]))
    _did(stage.out, "A second search finds", f"{after.total} records; before, there were {held.total}")
    _did(stage.out, "All letters are in", str(stage.installation.stack.mail_folder))


def _opened(stage: DemoStage) -> Any:
    data_map = Path(stage.installation.environment["HABEAS_DATAMAP"])
    return engine.opened(data_map, {"default": stage.installation.stack.mongo_url})


async def _fill(stage: DemoStage, data: Path | None) -> list[Place]:
    url = stage.installation.stack.mongo_url
    if data is None:
        stored = await fill_company(url, stage.out)
    else:
        with stage.out.status(f"storing the documents in {data}"):
            stored = await fill(url, documents(data), index=False)
    async with _opened(stage) as opened:
        places = [(c.dataset, c.name) for c in opened.data_map.collections]
    _did(stage.out, "The store holds", f"{stored:,} documents in {len(places)} collections")
    return places


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
    _did(stage.out, "The package holds", f"{report.records} records in {report.files} files, signed")
    _did(stage.out, "Open", f"{folder}/index.html")


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
    _did(stage.out, "Request", request_id)
    code = await _code(stage, person, seen)
    _did(stage.out, "The letter with the code came", f"code {code}")
    await requests.prove_by_code(stage.installation.url, request_id, code)
    standing: dict[str, Any] = {}
    with stage.out.status("") as progress:

        async def closed() -> bool:
            standing.update(await requests.status(stage.installation.url, request_id))
            progress.update(f"the request is {standing['status']}")
            return bool(standing["status"] == "closed")

        await _until("the request is answered", closed)
    _did(stage.out, "Answered", f"{standing['outcome']}; it was due by {standing['due_on']}")
    last = await _letter(stage, person, seen, lambda letter: not ALONE.search(letter.body()))
    _did(stage.out, "The letter says", last.subject)


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
    _did(stage.out, "Erased", f"{gone} documents are gone and {changed} have lost what was personal")
    _did(stage.out, "Untouched", f"{change.untouched:,} documents are what they were, byte for byte")
    mentioned = await mentions(stage.client, places, person.words)
    total = sum(map(len, mentioned.values()))
    where = ", ".join(f"{database}.{name}" for database, name in mentioned) or "nowhere"
    why = f" ({total} records that the law says to keep)" if total else ""
    _did(stage.out, "Name and address are still found", f"{where}{why}")


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


def _title(out: Console, text: str) -> None:
    out.print(f"\n[bold]{escape(text)}[/bold]", markup=True)


def _did(out: Console, what: str, detail: str) -> None:
    out.print(f"  [green]✓[/green] {escape(what)}  [dim]{escape(detail)}[/dim]", markup=True)
